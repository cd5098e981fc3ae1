"""All families of the book on one table: trained for the same time on the same images, judged by the same measures (chapter "comparison").

    python -m gentutor.contest                                     # the whole table: two hours on one core; run it again to go on
    python -m gentutor.contest --minutes 1 --seeds 1 --only vae gan
    python -m gentutor.contest --package                           # and make what is there the package's own table

    contest.runs()             # the packaged table: a dict for each row and seed
    contest.pictures()[1]["vae"]          # 48 samples of seed 0, uint8 (48, 28, 28)

A run is one file of the folder, written whole, so that the command goes on where it was stopped and several can share the work. Seconds are
processor time on one thread. Left out: GPUs, where equal time would mean other nets.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch

from . import _contenders, _jury
from ._files import load_tree, pack, save_tree
from ._idx import write_whole

__all__ = ["pictures", "run", "runs"]

PLAN = {1: 5, 3: 3}  # minutes of training: seeds
SAMPLES = 5000
FOLDER = Path(__file__).parent / "_contest"


def run(family, seed, minutes=1, samples=SAMPLES):
    """Train a family and judge it: ({row: {measure: number or None}}, {row: uint8 (48, 28, 28)}). Sets one thread.

    family: of `_contenders.FAMILIES`, or "data": test images and training images in the place of samples. Measures: see `_jury.judge`;
    with train_seconds, sample_seconds (for 1 000), parameters, bits_per_dim, bits_error, likelihood. ValueError on another family.
    """
    known = ("data", *_contenders.FAMILIES)
    if family not in known:
        raise ValueError(f"family: expected one of {', '.join(known)}; got {family!r}")
    torch.set_num_threads(1)
    _contenders.ready()
    if family == "data":
        return _jury.judge(_jury.real(seed, samples), seed), {}
    start = time.process_time()
    model = _contenders.FAMILIES[family](seed, minutes)
    facts = {"train_seconds": time.process_time() - start, "parameters": model.parameters, "likelihood": model.likelihood,
             **_jury.bits(model, seed)}  # fmt: skip
    drawn, seconds = {}, {}
    for row, sampler in model.samplers.items():
        generator, start = torch.Generator().manual_seed(seed), time.process_time()
        with torch.no_grad():
            drawn[row] = torch.cat([sampler(min(1000, samples), generator) for _ in range(max(1, samples // 1000))])
        seconds[row] = (time.process_time() - start) * 1000 / len(drawn[row])
    drawn = {row: (255 * images).round().to(torch.uint8).view(-1, 28, 28) for row, images in drawn.items()}
    judged = _jury.judge(drawn, seed)
    for k, row in enumerate(judged):
        judged[row] |= facts | {"sample_seconds": seconds[row]}
        if k:  # another sampler of the same net
            judged[row] |= {"likelihood": None, "bits_per_dim": None, "bits_error": None}
    return judged, {row: images[:48] for row, images in drawn.items()}


def runs(folder=FOLDER):
    """The table, packaged or of a folder: [{"row", "family", "seed", "minutes", measures...}], in the order of the families."""
    if Path(folder) == FOLDER:
        return json.loads((FOLDER / "runs.json").read_text(encoding="utf-8"))["runs"]
    order = ["data", *_contenders.FAMILIES]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.json")]
    found.sort(key=lambda one: (one["minutes"], order.index(one["family"]), one["seed"]))
    return [{"row": row, "family": one["family"], "seed": one["seed"], "minutes": one["minutes"], **measures} for one in found for row, measures in one["rows"].items()]


def pictures(folder=FOLDER):
    """{minutes: {row: uint8 (48, 28, 28)}}: samples of seed 0."""
    if Path(folder) == FOLDER:
        return load_tree(FOLDER / "pictures.safetensors")
    found = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        minutes, seed, images = load_tree(path)
        if seed == 0:
            found.setdefault(minutes, {}).update(images)
    return found


def main(arguments=None):
    """Exit status: 0 done, 1 stopped, 2 for arguments that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m gentutor.contest", description="Train and judge all families of the book; run it again to go on.")
    parser.add_argument("--out", default="runs/contest", metavar="FOLDER")
    parser.add_argument("--minutes", type=float, help="of training, instead of " + " and ".join(f"{m} ({n} seeds)" for m, n in PLAN.items()))
    parser.add_argument("--seeds", type=int, help="how many, from 0")
    known = ("data", *_contenders.FAMILIES)
    parser.add_argument("--only", nargs="+", choices=known, metavar="FAMILY", help="of " + ", ".join(known))
    parser.add_argument("--package", action="store_true", help="make the folder's runs the package's own")
    given = parser.parse_args(arguments)
    if given.minutes is not None and not 0 < given.minutes < math.inf:
        parser.error(f"--minutes: expected a number > 0, got {given.minutes:g}")
    if given.seeds is not None and given.seeds < 1:
        parser.error(f"--seeds: expected an integer >= 1, got {given.seeds}")
    families, out = given.only or known, Path(given.out)
    plan = {given.minutes: given.seeds or 1} if given.minutes else {minutes: given.seeds or n for minutes, n in PLAN.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for minutes, seeds in plan.items():
            for seed in range(seeds):
                for family in families:
                    name = f"{minutes:g}-{family}-{seed}"
                    if (out / f"{name}.json").exists():
                        continue
                    print(f"{family}, seed {seed}, {minutes:g} min", flush=True)
                    rows, images = run(family, seed, minutes)
                    save_tree(out / f"{name}.safetensors", (minutes, seed, images))
                    one = {"family": family, "seed": seed, "minutes": minutes, "torch": torch.__version__, "rows": rows}
                    write_whole(out / f"{name}.json", (json.dumps(one, indent=1, allow_nan=False) + "\n").encode())
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 1
    found = runs(out)
    for one in found:
        print(f"{one['minutes']:g} min  {one['row']:15} seed {one['seed']}  " + "  ".join(f"{key} {one[key]:.4g}" for key in ("fid", "kid", "precision", "recall")))
    if given.package:
        FOLDER.mkdir(exist_ok=True)
        facts = {"what": "All families on one table.", "command": "python -m gentutor.contest --package", "torch": torch.__version__, "samples": SAMPLES, "runs": found}
        write_whole(FOLDER / "runs.json", (json.dumps(facts, indent=1, allow_nan=False) + "\n").encode())
        write_whole(FOLDER / "pictures.safetensors", pack(pictures(out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
