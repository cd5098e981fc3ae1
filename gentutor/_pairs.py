"""Two samples compared pair by pair, a block of rows at a time (used by `evaluation` and `neighbours`)."""

import math

import torch

from .densities import check_finite, require

BLOCK = 2**22  # largest number of entries of a matrix of pairs that is held at once


def squared(x, y, shrink=0.0):
    """|x_i - y_j|^2, (N, M), by one product of matrices; lessened by `shrink` (|x_i|^2 + |y_j|^2), its rounding error, if asked."""
    norms = [torch.linalg.vector_norm(t, dim=1).square() * (1 - shrink) for t in (x, y)]
    return (norms[0][:, None] + norms[1]).addmm_(x, y.T, alpha=-2)


def blocks(n, width):
    """Slices that cut range(n) so that none has more than BLOCK entries of `width` each (but one at least)."""
    size = max(1, BLOCK // width)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def tiles(n):
    """Pairs of slices (rows, columns) that cut the square of range(n) on and above its diagonal, into tiles of at most BLOCK entries."""
    edge = blocks(n, math.isqrt(BLOCK))
    return [(rows, columns) for i, rows in enumerate(edge) for columns in edge[i:]]


def pair(real, fake, least):
    """Both as finite floating (N, D) and (M, D) of one dtype, with at least so many rows."""
    real, fake = check_finite(real, "real"), check_finite(fake, "fake")
    shapes = f"got {tuple(real.shape)} and {tuple(fake.shape)}"
    require(real.ndim == fake.ndim == 2 and real.shape[1] == fake.shape[1], f"expected shapes (N, D) and (M, D), {shapes}")
    require(min(len(real), len(fake)) >= least, f"expected at least {least} samples of each, {shapes}")
    dtype = torch.promote_types(torch.promote_types(real.dtype, fake.dtype), torch.float32)
    return real.to(dtype), fake.to(dtype)
