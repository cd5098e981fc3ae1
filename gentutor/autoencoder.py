"""Autoencoders: linear (PCA), deep, stacked, denoising; push-forward densities; likelihood on a manifold.

Data are rows, (N, D); codes are rows, (N, K). f is the encoder, g the decoder. Losses are squared errors summed over the D
coordinates, one value per example. The laws of codes and the exact denoisers are in `mixtures`. Left out: convolutions, sparse
and contractive penalties; noise in the code (chapter "vae").
"""

from dataclasses import dataclass

import torch

from .densities import check_finite, require
from .nets import mlp


def squared_error(x, x_hat):
    """|x - x_hat|^2 summed over coordinates, (B, D) -> (B,), eq-ae-loss."""
    require(x.shape == x_hat.shape, f"x_hat: expected the shape of x, {tuple(x.shape)}, got {tuple(x_hat.shape)}")
    return ((x - x_hat) ** 2).sum(-1)


# --- linear: PCA --------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class PCA:
    """mean (D,), axes (D, K) with orthonormal columns, variances (D,): all eigenvalues of the covariance, descending."""

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor

    def encode(self, x):
        return (x - self.mean) @ self.axes

    def decode(self, z):
        return self.mean + z @ self.axes.T

    @property
    def residual(self):
        """Mean squared error per example, theorem ae-pca: the sum of the variances left out."""
        return self.variances[self.axes.shape[1]:].sum()


def pca(x, latent):
    """Principal components of data (N, D): the axes are the right singular vectors of the centred data, eq-pca-svd.

    Computed as eigenvectors of the covariance (divided by N), in float64. ValueError unless 1 <= latent <= D and N > 1.
    """
    x = _rows(x, "x")
    require(1 <= latent <= x.shape[1], f"latent: expected a number from 1 to D = {x.shape[1]}, got {latent}")
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh(scatter(x))  # ascending
    return PCA(mean, vectors.flip(1)[:, :latent].contiguous(), values.flip(0).clamp(min=0))


def scatter(x):
    """Covariance of data (N, D) about its mean, divided by N: (D, D)."""
    r = _rows(x, "x")
    r = r - r.mean(0)
    return r.T @ r / len(r)


def linear_loss(S, encoder, decoder):
    """Mean squared error of x -> x A B on centred data of covariance S (D, D): tr((I - AB)^T S (I - AB)), a number.

    encoder A: (D, K); decoder B: (K, D).
    """
    left = torch.eye(len(S), dtype=S.dtype) - _map(S, encoder, decoder)
    return (left * (S @ left)).sum()


def linear_gradients(S, encoder, decoder):
    """Gradients of `linear_loss` by A (D, K) and by B (K, D): -2 S (I - AB) B^T and -2 A^T S (I - AB), prop. ae-saddles."""
    left = torch.eye(len(S), dtype=S.dtype) - _map(S, encoder, decoder)
    return -2 * S @ left @ decoder.T, -2 * encoder.T @ S @ left


def best_decoder(S, encoder):
    """The B (K, D) of least loss for a given A (D, K): the regression (A^T S A)^-1 A^T S of x on its code."""
    code = encoder.T @ S @ encoder
    require(torch.linalg.matrix_rank(code) == len(code), "encoder: expected codes that are linearly independent, got some that are not")
    return torch.linalg.solve(code, encoder.T @ S)


# --- deep ---------------------------------------------------------------------------------------------------------

class Autoencoder(torch.nn.Module):
    """f: mlp(sizes), g: mlp(sizes reversed) with a sigmoid at the end: pixels in [0, 1]. sizes = (D, ..., K).

    Source: Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006).
    """

    def __init__(self, sizes, generator=None):
        super().__init__()
        self.encoder, self.decoder = mlp(sizes, generator), mlp(sizes[::-1], generator)

    def encode(self, x):
        """(B, D) -> (B, K), any real numbers."""
        return self.encoder(x)

    def decode(self, z):
        """(B, K) -> (B, D) in (0, 1)."""
        return torch.sigmoid(self.decoder(z))

    def forward(self, x):
        return self.decode(self.encode(x))


def layer(net, k):
    """Layer k of the encoder and its mirror in the decoder, an autoencoder of one layer that shares the weights of `net`.

    Greedy training goes k = 0, 1, ...: the input of layer k is what the layers before it make of the data, and layer 0 gives
    pixels. Source: Bengio, Lamblin, Popovici, Larochelle (2007); Vincent et al. (2010), section 3.4.
    """
    depth = (len(net.encoder) + 1) // 2
    require(0 <= k < depth, f"k: expected a layer from 0 to {depth - 1}, got {k}")
    mirror = 2 * (depth - 1 - k)
    decoder = net.decoder[mirror:mirror + 2]
    return torch.nn.Sequential(net.encoder[2 * k:2 * k + 2], decoder, *([torch.nn.Sigmoid()] if k == 0 else []))


# --- denoising ----------------------------------------------------------------------------------------------------

def corrupt_gaussian(x, noise_std, generator=None):
    """x + noise_std * eps with eps ~ N(0, I), in the shape and dtype of x."""
    require(noise_std >= 0, f"noise_std: expected a number >= 0, got {noise_std}")
    return x + noise_std * torch.randn(x.shape, dtype=x.dtype, generator=generator).to(x.device)


def corrupt_mask(x, share, generator=None):
    """x with each coordinate set to zero with probability `share`, independently (Vincent et al. 2008)."""
    require(0 <= share <= 1, f"share: expected a probability, got {share}")
    return x * (torch.rand(x.shape, generator=generator).to(x.device) >= share)


def denoising_loss(net, clean, corrupted):
    """|x - r(x~)|^2, (B,), eq-dae-loss: the corrupted example goes in, the clean one is the target."""
    return squared_error(clean, net(corrupted))


def implied_score(denoised, corrupted, noise_std):
    """(r(x~) - x~) / sigma^2: the score of the corrupted law when r is the optimal denoiser, eq-tweedie."""
    return (denoised - corrupted) / noise_std**2


# --- push-forward densities and likelihood on a manifold ----------------------------------------------------------

def jacobian(g, z):
    """dg/dz at each row of z, (B, K) -> (B, D, K), for g that maps (B, K) to (B, D) row by row."""
    return torch.func.vmap(torch.func.jacrev(lambda row: g(row.unsqueeze(0)).squeeze(0)))(check_finite(z, "z"))


def pushforward_log_prob(log_q, J):
    """log density of g(z) per unit of K-dimensional volume: log q(z) - log det(J^T J) / 2, (B,), theorem ae-pushforward.

    log_q: (B,) at z; J: (B, D, K), D >= K, of an injective g. For D = K this is log q - log |det J|.
    """
    require(J.ndim == 3 and J.shape[1] >= J.shape[2], f"J: expected shape (B, D, K) with D >= K, got {tuple(J.shape)}")
    log_det = torch.logdet(J.mT @ J)
    require(torch.isfinite(log_det).all(), "J: expected full rank everywhere, got a decoder that is flat in some direction")
    return log_q - log_det / 2


def line_log_likelihood(tau, s):
    """E_p log q for p = N(0, 1) x delta_0 and q = N(0, tau^2) x N(0, s^2): -log(2 pi tau s) - 1 / (2 tau^2), prop. ae-line."""
    tau, s = check_finite(tau, "tau").double(), check_finite(s, "s").double()
    require(tau.min() > 0 and s.min() > 0, "tau, s: expected positive numbers, got one that is not")
    return -(2 * torch.pi * tau * s).log() - 1 / (2 * tau**2)


def spread_kl(mean_p, var_p, mean_q, var_q, noise_std):
    """KL(p_sigma || q_sigma) of two diagonal Gaussians (..., D), both blurred by N(0, noise_std^2 I); variances may be zero.

    Source: Zhang, Hayes, Bird, Habib, Barber, "Spread divergence" (2020).
    """
    mean_p, var_p, mean_q, var_q = (check_finite(t, "means and variances") for t in (mean_p, var_p, mean_q, var_q))
    require(min(var_p.min(), var_q.min()) >= 0 and noise_std > 0, "expected variances >= 0 and noise_std > 0, got a smaller one")
    vp, vq = var_p + noise_std**2, var_q + noise_std**2
    return 0.5 * ((vq / vp).log() + (vp + (mean_p - mean_q) ** 2) / vq - 1).sum(-1)


# --- are the samples where the data are? --------------------------------------------------------------------------

def near(points, data, k=3):
    """Which points (M, D) lie within the k-th nearest neighbour's distance of which data (N, D): bool (M, N).

    For samples and real data, `.any(1).mean()` is the precision (samples that lie among data) and `.any(0).mean()` the
    coverage (data with a sample near). Sources: Kynkaanniemi et al. (2019), eq. 1; Naeem et al. (2020), eq. 4.
    """
    require(1 <= k < len(data), f"k: expected a number from 1 to N - 1 = {len(data) - 1}, got {k}")
    radius = torch.cdist(data, data).kthvalue(k + 1, dim=1).values  # the nearest is the point itself
    return torch.cdist(points, data) <= radius


def _rows(x, name):
    x = check_finite(x, name).double()
    require(x.ndim == 2 and len(x) > 1, f"{name}: expected shape (N, D) with N > 1, got {tuple(x.shape)}")
    return x


def _map(S, encoder, decoder):
    shapes, (d, k) = [tuple(t.shape) for t in (S, encoder, decoder)], (len(S), encoder.shape[-1])
    require(shapes == [(d, d), (d, k), (k, d)], f"S, encoder, decoder: expected (D, D), (D, K), (K, D), got {shapes}")
    return encoder @ decoder
