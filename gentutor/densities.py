"""Log-densities and samplers that several chapters share.

Each log-density returns one value per example, in nats; the caller sums or averages over examples.
Floating tensors keep their dtype; anything else becomes float64.
"""

import math

import torch

LOG_2PI = math.log(2 * math.pi)


def require(condition, message):
    """Raise `ValueError(message)` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def as_float(x):
    """A floating tensor: floating tensors keep their dtype, everything else becomes float64."""
    if isinstance(x, torch.Tensor):
        return x if x.is_floating_point() else x.double()
    return torch.as_tensor(x, dtype=torch.float64)


def check_finite(x, name):
    """`x` as a floating tensor; ValueError when it is empty or holds a NaN or an infinity."""
    x = as_float(x)
    require(x.numel() > 0, f"{name}: expected at least one number, got shape {tuple(x.shape)}")
    bad = ~torch.isfinite(x)
    require(not bad.any(), f"{name}: expected finite numbers, got {int(bad.sum())} that are not")
    return x


def check_probabilities(p, name="p", dim=-1, atol=1e-6):
    """`p` as a floating tensor of probabilities that sum to one along `dim`.

    Raises ValueError when it is empty, not finite, negative anywhere, or sums to something else.
    """
    p = check_finite(p, name)
    require(p.ndim > 0, f"{name}: expected at least one axis of probabilities, got a single number")
    require(p.min() >= 0, f"{name}: expected probabilities >= 0, got {p.min().item():g}")
    total = p.sum(dim)
    worst = total.flatten()[(total - 1).abs().argmax()].item()
    require(abs(worst - 1) <= atol, f"{name}: expected probabilities that sum to 1, got a sum of {worst:.9g}")
    return p


def log_normal(x, mean, log_var):
    """log N(x; mean, exp(log_var)), elementwise over the broadcast shape."""
    x, mean, log_var = as_float(x), as_float(mean), as_float(log_var)
    return -0.5 * (LOG_2PI + log_var + (x - mean) ** 2 / log_var.exp())


def log_normal_diag(x, mean, log_var):
    """log N(x; mean, diag(exp(log_var))): the last axis is summed, (..., D) -> (...)."""
    return log_normal(x, mean, log_var).sum(-1)


def log_normal_full(x, mean, cov):
    """log N(x; mean, cov) for x of shape (..., D) and cov of shape (D, D), positive definite -> (...).

    The quadratic form is |L^-1 (x - mean)|^2 with cov = L L^T (Cholesky), so nothing is inverted.
    """
    x, mean, cov = as_float(x), as_float(mean), as_float(cov)
    chol = cholesky(cov, "cov")
    diff = (x - mean).unsqueeze(-1)  # (..., D, 1)
    white = torch.linalg.solve_triangular(chol, diff, upper=False).squeeze(-1)
    return -0.5 * (x.shape[-1] * LOG_2PI + (white**2).sum(-1)) - chol.diagonal().log().sum()


def cholesky(cov, name="cov"):
    """Lower Cholesky factor of `cov`, (D, D); ValueError unless it is square, symmetric and positive definite."""
    cov = check_finite(cov, name)
    require(cov.ndim == 2 and cov.shape[0] == cov.shape[1], f"{name}: expected a square matrix, got shape {tuple(cov.shape)}")
    require(torch.allclose(cov, cov.T, rtol=1e-6, atol=1e-9), f"{name}: expected a symmetric matrix, got an asymmetric one")
    chol, info = torch.linalg.cholesky_ex(cov)
    smallest = torch.linalg.eigvalsh(cov).min().item()
    require(info.item() == 0, f"{name}: expected a positive definite matrix, got a smallest eigenvalue of {smallest:g}")
    return chol


def log_bernoulli(x, logits):
    """log p(x) of a Bernoulli with the given logits, elementwise; x in [0, 1]. Finite for every finite logit."""
    x, logits = as_float(x), as_float(logits)
    return x * logits - torch.nn.functional.softplus(logits, threshold=40)  # torch's own 20 is seen in float64


def log_categorical(index, logits):
    """log of the softmax probability of class `index`: (B,) integers and (B, K) logits -> (B,)."""
    log_p = torch.log_softmax(as_float(logits), -1)
    return log_p.gather(-1, torch.as_tensor(index).unsqueeze(-1)).squeeze(-1)


class Mixture1D:
    """A mixture of Gaussians on the line, in float64: the oracle of several chapters.

    weights, means, stds: K numbers each; the weights sum to one and the stds are positive (ValueError otherwise).
    """

    def __init__(self, weights, means, stds):
        self.weights = check_probabilities(weights, "weights").double()
        self.means = check_finite(means, "means").double()
        self.stds = check_finite(stds, "stds").double()
        shapes = [tuple(t.shape) for t in (self.weights, self.means, self.stds)]
        require(len(set(shapes)) == 1 and len(shapes[0]) == 1, f"expected weights, means, stds of one length, got {shapes}")
        require(self.stds.min() > 0, f"stds: expected positive numbers, got {self.stds.min().item():g}")
        self.mean = (self.weights * self.means).sum()
        self.var = (self.weights * (self.stds**2 + self.means**2)).sum() - self.mean**2

    def log_prob(self, x):
        """log density at x, any shape."""
        parts = log_normal(as_float(x).unsqueeze(-1), self.means, 2 * self.stds.log())
        return torch.logsumexp(parts + self.weights.log(), -1)

    def prob(self, x):
        """Density at x, any shape."""
        return self.log_prob(x).exp()

    def cdf(self, x):
        """P(X <= x), any shape."""
        z = (as_float(x).unsqueeze(-1) - self.means) / self.stds
        return (self.weights * torch.special.ndtr(z)).sum(-1)

    def sample(self, n, generator=None):
        """n independent draws, shape (n,)."""
        k = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, dtype=torch.float64, generator=generator)
        return self.means[k] + self.stds[k] * noise
