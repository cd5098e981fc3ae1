"""Mixtures of Gaussians with full covariances: the exact denoiser and score, and a law for codes (chapter "autoencoder").

The oracle of denoising, where the optimal denoiser and the score are closed forms, and the second step of a two-step model.
float64 throughout; densities in nats, one per example. Left out: choosing the number of components.
"""

from dataclasses import dataclass

import torch

from .densities import LOG_2PI, check_finite, check_probabilities, require


@dataclass(frozen=True)
class Mixture:
    """A mixture of M Gaussians in D dimensions, float64: weights (M,), means (M, D), covs (M, D, D). M = 1 is a Gaussian."""

    weights: torch.Tensor
    means: torch.Tensor
    covs: torch.Tensor

    def __post_init__(self):
        object.__setattr__(self, "weights", check_probabilities(self.weights, "weights").double())
        for name in ("means", "covs"):
            object.__setattr__(self, name, check_finite(getattr(self, name), name).double())
        shapes, (m, d) = [tuple(t.shape) for t in (self.weights, self.means, self.covs)], (len(self.weights), self.means.shape[-1])
        require(shapes == [(m,), (m, d), (m, d, d)], f"expected weights (M,), means (M, D), covs (M, D, D), got {shapes}")


def log_parts(law, x):
    """log w_k + log N(x; m_k, C_k), (..., D) -> (..., M); their logsumexp is log p(x)."""
    x = check_finite(x, "x").double()
    require(x.shape[-1] == law.means.shape[1], f"x: expected {law.means.shape[1]} numbers a row, got shape {tuple(x.shape)}")
    chol = torch.linalg.cholesky(law.covs)
    rows = x.reshape(-1, x.shape[-1]).T  # (D, N)
    white = torch.linalg.solve_triangular(chol, rows - law.means.unsqueeze(-1), upper=False)  # (M, D, N)
    log_norm = law.weights.log() - len(rows) * LOG_2PI / 2 - chol.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return (log_norm - (white**2).sum(1).T / 2).reshape(*x.shape[:-1], -1)


def log_prob(law, x):
    """log p(x) in nats, (..., D) -> (...)."""
    return torch.logsumexp(log_parts(law, x), -1)


def blurred(law, noise_std):
    """The law of x + noise_std * eps: every covariance grows by noise_std^2 I."""
    eye = torch.eye(law.means.shape[1], dtype=torch.float64)
    return Mixture(law.weights, law.means, law.covs + noise_std**2 * eye)


def optimal_denoiser(law, corrupted, noise_std):
    """E[x | x~] for x ~ law and x~ = x + noise_std * eps, (..., D) -> (..., D), eq-gaussian-denoiser.

    Each component gives m + C (C + sigma^2 I)^-1 (x~ - m), weighted by its posterior probability given x~.
    """
    wide = blurred(law, noise_std)
    share = torch.softmax(log_parts(wide, corrupted), -1)  # (..., M)
    parts = [m + (corrupted - m) @ torch.linalg.solve(w, c) for m, c, w in zip(law.means, law.covs, wide.covs)]
    return (share.unsqueeze(-1) * torch.stack(parts, -2)).sum(-2)


def fit_mixture(z, components=1, steps=50, floor=1e-3, generator=None):
    """A `Mixture` fitted to codes (N, K) by EM; one component is the Gaussian of their mean and covariance.

    Starts from k-means++ centres; `floor` times the mean variance is added to each covariance's diagonal, so that no component
    shrinks to a point (where the likelihood is unbounded). ValueError unless N > components >= 1.
    """
    z = check_finite(z, "z").double()
    require(z.ndim == 2, f"z: expected shape (N, K), got {tuple(z.shape)}")
    require(1 <= components < len(z), f"components: expected a number from 1 to N - 1 = {len(z) - 1}, got {components}")
    ridge = floor * z.var(0).mean() * torch.eye(z.shape[1], dtype=z.dtype)
    centres = z[torch.randint(len(z), (1,), generator=generator)]
    for _ in range(components - 1):
        far = torch.cdist(z, centres).amin(1) ** 2
        centres = torch.cat([centres, z[torch.multinomial(far, 1, generator=generator)]])
    share = torch.nn.functional.one_hot(torch.cdist(z, centres).argmin(1), components).to(z)
    for step in range(steps if components > 1 else 1):
        if step:
            share = torch.softmax(log_parts(law, z), -1)
        total = share.sum(0)
        means = share.T @ z / total.unsqueeze(-1)
        covs = torch.stack([(share[:, k, None] * (z - m)).T @ (z - m) / total[k] for k, m in enumerate(means)])
        law = Mixture(total / len(z), means, covs + ridge * (components > 1))
    return law


def sample(law, n, generator=None):
    """n independent draws, (n, D)."""
    which = torch.multinomial(law.weights, n, replacement=True, generator=generator)
    eps = torch.randn(n, law.means.shape[1], 1, dtype=torch.float64, generator=generator)
    return law.means[which] + (torch.linalg.cholesky(law.covs)[which] @ eps).squeeze(-1)
