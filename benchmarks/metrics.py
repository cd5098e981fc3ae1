"""How long FID, KID, precision and recall take on 10 000 × 2 048 features: this book's, and the common implementations.

    python benchmarks/metrics.py                          # minutes on one quiet core
    python benchmarks/metrics.py --samples 2000 --features 512 --rounds 3

All work on the same float32 features, in one process, on as many threads (one unless said); the contenders of a measure
take turns, in a new order each round. Printed are the median seconds, what each one found, and the ratio to ours: the median
over the rounds, with the extremes, and that of the CPU time, which leaves out the waiting for a busy machine.

torchmetrics, prdc and torch-fidelity are not among the book's requirements: whichever is not installed is left out, with a
line that says so (`pip install torchmetrics prdc torch-fidelity`). "scipy" stands for the FID of pytorch-fid and clean-fid:
np.cov in float64 and `scipy.linalg.sqrtm`.
"""

import argparse
import contextlib
import importlib
import io
import random
import statistics
import time

import numpy as np
import torch

from gentutor import evaluation


def features(n, d):
    """Two laws like those of a real network's features: not negative, correlated, of unequal spread; the second a bit off."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(d, d, generator=generator) / d**0.5
    scale = torch.logspace(0, -1, d)
    return [((torch.randn(n, d, generator=generator) @ mix * scale) * spread + 0.3).relu() for spread in (1.0, 1.1)]


def scipy_fid(real, fake):
    linalg = importlib.import_module("scipy.linalg")
    (m1, c1), (m2, c2) = ((x.numpy().mean(0, dtype=np.float64), np.cov(x.numpy().astype(np.float64), rowvar=False)) for x in (real, fake))
    root = linalg.sqrtm(c1 @ c2)
    return float(((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root.real))


def torchmetrics_of(name, **options):
    """A metric of torchmetrics whose "network" hands the features on."""

    def measure(real, fake):
        keep = torch.nn.Identity()
        keep.num_features = real.shape[1]
        metric = getattr(importlib.import_module("torchmetrics.image"), name)(feature=keep, **options)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        found = metric.compute()
        return float(found[0] if isinstance(found, tuple) else found)

    return measure


def prdc(real, fake):
    found = importlib.import_module("prdc").compute_prdc(real.numpy(), fake.numpy(), 3)
    return found["precision"], found["recall"]


def torch_fidelity(real, fake):
    module = importlib.import_module("torch_fidelity.metric_prc")
    found = module.prc_features_to_metric(fake, real, prc_neighborhood=3, prc_batch_size=10_000, verbose=False)
    return found["precision"], found["recall"]


CONTENDERS = {
    "FID": {"ours": evaluation.fid, "torchmetrics": torchmetrics_of("FrechetInceptionDistance"), "scipy": scipy_fid},
    "KID": {"ours": lambda real, fake: evaluation.kid(real, fake).value,
            "torchmetrics, 100 × 1 000": torchmetrics_of("KernelInceptionDistance", subsets=100, subset_size=1000)},
    "precision, recall": {"ours, with density and coverage": lambda real, fake: evaluation.precision_recall(real, fake)[:2],
                          "torch_fidelity": torch_fidelity, "prdc": prdc},
}  # fmt: skip


def timed(measure, real, fake):
    start = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        found = measure(real, fake)
    return time.perf_counter() - start[0], time.process_time() - start[1], found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=CONTENDERS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with contextlib.suppress(ImportError):
        importlib.import_module("threadpoolctl").threadpool_limits(given.threads)
    small, (real, fake) = features(1100, 8), features(given.samples, given.features)  # the small ones bring all imports
    print(f"{given.samples} × {given.features}, float32, {given.threads} thread(s), {given.rounds} rounds, torch {torch.__version__}")
    shuffled = random.Random(0)
    for measure, contenders in CONTENDERS.items():
        if given.only not in (None, measure):
            continue
        print(f"\n{measure:34} seconds   ours is faster by: median (min … max), CPU time   found")
        runs = {}
        for name, measure_of in contenders.items():
            try:
                timed(measure_of, *small)
                runs[name] = []
            except ImportError as error:
                print(f"{name:34} left out: {error}")
        for _ in range(given.rounds):
            for name in shuffled.sample(list(runs), len(runs)):
                runs[name].append(timed(contenders[name], real, fake))
        ours, *_ = runs.values()
        for name, each in runs.items():
            wall, cpu, found = zip(*each)
            ratios = [a / b[0] for a, b in zip(wall, ours)]
            by_cpu = statistics.median(a / b[1] for a, b in zip(cpu, ours))
            shown = ", ".join(f"{value:.6g}" for value in np.atleast_1d(found[-1]))
            faster = f"{statistics.median(ratios):6.2f} ({min(ratios):.2f} … {max(ratios):.2f}), {by_cpu:6.2f}"
            print(f"{name:34} {statistics.median(wall):7.2f}   {faster:52} {shown}")


if __name__ == "__main__":
    main()
