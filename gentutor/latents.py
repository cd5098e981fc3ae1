"""What a trained VAE is used for (chapter "vae"): generation, interpolation, arithmetic with codes, imputation.

Left out: everything that needs labels during training.
"""

import math

import torch

from .densities import as_float, require
from .vae import check_pixels, log_weight, reparameterise


@torch.no_grad()
def generate(model, n, latent, generator=None, draw=False):
    """n new examples: z ~ N(0, I), d = `latent` numbers, through the decoder; means of p(x | z), or draws of it. (n, D)"""
    require(n >= 1 and latent >= 1, f"expected n >= 1 and latent >= 1, got {n} and {latent}")
    first = next(model.decoder.parameters())
    zero = torch.zeros(n, latent, dtype=first.dtype, device=first.device)
    z = reparameterise(zero, zero, generator)
    return draw_pixels(model, z, generator) if draw else mean_pixels(model, z)


def mean_pixels(model, z):
    """E[x | z], (..., D): probabilities (bernoulli), means (gaussian), mean level (categorical)."""
    out = model.decode(z)
    if model.likelihood == "bernoulli":
        return out.sigmoid()
    return out if model.likelihood == "gaussian" else out.softmax(-1) @ torch.arange(model.levels, dtype=out.dtype, device=out.device)


def draw_pixels(model, z, generator=None):
    """x ~ p(x | z), (..., D): 0. or 1. (bernoulli), real (gaussian), integers (categorical)."""
    out = model.decode(z)
    if model.likelihood == "gaussian":
        return reparameterise(out, model.log_var, generator)
    if model.likelihood == "bernoulli":
        return (_uniform(out, generator) < out.sigmoid()).to(out.dtype)
    below = out.softmax(-1).cumsum(-1)[..., :-1]  # inverse of the distribution function
    return (_uniform(out[..., 0], generator).unsqueeze(-1) > below).sum(-1)


def lerp(a, b, t):
    """(1 - t) a + t b: codes (d,), t (T,) -> (T, d)."""
    t = as_float(t).to(a.dtype).unsqueeze(-1)
    return (1 - t) * a + t * b


def slerp(a, b, t):
    """sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b, w the angle of a and b,
    eq. vae-slerp: (d,), (d,), (T,) -> (T, d) (Shoemake 1985; White 2016).

    Keeps the norm when |a| = |b|. ValueError for a zero code, or for opposite
    ones, where no arc is singled out.
    """
    require(min(a.norm(), b.norm()) > 0, "slerp: expected codes that are not zero, got a zero code")
    w = torch.arccos(torch.clamp((a / a.norm() * (b / b.norm())).sum(), -1, 1))
    require(w < math.pi - 1e-3, f"slerp: expected codes that are not opposite, got an angle of {w.item():g}")
    if w < 1e-4:
        return lerp(a, b, t)
    t = as_float(t).to(a.dtype).unsqueeze(-1)
    return (torch.sin((1 - t) * w) * a + torch.sin(t * w) * b) / torch.sin(w)


def attribute_direction(means, has):
    """The code of an attribute: mean code of the examples that have it minus mean code of the others, (N, d), bool (N,) -> (d,)."""
    require(has.any() and not has.all(), "has: expected some examples with the attribute and some without")
    return means[has].mean(0) - means[~has].mean(0)


@torch.no_grad()
def impute(model, x, observed, steps, generator=None, *, warm_up=20, metropolis=True):
    """Draw missing pixels given the observed ones: a generator, yields (x filled, z, share accepted) after each step.

    x: (B, D), read where `observed`, bool (D,) or (B, D), is true; the rest starts at a draw of p(x | z = 0). A step proposes
    z' ~ q(z | x) at the current filling, accepts it with probability min(1, w'/w), w = p(x | z) p(z) / q(z | x), and draws the
    missing pixels from p(x | z). That leaves p(x_missing, z | x_observed) as it is (Mattei & Frellsen 2018, Metropolis-within-Gibbs).
    The first `warm_up` steps take every proposal, to come near: the pseudo-Gibbs sampler of Rezende et al. (2014, appendix F).
    Without `metropolis` all steps do, and the law is exact only where q is the posterior. Keep what comes after the warm-up.
    """
    x = check_pixels(model, x)
    shapes = (tuple(x.shape), tuple(x.shape[1:]))
    require(tuple(observed.shape) in shapes, f"observed: expected shape {shapes[0]} or {shapes[1]}, got {tuple(observed.shape)}")
    z = torch.zeros_like(model.encode(x)[0])
    x = torch.where(observed, x, draw_pixels(model, z, generator).to(x.dtype))
    for step in range(steps):
        mean, log_var = model.encode(x)
        new = reparameterise(mean, log_var, generator)
        accepted = torch.ones(len(x), dtype=torch.bool, device=x.device)
        if metropolis and step >= max(warm_up, 1):
            log_ratio = log_weight(model, x, new, mean, log_var) - log_weight(model, x, z, mean, log_var)
            accepted = _uniform(log_ratio, generator).log() < log_ratio
        z = torch.where(accepted.unsqueeze(-1), new, z)
        x = torch.where(observed, x, draw_pixels(model, z, generator).to(x.dtype))
        yield x, z, accepted.double().mean().item()


def _uniform(like, generator):
    place = generator.device if generator is not None else like.device
    return torch.rand(like.shape, generator=generator, dtype=like.dtype, device=place).to(like.device)
