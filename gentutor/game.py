"""The two players as one step of `train.fit`, and what a generator of points came to (chapter "gan").

    make, judge = gan_nets.point_nets()
    models = {"generator": make, "discriminator": judge}
    state = State(models, {name: torch.optim.Adam(net.parameters(), lr=1e-3) for name, net in models.items()}, generators=g)
    step = game.rounds(make, judge, noise, "non-saturating")
    for record in fit(step, batches_of_data, state): ...      # discriminator_loss, generator_loss, …

The discriminator descends on its loss with the fakes held fixed; then the generator descends on its own through the discriminator.
"""

from typing import NamedTuple

import torch

from . import gan, wasserstein_gan
from .densities import check_finite, require

LOSSES = {
    "minimax": (gan.discriminator_loss, gan.minimax_loss),
    "non-saturating": (gan.discriminator_loss, gan.non_saturating_loss),
    "hinge": (gan.hinge_discriminator_loss, gan.critic_generator_loss),
    "wasserstein": (wasserstein_gan.critic_loss, gan.critic_generator_loss),
}


def discriminator_terms(discriminator, real, fake, loss="non-saturating", **options):
    """The discriminator's loss on two batches. The fakes are data here, `detach`ed: nothing flows back into the generator."""
    return _named(loss)[0](discriminator(real), discriminator(fake.detach()), **options)


def generator_terms(discriminator, fake, loss="non-saturating"):
    """The generator's loss: its gradient reaches the generator through the discriminator and the fakes."""
    return _named(loss)[1](discriminator(fake))


def rounds(generator, discriminator, noise, loss="non-saturating", *, k=1, generator_steps=1, penalty=0.0, draws=None, clip=None, **options):
    """step(real) for `train.fit`: k updates of the discriminator, then one of the generator (Goodfellow et al. 2014, algorithm 1).

    real: a batch (kB, ...), cut into k parts. noise(n): draws of p_z, (n, latent). generator_steps: updates of the generator
    instead of its one, against a discriminator that waits; the first judges the last fakes, each other one fresh ones. penalty:
    weight of the gradient penalty (`wasserstein_gan.gradient_penalty`), whose points on the segments come from the torch.Generator
    `draws`. clip: largest absolute weight of the discriminator after an update. options: of the discriminator's loss, such as
    labels=(0.9, 0.0). ValueError on an unknown loss, a number of updates below 1, or a batch that k does not divide.
    """
    _named(loss)
    require(k >= 1 and generator_steps >= 1, f"k, generator_steps: expected at least 1 each, got {k} and {generator_steps}")

    def step(real):
        require(len(real) % k == 0 and len(real) >= k, f"batch: expected a multiple of k = {k} examples, got {len(real)}")
        for part in real.chunk(k):
            fake = generator(noise(len(part)))
            cost = discriminator_terms(discriminator, part, fake, loss, **options)
            if penalty:
                cost = cost + penalty * wasserstein_gan.gradient_penalty(discriminator, part, fake.detach(), draws)
            yield "discriminator", cost
            if clip is not None:
                wasserstein_gan.clip_weights(discriminator, clip)
        for again in range(generator_steps):
            fake = generator(noise(len(fake))) if again else fake
            discriminator.requires_grad_(False)  # a judge that stands still: its own gradient is not wanted
            cost = generator_terms(discriminator, fake, loss)
            discriminator.requires_grad_(True)
            yield "generator", cost

    return step


def _named(loss):
    require(loss in LOSSES, f"loss: expected one of {', '.join(LOSSES)}; got {loss!r}")
    return LOSSES[loss]


# --- what came of it ----------------------------------------------------------------------------------------------


class Coverage(NamedTuple):
    """covered: modes with points enough. high_quality: share of points near a mode. shares: of all points, near each mode, (K,)."""

    covered: int
    high_quality: float
    shares: torch.Tensor


def modes_covered(points, centres, std, *, within=3.0, least=0.02):
    """Coverage of the modes `centres` (K, 2), Gaussians of standard deviation `std`, by generated `points` (N, 2).

    A point is of high quality if it lies within `within` standard deviations of its nearest centre; a mode is covered if such
    points near it are at least the share `least` of all points (an even share is 1/K). Source of the two counts: Srivastava et
    al., "VEEGAN" (2017), which asks for one point a mode; a share does not depend on N.
    """
    points, centres = check_finite(points, "points"), check_finite(centres, "centres").to(points)
    fits = points.ndim == centres.ndim == 2 and points.shape[1] == centres.shape[1]
    require(fits, f"expected points (N, D) and centres (K, D), got {tuple(points.shape)} and {tuple(centres.shape)}")
    require(std > 0 and 0 < least < 1, f"expected std > 0 and a share in (0, 1), got {std} and {least}")
    distance, nearest = torch.cdist(points, centres).min(1)
    good = distance <= within * std
    shares = torch.bincount(nearest[good], minlength=len(centres)) / len(points)
    return Coverage(int((shares >= least).sum()), good.double().mean().item(), shares)
