"""Annealed importance sampling: the log of a normalising constant, from below (topic module of chapter "evaluation").

Left out: Hamiltonian moves and schedules that adapt; the state may be anything that `move` understands.
"""

import math

import torch

from .densities import require


def annealed_weights(log_first, log_last, betas, start, move):
    """log w (N,), float64, of N runs from f_first to f_last: E w = Z_last / Z_first, for any moves that keep their target.

    log_first, log_last: functions of the states to log f, (N,); neither need be normalised. betas: from 0 to 1, increasing; between
    them lie f_b = f_first^(1-b) f_last^b. start: N exact draws of the first law. move(state, log_f) -> a state, by a Markov step that leaves f invariant.
    Each step weighs the state by f_k / f_(k-1), and then moves it by f_k. ValueError on other betas.
    Source: Neal, arXiv:physics/9803008. By Jensen E log w <= log E w: on average the log of the estimate is too low.
    """
    betas = [float(b) for b in betas]
    rising = all(a < b for a, b in zip(betas, betas[1:]))
    require(len(betas) >= 2 and betas[0] == 0 and betas[-1] == 1 and rising, f"betas: expected increasing numbers from 0 to 1, got {betas}")
    state, log_w = start, 0.0
    for before, after in zip(betas, betas[1:]):
        log_w = log_w + (after - before) * (log_last(state) - log_first(state)).double()
        state = move(state, lambda s, b=after: (1 - b) * log_first(s) + b * log_last(s))
    return log_w


def log_mean(log_w):
    """log of the mean weight, from log weights (N,): a scalar tensor."""
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))
