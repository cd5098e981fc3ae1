"""Flow matching: straight paths from data to noise, and the velocity that follows them (chapter "guidance").

x_tau = (1 - tau) x_0 + tau eps, tau in [0, 1]: data at 0, noise at 1, as time runs in `ddpm`. A *velocity* is a function
v(x, tau) -> (B, ...) with tau a float tensor (B,); the one wanted is E[eps - x_0 | x_tau]. Seen from here a diffusion is the same path
at another pace and another scale. Left out: couplings of data and noise other than independence.
"""

from typing import NamedTuple

import torch

from .ddpm import scales, to_x0
from .denoisers import Cloud
from .densities import LOG_2PI, check_finite, require

METHODS = ("euler", "heun")


def path(x0, tau, eps):
    """x_tau = (1 - tau) x_0 + tau eps, eq. guidance-path. tau: a number or (B,), in [0, 1]."""
    tau = _times(tau, x0)
    return (1 - tau) * x0 + tau * eps


def flow_loss(velocity, x0, tau, eps):
    """|v(x_tau, tau) - (eps - x_0)|^2, eq. guidance-flow-loss (Lipman et al. 2023, eq. 23, with sigma_min = 0): summed over an example's numbers, (B,)."""
    return ((velocity(path(x0, tau, eps), tau) - (eps - x0)) ** 2).flatten(1).sum(1)


class Point(NamedTuple):
    """Where a flow has come to: time tau and x, (B, ...)."""

    tau: float
    x: torch.Tensor


def flow(velocity, x_1, steps=50, method="euler", until=0.0):
    """Follow dx/dtau = v(x, tau) from `x_1` at tau = 1 down to `until`: yields a `Point` after each step. No gradient is kept.

    euler: one evaluation a step, error of order 1 / steps. heun: two, error 1 / steps^2.
    """
    x = check_finite(x_1, "x_1")
    require(isinstance(steps, int) and steps >= 1, f"steps: expected an integer >= 1, got {steps!r}")
    require(method in METHODS, f"method: expected one of {', '.join(METHODS)}; got {method!r}")
    require(0 <= until < 1, f"until: expected a number in [0, 1), got {until!r}")
    times = torch.linspace(1, until, steps + 1, dtype=torch.float64).tolist()
    for now, after in zip(times, times[1:]):
        with torch.no_grad():
            x = flow_step(velocity, x, now, after, method)
        yield Point(after, x)


def flow_step(velocity, x, now, after, method="euler"):
    """One step from time `now` to time `after`. Heun: the mean of the velocities here and where Euler's step ends."""
    def at(x, tau):
        return velocity(x, torch.full((len(x),), tau, dtype=x.dtype, device=x.device))

    here = at(x, now)
    there = x + (after - now) * here
    return there if method == "euler" else x + (after - now) * (here + at(there, after)) / 2


# --- the velocity that is wanted, in closed form ------------------------------------------------------------------

def cloud_velocity(law):
    """E[eps - x_0 | x_tau = x] for data from a `Cloud`, eq. guidance-velocity: v(x, tau), x (B, D), tau (B,)."""
    def velocity(x, tau):
        tau = _times(tau, x)
        var = (1 - tau) ** 2 * law.stds.to(x) ** 2 + tau**2  # (B, K)
        gap = x.unsqueeze(1) - (1 - tau).unsqueeze(-1) * law.means.to(x)  # (B, K, D)
        share = torch.softmax(_log_parts(law, gap, var), 1).unsqueeze(-1)
        eps = tau.unsqueeze(-1) / var.unsqueeze(-1) * gap
        x0 = law.means.to(x) + ((1 - tau) * law.stds.to(x) ** 2 / var).unsqueeze(-1) * gap
        return (share * (eps - x0)).sum(1)

    return velocity


def cloud_path_log_prob(law, x, tau):
    """log p(x_tau = x) in nats, (B,), for data from a `Cloud`."""
    tau = _times(tau, x)
    var = (1 - tau) ** 2 * law.stds.to(x) ** 2 + tau**2
    return torch.logsumexp(_log_parts(law, x.unsqueeze(1) - (1 - tau).unsqueeze(-1) * law.means.to(x), var), 1)


def _log_parts(law: Cloud, gap, var):
    """log w_k + log N(gap; 0, var I), (B, K)."""
    return law.weights.to(gap).log() - (gap**2).sum(-1) / (2 * var) - gap.shape[-1] / 2 * (LOG_2PI + var.log())


# --- the same model as a diffusion --------------------------------------------------------------------------------

def pace(schedule, t):
    """tau at which the straight path has the signal-to-noise ratio of x_t, and the scale c with x_t = c x_tau: two floats.

    a = sqrt(alpha_bar_t), b = sqrt(1 - alpha_bar_t): tau = b / (a + b), c = a + b, eq. guidance-pace.
    """
    a, b = scales(schedule, t, torch.zeros(1, dtype=torch.float64))
    return (b / (a + b)).item(), (a + b).item()


def as_velocity(schedule, denoise):
    """The velocity of the straight path that a denoiser amounts to, eps_hat - x0_hat: v(x, tau), each tau taken to the nearest t of the schedule."""
    a, b = schedule.alpha_bar.cpu().sqrt(), (1 - schedule.alpha_bar.cpu()).sqrt()
    paces = b / (a + b)  # rises with t

    def velocity(x, tau):
        t = torch.searchsorted((paces[1:-1] + paces[2:]) / 2, torch.as_tensor(tau).double().cpu()).to(x.device) + 1
        signal, noise = scales(schedule, t, x)
        xt = (signal + noise) * x
        eps_hat = denoise(xt, t)
        return eps_hat - to_x0(schedule, xt, t, eps_hat)

    return velocity


def _times(tau, x):
    """tau shaped to multiply x, (B, ...). ValueError unless every time lies in [0, 1]."""
    tau = torch.as_tensor(tau, dtype=x.dtype, device=x.device)
    require(tau.ndim == 0 or tau.shape == x.shape[:1], f"tau: expected a number or shape {tuple(x.shape[:1])}, got {tuple(tau.shape)}")
    require(tau.min() >= 0 and tau.max() <= 1, f"tau: expected times in [0, 1], got {tau.min().item():g} to {tau.max().item():g}")
    return tau.expand(len(x)).reshape(-1, *[1] * (x.ndim - 1))
