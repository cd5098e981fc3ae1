"""How many numbers a law needs: joint tables, the chain rule, and exponential families (chapter "bayes").

Left out: graphical models beyond the chain, and families other than the three that the book uses.
"""

import torch

from .densities import as_float, check_finite, check_probabilities, require


# ---- free parameters, exact ints --------------------------------------------------------------------------------


def _whole(**numbers):
    for name, value in numbers.items():
        require(isinstance(value, int) and value >= 1, f"{name}: expected a whole number >= 1, got {value!r}")


def count_full(n, k=2):
    """Free parameters of any joint law of n variables with k values each: k^n - 1, an exact int."""
    _whole(n=n, k=k)
    return k**n - 1


def count_chain(n, k=2):
    """The chain rule's tables p(x_i | x_1 ... x_{i-1}), summed: (k - 1)(1 + k + ... + k^{n-1}), the same number."""
    _whole(n=n, k=k)
    return sum((k - 1) * k**i for i in range(n))


def count_independent(n, k=2):
    """n independent variables: n (k - 1)."""
    _whole(n=n, k=k)
    return n * (k - 1)


def count_markov(n, k=2):
    """A Markov chain with its own table at each step: (k - 1) + (n - 1) k (k - 1)."""
    _whole(n=n, k=k)
    return (k - 1) + (n - 1) * k * (k - 1)


def count_naive_bayes(n, classes, k=2):
    """Class probabilities and n independent variables within each class: (K - 1) + K n (k - 1)."""
    _whole(n=n, classes=classes, k=k)
    return (classes - 1) + classes * n * (k - 1)


def chain_factors(joint):
    """The tables p(x_1), p(x_2 | x_1), ... of a joint table with one axis a variable; the i-th has i axes.

    Every prefix must have positive probability (ValueError), or a conditional would be undefined.
    """
    joint = check_finite(joint, "joint")
    check_probabilities(joint.flatten(), "joint")
    factors, before = [], joint.new_ones(())
    for i in range(joint.ndim):
        rest = tuple(range(i + 1, joint.ndim))
        prefix = joint.sum(rest) if rest else joint  # p(x_1 ... x_i)
        require(before.min() > 0, "joint: expected every prefix to have positive probability, got one with 0")
        factors.append(prefix / before.unsqueeze(-1))
        before = prefix
    return factors


def chain_product(factors):
    """The joint table that is the product of chain-rule tables: the inverse of `chain_factors`."""
    joint = factors[0]
    for factor in factors[1:]:
        joint = joint.unsqueeze(-1) * factor
    return joint


# ---- exponential families: p(x) = h(x) exp(eta . t(x) - A(eta)) -------------------------------------------------


def bernoulli_log_partition(eta):
    """A(eta) = log(1 + e^eta); eta (...,) is the log-odds and t(x) = x."""
    return torch.nn.functional.softplus(as_float(eta), threshold=40)


def categorical_log_partition(eta):
    """A(eta) = log sum_k e^{eta_k}; eta (K,) are the logits and t(x) is the one-hot vector of x."""
    return torch.logsumexp(as_float(eta), -1)


def gaussian_log_partition(eta):
    """A(eta) = -eta_1^2 / (4 eta_2) - log(-2 eta_2) / 2; eta = (mean / var, -1 / (2 var)), t(x) = (x, x^2)."""
    eta = as_float(eta)
    require((eta[..., 1] < 0).all(), f"eta: expected a negative second entry, got {eta[..., 1].max().item():g}")
    return -eta[..., 0] ** 2 / (4 * eta[..., 1]) - 0.5 * (-2 * eta[..., 1]).log()


def moments(log_partition, eta):
    """Mean and covariance of t(x): the gradient and the Hessian of A at eta (K,). Returns (K,) and (K, K)."""
    eta = as_float(eta)
    return torch.autograd.functional.jacobian(log_partition, eta), torch.autograd.functional.hessian(log_partition, eta)
