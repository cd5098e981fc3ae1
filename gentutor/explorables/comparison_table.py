"""All families on one table: any two measures against each other, over the seeds one looks at."""

import json
from pathlib import Path

import traitlets

from . import Explorable

MEASURES = ["fid", "kid", "bits_per_dim", "precision", "recall", "sample_seconds", "train_seconds", "parameters", "nearest"]
READ = ["row", "family", "seed", "minutes", "likelihood", *MEASURES]


class ComparisonTable(Explorable):
    """Each row of the table of `gentutor.contest` as a point: one measure across, one up, over its first seeds.

    x, y: the measures, by their names in `contest.runs()`. minutes: of training. seeds: how many of each row are used, or all that there
    are. report: "mean", with Student's 95 % interval, or the seed that is "best" in y. runs: the table, the packaged one unless given at
    the start: `ComparisonTable(runs=contest.runs("runs/contest"))`. Rows of the family "data" are yardsticks and never win.
    TraitError for runs that lack something, for minutes that no run has, or for seeds < 1.
    """

    module = "comparison_table"
    title = "Who wins? It depends on what you ask, and on how many seeds you look at"
    alt = (
        "A scatter of the samplers: FID up, seconds to sample 1 000 images across, both on logarithmic axes. Of each, small dots for the single "
        "seeds and a mark with a 95 % interval for their mean. A stepped line joins those that no other beats in both. At the right, without "
        "seconds, the yardsticks: test images and copies. Below, a table ranks all by FID."
    )

    x = traitlets.Enum(MEASURES, "sample_seconds").tag(sync=True)
    y = traitlets.Enum(MEASURES, "fid").tag(sync=True)
    minutes = traitlets.Float(1.0).tag(sync=True)
    seeds = traitlets.Int(5, min=1).tag(sync=True)
    report = traitlets.Enum(["mean", "best"], "mean").tag(sync=True)
    runs = traitlets.List().tag(sync=True)

    @traitlets.default("runs")
    def _packaged(self):
        path = Path(__file__).parent.parent / "_contest" / "runs.json"
        return [_read(one) for one in json.loads(path.read_text(encoding="utf-8"))["runs"]]

    @traitlets.validate("runs")
    def _runs(self, proposal):
        if not proposal["value"]:
            raise traitlets.TraitError("runs: expected one or more, got none")
        return [_read(one) for one in proposal["value"]]

    @traitlets.validate("minutes")
    def _minutes(self, proposal):
        known = sorted({float(one["minutes"]) for one in self.runs})
        if proposal["value"] not in known:
            raise traitlets.TraitError(f"minutes: expected one of {known}, got {proposal['value']}")
        return proposal["value"]


def _read(one):
    """What the page reads of a run; measures that are None are left out."""
    lost = [name for name in ("row", "family", "seed", "minutes") if name not in one]
    if lost:
        raise traitlets.TraitError(f"runs: expected each to have {', '.join(lost)}; got {sorted(one)}")
    return {name: one[name] for name in READ if one.get(name) is not None}
