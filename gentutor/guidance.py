"""Fewer steps and guidance: other ways to use a trained denoiser (chapter "guidance").

Schedule, denoiser and time are those of `ddpm`: denoise(x_t, t) -> eps_hat, t a LongTensor (B,), data (B, ...). Nothing here is
trained. Topic modules: `tilted` (the law guidance is aimed at, and those it samples), `flow_matching`, `latent_diffusion`.
Left out: multistep solvers, guidance that changes with t.
"""

import math
from typing import NamedTuple

import torch

from .ddpm import scales, to_eps, to_x0
from .densities import check_finite, require


# --- fewer steps --------------------------------------------------------------------------------------------------

def transitions(T, steps):
    """The moves (t, s) of a walk from T to 0 in so many steps, as even as integers allow: s is the *next time in the list*, not t - 1.

    The first t is T, the last s is 0. ValueError unless 1 <= steps <= T.
    """
    require(isinstance(steps, int) and 1 <= steps <= T, f"steps: expected an integer from 1 to T = {T}, got {steps!r}")
    times = [T - k * T // steps for k in range(steps + 1)]
    return list(zip(times, times[1:]))


def ddim_std(schedule, t, s, eta):
    """Standard deviation of the noise of a step from t to s, eq. guidance-sigma (Song et al. 2021, eq. 16): a float.

    sigma = eta sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t)) sqrt(1 - alpha_bar_t / alpha_bar_s). eta = 1 makes it that of
    q(x_s | x_t, x_0), the square root of beta tilde where s = t - 1; eta = 0 makes the step deterministic. ValueError unless
    0 <= s < t <= T and 0 <= eta <= 1.
    """
    _check_move(schedule, t, s)
    require(0 <= eta <= 1, f"eta: expected a number from 0 to 1, got {eta!r}")
    after, before = schedule.alpha_bar[t].item(), schedule.alpha_bar[s].item()
    return eta * math.sqrt((1 - before) / (1 - after) * (1 - after / before))


def ddim_mean(schedule, x0_hat, eps_hat, s, std):
    """sqrt(alpha_bar_s) x0_hat + sqrt(1 - alpha_bar_s - std^2) eps_hat: what a step to s does before its noise, eq. guidance-ddim."""
    signal, noise = scales(schedule, s, x0_hat)
    return signal * x0_hat + (noise**2 - std**2).clamp(min=0).sqrt() * eps_hat


class Move(NamedTuple):
    """A step of a sampler: from x_t to `x` = x_s; it believed that the clean data are `x0_hat`."""

    t: int
    s: int
    x: torch.Tensor
    x0_hat: torch.Tensor


def ddim_step(schedule, denoise, xt, t, s, eta=0.0, z=None, clip=None):
    """`Move` from x_t to x_s, s < t, eq. guidance-ddim (Song et al. 2021, eq. 12). t, s: ints.

    z: standard normal, shaped as x_t, needed where eta > 0 and s > 0. clip: largest |x0_hat| allowed (1 for images); eps_hat
    then follows from the clipped x0_hat.
    """
    std = ddim_std(schedule, t, s, eta)
    require(std == 0 or z is not None, f"z: expected noise for eta = {eta:g}, got None")
    eps_hat = denoise(xt, torch.full((len(xt),), t, device=xt.device))
    require(eps_hat.shape == xt.shape, f"denoise: expected a result of shape {tuple(xt.shape)}, got {tuple(eps_hat.shape)}")
    x0_hat = to_x0(schedule, xt, t, eps_hat)
    if clip is not None:
        x0_hat = x0_hat.clamp(-clip, clip)
        eps_hat = to_eps(schedule, xt, t, x0_hat)
    xs = ddim_mean(schedule, x0_hat, eps_hat, s, std)
    return Move(t, s, xs if std == 0 else xs + std * z, x0_hat)


def ddim(schedule, denoise, x_T, steps=50, eta=0.0, generator=None, *, clip=None):
    """Sample from `x_T`, (B, ...), in `steps` steps: yields a `Move` after each; the last one's x is the sample.

    eta = 0: DDIM, the same x_T gives the same sample. eta = 1 and steps = T: `ddpm.sample`. No gradient is kept.
    """
    x = check_finite(x_T, "x_T")
    place = generator.device if generator is not None else x.device
    for t, s in transitions(schedule.T, steps):
        noisy = ddim_std(schedule, t, s, eta) > 0
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=place).to(x.device) if noisy else None
        with torch.no_grad():
            move = ddim_step(schedule, denoise, x, t, s, eta, z, clip)
        x = move.x
        yield move


def final(moves):
    """The sample: x of the last of a sampler's steps."""
    for move in moves:
        pass
    return move.x


# --- guidance -----------------------------------------------------------------------------------------------------

def guide(eps_uncond, eps_cond, w):
    """Classifier-free guidance, eq. guidance-free: eps_uncond + w (eps_cond - eps_uncond).

    w = 0: unconditional; w = 1: conditional; w > 1: guided. The paper's w is ours minus 1 (Ho & Salimans 2022, eq. 6).
    """
    shapes = tuple(eps_uncond.shape), tuple(eps_cond.shape)
    require(shapes[0] == shapes[1], f"expected two predictions of one shape, got {shapes[0]} and {shapes[1]}")
    _check_w(w)
    return eps_uncond + w * (eps_cond - eps_uncond)


def classifier_free(denoise, y, w, no_label):
    """The guided denoiser of one net that knows both laws, denoise(x_t, t, y): y (B,) are the labels asked for, `no_label` stands for none.

    Both predictions come from one batch of twice the size. At w = 0 and at w = 1 one is enough, and only that is computed.
    """
    _check_w(w)
    none = torch.full_like(y, no_label)

    def guided(xt, t):
        require(len(y) == len(xt), f"y: expected {len(xt)} labels, got {len(y)}")
        if w in (0, 1):
            return denoise(xt, t, y if w else none)
        both = denoise(torch.cat([xt, xt]), torch.cat([t, t]), torch.cat([none, y]))
        return guide(*both.chunk(2), w)

    return guided


def class_gradient(log_prob_y, xt, t):
    """grad_x log p_t(y | x) at x_t, shaped as x_t. log_prob_y(x_t, t) -> (B,), differentiable in x_t."""
    with torch.enable_grad():
        x = xt.detach().requires_grad_()
        log_p = log_prob_y(x, t)
        require(log_p.shape == t.shape, f"log_prob_y: expected shape {tuple(t.shape)}, got {tuple(log_p.shape)}")
        return torch.autograd.grad(log_p.sum(), x)[0]


def classifier_guided(schedule, denoise, log_prob_y, w):
    """The guided denoiser of an unconditional one and of a classifier of noisy data, eq. guidance-classifier:
    eps_hat - w sqrt(1 - alpha_bar_t) grad_x log p_t(y | x_t) (Dhariwal & Nichol 2021, algorithm 2).

    log_prob_y(x_t, t) -> (B,): log-probability of the class asked for. It has to be taught on noisy data.
    """
    _check_w(w)
    return lambda xt, t: denoise(xt, t) - w * scales(schedule, t, xt)[1] * class_gradient(log_prob_y, xt, t)


# --- what may come in ---------------------------------------------------------------------------------------------

def _check_move(schedule, t, s):
    whole = isinstance(t, int) and isinstance(s, int)
    require(whole and 0 <= s < t <= schedule.T, f"expected integers 0 <= s < t <= T = {schedule.T}, got t = {t!r} and s = {s!r}")


def _check_w(w):
    require(math.isfinite(w), f"w: expected a finite number, got {w!r}")
