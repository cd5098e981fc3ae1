"""The variational autoencoder: its loss, its likelihoods, its measures and its uses (chapter "vae").

Prior p(z) = N(0, I), decoder p(x | z) = prod_i p(x_i | z), encoder q(z | x) = N(mean, diag(exp(log_var))). Log-probabilities
are in nats, one per example: **summed** over pixels and latents, never averaged; the caller averages over examples.
Noise comes from the `generator` that is handed in. `latents` holds what a trained model is used for. Left out: learned priors,
flows in the posterior.
"""

import math
from typing import NamedTuple

import torch

from .densities import (
    LOG_2PI, as_float, check_finite, log_bernoulli, log_categorical, log_normal, log_normal_diag, log_normal_full, require,
)  # fmt: skip
from .nets import mlp

LIKELIHOODS = ("bernoulli", "gaussian", "categorical")


class VAE(torch.nn.Module):
    """encoder: net (B, D) -> (B, 2d), mean and log-variance side by side. decoder: net (B, d) -> (B, D) or (B, D * levels).

    likelihood: what the decoder's output means. "bernoulli": logits, for x in [0, 1]. "gaussian": means, with one variance
    exp(log_var) for all pixels, fixed or (learn_log_var) trained. "categorical": logits of `levels` values, for integer x.
    pixels: D, if another number is to be refused.
    """

    def __init__(self, encoder, decoder, likelihood="bernoulli", *, log_var=0.0, learn_log_var=False, levels=2, pixels=None):
        super().__init__()
        require(likelihood in LIKELIHOODS, f"likelihood: expected one of {', '.join(LIKELIHOODS)}; got {likelihood!r}")
        require(math.isfinite(log_var), f"log_var: expected a finite number, got {log_var}")
        require(levels >= 2, f"levels: expected at least 2, got {levels}")
        self.encoder, self.decoder, self.likelihood, self.levels, self.pixels = encoder, decoder, likelihood, levels, pixels
        if likelihood == "gaussian":
            self.log_var = torch.nn.Parameter(torch.tensor(float(log_var)), requires_grad=learn_log_var)

    def encode(self, x):
        """Mean and log-variance of q(z | x): (B, D) -> (B, d), (B, d). Integer levels come to the encoder as numbers in [0, 1]."""
        x = x if x.is_floating_point() else (x / (self.levels - 1)).to(next(self.encoder.parameters()).dtype)
        return _full(self.encoder(x)).chunk(2, -1)

    def decode(self, z):
        """The decoder's raw output, logits or means: (..., d) -> (..., D) or (..., D, levels)."""
        out = _full(self.decoder(z.flatten(0, -2))).unflatten(0, z.shape[:-1])
        return out.unflatten(-1, (-1, self.levels)) if self.likelihood == "categorical" else out


def mlp_vae(pixels, hidden, latent, likelihood="bernoulli", generator=None, *, levels=2, **options):
    """A VAE of two perceptrons, pixels-hidden-2 latent and latent-hidden reversed-pixels. ValueError on a width below 1."""
    outputs = pixels * (levels if likelihood == "categorical" else 1)
    encoder = mlp([pixels, *hidden, 2 * latent], generator)
    decoder = mlp([latent, *reversed(hidden), outputs], generator)
    return VAE(encoder, decoder, likelihood, levels=levels, pixels=pixels, **options)


# --- the loss and its parts ---------------------------------------------------------------------------------------

def kl_to_prior(mean, log_var):
    """KL(N(mean, diag(exp(log_var))) || N(0, I)), (..., d) -> (...), eq. vae-kl:
    1/2 sum_k (e^lambda_k + mu_k^2 - 1 - lambda_k).
    """
    return 0.5 * (log_var.exp() + mean**2 - 1 - log_var).sum(-1)


def reparameterise(mean, log_var, generator=None, n=None):
    """z = mu + e^(lambda/2) eps with eps ~ N(0, I), eq. vae-reparameterise:
    one draw for each row, (B, d), or n of them, (n, B, d).
    """
    shape = mean.shape if n is None else (n, *mean.shape)
    place = generator.device if generator is not None else mean.device
    eps = torch.randn(shape, generator=generator, dtype=mean.dtype, device=place).to(mean.device)
    return mean + (log_var / 2).exp() * eps


def log_likelihood(model, x, z):
    """log p(x | z), summed over pixels: x (B, D), z (..., B, d) -> (..., B)."""
    out = model.decode(z)
    if model.likelihood == "bernoulli":
        return log_bernoulli(x, out).sum(-1)
    if model.likelihood == "gaussian":
        return log_normal(x, out, model.log_var).sum(-1)
    return log_categorical(x.long().expand(out.shape[:-1]), out).sum(-1)


class Terms(NamedTuple):
    """The two parts of the ELBO, one value per example, (B,), in nats; `elbo` = reconstruction - kl."""

    reconstruction: torch.Tensor
    kl: torch.Tensor

    @property
    def elbo(self):
        return self.reconstruction - self.kl


def elbo_terms(model, x, generator=None):
    """One-draw estimate of E_q[log p(x | z)], and KL(q || p) in closed form (Kingma & Welling 2014, eq. 10)."""
    x = check_pixels(model, x)
    mean, log_var = model.encode(x)
    return Terms(log_likelihood(model, x, reparameterise(mean, log_var, generator)), kl_to_prior(mean, log_var))


def loss(model, x, generator=None, beta=1.0):
    """Mean over the batch of -reconstruction + beta KL, with its parts, for `train.fit`; beta = 1 is -ELBO."""
    terms = elbo_terms(model, x, generator)
    reconstruction, kl = terms.reconstruction.mean(), terms.kl.mean()
    return {"loss": beta * kl - reconstruction, "reconstruction": reconstruction.detach(), "kl": kl.detach()}


# --- how good it is -----------------------------------------------------------------------------------------------

def log_weight(model, x, z, mean, log_var):
    """log w = log p(x | z) + log p(z) - log q(z | x) for z (..., B, d) and the encoder's outputs for x: (..., B)."""
    return log_likelihood(model, x, z) + log_normal(z, 0.0, 0.0).sum(-1) - log_normal_diag(z, mean, log_var)


@torch.no_grad()
def importance_log_likelihood(model, x, k=500, generator=None, rows=1000):
    """log (1/k) sum_j w_j, (B,), eq. vae-importance, and its standard error
    by the delta method, sd(w) / (mean(w) sqrt(k)), (B,).

    Its expectation is at most log p(x) and rises with k (Burda et al. 2016,
    eq. 8). At most `rows` images are decoded at once.
    """
    x = check_pixels(model, x)
    require(k >= 2 and rows >= 1, f"expected k >= 2 and rows >= 1, got {k} and {rows}")
    values, errors = [], []
    for part in x.split(max(1, rows // k)):
        mean, log_var = model.encode(part)
        sizes = [min(rows, k - start) for start in range(0, k, rows)]
        draws = (reparameterise(mean, log_var, generator, n) for n in sizes)
        log_w = torch.cat([log_weight(model, part, z, mean, log_var) for z in draws])  # (k, b)
        values.append(torch.logsumexp(log_w, 0) - math.log(k))
        errors.append((log_w - values[-1]).exp().std(0) / math.sqrt(k))
    return torch.cat(values), torch.cat(errors)


def active_units(means, threshold=0.01):
    """Which latents the code uses: Var over x of E_q[z_k | x] > threshold, means (N, d) -> bool (d,) (Burda et al. 2016, experiments)."""
    means = check_finite(means, "means")
    require(means.ndim == 2 and len(means) > 1, f"means: expected shape (N, d) with N > 1, got {tuple(means.shape)}")
    return means.var(0) > threshold


def aggregate_moments(means, log_vars):
    """Mean and variance, (d,) each, of the aggregated posterior (1/N) sum_n q(z | x_n): E[z], E[var] + var[mean]."""
    means, log_vars = check_finite(means, "means"), check_finite(log_vars, "log_vars")
    return means.mean(0), log_vars.exp().mean(0) + means.var(0, unbiased=False)


def best_log_var(x, mean):
    """log sigma^2 of the Gaussian likelihood that is largest: the log of the mean squared error over all pixels, prop. vae-best-variance."""
    return ((as_float(x) - mean) ** 2).mean().log()


# --- the linear VAE: everything known exactly ---------------------------------------------------------------------

def linear_vae(weight, bias, log_var):
    """The VAE with decoder z -> W z + b, variance exp(log_var) and the exact posterior as its encoder, prop. elbo-linear-gaussian.

    q(z | x) = N(M^-1 W^T (x - b), sigma^2 M^-1) with M = W^T W + sigma^2 I. A diagonal q can be exact only if the columns of
    `weight`, (D, d), are orthogonal (ValueError otherwise), as those of probabilistic PCA are.
    """
    weight, bias = check_finite(weight, "weight").double(), check_finite(bias, "bias").double()
    fits = weight.ndim == 2 and bias.shape == weight.shape[:1]
    require(fits, f"expected weight (D, d) and bias (D,), got {tuple(weight.shape)}, {tuple(bias.shape)}")
    gram = weight.T @ weight
    off = (gram - gram.diagonal().diag()).abs().max().item()
    require(off <= 1e-6 * gram.diagonal().max(), f"weight: expected orthogonal columns, got products up to {off:g}")
    model = mlp_vae(*weight.shape[:1], [], weight.shape[1], "gaussian", log_var=float(log_var)).double()
    precision = gram.diagonal() + math.exp(log_var)  # M
    read = (weight / precision).T
    with torch.no_grad():
        model.decoder[0].weight.copy_(weight)
        model.decoder[0].bias.copy_(bias)
        model.encoder[0].weight.copy_(torch.cat([read, torch.zeros_like(read)]))
        model.encoder[0].bias.copy_(torch.cat([-read @ bias, log_var - precision.log()]))
    return model


def exact_log_likelihood(model, x):
    """log p(x) = log N(x; b, W W^T + sigma^2 I) of a VAE with a linear Gaussian decoder z -> W z + b, (B, D) -> (B,)."""
    layers = list(model.decoder)
    linear = model.likelihood == "gaussian" and len(layers) == 1
    require(linear, f"expected a gaussian VAE with a linear decoder, got {model.likelihood!r} and {len(layers)} layers")
    weight, bias = layers[0].weight, layers[0].bias
    return log_normal_full(x, bias, weight @ weight.T + model.log_var.exp() * torch.eye(len(bias), dtype=weight.dtype))


def ppca_maximum(x, latent):
    """The largest mean log-likelihood that any linear VAE with `latent` < D latents has on data (N, D): a number in nats.

    -1/2 (D log 2 pi + sum of log lambda_j + (D - latent) log sigma^2 + D), lambda_j the `latent` largest eigenvalues of the covariance
    and sigma^2 the mean of the others (Tipping & Bishop 1999, eq. 8 put into eq. 4).
    """
    x = check_finite(x, "x").double()
    require(x.ndim == 2 and 1 <= latent < x.shape[1], f"expected x (N, D) and 1 <= latent < D, got {tuple(x.shape)} and {latent}")
    values = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    rest = values[latent:].mean()
    return -0.5 * (x.shape[1] * (LOG_2PI + 1) + values[:latent].log().sum() + (x.shape[1] - latent) * rest.log())


# --- what may come in ---------------------------------------------------------------------------------------------

def check_pixels(model, x):
    """`x` as a batch (B, D) this model has a likelihood for; ValueError says what was expected and what came."""
    batch = isinstance(x, torch.Tensor) and x.ndim == 2 and x.numel() > 0
    require(batch, f"x: expected a tensor (B, D) that is not empty, got {type(x).__name__} {tuple(getattr(x, 'shape', ()))}")
    require(model.pixels in (None, x.shape[1]), f"x: expected {model.pixels} pixels, got {x.shape[1]}")
    low, high, real = x.min().item(), x.max().item(), x.is_floating_point()
    wanted, good = {
        "bernoulli": ("floating pixels in [0, 1]", real and 0 <= low and high <= 1),
        "gaussian": ("finite floating numbers", real and math.isfinite(low) and math.isfinite(high)),
        "categorical": (f"integers in 0…{model.levels - 1}", not real and 0 <= low and high < model.levels),
    }[model.likelihood]
    require(good, f"x: expected {wanted}, got {x.dtype} from {low:g} to {high:g}")
    return x


def _full(out):
    """Network outputs leave autocast as float32, so that sums over pixels lose nothing."""
    return out.float() if out.dtype in (torch.bfloat16, torch.float16) else out
