"""A small convolutional encoder and decoder for 28 x 28 images (chapter "vae"): the nets of the packaged VAE.

Both work on a 14 x 14 grid (each place holds 2 x 2 pixels) and on a 7 x 7 grid. 0.3 million parameters at the default sizes.
Weights start by torch's own generator (`runtime.seed` seeds it). Left out: normalisation, which this depth does without.
"""

import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from .densities import require
from .vae import VAE


class Residual(torch.nn.Module):
    """h + conv(silu(conv(silu(h)))), 3 x 3, same shape; starts as the identity."""

    def __init__(self, channels):
        super().__init__()
        self.first = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.second = torch.nn.Conv2d(channels, channels, 3, padding=1)
        torch.nn.init.zeros_(self.second.weight)
        torch.nn.init.zeros_(self.second.bias)

    def forward(self, h):
        return h + self.second(silu(self.first(silu(h))))


class ConvEncoder(torch.nn.Module):
    """Pixels in [0, 1], (B, 784) -> (B, 2 latent). fine, coarse: channels at 14 x 14 and at 7 x 7; kept: of those, into the last layer."""

    def __init__(self, latent=40, fine=32, coarse=64, kept=16):
        super().__init__()
        self.enter, self.fine = torch.nn.Conv2d(4, fine, 3, padding=1), Residual(fine)
        self.down, self.coarse = torch.nn.Conv2d(fine, coarse, 2, stride=2), Residual(coarse)
        self.keep, self.leave = torch.nn.Conv2d(coarse, kept, 1), torch.nn.Linear(49 * kept, 2 * latent)

    def forward(self, x):
        h = pixel_unshuffle(2 * x.view(-1, 1, 28, 28) - 1, 2).contiguous(memory_format=torch.channels_last)  # (B, 4, 14, 14)
        h = self.coarse(self.down(silu(self.fine(self.enter(h)))))  # (B, coarse, 7, 7)
        return self.leave(silu(self.keep(silu(h))).flatten(1))


class ConvDecoder(torch.nn.Module):
    """Codes (B, latent) -> logits (B, 784): the encoder backwards, plus one learned logit a pixel that starts at `bias` (784,)."""

    def __init__(self, latent=40, fine=32, coarse=64, kept=16, bias=None):
        super().__init__()
        self.kept = kept
        self.enter, self.widen = torch.nn.Linear(latent, 49 * kept), torch.nn.Conv2d(kept, coarse, 1)
        self.coarse, self.up = Residual(coarse), torch.nn.Conv2d(coarse, 4 * fine, 1)
        self.fine, self.leave = Residual(fine), torch.nn.Conv2d(fine, 4, 3, padding=1)
        self.bias = torch.nn.Parameter(torch.zeros(784) if bias is None else bias.clone())
        torch.nn.init.zeros_(self.leave.weight)
        torch.nn.init.zeros_(self.leave.bias)

    def forward(self, z):
        h = silu(self.enter(z)).view(-1, self.kept, 7, 7).contiguous(memory_format=torch.channels_last)
        h = pixel_shuffle(self.up(silu(self.coarse(self.widen(h)))), 2)  # (B, fine, 14, 14)
        h = self.leave(silu(self.fine(h.contiguous(memory_format=torch.channels_last))))
        return pixel_shuffle(h, 2).flatten(1).to(self.bias.dtype) + self.bias


def conv_vae(latent=40, fine=32, coarse=64, kept=16, bias=None):
    """A Bernoulli VAE of these two nets. ValueError unless every size is at least 1."""
    sizes = {"latent": latent, "fine": fine, "coarse": coarse, "kept": kept}
    require(min(sizes.values()) >= 1, f"expected sizes of at least 1, got {sizes}")
    decoder = ConvDecoder(latent, fine, coarse, kept, bias)
    return VAE(ConvEncoder(latent, fine, coarse, kept), decoder, pixels=784).to(memory_format=torch.channels_last)
