"""Perfect denoisers in closed form, for Gaussian data and for mixtures, and what a perfect sampler does (chapter "ddpm").

E[eps | x_t] is what the simple loss is minimised by; here it is known, so whatever goes wrong is not the net's fault. float64.
Left out: components with a covariance of their own (`mixtures.optimal_denoiser`, with sigma = sqrt((1 - alpha_bar) / alpha_bar), has them).
"""

from dataclasses import dataclass

import torch

from .ddpm import at, scales
from .densities import LOG_2PI, check_finite, check_probabilities, require


def gaussian_denoiser(schedule, mean, cov):
    """The denoiser (B, D) of data N(mean, cov), mean (D,), cov (D, D), eq. ddpm-gaussian-denoiser:
    eps_hat = sqrt(1 - alpha_bar) (alpha_bar cov + (1 - alpha_bar) I)^-1 (x_t - sqrt(alpha_bar) mean).
    """
    mean, cov = check_finite(mean, "mean").double(), check_finite(cov, "cov").double()
    d = mean.numel()
    require(mean.shape == (d,) and cov.shape == (d, d), f"expected mean (D,) and cov (D, D), got {tuple(mean.shape)} and {tuple(cov.shape)}")
    values, axes = torch.linalg.eigh(cov)
    require(values.min() >= -1e-9 * values.max(), f"cov: expected eigenvalues >= 0, got {values.min().item():g}")

    def denoise(xt, t):
        signal, noise = scales(schedule, t, xt)
        along = (xt - signal * mean.to(xt)) @ axes.to(xt)  # in the axes of cov, whose inverse is then a division
        return noise * along / (signal**2 * values.to(xt) + noise**2) @ axes.T.to(xt)

    return denoise


@dataclass(frozen=True)
class Cloud:
    """A mixture of K round Gaussians: weights (K,), means (K, D), stds (K,) >= 0, float64. With stds 0 it is a set of points."""

    weights: torch.Tensor
    means: torch.Tensor
    stds: torch.Tensor

    def __post_init__(self):
        object.__setattr__(self, "weights", check_probabilities(self.weights, "weights").double())
        for name in ("means", "stds"):
            object.__setattr__(self, name, check_finite(getattr(self, name), name).double())
        shapes, k = [tuple(v.shape) for v in (self.weights, self.means, self.stds)], len(self.weights)
        require(self.means.ndim == 2 and shapes == [(k,), (k, self.means.shape[1]), (k,)], f"expected weights (K,), means (K, D), stds (K,), got {shapes}")
        require(self.stds.min() >= 0, f"stds: expected numbers >= 0, got {self.stds.min().item():g}")


def cloud_log_parts(schedule, law, xt, t):
    """log w_k + log N(x_t; sqrt(alpha_bar) m_k, (alpha_bar s_k^2 + 1 - alpha_bar) I), (B, K): their logsumexp is log q(x_t)."""
    signal, noise = scales(schedule, t, xt)
    var = signal**2 * law.stds.to(xt) ** 2 + noise**2  # (B, K) or (K,)
    gap = ((xt.unsqueeze(1) - (signal * law.means.to(xt).flatten()).reshape(-1, *law.means.shape)) ** 2).sum(-1)
    return law.weights.to(xt).log() - gap / (2 * var) - law.means.shape[1] / 2 * (LOG_2PI + var.log())


def cloud_log_prob(schedule, law, xt, t):
    """log q(x_t) in nats, (B,), for data from `law`."""
    return torch.logsumexp(cloud_log_parts(schedule, law, xt, t), 1)


def cloud_denoiser(schedule, law):
    """The denoiser (B, D) of data from a `Cloud`, eq. ddpm-mixture-denoiser: each component's answer, weighed by its probability given x_t."""

    def denoise(xt, t):
        signal, noise = scales(schedule, t, xt)
        share = torch.softmax(cloud_log_parts(schedule, law, xt, t), 1)  # (B, K)
        share = share / (signal**2 * law.stds.to(xt) ** 2 + noise**2)
        return noise * (share.sum(1, keepdim=True) * xt - signal * (share @ law.means.to(xt)))

    return denoise


def cloud_sample(law, n, generator=None):
    """n draws of a `Cloud`, (n, D)."""
    which = torch.multinomial(law.weights, n, replacement=True, generator=generator)
    eps = torch.randn(n, law.means.shape[1], dtype=torch.float64, generator=generator)
    return law.means[which] + law.stds[which, None] * eps


def gaussian_reverse_var(schedule, data_var):
    """Variance of q(x_{t-1} | x_t) for data of variance `data_var` on the line, (T+1,): between beta tilde (0) and beta (1 and more noise).

    Bayes' rule with prior variance alpha_bar_{t-1} data_var + 1 - alpha_bar_{t-1} and noise beta_t / alpha_t. Entry 0 is 0.
    """
    require(data_var >= 0, f"data_var: expected a number >= 0, got {data_var}")
    prior = schedule.alpha_bar[:-1] * data_var + 1 - schedule.alpha_bar[:-1]
    after = schedule.alpha[1:] * prior + schedule.beta[1:]
    return torch.cat([schedule.beta[:1], prior * schedule.beta[1:] / after])


def gaussian_chain(schedule, data_mean, data_var, noise_var, start_mean=0.0, start_var=1.0):
    """Mean and variance of x_0 when `ddpm.sample` runs with the perfect denoiser of N(data_mean, data_var) on the line: no draw is needed.

    Each step is x_{t-1} = a x_t + c + noise of variance noise_var[t] (a table (T+1,); none at t = 1), so the moments follow a recursion,
    from those of x_T.
    """
    mean, var = torch.tensor(float(start_mean)).double(), torch.tensor(float(start_var)).double()
    for t in range(schedule.T, 0, -1):
        alpha_bar, alpha, beta = schedule.alpha_bar[t], schedule.alpha[t], schedule.beta[t]
        gain = beta / (alpha_bar * data_var + 1 - alpha_bar)  # of the denoiser, times beta / sqrt(1 - alpha_bar)
        mean = (mean - gain * (mean - alpha_bar.sqrt() * data_mean)) / alpha.sqrt()
        var = (1 - gain) ** 2 / alpha * var + (noise_var[t] if t > 1 else 0)
    return mean, var
