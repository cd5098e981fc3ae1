"""Fitting one Gaussian q to a mixture p on the line, by the forward and by the reverse KL (chapter "kl").

p is a `densities.Mixture1D`. Left out: fits in more dimensions, where the same two formulas hold.
"""


import torch

from .densities import LOG_2PI, check_finite, require

# The expectation over z ~ N(0, 1), by the trapezoid rule on [-8, 8]: the mass beyond is 1e-15.
_Z = torch.linspace(-8, 8, 1601, dtype=torch.float64)
_WEIGHTS = (-0.5 * (_Z**2 + LOG_2PI)).exp() * 0.01


def forward_fit(p):
    """(mean, std) of the Gaussian with the least KL(p || q): p's own mean and std (chapter: kl-moments)."""
    return p.mean, p.var.sqrt()


def reverse_kl(p, mean, log_std):
    """KL(N(mean, exp(log_std)^2) || p) in nats, elementwise: any shape -> the same shape.

    = -H(q) - E_q[log p], with x = mean + std z and the expectation over z ~ N(0, 1) by the trapezoid rule.
    """
    x = mean.unsqueeze(-1) + log_std.exp().unsqueeze(-1) * _Z  # (..., 1601)
    expected_log_p = (_WEIGHTS * p.log_prob(x)).sum(-1)
    return -(log_std + 0.5 * (LOG_2PI + 1)) - expected_log_p


def reverse_fit(p, mean, std, steps=100, rate=0.5):
    """Descend KL(q || p) from the start (mean, std): numbers, or tensors of many starts at once. A generator.

    Natural-gradient steps in (mean, log std): `rate` times the gradient times the inverse Fisher matrix
    diag(std^2, 1/2) (Amari 1998), cut to half a std in the mean and to 0.2 in log std. A step that would not lower the
    KL is not taken, and that start's rate is halved; each step taken lengthens it by a fifth, up to `rate`. Yields
    **after** each update {"step", "mean", "std", "kl_nats", "gradient"}; `gradient` is the length of the natural
    gradient, zero at an optimum. Where it ends depends on where it starts. ValueError for a start that is not finite
    or a std <= 0.
    """
    mean, std = check_finite(mean, "mean").double(), check_finite(std, "std").double()
    require(mean.shape == std.shape, f"expected mean and std of one shape, got {tuple(mean.shape)} and {tuple(std.shape)}")
    require(std.min() > 0, f"std: expected positive numbers, got {std.min().item():g}")
    require(0 < rate <= 1, f"rate: expected a number in (0, 1], got {rate}")
    here = (mean, std.log(), *_descent(p, mean, std.log()))
    rates = torch.full_like(mean, rate)
    for step in range(1, steps + 1):
        mean, log_std, kl_nats, down_mean, down_log_std = here
        new_mean = mean + (rates * down_mean).clamp(-0.5, 0.5) * log_std.exp()
        new_log_std = log_std + (rates * down_log_std).clamp(-0.2, 0.2)
        there = (new_mean, new_log_std, *_descent(p, new_mean, new_log_std))
        lower = there[2] <= kl_nats
        rates = torch.where(lower, (1.2 * rates).clamp(max=rate), rates / 2)
        here = tuple(torch.where(lower, new, old) for new, old in zip(there, here))
        mean, log_std, kl_nats, down_mean, down_log_std = here
        gradient = torch.hypot(down_mean, down_log_std)
        yield {"step": step, "mean": mean, "std": log_std.exp(), "kl_nats": kl_nats, "gradient": gradient}


def reverse_optima(p, starts=16, steps=300, atol=1e-6):
    """The local minima of KL(q || p) that descents from 2 x `starts` places find: [(mean, std, kl_nats), ...], best first.

    The starts are spread over p, once as narrow as its narrowest component and once as wide as p.
    """
    lo, hi = (p.means - p.stds).min(), (p.means + p.stds).max()
    spread = lo + (hi - lo) * (torch.arange(starts, dtype=torch.float64) + 0.5) / starts
    widths = torch.stack([p.stds.min(), p.var.sqrt()]).repeat_interleave(starts)
    for record in reverse_fit(p, spread.repeat(2), widths, steps):
        arrived = record["gradient"] < atol
        if arrived.all():
            break
    ends = torch.stack([record["kl_nats"], record["mean"], record["std"]], -1)[arrived]
    optima = []
    for kl_nats, mean, std in sorted(ends.tolist()):
        if all(abs(mean - m) > 1e-3 * s or abs(std / s - 1) > 1e-3 for m, s, _ in optima):
            optima.append((mean, std, kl_nats))
    return optima


def _descent(p, mean, log_std):
    """KL(q || p), and minus its natural gradient: for the mean in units of std, and for log std."""
    with torch.enable_grad():
        mean, log_std = mean.detach().requires_grad_(), log_std.detach().requires_grad_()
        kl_nats = reverse_kl(p, mean, log_std)
        by_mean, by_log_std = torch.autograd.grad(kl_nats.sum(), (mean, log_std))
    return kl_nats.detach(), -by_mean * log_std.detach().exp(), -by_log_std / 2
