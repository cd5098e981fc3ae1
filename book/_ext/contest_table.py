"""The table of all families on the page, from the packaged runs: a remade table changes the page, and nothing is copied by hand.

    ```{contest-table} 3             a row a family after 3 minutes: mean over seeds ± 95 %, Student's interval, or one or two runs as they are
    :measures: fid kid precision
    ```
    ```{contest-pictures} 1 3        samples of every family, a column for each time
    ```
    {contest}`fid | gan | 3`         one number of the table, within a sentence
    {contest}`fid | gan - vae | 3`   the mean difference, taken seed by seed

≤ stands before a bound, ≈ before an estimate, a dash where there is nothing. Needs no torch, as the site is built without it. What is
missing in the table breaks the build.
"""

import base64
import io
import json
import math
import statistics
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from PIL import Image
from sphinx.util.docutils import SphinxDirective, SphinxRole

FOLDER = Path(__file__).parent.parent.parent / "gentutor" / "_contest"
MEASURES = {
    "seeds": "seeds", "bits_per_dim": "bits per dimension", "fid": "FID", "kid": "KID", "precision": "precision", "recall": "recall", "inception": "IS",
    "nearest": "nearest", "train_seconds": "s to train", "sample_seconds": "s per 1000", "parameters": "parameters",
}  # fmt: skip
NAMES = {"gaussian": "one Gaussian", "vae": "VAE", "latent": "latent diffusion", "gan": "GAN", "ddpm": "DDPM", "ddpm, 10 steps": "DDPM, 10 steps", "flow": "flow matching"}
SIGNS = {"bound": "≤ ", "estimate": "≈ "}
ACROSS, DOWN, SIDE = 8, 2, 28


def t_quantile(p, df, panels=200):
    """t with P(T <= t) = p of Student's law, 1/2 < p < 0.999, to about 1e-9: by T = sqrt(df) tan(a), where the density of a is as cos(a)^(df-1)."""

    def inside(a):  # P(0 < T < t), by Simpson's rule
        values = [math.cos(a * k / panels) ** (df - 1) * (1 if k in (0, panels) else 4 if k % 2 else 2) for k in range(panels + 1)]
        return math.gamma((df + 1) / 2) / math.gamma(df / 2) / math.sqrt(math.pi) * a / panels / 3 * sum(values)

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < p - 0.5 else (low, middle)
    return math.sqrt(df) * math.tan(low)


def around(values):
    """Mean and half the width of Student's 95 % interval."""
    return statistics.fmean(values), t_quantile(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def show(values):
    """"41.3 ± 1.6", "294 ± 34": as many digits as the interval bears. Of two runs, for which it would reach nine deviations each way: both."""
    if len(values) < 3 or min(values) == max(values):
        return "; ".join(dict.fromkeys(f"{v:,.0f}".replace(",", "\u202f") if v == round(v) else f"{v:#.3g}".rstrip(".") for v in values)).replace("-", "−")
    mean, half = around(values)
    power = math.floor(math.log10(half))
    digits = max(0, (half < 3 * 10**power) - power)  # one of the interval's own, or two if it begins with 1 or 2
    return f"{mean:.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def entry(runs, measure, row, minutes):
    """What stands in the table. ValueError when it has no such row or measure."""
    if " - " in row:
        a, b = ({one["seed"]: one[measure] for one in runs if one["row"] == name and one["minutes"] == minutes} for name in row.split(" - "))
        if a.keys() != b.keys() or not a:
            raise ValueError(f"row: expected two rows of the same seeds, got {row!r} with {sorted(a)} and {sorted(b)}")
        return show([a[seed] - b[seed] for seed in a])
    if measure not in MEASURES:
        raise ValueError(f"measure: expected one of {', '.join(MEASURES)}; got {measure!r}")
    found = [one for one in runs if one["row"] == row and one["minutes"] == minutes]
    if not found:
        raise ValueError(f"row: expected one of {', '.join(rows(runs, minutes)) or 'none'} at {minutes:g} minutes; got {row!r}")
    values = [len(found)] if measure == "seeds" else [one.get(measure) for one in found]
    if None in values:
        return "–"
    return (SIGNS.get(found[0].get("likelihood"), "") if measure == "bits_per_dim" else "") + show(values)


def rows(runs, minutes):
    return list(dict.fromkeys(one["row"] for one in runs if one["minutes"] == minutes))


def read_runs(app):
    return json.loads((Path(app.config.contest_folder) / "runs.json").read_text(encoding="utf-8"))["runs"]


def read_pictures(app):
    """{minutes: {row: bytes}}, 784 bytes an image, from the file that `gentutor._files.pack` makes."""
    data = (Path(app.config.contest_folder) / "pictures.safetensors").read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    head = json.loads(data[8:end])

    def cut(name):
        start, stop = head[name]["data_offsets"]
        return data[end + start : end + stop]

    tree = json.loads(head["__metadata__"]["gentutor"])["tree"]["dict"]
    return {minutes: {row: cut(one["tensor"]) for row, one in images["dict"]} for minutes, images in tree}


def strip(images):
    """The first 16 digits, dark on light, as the address of a PNG that stands within the page."""
    picture = Image.new("L", (ACROSS * SIDE, DOWN * SIDE))
    for k in range(ACROSS * DOWN):
        one = bytes(255 - level for level in images[k * SIDE * SIDE : (k + 1) * SIDE * SIDE])
        picture.paste(Image.frombytes("L", (SIDE, SIDE), one), (k % ACROSS * SIDE, k // ACROSS * SIDE))
    file = io.BytesIO()
    picture.quantize(16).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class FromContest(SphinxDirective):
    required_arguments, final_argument_whitespace = 1, True

    def run(self):
        self.env.note_dependency(str(Path(self.config.contest_folder) / "runs.json"))
        try:
            head, body = self.cells([float(word) for word in self.arguments[0].split()])
        except ValueError as error:
            raise self.error(str(error))
        lines = [head, ["---"] + [self.align] * (len(head) - 1), *body]
        box = nodes.container(classes=["gt-contest"])
        self.state.nested_parse(StringList(["| " + " | ".join(line) + " |" for line in lines], self.get_location()), 0, box)
        return [box]


class ContestTable(FromContest):
    option_spec, align = {"measures": directives.unchanged_required}, "---:"

    def cells(self, times):
        runs, measures, (minutes,) = read_runs(self.env.app), self.options.get("measures", "fid precision recall").split(), times
        body = [[NAMES.get(row, row), *(entry(runs, measure, row, minutes) for measure in measures)] for row in rows(runs, minutes)]
        if not body:
            raise ValueError(f"minutes: expected one of {sorted({one['minutes'] for one in runs})}, got {minutes:g}")
        return ["", *(MEASURES[measure] for measure in measures)], body


class ContestPictures(FromContest):
    align = "---"

    def cells(self, times):
        pictures, order = read_pictures(self.env.app), rows(read_runs(self.env.app), times[0])
        if set(times) - set(pictures):
            raise ValueError(f"minutes: expected some of {sorted(pictures)}, got {times}")

        def cell(row, minutes):
            name = NAMES.get(row, row)
            if row not in pictures[minutes]:
                return "–"
            return f"![Sixteen digits drawn by {name} after {minutes:g} min]({strip(pictures[minutes][row])})"

        body = [[NAMES.get(row, row), *(cell(row, minutes) for minutes in times)] for row in order if row in pictures[times[0]]]
        return ["", *(f"{minutes:g} min" for minutes in times)], body


class ContestRole(SphinxRole):
    def run(self):
        self.env.note_dependency(str(Path(self.config.contest_folder) / "runs.json"))
        try:
            measure, row, minutes = (part.strip() for part in self.text.split("|"))
            return [nodes.inline("", entry(read_runs(self.env.app), measure, row, float(minutes)), classes=["gt-nobr"])], []
        except ValueError as error:
            message = self.inliner.reporter.error(f"contest: expected 'measure | row | minutes' of the table: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


def setup(app):
    app.add_config_value("contest_folder", str(FOLDER), "env")
    app.add_directive("contest-table", ContestTable)
    app.add_directive("contest-pictures", ContestPictures)
    app.add_role("contest", ContestRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
