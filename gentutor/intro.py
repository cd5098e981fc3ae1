"""One two-class problem seen from both sides, and the two ways to be a generative model (chapter "intro").

Generative: p(x, y) = p(y) N(x; mean_y, cov_y). Discriminative: p(y = 1 | x) = sigmoid(w . x + b). Float64, in nats.
Left out: more than two classes and regularised fits; the next chapter has both, on digits.
"""

import math
from typing import NamedTuple

import torch

from .densities import check_finite, cholesky, log_normal_full, require

# ---- the generative view: a law of x and y -----------------------------------------------------------------------


class TwoClasses(NamedTuple):
    """p(x, y): share = p(y = 1), in (0, 1); means (2, D); covs (2, D, D), of class 0 and of class 1."""

    share: torch.Tensor
    means: torch.Tensor
    covs: torch.Tensor


def two_classes(share, means, covs):
    """A TwoClasses in float64. covs: (2, D, D), or one (D, D) for both; ValueError unless positive definite."""
    share, means, covs = (check_finite(v, name).double() for v, name in ((share, "share"), (means, "means"), (covs, "covs")))
    require(share.ndim == 0 and 0 < share < 1, f"share: expected one number strictly between 0 and 1, got {share.tolist()}")
    require(means.ndim == 2 and len(means) == 2, f"means: expected shape (2, D), got {tuple(means.shape)}")
    wide = means.shape[1]
    require(covs.shape in ((wide, wide), (2, wide, wide)), f"covs: expected shape (2, {wide}, {wide}) or ({wide}, {wide}), got {tuple(covs.shape)}")
    covs = covs.expand(2, wide, wide)
    for y in (0, 1):
        cholesky(covs[y], f"covs[{y}]")
    return TwoClasses(share, means, covs)


def fit_generative(x, y, shared=True):
    """Maximum likelihood for p(x, y): count the classes, average in each. x: (N, D); y: (N,) of 0 and 1, both present.

    shared: one covariance around the two means (linear discriminant analysis), or one for each class (quadratic).
    Covariances divide by N, as maximum likelihood does. ValueError when a covariance is singular.
    """
    x, y = _labelled(x, y)
    groups = [x[y == k] for k in (0, 1)]
    means = torch.stack([group.mean(0) for group in groups])
    covs = torch.stack([(group - mean).T @ (group - mean) / len(group) for group, mean in zip(groups, means)])
    share = y.double().mean()
    return two_classes(share, means, (1 - share) * covs[0] + share * covs[1] if shared else covs)


def sample(model, n, generator=None):
    """n draws of (x, y): the label first, then x given the label. x (n, D), y (n,)."""
    y = (torch.rand(n, dtype=torch.float64, generator=generator) < model.share).long()
    roots = torch.linalg.cholesky(model.covs)
    noise = torch.randn(n, model.means.shape[1], dtype=torch.float64, generator=generator)
    return model.means[y] + (roots[y] @ noise.unsqueeze(-1)).squeeze(-1), y


def log_joint(model, x, observed=None):
    """log p(x_o, y), (N, 2): what is not observed is integrated out (eq-intro-missing).

    x: (N, D); an entry that is not observed is never looked at. observed: (D,) booleans, None for all.
    A Gaussian's marginal keeps the observed rows and columns of mean and covariance, and drops the others.
    """
    seen = _observed(model, observed)
    x = _features(model, x)[:, seen]
    check_finite(torch.cat([x.flatten(), x.new_zeros(1)]), "x, observed")
    prior = torch.stack([1 - model.share, model.share]).log()
    if not seen.any():
        return prior.expand(len(x), 2)
    parts = [log_normal_full(x, mean[seen], cov[seen][:, seen]) for mean, cov in zip(model.means, model.covs)]
    return prior + torch.stack(parts, -1)  # (N, 2)


def log_prob(model, x, observed=None):
    """log p(x_o), (N,): how likely the input itself is, whatever its label (eq-intro-mixture)."""
    return torch.logsumexp(log_joint(model, x, observed), -1)


def log_odds(model, x, observed=None):
    """log p(y = 1 | x_o) / p(y = 0 | x_o), (N,), by Bayes' rule."""
    joint = log_joint(model, x, observed)
    return joint[:, 1] - joint[:, 0]


def complete(model, x, observed, generator=None):
    """One joint draw of what is missing from p(x_m | x_o), (N, D): a label from p(y | x_o), then x_m given both."""
    seen = _observed(model, observed)
    x = _features(model, x)
    p = torch.sigmoid(log_odds(model, x, seen))
    y = (torch.rand(len(x), dtype=torch.float64, generator=generator) < p).long()
    drawn = x.clone()
    for k in (0, 1):
        mean, cov, rows = model.means[k], model.covs[k], y == k
        gain = cov[~seen][:, seen] @ torch.linalg.inv(cov[seen][:, seen])  # (M, O)
        root = torch.linalg.cholesky(cov[~seen][:, ~seen] - gain @ cov[seen][:, ~seen])
        noise = torch.randn(int(rows.sum()), len(root), dtype=torch.float64, generator=generator)
        filled = drawn[rows]
        filled[:, ~seen] = mean[~seen] + (filled[:, seen] - mean[seen]) @ gain.T + noise @ root.T
        drawn[rows] = filled
    return drawn


def linear_log_odds(model):
    """Weights (D,) and bias of the log-odds when both classes share one covariance (proposition intro-linear); else ValueError."""
    require(torch.allclose(*model.covs, rtol=1e-9, atol=0), "covs: expected one covariance for both classes, got two")
    weights = torch.linalg.solve(model.covs[0], model.means[1] - model.means[0])
    return weights, torch.logit(model.share) - weights @ model.means.mean(0)


# ---- the discriminative view: only p(y | x) ----------------------------------------------------------------------


class Logistic(NamedTuple):
    """p(y = 1 | x) = sigmoid(weights . x + bias); weights (D,)."""

    weights: torch.Tensor
    bias: torch.Tensor

    def log_odds(self, x):
        """(N,) for x of shape (N, D), every entry of which is needed."""
        return check_finite(x, "x").double() @ self.weights + self.bias


def fit_logistic(x, y, steps=50):
    """The least mean cross-entropy by Newton's method, halving a step that does not help. Shapes as in fit_generative.

    ValueError when the classes can be separated by a plane: then there is no least, the weights run to infinity.
    """
    x, y = _labelled(x, y)
    inputs = torch.cat([x, x.new_ones(len(x), 1)], 1)  # (N, D + 1)
    theta = x.new_zeros(inputs.shape[1])

    def loss(theta):
        return torch.nn.functional.softplus((1 - 2 * y) * (inputs @ theta), threshold=40).mean()

    for _ in range(steps):
        p = torch.sigmoid(inputs @ theta)
        slope = inputs.T @ (p - y) / len(x)
        curvature = inputs.T @ ((p * (1 - p)).unsqueeze(1) * inputs) / len(x)
        if slope.abs().max() < 1e-10 * inputs.abs().mean():
            break
        step = torch.linalg.lstsq(curvature, slope).solution
        while loss(theta - step) > loss(theta) and step.abs().max() > 1e-12:
            step = step / 2
        theta = theta - step
    separated = ((2 * y - 1) * (inputs @ theta)).min() > 0
    require(not separated, "expected classes that overlap, got classes that a plane separates: the weights have no optimum")
    return Logistic(theta[:-1], theta[-1])


# ---- explicit and implicit ---------------------------------------------------------------------------------------


def kernel_log_prob(x, data, bandwidth):
    """log of the mean of N(x; x_n, bandwidth^2 I) over the data: an explicit model that needs no fit (eq-intro-kde).

    x: (B, D), data: (N, D) -> (B,). Source: Parzen (1962).
    """
    x, data = check_finite(x, "x").double(), check_finite(data, "data").double()
    require(bandwidth > 0, f"bandwidth: expected a number > 0, got {bandwidth}")
    require(x.ndim == data.ndim == 2 and x.shape[1] == data.shape[1], f"expected (B, D) and (N, D), got {tuple(x.shape)} and {tuple(data.shape)}")
    wide = data.shape[1]
    square = torch.cdist(x, data) ** 2 / bandwidth**2  # (B, N)
    return torch.logsumexp(-square / 2, 1) - math.log(len(data)) - wide * (math.log(bandwidth) + math.log(2 * math.pi) / 2)


def kernel_sample(n, data, bandwidth, generator=None):
    """n draws of the same model, (n, D): a datum at random, and noise."""
    data = check_finite(data, "data").double()
    require(bandwidth > 0, f"bandwidth: expected a number > 0, got {bandwidth}")
    chosen = data[torch.randint(len(data), (n,), generator=generator)]
    return chosen + bandwidth * torch.randn(chosen.shape, dtype=torch.float64, generator=generator)


def spiral(z):
    """An implicit model: points of the plane from noise, G(z) for z of shape (N, 2), standard normal. A sampler and no density.

    The first number says how far along the spiral, by its distribution function; the second moves the point off it.
    """
    z = check_finite(z, "z").double()
    turn = 0.25 + 0.75 * torch.special.ndtr(z[:, 0])  # of 2.5 full turns
    angle, radius = 5 * math.pi * turn, 3 * turn + 0.08 * z[:, 1]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


# ---- two demands -------------------------------------------------------------------------------------------------


def share_inside(p, q, level=0.99):
    """How much of q falls where p is plausible: in the densest cells that together hold `level` of p.

    p, q: probabilities of the same cells of equal size, (K,), each summing to one.
    """
    _same_cells(p, q)
    order = p.argsort(descending=True)
    kept = order[: int((p[order].cumsum(0) < level).sum()) + 1]
    return q[kept].sum()


def order_agreement(p, q):
    """The share of the pairs of cells that p tells apart and that q puts in the same order, in [0, 1]. p, q: (K,)."""
    _same_cells(p, q)
    first = (p.unsqueeze(1) - p).sign()  # (K, K)
    return ((q.unsqueeze(1) - q).sign() == first)[first != 0].double().mean()


def _same_cells(p, q):
    require(p.ndim == 1 and p.shape == q.shape, f"expected probabilities of the same cells, got shapes {tuple(p.shape)} and {tuple(q.shape)}")
    for name, v in (("p", p), ("q", q)):
        require(abs(v.sum() - 1) < 1e-6 and v.min() >= 0, f"{name}: expected probabilities that sum to 1, got a sum of {v.sum().item():.6g}")


def _labelled(x, y):
    x, y = check_finite(x, "x").double(), torch.as_tensor(y)
    require(x.ndim == 2, f"x: expected shape (N, D), got {tuple(x.shape)}")
    require(y.shape == x.shape[:1], f"y: expected {len(x)} labels, got shape {tuple(y.shape)}")
    require(((y == 0) | (y == 1)).all() and (y == 0).any() and (y == 1).any(), "y: expected labels 0 and 1, both of them, got others or only one")
    return x, y.long()


def _features(model, x):
    x = torch.as_tensor(x, dtype=torch.float64)
    wide = model.means.shape[1]
    require(x.ndim == 2 and x.shape[1] == wide, f"x: expected shape (N, {wide}), got {tuple(x.shape)}")
    return x


def _observed(model, observed):
    wide = model.means.shape[1]
    seen = torch.ones(wide, dtype=torch.bool) if observed is None else torch.as_tensor(observed).bool()
    require(seen.shape == (wide,), f"observed: expected {wide} booleans, got shape {tuple(seen.shape)}")
    return seen
