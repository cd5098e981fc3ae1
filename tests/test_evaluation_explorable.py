"""The metrics playground: each number against gentutor.evaluation, each preset against what the page says of it, and its words."""

import math
import re

import numpy as np
import pytest
import torch
import traitlets
from conftest import said, settle

from gentutor import distances, evaluation
from gentutor.explorables import EvaluationPlayground

DOUBLE = torch.float64
STATE = EvaluationPlayground().state()
SPOILT = [("none", 0), ("move", 0.7), ("scale", 0.4), ("rotate", 0.3), ("narrow", 0.6), ("drop", 1), ("stray", 0.7),
          ("duplicate", 0.9), ("duplicate", 1), ("copy", 0.3), ("blob", 1), ("blob", 0.4)]  # fmt: skip
CENTRES = torch.tensor([[2 * math.sin(2 * math.pi * k / 5), 2 * math.cos(2 * math.pi * k / 5)] for k in range(5)], dtype=DOUBLE)
MEASURES = ["fid", "kid", "mmd", "precision", "recall", "inception", "nearest"]


@pytest.fixture(scope="module")
def play(es_module):
    page = es_module("evaluation_playground")

    def run(**values):
        """compute(state): the two samples as (n, 2) tensors, and what the page says of them."""
        got = page.evaluate("""(at) => {
            const { real, fake, ours, best, told } = window.module.compute(at);
            return { real: [...real], fake: [...fake], perfect: [...window.module.draw(at).perfect], ours, best, told };
        }""", STATE | values)
        return got | {name: torch.tensor(got[name], dtype=DOUBLE).reshape(-1, 2) for name in ("real", "fake", "perfect")}

    return run


def posterior(x):
    return (-(x[:, None] - CENTRES).square().sum(-1) / (2 * 0.4**2)).softmax(1)


def without(x):
    """x with each of its rows left out in turn."""
    return [torch.cat([x[:i], x[i + 1 :]]) for i in range(len(x))]


def jackknife(measure, *samples):
    """Standard error and bias of `measure`, by leaving out each row of each sample: the definition, slowly."""
    value, left = measure(*samples), []
    for k, sample in enumerate(samples):
        left.append(torch.tensor([measure(*samples[:k], part, *samples[k + 1 :]) for part in without(sample)], dtype=DOUBLE))
    error = math.sqrt(sum((len(v) - 1) * v.var(correction=0).item() for v in left))
    return error, sum((len(v) - 1) * (v.mean().item() - value) for v in left)


@pytest.mark.browser
@pytest.mark.parametrize("kind, strength", SPOILT)
@pytest.mark.parametrize("n, seed", [(40, 3), (150, 1)])
def test_every_measure_is_that_of_gentutor(play, kind, strength, n, seed):
    got = play(kind=kind, strength=strength, n=n, seed=seed)
    for name, side in (("fake", "ours"), ("perfect", "best")):
        real, fake, said = got["real"], got[name], got[side]
        near = lambda value: pytest.approx(value, abs=1e-6)  # noqa: E731
        assert said["fid"]["value"] == near(evaluation.fid(real, fake))
        kid = evaluation.kid(real, fake)
        assert (said["kid"]["value"], said["kid"]["error"]) == (near(kid.value), near(kid.error))
        assert said["mmd"]["value"] == near(distances.mmd2_unbiased(real, fake, 0.5).item())
        shares = evaluation.precision_recall(real, fake, k=3)
        assert (said["precision"]["value"], said["recall"]["value"]) == (near(shares.precision), near(shares.recall))
        assert said["precision"]["error"] == near(math.sqrt(shares.precision * (1 - shares.precision) / (n - 1)))
        score = evaluation.inception_score(posterior(fake))
        assert said["inception"]["value"] == near(score.score)
        assert (said["inception"]["marginal"], said["inception"]["conditional"]) == (near(score.marginal_entropy_nats), near(score.conditional_entropy_nats))
        assert said["inception"]["shares"] == near(posterior(fake).mean(0).tolist())
        away = evaluation.nearest(fake, real).distance
        assert said["nearest"]["value"] == near(away.mean().item())
        assert said["nearest"]["error"] == near(away.std().item() / math.sqrt(n))


@pytest.mark.browser
@pytest.mark.parametrize("kind, strength", [("none", 0), ("scale", 0.5), ("drop", 1)])
def test_the_errors_and_the_bias_are_the_jackknife_s(play, kind, strength):
    got = play(kind=kind, strength=strength, n=20, seed=2)
    real, fake, said = got["real"], got["fake"], got["ours"]
    error, bias = jackknife(evaluation.fid, real, fake)
    assert said["fid"]["error"] == pytest.approx(error, abs=1e-6) and said["fid"]["bias"] == pytest.approx(bias, abs=1e-6)
    assert said["mmd"]["error"] == pytest.approx(jackknife(lambda x, y: distances.mmd2_unbiased(x, y, 0.5).item(), real, fake)[0], abs=1e-6)
    assert said["inception"]["error"] == pytest.approx(jackknife(lambda x: evaluation.inception_score(posterior(x)).score, fake)[0], abs=1e-6)


@pytest.mark.browser
def test_the_jackknife_finds_the_bias_of_fid_and_the_unbiased_measures_have_none(play):
    runs = [play(kind="none", n=100, seed=seed)["best"] for seed in range(60)]
    values = {name: np.array([run[name]["value"] for run in runs]) for name in ("fid", "kid", "mmd")}
    bias = np.mean([run["fid"]["bias"] for run in runs])
    assert 0.5 < bias / values["fid"].mean() < 2, "FID of a law against itself is bias and nothing else"
    for name in ("kid", "mmd"):
        assert abs(values[name].mean()) < 3.5 * values[name].std() / math.sqrt(60)
    larger = np.mean([play(kind="none", n=400, seed=seed)["best"]["fid"]["value"] for seed in range(20)])
    assert 2 < values["fid"].mean() / larger < 8, "about as 1/n"


@pytest.mark.browser
def test_the_real_points_follow_their_law_and_seeds_decide(play):
    real = torch.cat([play(kind="none", n=400, seed=seed)["real"] for seed in range(10)])
    labels = posterior(real).argmax(1)
    assert (evaluation.class_shares(labels, 5) - 0.2).abs().max() < 5 * math.sqrt(0.16 / 4000)
    assert (real - CENTRES[labels]).std(0) == pytest.approx([0.4, 0.4], abs=0.02)
    assert play(seed=3)["ours"] == play(seed=3)["ours"]
    assert not torch.equal(play(seed=3)["real"], play(seed=4)["real"]) and not torch.equal(play(kind="none")["real"], play(kind="none")["fake"])


@pytest.mark.browser
@pytest.mark.parametrize("kind", [kind for kind, _ in SPOILT if kind not in ("blob", "stray")])
def test_no_strength_is_no_fault(play, kind):
    got = play(kind=kind, strength=0)
    assert torch.allclose(got["fake"], got["perfect"], rtol=0, atol=1e-12) and set(got["told"].values()) == {"alike"}


# ---- what the page says of the presets, over twelve seeds --------------------------------------------------------------


def verdicts(play, **values):
    return [play(**values, n=200, seed=seed) for seed in range(1, 13)]


def often(runs, measure, verdict, least=11):
    return sum(run["told"][measure] == verdict for run in runs) >= least


@pytest.mark.browser
def test_a_matched_blob_beats_the_perfect_generator_in_fid_and_loses_in_precision(play):
    runs = verdicts(play, kind="blob", strength=1)
    assert all(run["ours"]["fid"]["value"] < 1e-9 < run["best"]["fid"]["value"] for run in runs)
    assert all(run["ours"]["precision"]["value"] < run["best"]["precision"]["value"] - 0.15 for run in runs)
    assert often(runs, "mmd", "worse") and often(runs, "precision", "worse") and often(runs, "fid", "alike") and often(runs, "kid", "alike")


@pytest.mark.browser
def test_fid_and_the_cubic_kernel_do_not_see_a_turn(play):
    runs = verdicts(play, kind="rotate", strength=1)
    for measure in ("fid", "kid"):
        assert often(runs, measure, "alike")
    for measure in ("mmd", "precision", "recall", "inception"):
        assert often(runs, measure, "worse")


@pytest.mark.browser
def test_a_lost_mode_costs_recall_and_three_strays_give_it_back(play):
    lost, hidden = verdicts(play, kind="drop", strength=1), verdicts(play, kind="stray", strength=0.7)
    assert often(lost, "recall", "worse") and often(lost, "precision", "alike") and often(lost, "inception", "worse")
    assert not often(hidden, "recall", "worse", 2) and often(hidden, "precision", "alike")
    assert np.mean([run["ours"]["recall"]["value"] for run in hidden]) > np.mean([run["ours"]["recall"]["value"] for run in lost]) + 0.1


@pytest.mark.browser
def test_only_the_distance_gives_copies_away(play):
    runs = verdicts(play, kind="copy", strength=1)
    assert all(run["ours"]["nearest"]["value"] == 0 and run["told"]["nearest"] == "nearer" for run in runs)
    assert not any(run["told"][name] == "worse" for run in runs for name in MEASURES)


@pytest.mark.browser
def test_narrow_modes_cost_recall_alone_of_the_two(play):
    runs = verdicts(play, kind="narrow", strength=0.6)
    assert often(runs, "recall", "worse") and not any(run["told"]["precision"] == "worse" for run in runs)
    assert not any(run["told"]["inception"] == "worse" for run in runs), "the Inception Score likes them"


@pytest.mark.browser
def test_repeats_have_no_recall(play):
    got = play(kind="duplicate", strength=0.9)
    assert len(got["fake"].unique(dim=0)) == 20 and got["ours"]["recall"]["value"] == 0


# ---- words and picture ------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_playground_in_words(show):
    page = show("evaluation_playground")
    cells = lambda: {row[0]: row[1:] for row in page.evaluate(  # noqa: E731
        "() => [...document.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))")}
    assert "tell it from a perfect generator; FID and KID do not" in said(page) and "FID even ranks it first: 0.000 against" in said(page)
    assert cells()["precision"][2] == "▼ worse" and cells()["FID"][2] == "alike" and re.match(r"0\.000.±.0\.\d{3}$", cells()["FID"][0])
    page.get_by_role("button", name="it copies").click()
    assert "The distance to the real points tells it from a perfect generator" in said(page) and cells()["nearest"][2] == "◂ nearer"
    page.get_by_role("button", name="perfect, n = 40").click()
    assert said(page).startswith("A perfect generator: yet with n = 40 its FID is 0.")
    assert page.get_by_label("Amount").is_disabled() and {row[2] for row in cells().values()} == {"alike"}
    page.get_by_label("What is wrong", exact=True).select_option("rotate")
    strength = page.get_by_label("Amount")
    strength.press("Home")
    strength.press("ArrowRight")
    assert "Turned by 2°" in said(page) and strength.get_attribute("aria-valuetext") == "by 2°"
    before = cells()
    page.get_by_role("button", name="new draw").click()
    settle(page)
    assert cells() != before


@pytest.mark.browser
def test_the_picture_shows_the_balls_that_decide(show):
    page = show("evaluation_playground")
    count = lambda: page.evaluate(  # noqa: E731
        "() => [...document.querySelectorAll('.gt-explorable svg')[0].querySelectorAll('path')].map((node) => (node.getAttribute('d') ?? '').split('M').length - 1)")
    discs, lines, dots, rings, thin, bold = count()[:6]
    assert (discs, lines, dots, rings) == (200, 0, 200, 0) and thin + bold == 200
    shown = float(page.locator("tbody tr").nth(3).locator("td").first.inner_text()[:4])
    assert shown == pytest.approx(thin / 200, abs=0.006)
    page.get_by_label("Draw").select_option("nearest")
    settle(page)
    assert count()[:3] == [0, 200, 200]
    page.get_by_label("Draw").select_option("recall")
    settle(page)
    recalled = float(page.locator("tbody tr").nth(4).locator("td").first.inner_text()[:4])
    assert count()[3] == pytest.approx(200 * (1 - recalled), abs=1.01)


@pytest.mark.parametrize("values", [{"kind": "bad"}, {"strength": 1.1}, {"strength": -0.1}, {"n": 10}, {"n": 500}, {"seed": -1}, {"show": "all"}])
def test_a_bad_state_is_refused(values):
    with pytest.raises(traitlets.TraitError):
        EvaluationPlayground(**values)
