"""Networks of the game (chapter "gan"): for points on the plane, and small convolutional ones for 28 x 28 images.

A discriminator (critic) returns one number an example, (B,): a logit or a score, never a probability. Weights start by torch's own
generator (`runtime.seed` seeds it) unless one is handed in. Left out: batch norm (the lab shows how it
ties the images of a batch together), residual blocks, attention.
"""

import torch
from torch.nn.functional import leaky_relu, pixel_shuffle, pixel_unshuffle, silu
from torch.nn.utils.parametrizations import spectral_norm

from .densities import require
from .nets import mlp


class PointDiscriminator(torch.nn.Module):
    """(B, D) -> (B,). pack: how many points it judges together, given the same verdict; 1 is the ordinary discriminator.

    A packed discriminator sees `pack` draws of the same law side by side, so a generator that repeats itself is found out
    (Lin, Khetan, Fanti, Oh, "PacGAN" (2018)). B must be a multiple of `pack`; the logits are (B / pack,).
    """

    def __init__(self, dim=2, width=64, depth=2, pack=1, generator=None, activation="silu"):
        super().__init__()
        require(pack >= 1, f"pack: expected at least 1, got {pack}")
        self.pack, self.net = pack, mlp([pack * dim] + [width] * depth + [1], generator, activation=activation)

    def forward(self, x):
        require(len(x) % self.pack == 0, f"x: expected a multiple of {self.pack} points, got {len(x)}")
        return self.net(x.reshape(len(x) // self.pack, -1)).squeeze(-1)


def point_nets(latent=2, width=64, depth=2, *, pack=1, generator=None, activation="silu"):
    """(generator, discriminator) for points on the plane, two perceptrons: (B, latent) -> (B, 2) and (B, 2) -> (B / pack,)."""
    make = mlp([latent] + [width] * depth + [2], generator, activation=activation)
    return make, PointDiscriminator(2, width, depth, pack, generator, activation)


def batch_diversity(h):
    """Features (B, F) with one more column, (B, F + 1): how much the batch varies, the same number in each row.

    The standard deviation of each feature over the batch, averaged over the features. A generator that maps every z to one
    point makes it 0, which no batch of data does (Karras, Aila, Laine, Lehtinen, "Progressive growing" (2018); a
    light form of the minibatch discrimination of Salimans et al. (2016)). ValueError on fewer than two rows.
    """
    require(h.ndim == 2 and len(h) > 1, f"h: expected shape (B, F) with B > 1, got {tuple(h.shape)}")
    spread = (h.var(0, unbiased=False) + 1e-8).sqrt().mean()
    return torch.cat([h, spread.expand(len(h), 1)], 1)


class ImageGenerator(torch.nn.Module):
    """z (B, latent) -> images (B, 1, 28, 28) in (-1, 1). width: channels at 14 x 14, twice as many at 7 x 7."""

    def __init__(self, latent=64, width=32):
        super().__init__()
        require(min(latent, width) >= 1, f"expected latent and width of at least 1, got {latent} and {width}")
        self.latent, self.width = latent, width
        self.enter = torch.nn.Linear(latent, 49 * 2 * width)
        self.up = torch.nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.leave = torch.nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, z):
        h = silu(self.enter(z)).view(-1, 2 * self.width, 7, 7).contiguous(memory_format=torch.channels_last)
        h = silu(pixel_shuffle(self.up(h), 2))  # (B, width, 14, 14)
        return pixel_shuffle(self.leave(h), 2).float().tanh()


class ImageDiscriminator(torch.nn.Module):
    """Images (B, 1, 28, 28) in [-1, 1] -> scores (B,). The matrix of each layer is divided by its largest singular value.

    So the score cannot become steep between the data and the fakes (Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization"
    (2018)). Of a convolution the matrix is its kernel, (outputs, inputs x height x width), as there: that bounds the
    layer's own stretch up to a factor of at most the root of height x width.
    """

    def __init__(self, width=32):
        super().__init__()
        require(width >= 1, f"width: expected at least 1, got {width}")
        self.enter = spectral_norm(torch.nn.Conv2d(4, width, 3, padding=1))
        self.down = spectral_norm(torch.nn.Conv2d(width, 2 * width, 4, stride=2, padding=1))
        self.score = spectral_norm(torch.nn.Linear(49 * 2 * width, 1))

    def forward(self, x):
        h = pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)  # (B, 4, 14, 14)
        h = leaky_relu(self.down(leaky_relu(self.enter(h), 0.2)), 0.2)  # (B, 2 width, 7, 7)
        return self.score(h.flatten(1)).squeeze(-1).float()


def image_nets(latent=64, width=32):
    """(generator, discriminator) for 28 x 28 images: 0.28 and 0.04 million parameters at the default sizes."""
    return ImageGenerator(latent, width), ImageDiscriminator(width)
