"""Where and how fast a lab runs: device, seeds, and a budget that depends on the device."""

import os
import random

import numpy as np
import torch


def device(request=None):
    """The device to run on: the one asked for ("cpu", "cuda", "cuda:1", "mps"), else a GPU if there is one.

    The environment variable GENTUTOR_DEVICE counts as a request. Asking for a device that is not there is a
    RuntimeError of one line.
    """
    request = request or os.environ.get("GENTUTOR_DEVICE")
    if request is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        wanted = torch.device(request)
    except RuntimeError as error:
        raise ValueError(f"device: expected 'cpu', 'cuda', 'cuda:N' or 'mps', got {request!r}") from error
    count = torch.cuda.device_count()
    if wanted.type == "cuda" and (wanted.index or 0) >= count:
        raise RuntimeError(f"device: {request!r} was asked for, but this machine has {count} CUDA device(s)")
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError("device: 'mps' was asked for, but this machine has none")
    return wanted


def seed(n):
    """Seed Python, NumPy and torch with n >= 0 and return a CPU `torch.Generator` seeded with it as well."""
    if not 0 <= n < 2**32:
        raise ValueError(f"seed: expected an integer in [0, 2**32), got {n}")
    random.seed(n)
    np.random.seed(n)
    torch.manual_seed(n)
    return torch.Generator().manual_seed(n)


def budget(device, *, cpu, gpu):
    """`cpu` on a CPU and `gpu` on anything faster: steps, widths or seconds of a lab, by the same code."""
    return cpu if torch.device(device).type == "cpu" else gpu
