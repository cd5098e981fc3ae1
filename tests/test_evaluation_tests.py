"""Two-sample tests and annealed importance sampling: against enumeration, scipy and exact matrix products."""

import itertools
import math

import pytest
import scipy.stats
import torch
from conftest import refuses

from gentutor import distances, evaluation
from gentutor.annealing import annealed_weights, log_mean
from gentutor.two_sample import classifier_test, halves, mmd_test, p_value, permutation_test


def seeded(n):
    return torch.Generator().manual_seed(n)


def draws(seed, n, d, shift=0.0):
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64) + shift


@pytest.mark.parametrize("n, m", [(8, 8), (12, 5)])
def test_the_kernel_computed_once_gives_the_permutation_test(n, m):
    x, y = draws(0, n, 2), draws(1, m, 2, 0.8)
    one = mmd_test(x, y, 1.3, 60, seeded(2))
    other = permutation_test(x, y, lambda a, b: distances.mmd2_unbiased(a, b, 1.3), 60, seeded(2))
    assert one.p == other.p and one.value == pytest.approx(other.value, abs=1e-12)


def test_the_permutation_p_is_that_of_all_splits():
    """Many rounds against the enumeration of the 70 splits of 4 + 4."""
    x, y = draws(0, 4, 1), draws(1, 4, 1, 1.5)
    pooled = torch.cat([x, y])
    gap = lambda a, b: (a.mean() - b.mean()).abs()  # noqa: E731
    values = []
    for chosen in itertools.combinations(range(8), 4):
        mask = torch.zeros(8, dtype=torch.bool)
        mask[list(chosen)] = True
        values.append(gap(pooled[mask], pooled[~mask]))
    exact = sum(v >= gap(x, y) - 1e-12 for v in values) / 70
    assert abs(permutation_test(x, y, gap, 4000, seeded(2)).p - exact) < 4 * math.sqrt(exact * (1 - exact) / 4000) + 1 / 4000


def test_p_counts_the_split_seen_and_ties():
    assert p_value(5.0, [1.0] * 99) == 0.01 and p_value(1.0, [1.0] * 99) == 1.0 and p_value(1.0, [0.0, 2.0, 1.0]) == 0.75


def test_the_binomial_p_is_scipys():
    x, y = draws(0, 41, 1), draws(1, 41, 1, 0.7)
    seen = classifier_test(x, y, lambda points, labels: lambda z: (z[:, 0] > 0.35).long(), seeded(2))
    assert seen.p == pytest.approx(scipy.stats.binomtest(round(42 * seen.value), 42, alternative="greater").pvalue, rel=1e-9)
    assert classifier_test(x, x + 100, lambda p, t: lambda z: (z[:, 0] > 50).long(), seeded(2)) == (1.0, pytest.approx(2.0**-42))


def test_halves_part_the_rows():
    a, b = halves(torch.arange(7), seeded(0))
    assert len(a) == 3 and sorted([*a.tolist(), *b.tolist()]) == list(range(7))


def test_copied_share_is_mann_whitney():
    samples, unseen, training = draws(0, 20, 3), draws(1, 30, 3, 0.3), draws(2, 50, 3)
    near, far = (evaluation.nearest(x, training).distance for x in (samples, unseen))
    assert evaluation.copied_share(samples, unseen, training) == pytest.approx(scipy.stats.mannwhitneyu(far, near).statistic / 600)
    assert evaluation.copied_share(training[:5], training[5:9], training) == 0.5, "ties"


def test_extrapolation_is_the_line_through_its_means():
    x, y = draws(0, 900, 4), draws(1, 800, 4, 0.25)
    got = evaluation.fid_extrapolated(x, y, (100, 800), 20, seeded(2))
    assert got.value + got.slope / 100 == pytest.approx(got.means[0]) and got.value + got.slope / 800 == pytest.approx(got.means[1])
    assert abs(got.value - 0.25) < 0.15 and got.means[0] > got.value


def flip(state, log_f):
    """Exact draws of f on {0, 1}: the best move there is."""
    both = torch.stack([log_f(torch.full_like(state, s)) for s in (0, 1)], 1)
    return torch.multinomial(both.softmax(1), 1, generator=GENERATOR)[:, 0]


GENERATOR = seeded(0)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_annealed_weights_are_unbiased_and_their_log_is_low(steps):
    f = torch.tensor([1.0, 5.0]).double().log()
    start = torch.randint(2, (20_000,), generator=seeded(1))
    log_w = annealed_weights(lambda s: torch.zeros(len(s)).double(), lambda s: f[s], torch.linspace(0, 1, steps + 1), start, flip)
    w = log_w.exp()
    assert abs(w.mean() - 3) < 4 * w.std() / 20_000**0.5 + 1e-9, "Z_last / Z_first = 6 / 2"
    assert log_w.mean() < math.log(3) and log_mean(log_w) == pytest.approx(w.mean().log().item())


X = draws(0, 10, 2)
BAD = {
    "features": (lambda: mmd_test(X, X[:, :1], 1.0, 9, seeded(0)), r"expected shapes \(N, ...\) and \(M, ...\), got \(10, 2\) and \(10, 1\)"),
    "rounds": (lambda: permutation_test(X, X, lambda a, b: 0, 0, seeded(0)), "rounds: expected an integer >= 1, got 0"),
    "bandwidth": (lambda: mmd_test(X, X, 0.0, 9, seeded(0)), "bandwidth: expected a positive number, got 0"),
    "one": (lambda: mmd_test(X, X[:1], 1.0, 9, seeded(0)), "expected two samples or more of each, got 10 and 1"),
    "nan": (lambda: mmd_test(X, X * math.nan, 1.0, 9, seeded(0)), "y: expected finite numbers"),
    "sizes differ": (lambda: classifier_test(X, X[:9], None, seeded(0)), "expected two samples of one size, at least 4, got 10 and 9"),
    "betas": (lambda: annealed_weights(None, None, [0, 0.7, 0.5, 1], X, None), "betas: expected increasing numbers from 0 to 1, got"),
    "no end": (lambda: annealed_weights(None, None, [0, 0.5], X, None), "betas: expected increasing numbers from 0 to 1, got"),
    "size": (lambda: evaluation.fid_extrapolated(X, X, (5, 11), 1, seeded(0)), r"sizes: expected at least two, from 2 to 10, got \[5, 11\]"),
}


test_bad_input_says_expected_and_got = refuses(BAD)
