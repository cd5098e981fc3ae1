"""Diffusion in the code space of an autoencoder: standardised codes, and a small net for them (chapter "guidance").

x -> code -> standardised code -> diffusion, and back. The autoencoder is trained before and stays as it is; here it is any pair
of functions. Left out: training both at once.
"""

from dataclasses import dataclass

import torch

from .densities import check_finite, require
from .nets import TimeEmbedding, mlp


@dataclass(frozen=True)
class Standardiser:
    """z -> (z - mean) / std for each number of a code: mean (K,), std (K,) > 0. `fit_standardiser` measures them."""

    mean: torch.Tensor
    std: torch.Tensor

    def __post_init__(self):
        check_finite(self.mean, "mean"), check_finite(self.std, "std")
        require(self.mean.shape == self.std.shape, f"expected mean and std of one shape, got {tuple(self.mean.shape)} and {tuple(self.std.shape)}")
        require(self.std.min() > 0, f"std: expected numbers > 0, got {self.std.min().item():g}")


def fit_standardiser(codes):
    """The `Standardiser` of codes (N, K), N > 1. ValueError where a number of the code never changes."""
    codes = check_finite(codes, "codes")
    require(codes.ndim == 2 and len(codes) > 1, f"codes: expected shape (N, K) with N > 1, got {tuple(codes.shape)}")
    return Standardiser(codes.mean(0), codes.std(0, correction=0))


def standardise(rule, codes):
    """Codes (..., K) -> the same with mean 0 and variance 1, so that the schedule's signal-to-noise ratio means what it says."""
    return (codes - rule.mean) / rule.std


def restore(rule, x):
    """The codes (..., K) of standardised ones: what the decoder wants."""
    return rule.mean + rule.std * x


class CodeNet(torch.nn.Module):
    """(x, t, y) -> (B, dim) for standardised codes x (B, dim): residual perceptrons, each told the time and the class.

    t: (B,), see `nets.TimeEmbedding`. y: LongTensor (B,), 0...classes; `classes` itself, or y = None, is "no label". Starts at 0.
    """

    def __init__(self, dim=40, width=256, blocks=3, classes=10, steps=1000, generator=None):
        super().__init__()
        require(min(dim, width, blocks, classes) >= 1, f"expected sizes of at least 1, got dim {dim}, width {width}, blocks {blocks}, classes {classes}")
        self.classes = classes
        self.time = TimeEmbedding(16, steps)
        self.tell = mlp([32, width], generator)
        self.label = torch.nn.Embedding(classes + 1, width)
        self.enter = mlp([dim, width], generator)
        self.blocks = torch.nn.ModuleList([mlp([2 * width, width, width], generator) for _ in range(blocks)])
        self.leave = mlp([width, dim], generator)
        with torch.no_grad():
            self.label.weight.normal_(generator=generator)
            self.leave[0].weight.zero_()

    def forward(self, x, t, y=None):
        y = torch.full_like(t, self.classes, dtype=torch.long) if y is None else y
        told = torch.nn.functional.silu(self.tell(self.time(t).to(x.dtype)) + self.label(y))
        h = self.enter(x)
        for block in self.blocks:
            h = h + block(torch.cat([h, told], 1))
        return self.leave(h)
