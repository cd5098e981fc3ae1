"""The Wasserstein critic: the dual of W1, the two ways to keep a critic 1-Lipschitz, and the exact critic on the line (chapter "gan").

W1(p, g) = max over 1-Lipschitz f of E_p f(x) - E_g f(x), eq-gan-dual. `distances.wasserstein_1d` and `wasserstein_cdf` are the primal side.
"""

import torch

from .densities import check_finite, require
from .gan import check_logits


def dual_value(real_scores, fake_scores):
    """E f(x) - E f(y) from the scores of two samples: at most W1 for a 1-Lipschitz f, at most K W1 for a K-Lipschitz one."""
    return check_logits(real_scores).mean() - check_logits(fake_scores).mean()


def critic_loss(real_scores, fake_scores):
    """-(E f(x) - E f(G(z))), minimised by the critic (Arjovsky, Chintala, Bottou 2017, algorithm 1)."""
    return -dual_value(real_scores, fake_scores)


def line_critic(cdf_p, cdf_g, x):
    """The best 1-Lipschitz critic on the line at the sorted knots x (N,), 0 at the first: (N,).

    E_p f - E_g f = integral of f'(x) (G(x) - F(x)) dx by parts, so the best slope is the sign of G - F: the critic climbs towards
    where the data's mass still lies, and the value is the integral of |F - G|, which is W1. cdf_p, cdf_g: functions of x.
    """
    x = check_finite(x, "x")
    require(x.ndim == 1 and len(x) > 1 and (x.diff() > 0).all(), "x: expected at least two knots in rising order, got others")
    middle = (x[1:] + x[:-1]) / 2
    slope = torch.sign(cdf_g(middle) - cdf_p(middle))
    return torch.cat([x.new_zeros(1), (slope * x.diff()).cumsum(0)])


@torch.no_grad()
def clip_weights(net, limit):
    """Set every parameter of `net` into [-limit, limit], in place: a crude bound on its slope (Arjovsky et al. 2017, algorithm 1)."""
    require(limit > 0, f"limit: expected a positive number, got {limit}")
    for p in net.parameters():
        p.clamp_(-limit, limit)


def gradient_penalty(critic, real, fake, generator=None):
    """E (|grad f(x)| - 1)^2 at random points of the segments from real to fake, eq-gan-penalty: a scalar that can be differentiated.

    real, fake: (B, ...). The norm is over all of an example's numbers (Gulrajani et al. 2017, eq. 3).
    """
    require(real.shape == fake.shape, f"expected two batches of one shape, got {tuple(real.shape)} and {tuple(fake.shape)}")
    t = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator, dtype=real.dtype).to(real.device)
    between = torch.lerp(real, fake, t).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
