"""The measures of samples: against closed forms, scipy, scikit-learn, and by their properties; and the judge of digits."""

import functools
import math
import warnings

import numpy as np
import pytest
import scipy.linalg
import sklearn.metrics
import sklearn.neighbors
import torch
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import _pairs, annealing, data, distances, evaluation, neighbours, nets, two_sample, weights
from gentutor.checks import check
from gentutor.evaluation import fid, frechet_distance, kid, precision_recall

seeds = st.integers(0, 2**31)


def draws(seed, n, d, scale=1.0, shift=0.0, dtype=torch.float64):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x * scale + shift).to(dtype)


def covariance(seed, d):
    a = draws(seed, 2 * d, d)
    return a.T @ a / (2 * d)


# ---- Fréchet distance ----


@given(seeds, st.integers(1, 6))
@settings(max_examples=30)
def test_frechet_on_the_diagonal(seed, d):
    """Independent coordinates: the sum of (m1 - m2)^2 + (s1 - s2)^2."""
    m1, m2, s1, s2 = draws(seed, 4, d)
    got = frechet_distance(m1, (s1**2).diag(), m2, (s2**2).diag())
    assert abs(got - ((m1 - m2) ** 2 + (s1.abs() - s2.abs()) ** 2).sum().item()) < 1e-9


@given(seeds, st.integers(1, 12))
@settings(max_examples=30)
def test_frechet_is_scipys_and_a_distance(seed, d):
    m1, m2, m3 = draws(seed, 3, d)
    c1, c2, c3 = (covariance(seed + k, d) for k in (1, 2, 3))
    root = scipy.linalg.sqrtm((c1 @ c2).numpy())
    expected = ((m1 - m2) ** 2).sum() + (c1 + c2).trace() - 2 * np.trace(root).real
    got = frechet_distance(m1, c1, m2, c2)
    assert abs(got - expected) < 1e-8 * (1 + expected)
    assert abs(frechet_distance(m2, c2, m1, c1) - got) < 1e-9 * (1 + got) and frechet_distance(m1, c1, m1, c1) < 1e-9
    third = frechet_distance(m1, c1, m3, c3), frechet_distance(m3, c3, m2, c2)
    assert math.sqrt(got) <= sum(map(math.sqrt, third)) + 1e-9, "the root obeys the triangle inequality"
    turn = torch.linalg.qr(draws(seed + 9, d, d)).Q
    assert abs(frechet_distance(turn @ m1, turn @ c1 @ turn.T, turn @ m2, turn @ c2 @ turn.T) - got) < 1e-9 * (1 + got)


def test_frechet_of_point_masses_and_singular_covariances():
    zero, flat = torch.zeros(3, 3), torch.diag(torch.tensor([4.0, 0.0, 1.0]))
    assert frechet_distance([1, 2, 2], zero, [0, 0, 0], zero) == 9
    assert abs(frechet_distance([0, 0, 0], flat, [0, 0, 0], zero) - 5) < 1e-12
    assert abs(frechet_distance([0, 0, 0], flat, [0, 0, 0], torch.eye(3)) - 2) < 1e-12, "(2 - 1)^2 + 1 + 0"


@pytest.mark.parametrize("n, m, d", [(300, 200, 8), (60, 400, 64), (20, 20, 256), (40, 30, 100), (2, 2, 3)])
def test_fid_is_the_formula_of_the_sample_moments(n, m, d):
    x, y = draws(0, n, d), draws(1, m, d, 1.3, 0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = fid(x, y)
    assert abs(got - frechet_distance(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())) < 1e-5 * got


def test_fid_of_few_samples_is_finite_warns_and_is_not_negative():
    x = draws(0, 20, 256)
    with pytest.warns(UserWarning) as said:
        assert 0 <= fid(x, x) < 1e-9
    assert [str(w.message)[:45] for w in said] == ["real: n = 20 samples for d = 256 features lea", "fake: n = 20 samples for d = 256 features lea"]
    with pytest.warns(UserWarning, match="fake: n = 2 samples for d = 3"):
        assert math.isfinite(fid(draws(0, 9, 3), draws(1, 2, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid(draws(0, 4, 3), draws(1, 4, 3))


def test_fid_with_dead_and_doubled_features():
    """Singular covariances although n > d: a feature that is always zero, one that is there twice."""
    x, y = draws(0, 500, 6), draws(1, 500, 6, 1.2)
    base = fid(x, y)
    assert abs(fid(*(torch.cat([t, torch.zeros(500, 3)], 1) for t in (x, y))) - base) < 1e-9
    assert abs(fid(*(torch.cat([t, t], 1) for t in (x, y))) - 2 * base) < 1e-6


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_fid_in_float32_is_that_in_float64(shift):
    x, y = draws(0, 3000, 50, 1, shift), draws(1, 2000, 50, 1.1, shift)
    assert abs(fid(x.float(), y.float()) - fid(x.float().double(), y.float().double())) < 2e-5 * fid(x, y)


def test_fid_of_wide_features_agrees_with_that_of_a_turned_half():
    """Above 1 024 features the trace comes from eigenvalues: block-diagonal covariances add up."""
    x, y = draws(0, 3000, 1100), draws(1, 3000, 1100, 1.1)
    whole = frechet_distance(x.mean(0), torch.block_diag(*(p.T.cov() for p in x.split(550, 1))),
                             y.mean(0), torch.block_diag(*(p.T.cov() for p in y.split(550, 1))))  # fmt: skip
    assert abs(whole - sum(fid(a, b) for a, b in zip(x.split(550, 1), y.split(550, 1)))) < 1e-6 * whole


def test_fid_of_a_law_against_itself_falls_as_one_over_n():
    mean = [sum(fid(draws(2 * k, n, 16), draws(2 * k + 1, n, 16)) for k in range(8)) / 8 for n in (250, 1000, 4000)]
    assert 3.4 < mean[0] / mean[1] < 4.7 and 3.4 < mean[1] / mean[2] < 4.7, mean


# ---- KID ----


@given(seeds, st.integers(3, 9), st.integers(3, 9), st.integers(1, 5))
@settings(max_examples=30)
def test_kid_is_the_double_sum_and_its_error_the_jackknife(seed, n, m, d):
    x, y = draws(seed, n, d), draws(seed + 1, m, d, 1.5, 0.3)

    def mmd2(x, y):
        k = lambda a, b: (a @ b.T / d + 1) ** 3  # noqa: E731
        xx, yy = (k(t, t)[~torch.eye(len(t), dtype=torch.bool)].mean() for t in (x, y))
        return (xx + yy - 2 * k(x, y).mean()).item()

    def drop(t):
        return [torch.cat([t[:i], t[i + 1 :]]) for i in range(len(t))]

    got = kid(x, y)
    assert abs(got.value - mmd2(x, y)) < 1e-9 * (1 + abs(got.value))
    jack = [np.array([mmd2(a, y) for a in drop(x)]), np.array([mmd2(x, b) for b in drop(y)])]
    assert abs(got.error - math.sqrt(sum((len(v) - 1) * v.var() for v in jack))) < 1e-8 * (1 + got.error)


def test_kid_error_is_the_spread_over_repeats():
    far = [kid(draws(2 * k, 150, 4), draws(2 * k + 1, 100, 4, 1.3)) for k in range(200)]
    same = [kid(draws(2 * k, 150, 4), draws(2 * k + 1, 100, 4)) for k in range(200)]
    for runs, most in ((far, 1.3), (same, 1.8)):
        spread = np.std([r.value for r in runs])
        assert 0.85 * spread < np.sqrt(np.mean([r.error**2 for r in runs])) < most * spread
    assert abs(np.mean([r.value for r in same])) < 3 * np.std([r.value for r in same]) / math.sqrt(200)


def test_kid_in_float32_is_that_in_float64_to_a_small_part_of_its_error():
    x, y = draws(0, 1000, 64, 3, 2, torch.float32), draws(1, 800, 64, 3.1, 2, torch.float32)
    got, exact = kid(x, y), kid(x.double(), y.double())
    assert abs(got.value - exact.value) < 0.01 * exact.error and got.error == pytest.approx(exact.error, rel=1e-3)


# ---- neighbours ----


def reference(real, fake, k):
    """The same four shares by scikit-learn."""
    radius = {name: sklearn.neighbors.NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1] for name, x in (("real", real), ("fake", fake))}
    across = sklearn.metrics.pairwise_distances(real, fake)
    inside = across <= radius["real"][:, None]
    return inside.any(0).mean(), (across <= radius["fake"]).any(1).mean(), inside.sum() / (k * len(fake)), inside.any(1).mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n, m, d, k, shift", [(300, 200, 5, 3, 0), (50, 300, 20, 1, 0.5), (200, 200, 2, 5, 1), (100, 90, 3, 3, 50)])
def test_precision_recall_is_scikit_learns(n, m, d, k, shift, dtype):
    x, y = draws(0, n, d, 1, shift, dtype), draws(1, m, d, 1.2, shift + 0.3, dtype)
    assert precision_recall(x, y, k) == pytest.approx(reference(x.double().numpy(), y.double().numpy(), k), abs=1e-12)


def test_precision_and_recall_say_which_is_which():
    """A dropped mode costs recall, a spurious one precision; two far sets share nothing."""
    left, right = draws(0, 200, 3), draws(1, 200, 3, 1, 100)
    both, again = torch.cat([left, right]), torch.cat([draws(2, 200, 3), draws(3, 200, 3, 1, 100)])
    dropped, spurious = precision_recall(both, draws(4, 200, 3)), precision_recall(draws(4, 200, 3), again)
    assert dropped.precision > 0.9 and dropped.recall < 0.52 and dropped.coverage < 0.52
    assert spurious.precision < 0.52 and spurious.recall > 0.9
    assert precision_recall(left, right) == (0, 0, 0, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_are_inside(dtype):
    """Identical sets, and sets in which each point is there so often that every radius is zero."""
    x = draws(0, 60, 700, 1, 3, dtype)
    assert precision_recall(x, x)[:2] == (1, 1) and precision_recall(x, x).coverage == 1
    many = x.repeat(5, 1)
    assert precision_recall(many, many[torch.randperm(300)])[:2] == (1, 1)
    assert precision_recall(many, many + 0.01) == (0, 0, 0, 0)


def test_one_outlier_swells_precision_and_not_density():
    x, noise = draws(0, 300, 8), draws(1, 300, 8, 1, 3)
    with_outlier = torch.cat([x, torch.full((1, 8), 30.0)])
    base, swollen = precision_recall(x, noise), precision_recall(with_outlier, noise)
    assert base.precision < 0.2 and swollen.precision > base.precision + 0.5
    assert swollen.density < base.density + 0.5


def test_nearest_is_scikit_learns_and_reads_uint8():
    x, y = draws(0, 40, 6), draws(1, 100, 6)
    got = evaluation.nearest(x, y)
    distance, index = sklearn.neighbors.NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)
    np.testing.assert_allclose(got.distance, distance[:, 0], atol=1e-12)
    assert got.index.tolist() == index[:, 0].tolist()
    images = data.mnist("test").images[:500]
    copies = evaluation.nearest(images[[7, 3]], images)
    assert copies.index.tolist() == [7, 3] and not copies.distance.any()
    assert evaluation.nearest(images[:20, None].float() / 255, images[:, None]).index.tolist() == list(range(20))


def test_memory_is_bounded_by_blocks_and_they_change_nothing(monkeypatch):
    x, y = draws(0, 130, 7), draws(1, 90, 7, 1.2)
    whole = fid(x, y), kid(x, y), precision_recall(x, y), evaluation.nearest(x, y), neighbours.knn_radii(x, 2)
    monkeypatch.setattr(_pairs, "BLOCK", 1000)
    assert max((s.stop - s.start) * 90 for s in _pairs.blocks(130, 90)) <= 1000 and _pairs.blocks(3, 5000) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert fid(x, y) == pytest.approx(whole[0], rel=1e-9) and kid(x, y) == pytest.approx(whole[1], rel=1e-9)
    assert precision_recall(x, y) == whole[2]
    torch.testing.assert_close(evaluation.nearest(x, y), whole[3])
    torch.testing.assert_close(neighbours.knn_radii(x, 2), whole[4])


# ---- classes ----


def test_inception_score_at_its_corners():
    eye = torch.eye(10).double()
    assert evaluation.inception_score(eye.repeat(5, 1)) == pytest.approx((10, math.log(10), 0))
    assert evaluation.inception_score(eye[:1].repeat(7, 1)) == (1, 0, 0)
    assert evaluation.inception_score(torch.full((4, 10), 0.1)) == pytest.approx((1, math.log(10), math.log(10)))
    half = evaluation.inception_score(torch.cat([eye[:5]] * 3))
    assert half.score == pytest.approx(5)


@given(seeds, st.integers(1, 30), st.integers(2, 12))
@settings(max_examples=30)
def test_inception_score_is_the_mean_kl(seed, n, k):
    """Its definition: the exponential of the mean KL from each row to the mean row."""
    p = draws(seed, n, k, 3).softmax(1)
    expected = (p * (p.log() - p.mean(0).log())).sum(1).mean().exp().item()
    got = evaluation.inception_score(p)
    assert got.score == pytest.approx(expected, rel=1e-9) and 1 - 1e-9 <= got.score <= k + 1e-9


def test_class_shares():
    assert evaluation.class_shares(torch.tensor([0, 0, 2, 9])).tolist() == [0.5, 0, 0.25, 0, 0, 0, 0, 0, 0, 0.25]
    assert evaluation.class_shares([1, 0], classes=2).tolist() == [0.5, 0.5]


# ---- the judge ----


@functools.cache
def judge():
    return evaluation.Judge(weights.load("mnist_classifier"))


@functools.cache
def judged():
    return judge()(data.mnist("test").images)


def test_the_judge_is_right_on_99_in_100():
    assert (judged().labels == data.mnist("test").labels).double().mean() >= 0.99
    assert judged().features.shape == (10_000, 128) and judged().features.dtype == torch.float32
    assert judged().probabilities.dtype == torch.float64 and (judged().probabilities.sum(1) - 1).abs().max() < 1e-12


def test_the_judge_reads_images_in_every_form():
    images = data.mnist("test").images[:50]
    for form in (images, images[:, None], images.flatten(1), images.float() / 255, images.double()[:, None] / 255):
        seen = judge()(form)
        torch.testing.assert_close(seen.features, judged().features[:50], atol=1e-4, rtol=1e-4)
        assert not seen.features.requires_grad


def test_real_digits_score_as_real_digits_do():
    """Two halves of the test set: the figures a perfect generator would have."""
    a, b = judged().features[::2], judged().features[1::2]
    shares = evaluation.class_shares(judged().labels)
    assert evaluation.inception_score(judged().probabilities).score > 9.7 and 0.08 < shares.min()
    near = precision_recall(a, b)
    assert near.precision > 0.85 and near.recall > 0.85
    noise = judge()(torch.rand(2000, 784, generator=torch.Generator().manual_seed(0)))
    assert fid(a, b) < 0.05 * fid(a[:2000], noise.features) and precision_recall(a[:2000], noise.features).precision < 0.05


def test_the_features_have_a_gradient_path_for_training():
    x = torch.rand(3, 1, 28, 28, requires_grad=True)
    nets.DigitClassifier()(x).sum().backward()
    assert x.grad.shape == x.shape and x.grad.any()


# ---- the museum ----


def claim_frechet():
    """Two Gaussians whose axes are turned against each other."""
    c, s = math.cos(0.6), math.sin(0.6)
    turn = torch.tensor([[c, -s], [s, c]]).double()
    cov = torch.diag(torch.tensor([4.0, 1.0]).double())
    turned = turn @ cov @ turn.T
    trace = math.sqrt((cov @ turned).trace() + 2 * math.sqrt(torch.det(cov @ turned)))  # of the root of a 2 x 2 matrix
    check("evaluation.frechet-closed-form", evaluation.frechet_distance([1, 0], cov, [0, 0], turned), 1 + 10 - 2 * trace, atol=1e-6)


def claim_fid_bias():
    """A law against itself: n FID stays the same."""
    ratio = [sum(evaluation.fid(draws(2 * k, n, 8), draws(2 * k + 1, n, 8)) for k in range(10)) for n in (500, 2000)]
    check("evaluation.fid-one-over-n", ratio[0] / ratio[1], at_least=3.2, at_most=4.9)


def claim_kid():
    mean = sum(evaluation.kid(draws(2 * k, 50, 8), draws(2 * k + 1, 50, 8)).value for k in range(200)) / 200
    check("evaluation.kid-unbiased", mean, 0, atol=0.02)


def claim_self():
    """k-th neighbour on a line of whole numbers: the first lies at 1, the third at 2 or 3."""
    line = torch.arange(10.0).unsqueeze(1)
    check("evaluation.self-excluded", neighbours.knn_radii(line, 1), torch.ones(10), atol=1e-5)


def claim_mode():
    left, right = draws(0, 200, 3), draws(1, 200, 3, 1, 100)
    check("evaluation.dropped-mode-costs-recall", evaluation.precision_recall(torch.cat([left, right]), draws(2, 200, 3)).recall, at_most=0.55)


def claim_copies():
    x = draws(0, 100, 5)
    check("evaluation.copies-are-at-distance-zero", evaluation.nearest(x.flip(0), x).distance, torch.zeros(100), atol=1e-9)


def claim_inception():
    sure = torch.eye(10).double().repeat(3, 1)
    check("evaluation.inception-of-sure-and-varied", evaluation.inception_score(sure).score, 10, atol=1e-9)


def claim_extrapolated():
    """True distance 0.5, between laws of which eight coordinates are seen at 200 to 1 600 samples."""
    x, y = draws(0, 20_000, 8), draws(1, 20_000, 8)
    y[:, 0] += math.sqrt(0.5)
    line = evaluation.fid_extrapolated(x, y, (200, 400, 800, 1600), 10, torch.Generator().manual_seed(2))
    check("evaluation.fid-extrapolated", line.value, 0.5, atol=0.08)


def claim_thief():
    training = draws(0, 200, 5)
    check("evaluation.copied-share-thief", evaluation.copied_share(training[:50] + 1e-3, draws(1, 50, 5), training), at_least=0.99)


def claim_least_p():
    far = two_sample.permutation_test(draws(0, 20, 1), draws(1, 20, 1, shift=50), lambda a, b: (a.mean() - b.mean()).abs(), 99, torch.Generator().manual_seed(2))
    check("evaluation.permutation-least-p", far.p, 0.01, atol=1e-12)


def claim_classifier_size():
    """The nearest neighbour's label, which is always right on the points that were learnt."""
    def fit(points, labels):
        return lambda z: labels[evaluation.nearest(z, points).index]

    tests = [two_sample.classifier_test(draws(2 * k, 30, 2), draws(2 * k + 1, 30, 2), fit, torch.Generator().manual_seed(k)) for k in range(200)]
    check("evaluation.classifier-size", sum(t.p <= 0.05 for t in tests) / 200, at_most=0.1)


def claim_annealed():
    """Two states, f = (1, 5), exact draws as moves: Z_last / Z_first = 3, in units of the standard error."""
    f, g = torch.tensor([1.0, 5.0]).double().log(), torch.Generator().manual_seed(0)

    def move(state, log_f):
        both = log_f(torch.tensor([0, 1])).softmax(0)
        return torch.multinomial(both, len(state), replacement=True, generator=g)

    start = torch.randint(2, (20_000,), generator=g)
    w = annealing.annealed_weights(lambda s: torch.zeros(len(s)).double(), lambda s: f[s], [0, 0.5, 1], start, move).exp()
    check("evaluation.annealed-sampled", (w.mean() - 3).abs() / (w.std() / len(w) ** 0.5), at_most=4)


CLAIMS = {
    "evaluation.fid-extrapolated": claim_extrapolated,
    "evaluation.copied-share-thief": claim_thief,
    "evaluation.permutation-least-p": claim_least_p,
    "evaluation.classifier-size": claim_classifier_size,
    "evaluation.annealed-sampled": claim_annealed,
    "evaluation.frechet-closed-form": claim_frechet,
    "evaluation.fid-one-over-n": claim_fid_bias,
    "evaluation.kid-unbiased": claim_kid,
    "evaluation.self-excluded": claim_self,
    "evaluation.dropped-mode-costs-recall": claim_mode,
    "evaluation.copies-are-at-distance-zero": claim_copies,
    "evaluation.inception-of-sure-and-varied": claim_inception,
}


def test_kid_with_another_kernel_is_the_mmd_of_distances(monkeypatch):
    """The same estimator as `distances.mmd2_unbiased`, whose kernel is Gaussian."""
    x, y = draws(0, 30, 3), draws(1, 30, 3, 1.2)
    monkeypatch.setattr(distances, "rbf_kernel", lambda a, b, bandwidth: (a @ b.T / 3 + 1) ** 3)
    expected = distances.mmd2_unbiased(x, y, 1.0)
    diagonal = sum((((t**2).sum(1) / 3 + 1) ** 3).sum() - 30 for t in (x, y)) / (30 * 29)  # that one takes k(x, x) = 1
    assert kid(x, y).value == pytest.approx((expected - diagonal).item(), abs=1e-9)


# ---- bad input ----

X = draws(0, 10, 3)
NAN = X.clone()
NAN[2, 1] = math.nan
BAD = {
    "not finite": (lambda: fid(X, NAN), "fake: expected finite numbers, got 1 that are not"),
    "infinite": (lambda: kid(X / 0, X), "real: expected finite numbers, got 30"),
    "too few for fid": (lambda: fid(X, X[:1]), r"expected at least 2 samples of each, got \(10, 3\) and \(1, 3\)"),
    "too few for kid": (lambda: kid(X[:2], X), r"expected at least 3 samples of each, got \(2, 3\) and \(10, 3\)"),
    "too few for k": (lambda: precision_recall(X[:3], X), "expected at least 4 samples of each"),
    "other features": (lambda: fid(X, X[:, :2]), r"expected shapes \(N, D\) and \(M, D\), got \(10, 3\) and \(10, 2\)"),
    "one axis": (lambda: precision_recall(X[0], X[0]), r"expected shapes \(N, D\) and \(M, D\), got \(3,\)"),
    "k": (lambda: precision_recall(X, X, k=0), "k: expected an integer >= 1, got 0"),
    "logits": (lambda: evaluation.inception_score(X), "probabilities: expected probabilities >= 0, got -"),
    "one row": (lambda: evaluation.inception_score(torch.full((4,), 0.25)), r"expected shape \(N, K\), got \(4,\)"),
    "label": (lambda: evaluation.class_shares(torch.tensor([3, 10])), "labels: expected 0 to 9, got 3 to 10"),
    "no label": (lambda: evaluation.class_shares(torch.tensor([], dtype=torch.int64)), r"labels: expected shape \(N,\), got \(0,\)"),
    "asymmetric": (lambda: frechet_distance([0, 0], [[1, 1], [0, 1]], [0, 0], torch.eye(2)), "cov1: expected a symmetric matrix"),
    "not a covariance": (lambda: frechet_distance([0, 0], torch.eye(2), [0, 0], -torch.eye(2)), "expected a positive semidefinite covariance, got an eigenvalue of -1"),
    "mean too long": (lambda: frechet_distance([0, 0, 0], torch.eye(2), [0, 0], torch.eye(2)), r"expected shapes \(D,\), \(D, D\)"),
    "image shape": (lambda: judge()(torch.zeros(2, 27, 28)), r"images: expected shape \(B, 28, 28\).*got \(2, 27, 28\)"),
    "image range": (lambda: judge()(torch.full((2, 784), -1.0)), r"images: expected values in \[0, 1\], got values from -1 to -1"),
    "image kind": (lambda: judge()(torch.zeros(2, 784, dtype=torch.int64)), "images: expected uint8 or floating, got torch.int64"),
    "image nan": (lambda: judge()(torch.full((2, 784), math.nan)), "images: expected values in"),
    "nothing to copy from": (lambda: evaluation.nearest(X, X[:0]), "expected one sample or more of each"),
    "other images": (lambda: evaluation.nearest(X, X[:, :2]), r"expected shapes \(B, ...\) and \(N, ...\), got \(10, 3\) and \(10, 2\)"),
    "nan sample": (lambda: evaluation.nearest(NAN, X), "samples: expected finite numbers, got 1"),
}  # fmt: skip


test_bad_input_says_expected_and_got = refuses(BAD)
