"""The contest of all families: one small run of each, the command line, and the packaged table."""

import functools
import math

import pytest
import torch

from gentutor import _contenders, _jury, contest, data, evaluation

ROWS = {"data": ["test images", "copies"], "ddpm": ["ddpm", "ddpm, 10 steps"]}
WITH_LIKELIHOOD = {"gaussian": "bound", "autoencoder": "bound", "vae": "bound", "latent": "bound", "ddpm": "bound", "flow": "estimate"}
JUDGED = {"fid", "kid", "kid_error", "precision", "recall", "inception", "nearest"}
OF_MODELS = {"train_seconds", "sample_seconds", "parameters", "likelihood", "bits_per_dim", "bits_error"}
RUN = contest.run
SMALL = 150  # samples: more than the judge has features, so that no covariance is singular


@functools.cache
def short(family, seed, minutes):
    """A run with few samples, few training images to lie near to, and a likelihood of few images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_jury, "_training", lambda: data.mnist("train").images[:3000])
        patch.setattr(_jury, "bits", functools.partial(_jury.bits, count=6))
        return RUN(family, seed, minutes, samples=SMALL)


def measures(one):
    return {key: one[key] for key in one.keys() - {"row", "family", "seed", "minutes"}}


def sensible(row, found, samples):
    """What holds of every row, however short its training."""
    model = row not in ROWS["data"]
    assert set(found) == JUDGED | (OF_MODELS if model else set())
    assert found["fid"] > 0 and found["kid_error"] > 0 and 1 <= found["inception"] <= 10.001 and math.isfinite(found["kid"])
    assert all(0 <= found[share] <= 1 and found[share] * samples == pytest.approx(round(found[share] * samples)) for share in ("precision", "recall"))
    assert (found["nearest"] == 0) == (row == "copies")
    if model:
        assert found["train_seconds"] > 0 and found["sample_seconds"] > 0 and found["parameters"] > 100_000
        assert found["likelihood"] == WITH_LIKELIHOOD.get(row)
        if found["likelihood"]:
            assert 0.5 < found["bits_per_dim"] < 20 and found["bits_error"] > 0
        else:
            assert found["bits_per_dim"] is found["bits_error"] is None


@pytest.mark.slow
@pytest.mark.parametrize("family", ["data", *_contenders.FAMILIES])
def test_a_short_run_of_each_family(family):
    rows, images = short(family, 0, 0.005)
    assert list(rows) == ROWS.get(family, [family]) and list(images) == ([] if family == "data" else list(rows))
    for row, found in rows.items():
        sensible(row, found, SMALL)
    for drawn in images.values():
        assert drawn.shape == (48, 28, 28) and drawn.dtype == torch.uint8 and drawn.max() > 0


@pytest.mark.slow
def test_a_run_repeats_but_for_its_clock_and_its_seed():
    (one, images), (same, others), (other, _) = (short.__wrapped__("vae", seed, 0.005) for seed in (1, 1, 2))
    clock = {"train_seconds", "sample_seconds"}
    assert {k: v for k, v in one["vae"].items() if k not in clock} == {k: v for k, v in same["vae"].items() if k not in clock}
    assert torch.equal(images["vae"], others["vae"]) and other["vae"]["fid"] != one["vae"]["fid"]


def test_the_reference_is_half_of_the_test_images_and_the_other_half_is_unseen():
    first, second = _jury._halves(4)
    assert len(first) == len(second) == 5000
    both = torch.cat([first, second]).flatten(1)
    assert torch.equal(both.long().sum(0), data.mnist("test").images.flatten(1).long().sum(0))
    real = _jury.real(4, 70)
    assert torch.equal(real["test images"], second[:70]) and not torch.equal(_jury._halves(5)[0], first)
    assert not evaluation.nearest(real["copies"], data.mnist("train").images).distance.any()


# ---- the command ----


@pytest.fixture
def asked(monkeypatch):
    """What the command asks `run` for; it gets the short run of seed 0."""
    calls = []

    def run(family, seed, minutes):
        calls.append((family, seed, minutes))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return short(family, 0, 0.005)

    monkeypatch.setattr(contest, "run", run)
    return calls


def test_the_command_writes_each_run_whole_and_goes_on(asked, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    command = ["--out", str(out), "--minutes", "0.005", "--seeds", "2", "--only", "data", "gaussian"]
    assert contest.main(command) == 1 and "the same command goes on" in capsys.readouterr().err
    files = ["0.005-data-0.json", "0.005-data-0.safetensors", "0.005-gaussian-0.json", "0.005-gaussian-0.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == files, "nothing of the run that was stopped"
    assert contest.main(command) == 0
    assert asked == [("data", 0, 0.005), ("gaussian", 0, 0.005), ("data", 1, 0.005), ("data", 1, 0.005), ("gaussian", 1, 0.005)]
    assert contest.main(command) == 0 and len(asked) == 5, "nothing left to do"
    assert capsys.readouterr().out.count("gaussian        seed 1  fid") == 2

    found = contest.runs(out)
    rows = ["test images 0", "copies 0", "test images 1", "copies 1", "gaussian 0", "gaussian 1"]
    assert [f"{one['row']} {one['seed']}" for one in found] == rows
    for one in found:
        assert one["minutes"] == 0.005
        sensible(one["row"], measures(one), SMALL)
    pictures = contest.pictures(out)
    assert list(pictures) == [0.005] and list(pictures[0.005]) == ["gaussian"] and pictures[0.005]["gaussian"].shape == (48, 28, 28)


def test_a_table_packaged_is_the_table_of_the_folder(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(contest, "FOLDER", tmp_path / "package")
    for minutes in ("0.005", "0.01"):
        assert contest.main(["--out", str(tmp_path / "runs"), "--minutes", minutes, "--only", "gaussian", "--package"]) == 0
    assert contest.runs(tmp_path / "package") == contest.runs(tmp_path / "runs") and len(contest.runs(tmp_path / "runs")) == 2
    packaged, loose = (contest.pictures(tmp_path / name) for name in ("package", "runs"))
    assert list(packaged) == list(loose) == [0.005, 0.01] and torch.equal(packaged[0.01]["gaussian"], loose[0.01]["gaussian"])


@pytest.mark.parametrize("arguments, words", [
    (["--only", "vae", "gann"], "invalid choice: 'gann'"),
    (["--minutes", "0"], "--minutes: expected a number > 0, got 0"),
    (["--minutes", "-1"], "--minutes: expected a number > 0, got -1"),
    (["--minutes", "nan"], "--minutes: expected a number > 0, got nan"),
    (["--seeds", "0"], "--seeds: expected an integer >= 1, got 0"),
    (["--minutes", "one"], "invalid"),
])  # fmt: skip
def test_arguments_that_cannot_be_stop_before_any_training(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(contest, "run", lambda *arguments: pytest.fail("it trains"))
    with pytest.raises(SystemExit) as stop:
        contest.main(["--out", str(tmp_path / "runs"), *arguments])
    assert stop.value.code == 2 and words in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_another_family_is_an_error():
    with pytest.raises(ValueError, match="family: expected one of data, gaussian, .*; got 'rnn'"):
        contest.run("rnn", 0)


# ---- the packaged table ----


def test_the_packaged_table_is_complete_and_finite():
    found = contest.runs()
    rows = [row for family in ("data", *_contenders.FAMILIES) for row in ROWS.get(family, [family])]
    seeds = {minutes: len({one["seed"] for one in found if one["minutes"] == minutes}) for minutes in contest.PLAN}
    assert min(seeds.values()) >= 2 and seeds[1] >= 5
    assert sorted((one["minutes"], one["seed"], one["row"]) for one in found) == sorted(
        (minutes, seed, row) for minutes, count in seeds.items() for seed in range(count) for row in rows)  # fmt: skip
    for one in found:
        sensible(one["row"], measures(one), contest.SAMPLES)
        assert one["row"] in ROWS.get(one["family"], [one["family"]])


def test_the_packaged_pictures_are_of_every_model():
    found = contest.pictures()
    models = [row for family in _contenders.FAMILIES for row in ROWS.get(family, [family])]
    assert {minutes: sorted(images) for minutes, images in found.items()} == {minutes: sorted(models) for minutes in contest.PLAN}
    assert all(images.shape == (48, 28, 28) and images.dtype == torch.uint8 for of in found.values() for images in of.values())


@pytest.mark.parametrize("minutes", contest.PLAN)
def test_the_families_that_learn_were_trained_for_as_long(minutes):
    """The Gaussian apart, which is done in seconds."""
    seconds = [one["train_seconds"] for one in contest.runs() if one["minutes"] == minutes and one["family"] not in ("data", "gaussian")]
    assert max(seconds) < 1.6 * min(seconds)
