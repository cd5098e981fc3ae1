"""The optimal discriminator, the value of the game, and its losses from logits (chapter "gan").

D(x) = sigmoid(l(x)) is the probability that x is real; every loss takes the logit l, so it stays finite, gradient and all, for any
finite logit. V(D, G) = E_x log D(x) + E_z log(1 - D(G(z))), in nats. On the line V is computed by quadrature, from log-densities
that are functions of x; there -inf is allowed, so supports may be disjoint.
Left out: f-divergences other than Jensen-Shannon; `wasserstein_gan` has the critic's side, `game` the training.
"""

import math

import torch
from torch.nn.functional import logsigmoid

from .densities import as_float, require

# --- the best discriminator ---------------------------------------------------------------------------------------


def optimal_logit(log_p, log_g):
    """Logit of D*, the log density ratio log p_data(x) - log p_G(x), elementwise, eq-gan-logit."""
    return as_float(log_p) - as_float(log_g)


def optimal_discriminator(log_p, log_g, labels=(1.0, 0.0)):
    """D*(x) = p_data / (p_data + p_G) from the two log-densities, elementwise (Goodfellow et al. 2014).

    labels: what D is told of the real and of the fake. Smoothed ones, (alpha, beta) such as (0.9, 0), move the optimum to
    (alpha p_data + beta p_G) / (p_data + p_G), eq-gan-smoothed (Salimans et al. 2016). nan where both densities are 0: there D is free.
    """
    real, fake = check_labels(labels)
    return fake + (real - fake) * torch.sigmoid(optimal_logit(log_p, log_g))


# --- the value of the game ----------------------------------------------------------------------------------------


def value_of_draws(real_logits, fake_logits):
    """V from the logits of real and of fake draws, each of any shape: a scalar, in nats."""
    return logsigmoid(check_logits(real_logits)).mean() + logsigmoid(-check_logits(fake_logits)).mean()


def value(discriminator, generator, x, z):
    """V(D, G) from data x and noise z ~ p_z, eq-gan-value: a scalar. D returns logits. G need not be invertible:
    E_{z ~ p_z} h(G(z)) is E_{x ~ p_G} h(x), because p_G is defined as the law of G(z).
    """
    return value_of_draws(discriminator(x), discriminator(generator(z)))


def value_on_line(logit, log_p, log_g, lo, hi, n=4001):
    """V as the integral of p_data log D + p_G log(1 - D) over [lo, hi], eq-gan-integral, by the trapezoid rule.

    logit, log_p, log_g: functions of x (n,). ValueError unless both densities have mass 1 on the interval, to 1 %.
    """
    x, p, g = _densities(log_p, log_g, lo, hi, n)
    l = logit(x)
    return _integral(x, p, logsigmoid(l)) + _integral(x, g, logsigmoid(-l))


def js_on_line(log_p, log_g, lo, hi, n=4001):
    """JS(p_data, p_G), the mean of the two KLs to the middle m = (p_data + p_G) / 2, in nats, in [0, log 2]."""
    x, p, g = _densities(log_p, log_g, lo, hi, n)
    log_p, log_g = log_p(x), log_g(x)
    middle = torch.logaddexp(log_p, log_g) - math.log(2)  # in logarithms: p + g may round to 0 where p does not
    return (_integral(x, p, log_p - middle) + _integral(x, g, log_g - middle)) / 2


def best_value(log_p, log_g, lo, hi, n=4001):
    """C(G) = max_D V(D, G) = -log 4 + 2 JS(p_data, p_G), eq-gan-js (Goodfellow et al. 2014, theorem 1)."""
    return -math.log(4) + 2 * js_on_line(log_p, log_g, lo, hi, n)


# --- losses, from logits ------------------------------------------------------------------------------------------


def cross_entropy(logits, label):
    """-[y log sigmoid(l) + (1 - y) log(1 - sigmoid(l))], elementwise, for one label y in [0, 1]; log(1 - sigmoid(l)) is log sigmoid(-l)."""
    logits = check_logits(logits)
    return -(label * logsigmoid(logits) + (1 - label) * logsigmoid(-logits))


def discriminator_loss(real_logits, fake_logits, labels=(1.0, 0.0)):
    """J_D = -V/2, eq-gan-loss-d: the binary cross-entropy of half real, half fake examples; minimised. Guessing costs log 2."""
    real, fake = check_labels(labels)
    return (cross_entropy(real_logits, real).mean() + cross_entropy(fake_logits, fake).mean()) / 2


def minimax_loss(fake_logits):
    """E log(1 - D(G(z))), the generator's part of V: minimised, it saturates where D is sure of the fakes."""
    return logsigmoid(-check_logits(fake_logits)).mean()


def non_saturating_loss(fake_logits):
    """-E log D(G(z)): the cross-entropy of fakes under the label of the real (Goodfellow et al. 2014)."""
    return cross_entropy(fake_logits, 1.0).mean()


def hinge_discriminator_loss(real_scores, fake_scores):
    """E max(0, 1 - f(x)) + E max(0, 1 + f(G(z))): no gradient from an example on its right side by 1 or more (Lim & Ye 2017)."""
    return (1 - check_logits(real_scores)).relu().mean() + (1 + check_logits(fake_scores)).relu().mean()


def critic_generator_loss(fake_scores):
    """-E f(G(z)): the generator's side of the hinge and of the Wasserstein loss."""
    return -check_logits(fake_scores).mean()


def logit_gradient(logits, loss):
    """d loss / d l for one fake with logit l, elementwise, eq-gan-saturation: minimax -sigmoid(l), non-saturating -sigmoid(-l), hinge -1."""
    logits = as_float(logits)
    forms = {"minimax": lambda l: -l.sigmoid(), "non-saturating": lambda l: -(-l).sigmoid(), "hinge": lambda l: -torch.ones_like(l)}
    require(loss in forms, f"loss: expected one of {', '.join(forms)}; got {loss!r}")
    return forms[loss](logits)


# --- what may come in ---------------------------------------------------------------------------------------------


def check_logits(logits):
    """Logits as they should be: floating, not empty; half precision is widened, so that nothing is lost in a mean over the batch."""
    logits = as_float(logits)
    require(logits.numel() > 0, f"logits: expected at least one, got shape {tuple(logits.shape)}")
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits


def check_labels(labels):
    """The pair (real, fake) of labels; ValueError unless 0 <= fake < real <= 1."""
    real, fake = labels
    require(0 <= fake < real <= 1, f"labels: expected 0 <= fake < real <= 1, got real {real} and fake {fake}")
    return real, fake


def _densities(log_p, log_g, lo, hi, n):
    require(lo < hi and n > 2, f"expected lo < hi and n > 2, got {lo}, {hi} and {n}")
    x = torch.linspace(lo, hi, n, dtype=torch.float64)
    p, g = log_p(x).exp(), log_g(x).exp()
    for name, density in (("log_p", p), ("log_g", g)):
        mass = torch.trapezoid(density, x).item()
        require(abs(mass - 1) <= 0.01, f"{name}: expected a mass of 1 on [{lo}, {hi}], got {mass:.4g}")
    return x, p, g


def _integral(x, density, h):
    """Integral of density * h, where h may be anything if the density is zero."""
    return torch.trapezoid(torch.where(density > 0, density * h, 0.0), x)
