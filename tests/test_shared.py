"""Densities and runtime, against scipy and quadrature."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from gentutor import densities, plots, runtime

real = st.floats(-5, 5)


@given(real, real, st.floats(-4, 4))
def test_log_normal_is_scipys(x, mean, log_var):
    assert densities.log_normal(x, mean, log_var).item() == pytest.approx(scipy.stats.norm.logpdf(x, mean, np.exp(log_var / 2)), rel=1e-10, abs=1e-10)


def test_log_normal_full_and_diag_are_scipys():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 3))
    cov, mean, x = a @ a.T + np.eye(3), rng.standard_normal(3), rng.standard_normal((7, 3))
    np.testing.assert_allclose(densities.log_normal_full(x, mean, cov), scipy.stats.multivariate_normal(mean, cov).logpdf(x), rtol=1e-12)
    diag = np.array([0.3, 1.0, 2.0])
    np.testing.assert_allclose(
        densities.log_normal_diag(x, mean, np.log(diag)), scipy.stats.multivariate_normal(mean, np.diag(diag)).logpdf(x), rtol=1e-12)


@given(st.floats(-1e4, 1e4))
@example(21.0)
def test_bernoulli_sums_to_one_and_stays_finite(logit):
    logs = densities.log_bernoulli([0.0, 1.0], logit)
    assert torch.isfinite(logs).all() and logs.exp().sum().item() == pytest.approx(1, abs=1e-11)  # 1e4 * 2**-53


def test_categorical():
    logits = torch.tensor([[2.0, 1.0, 0.1]], dtype=torch.float64)
    assert -densities.log_categorical([0], logits).item() == pytest.approx(0.41703, abs=1e-5)


def test_mixture_is_a_law():
    mix = densities.Mixture1D([0.3, 0.7], [-2, 1], [0.5, 1.0])
    x = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    p = mix.prob(x)
    mean = torch.trapezoid(x * p, x)
    assert torch.trapezoid(p, x).item() == pytest.approx(1, abs=1e-10)
    assert mean.item() == pytest.approx(mix.mean.item(), abs=1e-10)
    assert torch.trapezoid((x - mean) ** 2 * p, x).item() == pytest.approx(mix.var.item(), abs=1e-9)
    np.testing.assert_allclose(mix.cdf(x)[10000], torch.trapezoid(p[:10001], x[:10001]), atol=1e-8)
    sample = mix.sample(50_000, torch.Generator().manual_seed(0))
    assert scipy.stats.kstest(sample.numpy(), lambda v: mix.cdf(v).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("call, words", [
    (lambda: densities.check_probabilities([0.5, 0.6]), "sum to 1.*1.1"),
    (lambda: densities.check_probabilities([1.5, -0.5]), ">= 0.*-0.5"),
    (lambda: densities.check_probabilities([float("nan"), 1]), "finite"),
    (lambda: densities.check_probabilities([]), "at least one"),
    (lambda: densities.check_probabilities(1.0), "axis"),
    (lambda: densities.cholesky([[1, 2], [2, 1]]), "positive definite.*-1"),
    (lambda: densities.cholesky([[1, 2, 3]]), "square"),
    (lambda: densities.cholesky([[1, 0.5], [0.2, 1]]), "symmetric"),
    (lambda: densities.Mixture1D([1], [0, 1], [1, 1]), "one length"),
    (lambda: densities.Mixture1D([1], [0], [0]), "positive"),
    (lambda: runtime.device("gpu please"), "expected 'cpu'"),
    (lambda: runtime.seed(-1), "seed"),
    (lambda: plots.image_grid(np.zeros((0, 28, 28))), "expected shape"),
])
def test_bad_input_says_what_was_expected(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.device().type == "cpu"
    with pytest.raises(RuntimeError, match="0 CUDA device"):
        runtime.device("cuda")
    monkeypatch.setenv("GENTUTOR_DEVICE", "cuda")
    with pytest.raises(RuntimeError) as error:
        runtime.device()
    assert "\n" not in str(error.value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert runtime.device("cuda") == torch.device("cuda")
    with pytest.raises(RuntimeError):
        runtime.device("cuda:1")


def test_seed_makes_draws_repeat():
    def draw(n):
        generator = runtime.seed(n)
        return torch.rand(3).tolist() + torch.rand(3, generator=generator).tolist() + np.random.rand(3).tolist()

    assert draw(3) == draw(3) != draw(4)


def test_budget():
    assert runtime.budget("cpu", cpu=1, gpu=2) == 1 and runtime.budget("cuda", cpu=1, gpu=2) == 2
