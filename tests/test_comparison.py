"""Families compared from a few seeds, and likelihoods in one unit: against scipy, enumeration, and laws whose density is known."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import comparison, ddpm, denoisers, flow_matching, likelihoods
from gentutor.checks import check
from gentutor.comparison import expected_best, front, holm, mean_interval, prediction_interval, t_quantile, t_tail, welch

F64 = torch.float64
few = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=8).filter(lambda v: len(set(v)) > 1)


def seeded(n):
    return torch.Generator().manual_seed(n)


def draws(seed, *shape):
    return torch.randn(*shape, generator=seeded(seed), dtype=F64)


# ---- Student's law ----


@pytest.mark.parametrize("df", [1, 1.3, 2, 2.718, 4, 7.7, 30, 100])
def test_students_law_is_scipys(df):
    for t in (-20.0, -1.5, 0.0, 1e-3, 0.7, 3.0, 40.0):
        assert t_tail(t, df) == pytest.approx(scipy.stats.t.sf(t, df), rel=1e-9)
    for p in (1e-6, 0.025, 0.3, 0.5, 0.75, 0.975, 0.9995):
        assert t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


def test_students_law_has_the_closed_forms_of_few_degrees_and_the_normal_limit():
    assert t_tail(1, 1) == pytest.approx(0.25, abs=1e-12) and t_tail(1, 2) == pytest.approx(0.5 - 1 / math.sqrt(12), abs=1e-12)
    assert t_tail(1.96, 1e7) == pytest.approx(scipy.stats.norm.sf(1.96), rel=1e-5)


# ---- one family ----


@given(few, st.sampled_from([0.5, 0.95, 0.999]))
@settings(max_examples=30)
def test_intervals_are_scipys(values, level):
    n, mean, spread = len(values), np.mean(values), np.std(values, ddof=1)
    for got, scale in ((mean_interval(values, level), spread / math.sqrt(n)), (prediction_interval(values, level), spread * math.sqrt(1 + 1 / n))):
        low, high = scipy.stats.t.interval(level, n - 1, mean, scale)
        assert got == pytest.approx((mean, low, high, n), rel=1e-7, abs=1e-7)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([3.0, 3.0, 3.0]) == (3, 3, 3, 3) and prediction_interval(torch.tensor([1, 1])) == (1, 1, 1, 2)


@pytest.mark.parametrize("n", [3, 5])
def test_a_further_seed_falls_into_the_prediction_interval(n):
    found = [prediction_interval(x[:-1], 0.9) for x in draws(n, 4000, n + 1)]
    inside = np.mean([one.low <= x <= one.high for one, x in zip(found, draws(n, 4000, n + 1)[:, -1])])
    assert abs(inside - 0.9) < 4 * math.sqrt(0.09 / 4000)


def test_the_best_of_n_is_the_integral_of_the_largest_order_statistic():
    closed = {1: 0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi)}
    for n in (1, 2, 3):
        assert expected_best(n) == pytest.approx(closed[n], abs=1e-12)
    for n in (5, 30, 1000):
        density = lambda x, n=n: n * scipy.stats.norm.pdf(x) * scipy.stats.norm.cdf(x) ** (n - 1)  # noqa: E731
        integral = scipy.integrate.quad(lambda x: x * density(x), -8, 8, epsabs=1e-12, limit=200)[0]
        assert expected_best(n) == pytest.approx(integral, abs=1e-9)
    assert expected_best(5) == pytest.approx(1.16296, abs=1e-5)


# ---- two families, and many ----


@given(few, few, st.sampled_from([0.8, 0.95]))
@settings(max_examples=30)
def test_welch_is_scipys(a, b, level):
    expected = scipy.stats.ttest_ind(a, b, equal_var=False)
    low, high = expected.confidence_interval(level)
    got = welch(a, b, level)
    assert got == pytest.approx((np.mean(a) - np.mean(b), low, high, expected.pvalue, expected.df), rel=1e-7, abs=1e-7)
    other = welch(b, a, level)
    assert (other.value, other.low, other.high, other.p) == pytest.approx((-got.value, -got.high, -got.low, got.p), abs=1e-12)


def test_welch_when_one_family_never_varies():
    """Copies lie at distance 0 whatever the seed: the other family's spread decides."""
    got, one = welch([0, 0, 0, 0, 0], [0.9, 1.0, 1.1]), mean_interval([0.9, 1.0, 1.1])
    assert got.df == pytest.approx(2) and (got.low, got.high) == pytest.approx((-one.high, -one.low))


def test_the_worked_example_of_holm():
    """Three tests at 0.01, 0.04, 0.03: times 3, 2 and 1, in that order, and none below the one before."""
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.5]).tolist() == [1, 1] and holm([0.2]).tolist() == pytest.approx([0.2]) and holm([0.0, 1.0]).tolist() == [0, 1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=50)
def test_holm_is_the_closed_test(p):
    """Its definition by closure: a claim holds if each set of claims that has it is rejected by its smallest p times its size."""
    m = len(p)
    sets = [[i for i in range(m) if mask >> i & 1] for mask in range(1, 2**m)]
    expected = [max(min(1, len(s) * min(p[i] for i in s)) for s in sets if k in s) for k in range(m)]
    assert holm(p).tolist() == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**31))
@settings(max_examples=50)
def test_the_front_by_enumeration(n, m, seed):
    rows = torch.randint(4, (n, m), generator=seeded(seed)).tolist()  # with many ties

    def dominates(a, b):
        return all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))

    assert front(torch.tensor(rows)).tolist() == [not any(dominates(other, row) for other in rows) for row in rows]


# ---- one unit ----


@pytest.mark.parametrize("std", [1e-3, 0.02, 0.5, 30.0])
@pytest.mark.parametrize("mean", [-1.4, -0.5, 0.0, 0.731, 1.0, 3.0])
def test_the_cells_are_the_normal_laws_and_add_to_one(mean, std):
    levels = torch.arange(256).to(torch.uint8)[:, None]
    got = likelihoods.discretised_normal(levels, torch.full((256, 1), mean), std)
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 127.5 - 1, [np.inf]])
    law = scipy.stats.norm(np.float32(mean), std)
    mass = np.where(edges[:-1] > mean, law.sf(edges[:-1]) - law.sf(edges[1:]), law.cdf(edges[1:]) - law.cdf(edges[:-1]))
    np.testing.assert_allclose(got.exp(), mass, rtol=1e-6, atol=1e-12)
    assert got.exp().sum().item() == pytest.approx(1, abs=1e-9) and got.isfinite().all()


def test_a_cell_far_out_keeps_its_logarithm():
    """Level 0 beside a mean of 1: 199.8 standard deviations away, a mass below the smallest float."""
    got = likelihoods.discretised_normal(torch.tensor([0], dtype=torch.uint8), torch.tensor([1.0]), 0.01)
    assert got.item() == pytest.approx(scipy.stats.norm.logcdf(-1 + 1 / 255, 1, 0.01), rel=1e-6)
    one = likelihoods.discretised_normal(torch.tensor([254], dtype=torch.uint8), torch.tensor([-1.0]), 0.01)
    near, far = scipy.stats.norm.logsf(253.5 / 1.275), scipy.stats.norm.logsf(254.5 / 1.275)
    assert one.item() == pytest.approx(near + math.log1p(-math.exp(far - near)), rel=1e-6)


def pixels(seed, n=200, d=30):
    """A mean in [0, 1], and levels that scatter about it."""
    mean = torch.rand(n, d, generator=seeded(seed), dtype=F64)
    return mean, (255 * (mean + 0.1 * draws(seed + 1, n, d))).clamp(0, 255).round().to(torch.uint8)


@pytest.mark.parametrize("bins", [1, 2, 7])
def test_the_table_is_counts_by_hand(bins):
    mean, levels = pixels(0)
    table = likelihoods.count_levels(mean, levels, bins)
    edges = np.quantile(mean.numpy(), np.arange(1, bins) / bins)
    np.testing.assert_allclose(table.edges, edges, atol=1e-12)
    where = np.searchsorted(edges, mean.numpy().ravel())
    for k in range(bins):
        count = np.bincount(levels.numpy().ravel()[where == k], minlength=256) + 1 / 256
        np.testing.assert_allclose(table.log_prob[k].exp(), count / count.sum(), rtol=1e-9)
    each = table.log_prob[torch.from_numpy(where).view(mean.shape), levels.long()].sum(1)
    torch.testing.assert_close(likelihoods.level_log_prob(table, mean, levels), each)


def test_the_table_reads_shapes_that_broadcast_and_a_mean_that_never_varies():
    mean, levels = pixels(2)
    table = likelihoods.count_levels(mean, levels)
    many = likelihoods.level_log_prob(table, torch.stack([mean, mean / 2]), levels)
    assert many.shape == (2, 200) and torch.equal(many[0], likelihoods.level_log_prob(table, mean, levels)) and (many[0] > many[1]).all()
    flat = likelihoods.count_levels(torch.zeros(200, 30), levels)
    assert flat.log_prob.exp().sum(1).tolist() == pytest.approx([1] * len(flat.log_prob))
    assert likelihoods.level_log_prob(flat, torch.zeros(200, 30), levels).isfinite().all()


def test_noise_stays_in_its_level():
    levels = torch.arange(256).to(torch.uint8).repeat(100, 1)
    noisy = likelihoods.dequantise(levels, seeded(0))
    assert noisy.dtype == F64 and torch.equal(noisy.floor(), levels.double()) and abs((noisy - levels).mean().item() - 0.5) < 0.01


# ---- long sums, and flows ----


def test_the_sum_over_all_strata_is_the_sum_and_over_fewer_has_its_mean():
    def term(t):
        return (t.double() - 3) ** 2 + t.double().sqrt()

    exact = term(torch.arange(2, 26)).sum().item()
    assert likelihoods.stratified_sum(term, 2, 25, 24, 7).tolist() == pytest.approx([exact] * 7)
    for strata in (1, 3, 8):
        got = likelihoods.stratified_sum(term, 2, 25, strata, 20_000, seeded(strata))
        assert abs(got.mean().item() - exact) < 4 * got.std().item() / math.sqrt(20_000), strata
    spread = [likelihoods.stratified_sum(term, 2, 25, strata, 4000, seeded(0)).std().item() for strata in (1, 3, 8)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


def test_a_few_terms_of_the_bound_have_the_mean_of_all():
    schedule, n, g = ddpm.linear(40, 1e-3, 0.3), 3000, seeded(0)
    denoise = denoisers.gaussian_denoiser(schedule, [0.5, -1], [[1.0, 0.3], [0.3, 0.4]])
    x0 = torch.tensor([[0.3, -0.2]], dtype=F64).expand(n, 2)
    full = ddpm.bound(schedule, denoise, x0, g)[2:].sum(0)
    asked = []

    def term(t):
        asked.append(t)
        return ddpm.bound_term(schedule, denoise, x0, t, torch.randn(x0.shape, generator=g, dtype=F64))

    part = likelihoods.stratified_sum(term, 2, 40, 13, n, g)
    assert [(t.min().item(), t.max().item()) for t in asked] == [(k, k + 2) for k in range(2, 41, 3)]
    error = math.sqrt((full.var() + part.var()).item() / n)
    assert abs((full.mean() - part.mean()).item()) < 4 * error < 0.2 * full.mean()


CLOUD = denoisers.Cloud([0.3, 0.7], [[-1.0], [1.5]], [0.5, 0.4])
PLANE = denoisers.Cloud([0.3, 0.5, 0.2], [[-1.0, 0.3], [1.5, 0.0], [0.0, 2.0]], [0.5, 0.4, 0.6])


def test_a_flow_on_the_line_has_its_density_to_the_order_of_the_steps():
    """There a random sign is exact: only the solver is left, and twice the steps leave a quarter of its error."""
    x = torch.linspace(-2.5, 3, 23, dtype=F64)[:, None]
    exact, velocity = flow_matching.cloud_path_log_prob(CLOUD, x, 0.0), flow_matching.cloud_velocity(CLOUD)
    error = [(likelihoods.flow_log_prob(velocity, x, steps, seeded(0)) - exact).abs().mean().item() for steps in (100, 200, 400)]
    assert error[2] < 2e-4 and 3.3 < error[0] / error[1] < 4.7 and 3.3 < error[1] / error[2] < 4.7, error


def test_a_flow_in_the_plane_has_its_density_in_the_mean():
    x = torch.tensor([[0.5, 0.5]], dtype=F64).expand(2000, 2)
    got = likelihoods.flow_log_prob(flow_matching.cloud_velocity(PLANE), x, 100, seeded(0))
    exact = flow_matching.cloud_path_log_prob(PLANE, x[:1], 0.0).item()
    assert abs(got.mean().item() - exact) < 4 * got.std().item() / math.sqrt(2000) + 1e-3 and got.std().item() < 1


def test_a_flow_of_images_in_single_precision_stays_so():
    got = likelihoods.flow_log_prob(lambda x, tau: -x * tau.view(-1, 1, 1, 1), torch.ones(3, 1, 4, 4), 10, seeded(0))
    assert got.shape == (3,) and got.dtype == torch.float32 and not got.requires_grad


# ---- the museum ----


def claim_coverage():
    found = [comparison.mean_interval(x) for x in draws(0, 3000, 3)]
    check("comparison.t-coverage", sum(one.low <= 0 <= one.high for one in found) / 3000, 0.95, atol=0.016)


def claim_prediction():
    found = [(comparison.prediction_interval(x[:5]), x[5]) for x in draws(0, 3000, 6)]
    check("comparison.prediction-coverage", sum(one.low <= x <= one.high for one, x in found) / 3000, 0.95, atol=0.016)


def claim_best():
    check("comparison.best-of-five", comparison.expected_best(5), 1.1629645, atol=1e-6)


def claim_welch():
    """Five of spread 1 against three of spread 4."""
    p = [comparison.welch(x[:5], 4 * x[5:]).p for x in draws(0, 1500, 8)]
    check("comparison.welch-size", sum(one < 0.05 for one in p) / 1500, at_least=0.03, at_most=0.09)


def claim_holm():
    check("comparison.holm-worked", comparison.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], atol=1e-12)


def claim_front():
    """Two ends, one between them on the front, and one that the last dominates."""
    points = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.6, 0.6], [0.7, 0.6]])
    check("comparison.front-enumerated", comparison.front(points).double(), [1, 1, 1, 0])


def claim_ends():
    zero = torch.zeros(1, dtype=torch.uint8)
    check("comparison.open-ends", likelihoods.discretised_normal(zero, -torch.ones(1), 0.02).exp(), scipy.stats.norm.cdf(1 / 255 / 0.02), atol=1e-6)


def claim_sum():
    levels = torch.arange(256).to(torch.uint8)[:, None]
    check("comparison.levels-sum", likelihoods.discretised_normal(levels, torch.full((256, 1), 0.3), 0.1).exp().sum(), 1, atol=1e-9)


def claim_bits():
    """Every one of 256 levels equally likely: 8 bits a pixel."""
    check("comparison.bits-uniform", likelihoods.bits_per_dim(784 * math.log(256), 784), 8, atol=1e-12)


def claim_strata():
    got = likelihoods.stratified_sum(lambda t: t.double(), 1, 6, 2, 20_000, seeded(0))
    check("comparison.stratified-unbiased", got.mean(), 21, atol=0.2)


def claim_flow():
    x = torch.linspace(-2.5, 3, 23, dtype=F64)[:, None]
    got = likelihoods.flow_log_prob(flow_matching.cloud_velocity(CLOUD), x, 200, seeded(0))
    check("comparison.flow-one-dimension", got, flow_matching.cloud_path_log_prob(CLOUD, x, 0.0), atol=3e-3)


CLAIMS = {
    "comparison.t-coverage": claim_coverage,
    "comparison.prediction-coverage": claim_prediction,
    "comparison.best-of-five": claim_best,
    "comparison.welch-size": claim_welch,
    "comparison.holm-worked": claim_holm,
    "comparison.front-enumerated": claim_front,
    "comparison.open-ends": claim_ends,
    "comparison.levels-sum": claim_sum,
    "comparison.bits-uniform": claim_bits,
    "comparison.stratified-unbiased": claim_strata,
    "comparison.flow-one-dimension": claim_flow,
}


# ---- bad input ----

BYTES, NAN = torch.zeros(2, 3, dtype=torch.uint8), [1.0, math.nan]
BAD = {
    "t": (lambda: t_tail(math.inf, 2), "t: expected a finite number, got inf"),
    "df": (lambda: t_tail(1, 0.5), "df: expected a finite number >= 1, got 0.5"),
    "p": (lambda: t_quantile(1.0, 3), "p: expected a number between 0 and 1, got 1.0"),
    "level": (lambda: mean_interval([1, 2], 95), "level: expected a number between 0 and 1, got 95"),
    "one seed": (lambda: mean_interval([1.0]), r"values: expected two or more numbers, of shape \(n,\), got shape \(1,\)"),
    "not finite": (lambda: prediction_interval(NAN), "values: expected finite numbers, got 1 that are not"),
    "one of b": (lambda: welch([1, 2], [3]), "b: expected two or more numbers"),
    "two axes": (lambda: welch(torch.ones(2, 2), [1, 2]), r"a: expected two or more numbers, of shape \(n,\), got shape \(2, 2\)"),
    "nothing varies": (lambda: welch([1, 1], [2, 2, 2]), "a, b: expected values that vary, got 2 times 1 and 3 times 2"),
    "p-values": (lambda: holm([0.2, 1.2]), r"p_values: expected numbers from 0 to 1, of shape \(m,\), got \[0.2, 1.2\]"),
    "no p-values": (lambda: holm([]), "p_values: expected at least one number"),
    "best of none": (lambda: expected_best(0), "n: expected an integer >= 1, got 0"),
    "points": (lambda: front([1.0, 2.0]), r"points: expected shape \(N, M\), got \(2,\)"),
    "missing": (lambda: front([[1.0, math.nan]]), "points: expected finite numbers, got 1 that are not"),
    "levels": (lambda: likelihoods.dequantise(torch.zeros(3)), "levels: expected uint8, got torch.float32"),
    "levels of a table": (lambda: likelihoods.count_levels(torch.zeros(2, 3), torch.zeros(2, 3)), "levels: expected uint8, got torch.float32"),
    "bins": (lambda: likelihoods.count_levels(torch.zeros(2, 3), BYTES, 0), "bins: expected an integer >= 1, got 0"),
    "pixels": (lambda: likelihoods.discretised_normal(BYTES, torch.zeros(2, 4), 1.0), r"expected as many pixels, got shapes \(2, 4\) and \(2, 3\)"),
    "std": (lambda: likelihoods.discretised_normal(BYTES, torch.zeros(2, 3), 0.0), "std: expected finite numbers > 0"),
    "mean": (lambda: likelihoods.discretised_normal(BYTES, torch.full((2, 3), math.nan), 1.0), "mean: expected finite numbers, got 6"),
    "strata": (lambda: likelihoods.stratified_sum(lambda t: t, 1, 10, 3, 5), "strata: expected a divisor of the 10 terms, got 3"),
    "steps": (lambda: likelihoods.flow_log_prob(lambda x, t: x, torch.zeros(2, 3), 0), "steps: expected an integer >= 1, got 0"),
    "flow of nan": (lambda: likelihoods.flow_log_prob(lambda x, t: x, torch.full((2, 3), math.nan)), "x0: expected finite numbers, got 6"),
}  # fmt: skip


test_bad_input_says_expected_and_got = refuses(BAD)
