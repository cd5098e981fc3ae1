"""The comparison table: its statistics against scipy and gentutor.comparison, its marks and words against the packaged runs."""

import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
import traitlets
from conftest import said, settle
from scipy import stats

from gentutor import comparison, contest
from gentutor.explorables import ComparisonTable
from gentutor.explorables.comparison_table import MEASURES

RUNS = contest.runs()
MINUTES = sorted({run["minutes"] for run in RUNS})
MOST = max(len({run["seed"] for run in RUNS if run["minutes"] == minutes}) for minutes in MINUTES)
SIGN = dict.fromkeys(MEASURES, 1) | {"precision": -1, "recall": -1}
NAMES = {"gaussian": "Gaussian", "vae": "VAE", "gan": "GAN", "ddpm": "DDPM", "ddpm, 10 steps": "DDPM, 10 steps"}
SHARED = ["fid", "kid", "bits_per_dim", "precision", "recall"]
WINS = {"fid": "has the lowest FID", "recall": "has the highest recall", "bits_per_dim": "needs the fewest bits per dimension",
        "nearest": "comes closest to 1 in its distance to training images"}  # fmt: skip


def loss(measure, value):
    return abs(value - 1) if measure == "nearest" else SIGN[measure] * value


class Row:
    """One row as the page should show it, from the runs alone."""

    def __init__(self, row, x, y, minutes, seeds, report, runs=RUNS):
        used = sorted((run for run in runs if run["row"] == row and run["minutes"] == minutes), key=lambda run: run["seed"])[:seeds]
        self.row, self.name, self.n, self.contends = row, NAMES.get(row, row), len(used), used[0]["family"] != "data"
        self.values = {m: [run[m] for run in used] if used[0].get(m) is not None else None for m in (x, y)}
        self.shown = {m: v and float(np.mean(v)) for m, v in self.values.items()}
        decides = y if self.values[y] else x
        if report == "best" and self.values[decides]:
            k = int(np.argmin([loss(decides, v) for v in self.values[decides]]))
            self.shown = {m: v and v[k] for m, v in self.values.items()}
        self.loss = {m: None if v is None else loss(m, v) for m, v in self.shown.items()}


def expected(x, y, minutes=MINUTES[0], seeds=MOST, report="mean", runs=RUNS):
    """All rows, the contenders ranked by y, and the names of those on the front of x and y."""
    rows = [Row(row, x, y, minutes, seeds, report, runs) for row in dict.fromkeys(run["row"] for run in runs if run["minutes"] == minutes)]
    ranked = sorted((r for r in rows if r.contends and r.values[y]), key=lambda r: r.loss[y])
    placed = [r for r in ranked if r.values[x]]
    beats = lambda q, p: all(q.loss[m] <= p.loss[m] for m in (x, y)) and any(q.loss[m] < p.loss[m] for m in (x, y))  # noqa: E731
    return rows, ranked, {p.row for p in placed if not any(beats(q, p) for q in placed)}


def apart(rows, measure="nearest"):
    """The rows that Welch's tests, adjusted by Holm, tell from the test images."""
    floor = next(r for r in rows if r.row == "test images").values[measure]
    others = [r for r in rows if r.row != "test images" and r.values[measure]]
    p = torch.tensor([stats.ttest_ind(r.values[measure], floor, equal_var=False).pvalue for r in others], dtype=torch.float64)
    return [r for r, small in zip(others, comparison.holm(p) < 0.05) if small]


@pytest.fixture(scope="module")
def js(es_module):
    page = es_module("comparison_table")

    def call(name, *arguments):
        return page.evaluate(f"(given) => window.module.{name}(...given)", list(arguments))

    return call


@pytest.fixture(scope="module")
def compute(js):
    return lambda **values: js("compute", ComparisonTable().state() | {"seeds": MOST, "minutes": MINUTES[0]} | values)


# ---- statistics --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("df", [1, 1.3, 2, 3, 4, 7.7, 30, 400])
def test_student_s_law_is_scipy_s_and_the_package_s(js, df):
    for t in (0, 0.1, 1, 2.5, 12, 300):
        assert js("tTail", t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-8, abs=1e-15)
        assert js("tTail", t, df) == pytest.approx(comparison.t_tail(t, df), rel=1e-8, abs=1e-15)
    assert js("tQuantile", df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


@pytest.mark.browser
@pytest.mark.parametrize("n, m, seed", [(2, 2, 0), (3, 5, 1), (5, 5, 2), (5, 3, 3), (2, 5, 4)])
def test_intervals_and_welch_s_test_are_scipy_s_and_the_package_s(js, n, m, seed):
    draw = np.random.default_rng(seed)
    a, b = (40 + 3 * draw.standard_normal(n)).tolist(), (44 + 9 * draw.standard_normal(m)).tolist()
    found, low_high = js("interval", a), stats.t.interval(0.95, n - 1, np.mean(a), stats.sem(a))
    for bounds in (low_high, comparison.mean_interval(torch.tensor(a, dtype=torch.float64))[1:3]):
        assert (found["mean"] - found["half"], found["mean"] + found["half"]) == pytest.approx(bounds, rel=1e-9)
    test, theirs = js("welch", a, b), stats.ttest_ind(a, b, equal_var=False)
    assert (test["p"], test["df"], test["value"]) == pytest.approx((theirs.pvalue, theirs.df, np.mean(a) - np.mean(b)), rel=1e-8)
    ours = comparison.welch(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
    assert (test["p"], test["df"], test["value"]) == pytest.approx((ours.p, ours.df, ours.value), rel=1e-8)


@pytest.mark.browser
def test_the_test_in_pairs_is_scipy_s(js):
    a, b = [1.24, 1.25, 1.26, 1.23], [1.23, 1.243, 1.255, 1.228]
    assert js("paired", a, b)["p"] == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-8)
    assert js("paired", [1, 2], [2, 3]) is None and js("paired", [1], [2]) is None


@pytest.mark.browser
def test_seeds_are_paired_only_where_both_rows_have_them(compute):
    runs = made_up(a=("a", {"fid": [5, 7], "sample_seconds": [1, 2]}), b=("b", {"fid": [6, 9], "sample_seconds": [2, 4]}))
    assert compute(x="fid", y="fid", runs=runs, minutes=1)["pairs"] and compute(x="fid", y="sample_seconds", runs=runs, minutes=1)["pairs"] is None
    assert compute(x="fid", y="fid", runs=[run | {"seed": run["seed"] + (run["row"] == "b")} for run in runs], minutes=1)["pairs"] is None


@pytest.mark.browser
def test_one_seed_and_seeds_that_agree_give_no_test(js):
    assert math.isnan(js("interval", [3.0])["half"]) and js("welch", [1.0], [2.0, 3.0]) is None and js("welch", [1.0, 2.0], [2.0]) is None
    assert js("welch", [1.0, 1.0], [2.0, 2.0]) is None


@pytest.mark.browser
def test_the_front_is_the_package_s(js):
    draw = torch.Generator().manual_seed(0)
    for n in (1, 2, 9, 9, 9):
        points = torch.randint(0, 5, (n, 2), generator=draw).double()  # with ties
        assert js("front", points.tolist()) == comparison.front(points).tolist()


@pytest.mark.browser
def test_adjusted_p_values_are_the_package_s(js):
    for p in ([0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.01, 0.01, 0.9]):
        assert js("holm", p) == pytest.approx(comparison.holm(torch.tensor(p, dtype=torch.float64)).tolist())


@pytest.mark.browser
def test_the_best_of_n_is_the_package_s(js):
    assert [js("expectedBest", n) for n in range(1, 9)] == pytest.approx([comparison.expected_best(n) for n in range(1, 9)], abs=1e-4)


# ---- the table ---------------------------------------------------------------------------------------------------------


def test_the_page_holds_the_packaged_runs():
    held = ComparisonTable().runs
    assert len(held) == len(RUNS) > 0
    for mine, theirs in zip(held, RUNS):
        assert mine.items() <= theirs.items() and all(mine.get(name) == theirs.get(name) for name in MEASURES)
    assert ComparisonTable(runs=RUNS).state() == ComparisonTable().state()
    assert len(json.dumps(held)) < 40_000, "a page carries them"


@pytest.mark.browser
@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("report", ["mean", "best"])
@pytest.mark.parametrize("seeds", [1, 2, MOST])
def test_every_pair_of_measures_ranks_tests_and_fronts_as_the_runs_say(compute, minutes, report, seeds):
    for x, y in itertools.product(MEASURES, MEASURES):
        got = compute(x=x, y=y, minutes=minutes, seeds=seeds, report=report)
        rows, ranked, front = expected(x, y, minutes, seeds, report)
        assert [r["row"] for r in got["rows"]] == [r.row for r in rows] and got["n"] == max(r.n for r in rows)
        for mine, theirs in zip(got["rows"], rows):
            assert (mine["n"], mine["yardstick"], mine["front"]) == (theirs.n, not theirs.contends, theirs.row in front)
            for axis, m in (("x", x), ("y", y)):
                if theirs.values[m] is None:
                    assert mine[axis] is None
                    continue
                assert mine[axis]["values"] == theirs.values[m] and mine[axis]["shown"] == pytest.approx(theirs.shown[m], rel=1e-12)
                if report == "mean" and theirs.n > 1:
                    half = stats.t.ppf(0.975, theirs.n - 1) * stats.sem(theirs.values[m])
                    assert mine[axis]["half"] == pytest.approx(half, rel=1e-8, abs=1e-12)
                else:
                    assert mine[axis]["half"] is None or math.isnan(mine[axis]["half"])
        assert [r["row"] for r in got["ranked"]] == [r.row for r in ranked] and {r["row"] for r in got["front"]} == front
        pair = [r.values[y] for r in ranked[:2]]
        assert [r["row"] for r in got["apart"]] == [r.row for r in (apart(rows) if (y, report) == ("nearest", "mean") and seeds > 1 else [])]
        if seeds > 1 and y != "nearest" and max(map(np.ptp, pair)) > 0:
            assert got["test"]["p"] == pytest.approx(stats.ttest_ind(*pair, equal_var=False).pvalue, rel=1e-7)
        else:
            assert got["test"] is None
        if seeds > 1 and y in SHARED:
            assert got["pairs"]["p"] == pytest.approx(stats.ttest_rel(*pair).pvalue, rel=1e-7)
        else:
            assert got["pairs"] is None


def made_up(**rows):
    """Runs of one minute, two seeds each: row=(family, {measure: its two values})."""
    return [{"row": row, "family": family, "seed": k, "minutes": 1, **{name: pair[k] for name, pair in measures.items()}}
            for row, (family, measures) in rows.items() for k in (0, 1)]  # fmt: skip


@pytest.mark.browser
def test_yardsticks_never_win_and_rows_without_a_measure_stay_out_of_the_front(compute):
    runs = made_up(copies=("data", {"fid": [1, 1], "nearest": [0, 0]}), a=("a", {"fid": [5, 7], "recall": [0.5, 0.5]}), b=("b", {"fid": [4, 4.5]}),
                   c=("c", {"fid": [9, 1], "recall": [0.9, 0.7]}))  # fmt: skip
    got = compute(x="recall", y="fid", runs=runs, minutes=1)
    assert [r["row"] for r in got["ranked"]] == ["b", "c", "a"] and [r["row"] for r in got["front"]] == ["c"]
    got = compute(x="recall", y="fid", runs=runs, minutes=1, report="best")
    assert [(r["row"], r["y"]["shown"]) for r in got["ranked"]] == [("c", 1), ("b", 4), ("a", 5)]
    assert got["ranked"][0]["x"]["shown"] == 0.7, "x of the same seed"
    assert compute(x="fid", y="kid", runs=runs, minutes=1)["ranked"] == []


@pytest.mark.browser
def test_nearest_is_best_at_one_from_either_side(compute):
    runs = made_up(low=("l", {"nearest": [0.5, 0.7]}), high=("h", {"nearest": [1.2, 1.1]}), far=("f", {"nearest": [3, 3]}))
    assert [r["row"] for r in compute(x="nearest", y="nearest", runs=runs, minutes=1)["ranked"]] == ["high", "low", "far"]


# ---- words and picture -------------------------------------------------------------------------------------------------


def words_hold(text, x, y, minutes=MINUTES[0], seeds=MOST, report="mean"):
    """The sentence names the first two, says what the test says, and names the front."""
    text = text.replace("\u00a0", " ").replace("−", "-")
    _, ranked, front = expected(x, y, minutes, seeds, report)
    assert re.search(rf"{re.escape(ranked[0].name)} {re.escape(WINS[y])}: .*?; next {re.escape(ranked[1].name)}, ", text, re.I), text
    shown = float(re.search(rf"{re.escape(WINS[y])}: (\S+?)[ ;]", text).group(1))
    assert shown == pytest.approx(ranked[0].shown[y], rel=0.06)
    n = ranked[0].n
    assert ("One seed says nothing about chance" in text) == (n == 1)
    assert (f"(mean of {n} seeds, 95 %)" in text) == (report == "mean" and n > 1)
    if report == "best" and n > 1:
        honest = expected(x, y, minutes, seeds)[1][0]
        assert f"By the mean: {honest.name}, " in text and f"The best of {n} lies {comparison.expected_best(n):.2f} standard deviations" in text
    elif n > 1:
        p = stats.ttest_ind(ranked[0].values[y], ranked[1].values[y], equal_var=False).pvalue
        pairs = stats.ttest_rel(ranked[0].values[y], ranked[1].values[y]).pvalue
        assert ("more than chance" in text) == (p < 0.05)
        assert ("but seed by seed, on the same test images, p" in text) == (p >= 0.05 > pairs)
        assert ("chance may have put them in this order" in text) == (p >= 0.05 and pairs >= 0.05)
    named = re.search(r"together: (.*)\.$", text)
    if named:
        assert set(re.split(r" and (?!.* and )|, (?!10 steps)", named.group(1).removesuffix(" alone"))) == {NAMES.get(row, row) for row in front}
    return named is not None


def distances_hold(text, seeds, minutes=MINUTES[0]):
    """The sentence names all that are nearer or farther than test images, and the copies' FID."""
    text = text.replace("\u00a0", " ")
    rows = expected("fid", "nearest", minutes, seeds)[0]
    by_row = {r.row: r for r in rows}
    floor, different = by_row["test images"].shown["nearest"], apart(rows)
    assert float(re.search(r"Test images have distance (\S+) ", text).group(1)) == pytest.approx(floor, abs=0.06)
    for word, sign in (("Nearer", -1), ("Farther", 1)):
        of = [r for r in different if sign * (r.shown["nearest"] - floor) > 0]
        found = re.search(word + r"(?:, by more than chance \(Welch and Holm\))?: (.*?\))\.", text)
        pairs = re.findall(r"(?:, | and |^)([^()]+?) \((\S+)\)", found.group(1)) if found else []
        assert [name for name, _ in pairs] == [r.name for r in of]
        assert [float(value) for _, value in pairs] == pytest.approx([r.shown["nearest"] for r in of], abs=0.006)
    assert bool(different) == ("by more than chance" in text)
    of = re.search(r"Copies have FID (\S+) ± \S+, test images (\S+) ± \S+\.$", text)
    assert [float(v) for v in of.groups()] == pytest.approx([by_row[row].shown["fid"] for row in ("copies", "test images")], rel=0.06)


@pytest.mark.browser
def test_each_preset_says_what_the_runs_say(show):
    page = show("comparison_table")
    press = lambda name: page.get_by_role("button", name=name, exact=True).click() or said(page)  # noqa: E731
    assert words_hold(said(page), "sample_seconds", "fid")
    asked = {"Look at FID": ("parameters", "fid"), "Likelihood": ("fid", "bits_per_dim"), "Time to sample matters": ("sample_seconds", "fid"),
             "Cover everything": ("precision", "recall")}  # fmt: skip
    for name, (x, y) in asked.items():
        assert words_hold(press(name), x, y)
    distances_hold(press("Who copies?"), MOST)
    assert re.search(r"comes closest to 1 .*One seed says nothing about chance", press("One seed"))
    distances_hold(press(f"{MINUTES[-1]:g} minutes instead of {MINUTES[0]:g}"), MOST, MINUTES[-1])
    press("Look at FID")
    assert words_hold(press("One seed"), "parameters", "fid", seeds=1)
    longest, shortest = MINUTES[-1], MINUTES[0]
    text = press(f"{longest:g} minutes instead of {shortest:g}")
    assert words_hold(text, "parameters", "fid", minutes=longest)
    assert f"After {shortest:g} minute: {expected('parameters', 'fid')[1][0].name}, " in text


@pytest.mark.browser
def test_the_controls_choose_measures_seeds_minutes_and_report(show):
    page = show("comparison_table")
    page.get_by_label("Up (y)").select_option("recall")
    page.get_by_label("Across (x)").select_option("fid")
    assert words_hold(said(page), "fid", "recall")
    slider = page.get_by_label("Seeds used")
    for seeds in range(MOST - 1, 0, -1):
        slider.press("ArrowLeft")
        assert words_hold(said(page), "fid", "recall", seeds=seeds) and slider.get_attribute("aria-valuetext") == f"{seeds} of {MOST}"
    slider.press("End")
    page.get_by_label("Training, and report").select_option(f"{MINUTES[0]:g} best")
    assert not words_hold(said(page), "fid", "recall", report="best")
    page.get_by_label("Training, and report").select_option(f"{MINUTES[-1]:g} mean")
    assert words_hold(said(page), "fid", "recall", minutes=MINUTES[-1])
    there = expected("fid", "recall", MINUTES[-1])[0][0].n
    assert slider.get_attribute("aria-valuetext") == (f"all {there}" if there < MOST else f"{MOST} of {MOST}")


@pytest.mark.browser
def test_the_list_below_ranks_all_rows_and_marks_the_front(show):
    page = show("comparison_table")
    for x, y in (("sample_seconds", "fid"), ("fid", "bits_per_dim"), ("precision", "recall")):
        page.get_by_label("Up (y)").select_option(y)
        page.get_by_label("Across (x)").select_option(x)
        settle(page)
        rows, ranked, front = expected(x, y)
        found = page.evaluate("""() => [...document.querySelectorAll('tbody tr')].map((row) =>
            [row.querySelector('th').textContent, row.querySelector('svg').getAttribute('aria-label'),
             ...[...row.querySelectorAll('td')].map((c) => c.textContent)])""")
        assert [name for name, *_ in found][: len(ranked)] == [f"{i}. {r.name}" for i, r in enumerate(ranked, 1)] and len(found) == len(rows)
        by_name = {r.name: r for r in rows}
        bounds = {run["row"] for run in RUNS if run.get("likelihood") == "bound"}
        for name, mark, up, across in found:
            row = by_name[re.sub(r"^\d+\. ", "", name)]
            assert mark == ("unbeaten" if row.row in front else "not on the front" if row.contends else "yardstick")
            assert [text == "–" for text in (up, across)] == [row.values[m] is None for m in (y, x)]
            assert up.startswith("≤ ") == (y == "bits_per_dim" and row.row in bounds)


PICTURE = """() => {
  const svg = document.querySelector('.gt-plot');
  const [axes, lines, points, names] = svg.lastChild.children;
  const box = (node) => { const b = node.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; };
  return { width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height,
    names: [...names.querySelectorAll('text')].map((t) => [t.textContent, ...box(t)]),
    axes: [...axes.querySelectorAll('text')].filter((t) => t.textContent).map(box),
    dots: points.querySelectorAll('circle').length, marks: [...points.querySelectorAll('path')].map((p) => p.style.fill),
    whiskers: lines.children[3].getAttribute('d').split('L').length - 1, stairs: lines.children[0].getBBox().width };
}"""


@pytest.mark.browser
def test_the_picture_has_every_seed_interval_and_mark(show):
    page = show("comparison_table")
    rows, ranked, front = expected("sample_seconds", "fid")
    seen = page.evaluate(PICTURE)
    placed = [r for r in rows if r.values["fid"] or r.values["sample_seconds"]]
    assert sorted(name for name, *_ in seen["names"]) == sorted(r.name for r in placed)
    assert seen["dots"] == sum(r.n for r in placed) and seen["whiskers"] == sum(bool(r.values[m]) for r in placed for m in r.values)
    assert seen["marks"].count("var(--q)") == len(front) and seen["stairs"] > 0
    page.get_by_role("button", name="One seed").click()
    settle(page)
    seen = page.evaluate(PICTURE)
    assert seen["dots"] == seen["whiskers"] == 0 and len(seen["marks"]) == len(placed), "one seed has no interval"
    page.get_by_label("Up (y)").select_option("nearest")
    settle(page)
    assert page.evaluate(PICTURE)["stairs"] == 0, "closest to 1 is no direction"


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 900])
def test_names_lie_in_the_picture_and_not_on_one_another(show, width):
    page = show("comparison_table", width=width)
    for button in page.locator(".gt-buttons button").all():
        button.click()
        settle(page)
        seen = page.evaluate(PICTURE)
        for _, left, top, right, bottom in seen["names"]:
            assert 0 <= left and right <= seen["width"] and 0 <= top and bottom <= seen["height"]
        for left, top, right, bottom in seen["axes"]:
            assert -1 <= left and right <= seen["width"] + 1 and 0 <= top and bottom <= seen["height"] + 2
        for (a, *p), (b, *q) in itertools.combinations(seen["names"], 2):
            across, down = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
            assert across <= 1 or down <= 3, f"{button.inner_text()}: {a} lies on {b}"


# ---- state -------------------------------------------------------------------------------------------------------------


BAD = [{"x": "loss"}, {"y": ""}, {"seeds": 0}, {"minutes": 0.123}, {"report": "median"}, {"runs": []}, {"runs": [{"row": "vae"}]}]


@pytest.mark.parametrize("values", BAD)
def test_a_bad_state_is_refused(values):
    with pytest.raises(traitlets.TraitError):
        ComparisonTable(**values)


def test_a_table_of_one_s_own():
    own = [{"row": "mine", "family": "mine", "seed": 0, "minutes": 0.5, "fid": 3.0, "kid": None, "other": 1}]
    table = ComparisonTable(runs=own, minutes=0.5)
    assert table.runs == [{"row": "mine", "family": "mine", "seed": 0, "minutes": 0.5, "fid": 3.0}] and table.minutes == 0.5
