"""Denoising diffusion: the schedule, the forward and the reverse process, the bound and the simple loss (chapter "ddpm").

q(x_t | x_{t-1}) = N(sqrt(alpha_t) x_{t-1}, beta_t I), t = 1...T, alpha_t = 1 - beta_t, alpha_bar_t = prod_{s<=t} alpha_s. Tables are
float64 and indexed by the book's t: entry 0 is the clean data. A *denoiser* is a function denoise(x_t, t) -> eps_hat with t a
LongTensor (B,); `as_denoiser` makes one of a net that predicts x_0 or v. Data may have any shape (B, ...). Terms of the bound are
in nats, one per example, summed over its numbers. `denoisers` holds the closed forms. Left out: learned variances, continuous time.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from .densities import LOG_2PI, check_finite, require

KINDS = ("eps", "x0", "v")


# --- the schedule -------------------------------------------------------------------------------------------------

def cumulative(alpha):
    """alpha_bar_t = alpha_1 alpha_2 ... alpha_t, eq. ddpm-alpha-bar: (T+1,) -> (T+1,)."""
    return torch.cumprod(alpha, 0)


@dataclass(frozen=True)
class Schedule:
    """Noise variances beta, (T+1,), float64: beta[0] = 0 and 0 < beta[t] < 1 for t = 1...T (ValueError otherwise).

    `linear`, `cosine` and `from_alpha_bar` build the usual ones. alpha, alpha_bar: tables of the same shape.
    """

    beta: torch.Tensor
    alpha: torch.Tensor = field(init=False, repr=False)
    alpha_bar: torch.Tensor = field(init=False, repr=False)

    def __post_init__(self):
        beta = check_finite(self.beta, "beta").double()
        require(beta.ndim == 1 and len(beta) > 1, f"beta: expected shape (T+1,) with T >= 1, got {tuple(beta.shape)}")
        require(beta[0] == 0, f"beta: expected beta[0] = 0, the clean data, got {beta[0].item():g}")
        low, high = beta[1:].min().item(), beta[1:].max().item()
        require(0 < low and high < 1, f"beta: expected numbers strictly between 0 and 1, got {low:g} to {high:g}")
        for name, value in (("beta", beta), ("alpha", 1 - beta), ("alpha_bar", cumulative(1 - beta))):
            object.__setattr__(self, name, value)

    @property
    def T(self):
        """The number of steps."""
        return len(self.beta) - 1

    @property
    def snr(self):
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar); infinite at t = 0."""
        return self.alpha_bar / (1 - self.alpha_bar)

    @property
    def log_snr(self):
        """log(alpha_bar / (1 - alpha_bar)), nats; infinite at t = 0."""
        return self.snr.log()

    @property
    def posterior_var(self):
        """beta tilde_t = (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t) beta_t, eq. ddpm-posterior-variance; 0 at t = 1 (and at t = 0)."""
        before, after = 1 - self.alpha_bar[:-1], 1 - self.alpha_bar[1:]
        return torch.cat([self.beta[:1], before / after * self.beta[1:]])

    def to(self, device):
        """The same schedule with its tables on `device`, so that a GPU need not fetch them at each step."""
        return Schedule(self.beta.to(device))


def linear(T=1000, first=1e-4, last=0.02):
    """beta from `first` to `last` in equal steps (Ho et al. 2020, section 4). alpha_bar_T is small only because T is large."""
    _check_steps(T)
    return Schedule(torch.cat([torch.zeros(1, dtype=torch.float64), torch.linspace(first, last, T, dtype=torch.float64)]))


def cosine(T=1000, s=0.008):
    """alpha_bar_t = f(t) / f(0) with f(t) = cos^2((t/T + s) / (1 + s) pi/2), beta at most 0.999 (Nichol & Dhariwal 2021, eq. 17)."""
    _check_steps(T)
    require(s >= 0, f"s: expected a number >= 0, got {s}")
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return Schedule(torch.cat([torch.zeros(1, dtype=torch.float64), beta]))


def from_alpha_bar(values):
    """The schedule whose alpha_bar_t, t = 1...T, are `values`, (T,): beta_t = 1 - alpha_bar_t / alpha_bar_{t-1}. They must fall within (0, 1)."""
    values = check_finite(values, "values").double()
    require(values.ndim == 1, f"values: expected shape (T,), got {tuple(values.shape)}")
    whole = torch.cat([torch.ones_like(values[:1]), values])
    falls = values.min() > 0 and (whole.diff() < 0).all()
    require(falls, f"values: expected numbers in (0, 1) that fall, got {values.min().item():g} to {values.max().item():g}")
    return Schedule(torch.cat([torch.zeros_like(values[:1]), 1 - whole[1:] / whole[:-1]]))


# --- forward ------------------------------------------------------------------------------------------------------

def forward_step(schedule, x, t, eps):
    """x_t from x_{t-1}: sqrt(alpha_t) x_{t-1} + sqrt(beta_t) eps, eq. ddpm-forward. t: int or (B,) integers in 1...T."""
    return at(schedule.alpha, t, x, 1).sqrt() * x + at(schedule.beta, t, x, 1).sqrt() * eps


def diffuse(schedule, x0, t, eps):
    """x_t from x_0 in one step: sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, eq. ddpm-closed-form. t: int or (B,), 0...T."""
    signal, noise = scales(schedule, t, x0)
    return signal * x0 + noise * eps


def scales(schedule, t, x):
    """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), shaped to multiply x, (B, ...)."""
    alpha_bar = schedule.alpha_bar
    return at(alpha_bar.sqrt(), t, x), at((1 - alpha_bar).sqrt(), t, x)


# --- what a net predicts ------------------------------------------------------------------------------------------

def to_x0(schedule, xt, t, value, kind="eps"):
    """x_0 as a prediction `value` of eps, x0 or v implies it at x_t, eq. ddpm-conversions. t in 1...T."""
    _check_kind(kind)
    signal, noise = scales(schedule, t, xt)
    return {"eps": lambda: (xt - noise * value) / signal, "x0": lambda: value, "v": lambda: signal * xt - noise * value}[kind]()


def to_eps(schedule, xt, t, value, kind="x0"):
    """eps as a prediction `value` of eps, x0 or v implies it at x_t."""
    _check_kind(kind)
    signal, noise = scales(schedule, t, xt)
    return {"eps": lambda: value, "x0": lambda: (xt - signal * value) / noise, "v": lambda: noise * xt + signal * value}[kind]()


def to_v(schedule, xt, t, value, kind="eps"):
    """v = sqrt(alpha_bar_t) eps - sqrt(1 - alpha_bar_t) x_0 (Salimans & Ho 2022, section 4) as a prediction of eps, x0 or v implies it."""
    signal, noise = scales(schedule, t, xt)
    return signal * to_eps(schedule, xt, t, value, kind) - noise * to_x0(schedule, xt, t, value, kind)


def as_denoiser(schedule, net, kind="eps"):
    """The denoiser of a net (x_t, t) -> prediction of `kind`."""
    _check_kind(kind)
    return lambda xt, t: to_eps(schedule, xt, t, net(xt, t), kind)


def score(schedule, eps_hat, t):
    """grad log q(x_t) as the predicted noise says it: -eps_hat / sqrt(1 - alpha_bar_t), eq. ddpm-score."""
    return -eps_hat / scales(schedule, t, eps_hat)[1]


# --- training -----------------------------------------------------------------------------------------------------

def draw_steps(schedule, n, generator=None, law="uniform"):
    """n random steps, LongTensor (n,) in 1...T: "uniform", or "logit-normal", which prefers the middle (t/T = sigmoid of N(0, 1))."""
    require(law in ("uniform", "logit-normal"), f"law: expected uniform or logit-normal, got {law!r}")
    if law == "uniform":
        return torch.randint(1, schedule.T + 1, (n,), generator=generator)
    return (torch.randn(n, generator=generator).sigmoid() * schedule.T).ceil().long().clamp(1, schedule.T)


def simple_loss(schedule, net, x0, t, eps, kind="eps"):
    """|prediction - target|^2 at x_t, eq. ddpm-simple-loss, summed over an example's numbers: (B,). net: (x_t, t) -> prediction of `kind`.

    For kind "eps" it is L_simple (Ho et al. 2020, eq. 14); for "x0" and "v" it weighs the steps differently.
    """
    xt = diffuse(schedule, x0, t, eps)
    target = {"eps": lambda: eps, "x0": lambda: x0, "v": lambda: to_v(schedule, xt, t, eps)}
    _check_kind(kind)
    return ((net(xt, t) - target[kind]()) ** 2).flatten(1).sum(1)


# --- reverse ------------------------------------------------------------------------------------------------------

def posterior(schedule, xt, x0, t):
    """Mean (B, ...) and variance (broadcast to it) of q(x_{t-1} | x_t, x_0), eq. ddpm-posterior (Ho et al. 2020, eqs. 6, 7). t in 1...T."""
    after, before = (at(schedule.alpha_bar, s, xt, 0) for s in (t, t - 1))
    alpha, beta = at(schedule.alpha, t, xt, 1), at(schedule.beta, t, xt, 1)
    mean = (before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt) / (1 - after)
    return mean, at(schedule.posterior_var, t, xt)


def posterior_mean_eps(schedule, xt, eps, t):
    """The same mean with x_0 written by eps: (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t), eq. ddpm-reverse-mean (Ho et al. 2020, eq. 11)."""
    noise = scales(schedule, t, xt)[1]
    return (xt - at(schedule.beta, t, xt, 1) / noise * eps) / at(schedule.alpha, t, xt, 1).sqrt()


class Step(NamedTuple):
    """A step of the sampler: it went from x_t to `x` = x_{t-1}, and believed that the clean data are `x0_hat`."""

    t: int
    x: torch.Tensor
    x0_hat: torch.Tensor


def reverse_step(schedule, denoise, xt, t, z, var=None, clip=None):
    """`Step` from x_t to x_{t-1} = mean + sqrt(var_t) z, and without z at t = 1 (Ho et al. 2020, algorithm 2).

    t: int. z: standard normal. var: table (T+1,), by default the posterior's; `schedule.beta` is the other usual choice.
    clip: largest |x0_hat| allowed (1 for images).
    """
    steps = torch.full((len(xt),), t, device=xt.device)
    x0_hat = to_x0(schedule, xt, t, denoise(xt, steps))
    if clip is not None:
        x0_hat = x0_hat.clamp(-clip, clip)
    mean, _ = posterior(schedule, xt, x0_hat, t)
    spread = at(schedule.posterior_var if var is None else var, t, xt).sqrt()
    return Step(t, mean + spread * z if t > 1 else mean, x0_hat)


@torch.no_grad()
def sample(schedule, denoise, x_T, generator=None, *, var=None, clip=None):
    """Ancestral sampling from `x_T`, (B, ...): yields a `Step` after each of the T steps; the last one's x is the sample."""
    x = check_finite(x_T, "x_T")
    place = generator.device if generator is not None else x.device
    for t in range(schedule.T, 0, -1):
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=place).to(x.device)
        step = reverse_step(schedule, denoise, x, t, z, var, clip)
        x = step.x
        yield step


# --- the bound ----------------------------------------------------------------------------------------------------

def prior_term(schedule, x0):
    """L_T = KL(q(x_T | x_0) || N(0, I)), (B,) nats: nothing in it can be trained."""
    var = 1 - schedule.alpha_bar[-1].to(x0.device)
    return 0.5 * ((1 - var) * x0**2 + var - 1 - var.log()).flatten(1).sum(1)


def bound_term(schedule, denoise, x0, t, eps, var=None):
    """One-draw estimate of a term of -ELBO, (B,) nats: L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)); at t = 1, -log p(x_0 | x_1).

    t: int or (B,) in 1...T. var: the variances of p, table (T+1,), by default beta (the posterior's is 0 at t = 1, where a density
    is needed). Both laws have one variance for all directions, eq. ddpm-kl-term.
    """
    table = schedule.beta if var is None else var
    require((table[1:] > 0).all(), "var: expected variances > 0 at t = 1...T, got one that is not: -log p(x_0 | x_1) needs a density")
    xt = diffuse(schedule, x0, t, eps)
    mean, true_var = posterior(schedule, xt, x0, t)
    steps = torch.as_tensor(t, device=xt.device).expand(len(xt))
    own_mean, own_var = posterior_mean_eps(schedule, xt, denoise(xt, steps), t), at(table, t, xt)
    square = (mean - own_mean) ** 2 / own_var
    ratio = torch.where(true_var > 0, true_var / own_var, 1.0)
    term = torch.where(true_var > 0, square + ratio - 1 - ratio.log(), square + LOG_2PI + own_var.log())
    return 0.5 * term.flatten(1).sum(1)


def loss_weights(schedule, var=None):
    """The weight of |eps - eps_hat|^2 in L_{t-1}, beta_t^2 / (2 var_t alpha_t (1 - alpha_bar_t)), eq. ddpm-weights: (T+1,), entry 0 is 0.

    The simple loss puts 1 in its place.
    """
    var = schedule.beta if var is None else var
    weights = schedule.beta**2 / (2 * var * schedule.alpha * (1 - schedule.alpha_bar))
    return torch.cat([torch.zeros_like(weights[:1]), weights[1:]])


@torch.no_grad()
def bound(schedule, denoise, x0, generator=None, var=None):
    """The terms of -ELBO with one draw each, (T+1, B) nats: row t is `bound_term` at t, row 0 is `prior_term`. Their sum over rows bounds -log p(x_0)."""
    rows = [prior_term(schedule, x0)]
    for t in range(1, schedule.T + 1):
        eps = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
        rows.append(bound_term(schedule, denoise, x0, t, eps, var))
    return torch.stack(rows)


# --- small parts --------------------------------------------------------------------------------------------------

def at(table, t, x, least=0):
    """Entries t of a table (T+1,), int or (B,), in x's dtype and shaped to multiply x, (B, ...). ValueError unless least <= t <= T."""
    t = torch.as_tensor(t)
    require(not t.is_floating_point() and t.dtype != torch.bool, f"t: expected integers, got {t.dtype}")
    require(t.ndim == 0 or t.shape == x.shape[:1], f"t: expected an integer or shape {tuple(x.shape[:1])}, got {tuple(t.shape)}")
    low, high, T = int(t.min()), int(t.max()), len(table) - 1
    require(least <= low and high <= T, f"t: expected {least}...{T}, got {low} to {high}")
    return table.to(x.device)[t.to(x.device)].to(x.dtype).reshape(t.shape + (1,) * (x.ndim - 1) if t.ndim else ())


def _check_steps(T):
    require(isinstance(T, int) and T >= 1, f"T: expected an integer >= 1, got {T!r}")


def _check_kind(kind):
    require(kind in KINDS, f"kind: expected one of {', '.join(KINDS)}; got {kind!r}")
