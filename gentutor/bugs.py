"""The bug museum: famous mistakes, each to be switched on, and the check that catches it.

A bug swaps one function of the package for its wrong version and puts the right one back, whatever happens.
"""

import contextlib
import importlib
import io
import math
from dataclasses import dataclass
from typing import Callable

from .checks import CheckFailed


@dataclass(frozen=True)
class Bug:
    """module, function: what is swapped. wrong: the right function -> the wrong one. caught_by: a check's id."""

    module: str
    function: str
    wrong: Callable
    story: str
    caught_by: str


@contextlib.contextmanager
def planted(name):
    """Inside the block the package has the bug `name`. KeyError names the bugs there are."""
    if name not in BUGS:
        raise KeyError(f"no bug {name!r}; there are {sorted(BUGS)}")
    bug = BUGS[name]
    module = importlib.import_module(bug.module)
    right = getattr(module, bug.function)
    setattr(module, bug.function, bug.wrong(right))
    try:
        yield bug
    finally:
        setattr(module, bug.function, right)


def caught(name, verify):
    """Plant the bug, run `verify()`, and print how its check caught it. AssertionError when that check did not."""
    try:
        with planted(name) as bug, contextlib.redirect_stdout(io.StringIO()):
            verify()
    except CheckFailed as failure:
        if failure.id != bug.caught_by:
            raise AssertionError(f"{name}: expected {bug.caught_by} to fail, got a failure of {failure}") from failure
        print(f"🐞 {name} · {bug.story} · caught by {bug.caught_by}")
        return
    raise AssertionError(f"{name}: expected {bug.caught_by} to fail, but every check passed")


def _lost_determinant(right):
    """Gaussian KL without log |cov2| / |cov1|."""
    from .densities import cholesky

    def wrong(mean1, cov1, mean2, cov2):
        log_det = [2 * cholesky(cov).diagonal().log().sum() for cov in (cov1, cov2)]
        return right(mean1, cov1, mean2, cov2) - 0.5 * (log_det[1] - log_det[0])

    return wrong


def _ratio_of_matrices(right):
    """Gaussian KL with log(cov2/cov1) read entry by entry along the diagonal, the determinants forgotten."""
    from .densities import as_float

    lost = _lost_determinant(right)

    def wrong(mean1, cov1, mean2, cov2):
        ratio = as_float(cov2).diagonal() / as_float(cov1).diagonal()
        return lost(mean1, cov1, mean2, cov2) + 0.5 * ratio.log().sum()

    return wrong


def _no_middle(right):
    """JS as the plain mean of the two KLs."""
    from . import kl

    return lambda p, q: (kl.kl_discrete(p, q) + kl.kl_discrete(q, p)) / 2


def _mmd_with_diagonal(right):
    """MMD^2 that counts the pairs i = j."""
    from . import distances

    def wrong(x, y, bandwidth):
        x, y = (t.reshape(len(t), -1) for t in (x, y))
        kernel = lambda a, b: distances.rbf_kernel(a, b, bandwidth).mean()  # noqa: E731
        return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)

    return wrong


def _tensor(x):
    from .densities import as_float

    return as_float(x)


def _prior_every_time(right):
    """A sequential update that multiplies the first prior in again at every step."""
    import torch

    from . import bayes
    from .densities import as_float

    def wrong(prior, likelihoods):
        steps = [as_float(prior)]
        for likelihood in as_float(likelihoods):
            steps.append(bayes.posterior(prior, steps[-1] * likelihood))
        return torch.stack(steps)

    return wrong


def _odds_added(right):
    """Odds added where their logarithms add."""
    import torch

    from .densities import as_float

    return lambda prior, ratios: torch.cat([as_float(prior).reshape(1), as_float(ratios)]).exp().cumsum(0).log()


def _variance_weights(right):
    """The Gaussian update with each mean weighted by its own variance instead of its precision."""
    from .densities import as_float

    def wrong(mean, var, x, noise_var):
        x, v, w = as_float(x), as_float(var), as_float(noise_var)
        return (mean * v + x.sum() * w) / (v + len(x) * w), 1 / (1 / v + len(x) / w)

    return wrong


def _scaled_axes(right):
    """PCA whose axes are divided by the singular values once more (a spare inverse of Sigma_kk)."""
    from .autoencoder import PCA

    def wrong(x, latent):
        p = right(x, latent)
        return PCA(p.mean, p.axes / p.variances[:latent].sqrt(), p.variances)

    return wrong


def _not_centred(right):
    """PCA of the raw data: the mirrored points give the second moment where the covariance belongs."""
    import torch

    return lambda x, latent: right(torch.cat([x, -x]), latent)


def _shares_of_clean(right):
    """The exact denoiser with the components' shares taken from the law of the clean data."""
    import torch

    from . import mixtures

    def wrong(law, corrupted, noise_std):
        share = torch.softmax(mixtures.log_parts(law, corrupted), -1)
        alone = [right(mixtures.Mixture([1.0], m[None], c[None]), corrupted, noise_std) for m, c in zip(law.means, law.covs)]
        return (share.unsqueeze(-1) * torch.stack(alone, -2)).sum(-2)

    return wrong


def _sharp_data(right):
    """Spread KL with noise on the model only: what is a point stays a point, and log(1/0) comes out."""

    def wrong(mean_p, var_p, mean_q, var_q, noise_std):
        vp, vq = _tensor(var_p), _tensor(var_q) + noise_std**2
        return 0.5 * ((vq / vp).log() + (vp + (_tensor(mean_p) - _tensor(mean_q)) ** 2) / vq - 1).sum(-1)

    return wrong


def _elbo():
    from . import elbo

    return elbo


def _prior_draws(right):
    """Draws of the prior N(0, I) where draws of q belong."""
    import torch

    def wrong(mean, cov, n, generator=None):
        return torch.randn(n, *_tensor(mean).shape, dtype=torch.float64, generator=generator)

    return wrong


def _score_of_the_density(right):
    """grad q in place of grad log q: each draw weighted by its density once more."""
    from .densities import log_normal

    def wrong(f, mean, log_std, eps, leave_one_out=False):
        density = log_normal(eps, 0.0, 2 * log_std).exp()
        return tuple(density * g for g in right(f, mean, log_std, eps, leave_one_out))

    return wrong


def _em_of_point_estimates(right):
    """An E-step that takes the posterior mean for z and forgets the posterior's covariance in E[z z^T]."""

    def wrong(model, scatter):
        cross, second, cov = right(model, scatter)
        return cross, second - cov, cov

    return wrong


def _vae():
    from . import vae

    return vae


def _mean_as_code(right):
    """z = mu: the encoder's noise left out."""

    def wrong(mean, log_var, generator=None, n=None):
        return (mean if n is None else mean.expand(n, *mean.shape)) + 0 * log_var

    return wrong


def _generation_from_a_posterior(right):
    """"New" data decoded from the code of one example."""
    import torch

    from . import latents

    def wrong(model, n, latent, generator=None, draw=False):
        with torch.no_grad():
            example = right(model, 1, latent, generator, True)
            z = _vae().reparameterise(*model.encode(example.expand(n, -1)), generator)
            return (latents.draw_pixels if draw else latents.mean_pixels)(model, z, *([generator] if draw else []))

    return wrong


def _without_log_variance(right):
    """The Gaussian log-likelihood as a weighted squared error, its -log(sigma^2)/2 a pixel lost."""

    def wrong(model, x, z):
        lost = model.log_var * x.shape[-1] / 2 if model.likelihood == "gaussian" else 0
        return right(model, x, z) + lost

    return wrong


def _mean_log_weight(right):
    """The mean of the log-weights (the ELBO) where the log of their mean belongs."""
    import torch

    def wrong(model, x, k=500, generator=None, rows=1000):
        with torch.no_grad():
            mean, log_var = model.encode(x)
            log_w = _vae().log_weight(model, x, _vae().reparameterise(mean, log_var, generator, k), mean, log_var)
        return log_w.mean(0), log_w.std(0) / k**0.5

    return wrong


def _roots_for_covariances(right):
    """The Fréchet distance with standard deviations (the roots of the matrices) where the covariances belong."""
    import torch

    def root(cov):
        values, vectors = torch.linalg.eigh(_tensor(cov).double())
        return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T

    return lambda mean1, cov1, mean2, cov2: right(mean1, root(cov1), mean2, root(cov2))


def _no_correlations(right):
    """The Fréchet distance of the diagonals alone."""

    def wrong(mean1, cov1, mean2, cov2):
        return right(mean1, _tensor(cov1).diagonal().diag(), mean2, _tensor(cov2).diagonal().diag())

    return wrong


def _unrooted_distance(right):
    """FID as the root of itself: the Fréchet distance where its square belongs."""
    return lambda real, fake: math.sqrt(right(real, fake))


def _kernel_of_itself(right):
    """Kernel sums that keep the pairs i = i."""

    def wrong(x):
        from . import evaluation

        return evaluation._across(x, x)[0]

    return wrong


def _neighbour_of_itself(right):
    """The k-th neighbour counted from the point itself."""
    import torch

    return lambda x, k: right(x, k - 1) if k > 1 else torch.zeros(len(x), dtype=x.dtype)


def _entropies_swapped(right):
    """exp of the conditional entropy minus the marginal one."""

    def wrong(probabilities):
        score = right(probabilities)
        return score._replace(score=1 / score.score)

    return wrong


def _moved_before_weighed(right):
    """Each state is moved by f_k first, and then weighed by f_k / f_(k-1)."""

    def wrong(log_first, log_last, betas, start, move):
        state, log_w = start, 0.0
        for before, after in zip(betas, betas[1:]):
            state = move(state, lambda s, b=after: (1 - b) * log_first(s) + b * log_last(s))
            log_w = log_w + (after - before) * (log_last(state) - log_first(state))
        return log_w

    return wrong


def _learnt_twice(right):
    """Both halves are the first one."""

    def wrong(x, generator):
        first, _ = right(x, generator)
        return first, first

    return wrong


def _smallest_size(right):
    """The mean distance at the first size, in place of the limit."""

    def wrong(*args):
        line = right(*args)
        return line._replace(value=line.means[0])

    return wrong


def _without_its_bar(right):
    """The reverse mean with sqrt(1 - alpha_t) where sqrt(1 - alpha_bar_t) belongs."""
    from .ddpm import at

    def wrong(schedule, xt, eps, t):
        alpha = at(schedule.alpha, t, xt, 1)
        return (xt - (1 - alpha).sqrt() * eps) / alpha.sqrt()

    return wrong


def _swapped_coefficients(right):
    """The posterior's mean with the coefficients of x_0 and x_t exchanged."""
    return lambda schedule, xt, x0, t: (right(schedule, x0, xt, t)[0], right(schedule, xt, x0, t)[1])


def _noisy_last_step(right):
    """A sampler that adds its noise at t = 1 too."""

    def wrong(schedule, denoise, xt, t, z, var=None, clip=None):
        step = right(schedule, denoise, xt, t, z, var, clip)
        table = schedule.posterior_var if var is None else var
        return step._replace(x=step.x + table[1].sqrt() * z) if t == 1 else step

    return wrong


def _silent_step(right):
    """A sampler that takes each step's mean."""
    return lambda schedule, denoise, xt, t, z, var=None, clip=None: right(schedule, denoise, xt, t, 0 * z, var, clip)


def _earlier_step(right):
    """A denoiser asked about t - 1, as if the net had counted from 0."""

    def wrong(schedule, denoise, xt, t, z, var=None, clip=None):
        return right(schedule, lambda x, steps: denoise(x, steps - 1), xt, t, z, var, clip)

    return wrong


def _variance_as_std(right):
    """x_t with the variance 1 - alpha_bar in the place of its root."""
    from .ddpm import at

    return lambda schedule, x0, t, eps: at(schedule.alpha_bar, t, x0).sqrt() * x0 + at(1 - schedule.alpha_bar, t, x0) * eps


def _beta_as_std(right):
    """A step whose noise is scaled by beta."""
    from .ddpm import at

    return lambda schedule, x, t, eps: at(schedule.alpha, t, x, 1).sqrt() * x + at(schedule.beta, t, x, 1) * eps


def _gan():
    from . import gan

    return gan


def _comparison():
    from . import comparison

    return comparison


def _log_of_the_probability(right):
    """log(sigmoid(l)) where log sigmoid(l) belongs: -infinity as soon as the probability rounds to 0."""
    return lambda logits, label: -(label * logits.sigmoid().log() + (1 - label) * (1 - logits.sigmoid()).log())


def _kl_for_two_js(right):
    """-log 4 + KL(p_data || p_G)."""
    import torch

    def wrong(log_p, log_g, lo, hi, n=4001):
        x = torch.linspace(lo, hi, n, dtype=torch.float64)
        return -math.log(4) + torch.trapezoid(log_p(x).exp() * (log_p(x) - log_g(x)), x)

    return wrong


def _not_detached(right):
    """The discriminator's loss with the fakes still tied to the generator."""
    from . import game

    return lambda discriminator, real, fake, loss="non-saturating", **labels: game.LOSSES[loss][0](discriminator(real), discriminator(fake), **labels)


def _penalty_of_the_square(right):
    """(|grad f|^2 - 1)^2: a squared norm where the norm belongs."""
    import torch

    def wrong(critic, real, fake, generator=None):
        between = real.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return ((slope.flatten(1).square().sum(1) - 1) ** 2).mean()

    return wrong


def _nearest_is_enough(right):
    """Coverage that counts a point for its nearest mode however far away it lies."""
    return lambda points, centres, std, **options: right(points, centres, 1e9, **options)


def _heun_at_the_old_time(right):
    """Heun's method whose second slope is taken where the step ends and when it starts."""
    import torch

    def wrong(velocity, x, now, after, method="euler"):
        time = torch.full((len(x),), now, dtype=x.dtype)
        here = velocity(x, time)
        there = x + (after - now) * here
        return there if method == "euler" else x + (after - now) * (here + velocity(there, time)) / 2

    return wrong


def _step_to_the_neighbour(right):
    """Strided times whose steps are made as if each went to t - 1."""
    return lambda T, steps: [(t, t - 1) for t, _ in right(T, steps)]


def _no_room_for_noise(right):
    """A DDIM step that adds noise and keeps all of the predicted noise as well."""
    return lambda schedule, x0_hat, eps_hat, s, std: right(schedule, x0_hat, eps_hat, s, 0.0)


def _gradient_unscaled(right):
    """Classifier guidance whose gradient, a score, is added to a predicted noise without sqrt(1 - alpha_bar_t)."""
    from . import guidance

    return lambda schedule, denoise, log_prob_y, w: lambda xt, t: denoise(xt, t) - w * guidance.class_gradient(log_prob_y, xt, t)


def _classifier_of_clean_data(right):
    """p(y | x) of clean data, asked about noisy data."""
    return lambda schedule, law, labels, y, xt, t: right(schedule, law, labels, y, xt, 0 * t)


def _marginal_not_discounted(right):
    """p(x | y)^w p(x): the 1 - w in the exponent forgotten."""
    import torch

    from . import tilted

    def wrong(cond, uncond, w, grid):
        fine = right(cond, uncond, w, grid)
        weights = torch.softmax(w * tilted.log_density(cond, grid) + tilted.log_density(uncond, grid), 0)
        return type(fine)(weights, fine.means, fine.stds)

    return wrong


def _mean_for_missing(right):
    import torch

    def wrong(model, x, observed=None):
        x = torch.as_tensor(x, dtype=torch.float64)
        if observed is None:
            return right(model, x)
        mean = (1 - model.share) * model.means[0] + model.share * model.means[1]
        return right(model, torch.where(torch.as_tensor(observed).bool(), x, mean))

    return wrong


def _midpoint_alone(right):
    def wrong(model):
        weights, _ = right(model)
        return weights, -weights @ model.means.mean(0)

    return wrong


def _around_the_best(right):
    """The interval of a family moved to its best run, which is then reported as its mean."""

    def wrong(values, level=0.95):
        one, best = right(values, level), _tensor(values).min().item()
        return one._replace(mean=best, low=one.low + best - one.mean, high=one.high + best - one.mean)

    return wrong


def _std_for_error(right):
    """mean ± t s: the spread of single runs in the place of the error of their mean."""

    def wrong(values, level=0.95):
        one = right(values, level)
        half = (one.high - one.mean) * math.sqrt(one.n)
        return one._replace(low=one.mean - half, high=one.mean + half)

    return wrong


def _pooled(right):
    """The test that takes both spreads for one."""
    def wrong(a, b, level=0.95):
        a, b = _tensor(a), _tensor(b)
        df = len(a) + len(b) - 2
        error = math.sqrt(((a.var() * (len(a) - 1) + b.var() * (len(b) - 1)) / df * (1 / len(a) + 1 / len(b))).item())
        value, half = (a.mean() - b.mean()).item(), _comparison().t_quantile((1 + level) / 2, df) * error
        p = 2 * _comparison().t_tail(abs(value) / error, df)
        return _comparison().Difference(value, value - half, value + half, p, df)

    return wrong


def _closed_ends(right):
    """The mass of N(mean, std^2) in each level's cell, those of 0 and 255 no wider than the others."""
    import torch

    def wrong(levels, mean, std):
        x = levels.double() / 127.5 - 1
        low, high = ((x + side / 255 - mean) / std for side in (-1, 1))
        return (torch.special.ndtr(high) - torch.special.ndtr(low)).log().sum(-1)

    return wrong


def _density_for_mass(right):
    """The density at the level, its cell's width forgotten."""
    from .densities import log_normal

    return lambda levels, mean, std: log_normal(levels.double() / 127.5 - 1, mean, 2 * _tensor(std).double().log()).sum(-1)


def _end_of_the_flow(velocity, x, steps=50, generator=None):
    """log N of where the flow ends: no divergence."""
    from .densities import log_normal

    for k in range(steps):
        middle = x + velocity(x, x.new_full((len(x),), k / steps)) / (2 * steps)
        x = x + velocity(middle, x.new_full((len(x),), (k + 0.5) / steps)) / steps
    return log_normal(x, 0.0, 0.0).flatten(1).sum(1)


BUGS = {
    # --- intro: the two views, a kernel density
    "intro.missing-as-mean": Bug(
        "gentutor.intro", "log_joint", _mean_for_missing, "a missing number replaced by its mean instead of integrated out", "intro.missing-feature"),
    "intro.forgotten-shares": Bug(
        "gentutor.intro", "linear_log_odds", _midpoint_alone, "the boundary put half-way between the means, whatever the classes' shares", "intro.linear-log-odds"),
    "intro.lost-bandwidth": Bug(
        "gentutor.intro", "kernel_log_prob", lambda right: lambda x, data, bandwidth: right(x, data, bandwidth) + math.log(bandwidth),
        "one factor of the bandwidth for a kernel in the plane, which needs two", "intro.kernel-normalised"),
    # --- bayes: rule, odds, conjugate updates, naive Bayes
    "bayes.base-rate-neglect": Bug(
        "gentutor.bayes", "posterior", lambda right: lambda prior, likelihood: right([1 / len(prior)] * len(prior), likelihood),
        "the prior dropped, as if ill and healthy were equally common", "bayes.rule"),
    "bayes.prosecutor": Bug(
        "gentutor.bayes", "posterior", lambda right: lambda prior, likelihood: _tensor(likelihood),
        "p(x | y) handed over as p(y | x): the prosecutor's fallacy", "bayes.rule"),
    "bayes.no-evidence": Bug(
        "gentutor.bayes", "posterior", lambda right: lambda prior, likelihood: _tensor(prior) * _tensor(likelihood),
        "prior times likelihood, not divided by the evidence", "bayes.posterior-sums-to-one"),
    "bayes.odds-added": Bug(
        "gentutor.bayes", "add_evidence", _odds_added, "odds added, where they multiply and their logarithms add", "bayes.sequential-odds"),
    "bayes.prior-twice": Bug(
        "gentutor.bayes", "sequential", _prior_every_time, "the first prior counted again at every update", "bayes.sequential-batch"),
    "bayes.copied-test": Bug(
        "gentutor.bayes", "repeated_positive", lambda right: lambda rate, n, shared: rate**n,
        "repeats with a shared cause multiplied as if they were independent", "bayes.shared-cause"),
    "bayes.variance-weights": Bug(
        "gentutor.bayes", "gaussian_gaussian", _variance_weights, "means weighted by variance instead of precision", "bayes.gaussian-update"),
    "bayes.chain-saves": Bug(
        "gentutor.tables", "count_chain", lambda right: lambda n, k=2: (k - 1) + (n - 1) * k * (k - 1),
        "the chain rule credited with the Markov assumption's saving", "bayes.chain-count"),
    "bayes.missing-as-zero": Bug(
        "gentutor.naive_bayes", "class_log_joint", lambda right: lambda model, x, observed=None: right(model, x if observed is None else x * observed),
        "missing pixels read as white instead of summed out", "bayes.marginalised"),
    "bayes.no-smoothing": Bug(
        "gentutor.naive_bayes", "smoothed_rates", lambda right: lambda ones, sizes, alpha: ones / sizes,
        "counts divided without smoothing: one pixel never seen before makes every class impossible", "bayes.unseen-pixel"),
    # --- kl: entropy, cross-entropy, KL
    "kl.entropy-sign": Bug(
        "gentutor.kl", "entropy", lambda right: lambda p: -right(p),
        "the first term of the KL, E_p[log p], called the entropy: it is minus the entropy", "kl.entropy-cross-entropy"),
    "kl.two-to-the-nats": Bug(
        "gentutor.kl", "perplexity", lambda right: lambda nats: 2.0**nats,
        "2 to the power of a likelihood in nats: the base of the power is not the base of the logarithm", "kl.perplexity-of-uniform"),
    "kl.swapped": Bug(
        "gentutor.kl", "kl_discrete", lambda right: lambda p, q: right(q, p),
        "KL(q || p) where KL(p || q) was meant", "kl.die"),
    "kl.jeffreys-for-js": Bug(
        "gentutor.kl", "js_discrete", _no_middle,
        "the two KLs averaged without the mixture in the middle", "kl.js-bound"),
    "kl.lost-half": Bug(
        "gentutor.kl", "gaussian_kl_standard", lambda right: lambda mean, log_var: 2 * right(mean, log_var),
        "the 1/2 in front of the Gaussian KL lost", "kl.log-var-form"),
    "kl.std-for-log-var": Bug(
        "gentutor.kl", "gaussian_kl_standard", lambda right: lambda mean, log_var: right(mean, (log_var / 2).exp()),
        "a standard deviation handed to a formula that wants a log-variance", "kl.log-var-form"),
    "kl.negated": Bug(
        "gentutor.kl", "gaussian_kl_standard", lambda right: lambda mean, log_var: -right(mean, log_var),
        "minus the KL minimised: it falls without end", "kl.descent-to-prior"),
    "kl.mean-over-dimensions": Bug(
        "gentutor.kl", "gaussian_kl_standard", lambda right: lambda mean, log_var: right(mean, log_var) / mean.shape[-1],
        "the KL averaged over dimensions instead of summed", "kl.additive"),
    "kl.lost-determinants": Bug(
        "gentutor.kl", "gaussian_kl_full", _lost_determinant,
        "the log-determinants of the Gaussian KL lost", "kl.gaussian-closed-form"),
    "kl.ratio-of-matrices": Bug(
        "gentutor.kl", "gaussian_kl_full", _ratio_of_matrices,
        "a ratio of covariance matrices where a ratio of determinants belongs", "kl.gaussian-closed-form"),
    "kl.plus-exponent": Bug(
        "gentutor.densities", "log_normal_full", lambda right: lambda x, mean, cov: 2 * right(mean, mean, cov) - right(x, mean, cov),
        "a Gaussian density with a plus in the exponent", "kl.density-mass"),
    "kl.two-pi-to-the-k": Bug(
        "gentutor.densities", "log_normal_full", lambda right: lambda x, mean, cov: right(x, mean, cov) + math.log(2) * (x.shape[-1] - 1) / 2,
        "the normaliser 2 pi^D instead of (2 pi)^D", "kl.density-mass"),
    "kl.log-variance-dropped": Bug(
        "gentutor.densities", "log_normal", lambda right: lambda x, mean, log_var: right(x, mean, log_var) + log_var / 2,
        "-log(sigma^2)/2 dropped as a constant although the variance is learned", "kl.learned-variance"),
    "kl.mmd-diagonal": Bug(
        "gentutor.distances", "mmd2_unbiased", _mmd_with_diagonal,
        "the pairs i = j kept in the MMD: each sample resembles itself", "kl.mmd-unbiased"),
    # --- elbo: the bound, importance weighting, EM, gradients
    "elbo.missing-log": Bug(
        "gentutor.elbo", "log_evidence", lambda right: lambda model, x: right(model, x).exp(),
        "p(x) where log p(x) belongs: likelihood = ELBO + gap", "elbo.identity"),
    "elbo.prior-for-posterior": Bug(
        "gentutor.elbo", "gap", lambda right: lambda model, x, mean, cov: _elbo().kl_to_prior(mean, cov),
        "the KL to the prior taken for the gap, which is the KL to the posterior", "elbo.identity"),
    "elbo.lost-half": Bug(
        "gentutor.elbo", "kl_to_prior", lambda right: lambda mean, cov: 2 * right(mean, cov),
        "the 1/2 in front of the KL to the prior lost", "elbo.identity"),
    "elbo.reconstruction-sign": Bug(
        "gentutor.elbo", "reconstruction", lambda right: lambda *args: -right(*args),
        "a reconstruction loss put into the bound, where the log-likelihood belongs", "elbo.monte-carlo"),
    "elbo.loss-as-bound": Bug(
        "gentutor.elbo", "elbo", lambda right: lambda *args: -right(*args),
        "the loss, minus the ELBO, called the lower bound", "elbo.below-evidence"),
    "elbo.unnormalised-joint": Bug(
        "gentutor.elbo", "log_joint", lambda right: lambda model, x, z: right(model, x, z) + math.log(7),
        "a joint that does not integrate to one: the same formula now bounds log p(x) + log c", "elbo.monte-carlo"),
    "elbo.prior-draws": Bug(
        "gentutor.elbo", "sample_q", _prior_draws,
        "z drawn from the prior where the expectation is under q", "elbo.monte-carlo"),
    "elbo.mean-of-logs": Bug(
        "gentutor.elbo", "importance_bound", lambda right: lambda log_w, k=1: right(log_w, 1),
        "the mean of the k logarithms where the logarithm of the mean belongs", "elbo.iwae-sampled"),
    "elbo.point-estimate-em": Bug(
        "gentutor.em", "e_step", _em_of_point_estimates,
        "an E-step that keeps the posterior's mean and forgets its covariance", "elbo.em-ppca"),
    "elbo.no-log-in-score": Bug(
        "gentutor.elbo", "score_gradients", _score_of_the_density,
        "the gradient of q where the gradient of log q belongs", "elbo.score-gradient"),
    "elbo.std-not-reparameterised": Bug(
        "gentutor.elbo", "pathwise_gradients", lambda right: lambda *args: (right(*args)[0], 0 * right(*args)[1]),
        "noise added as if it did not depend on the standard deviation: its gradient is lost", "elbo.pathwise-gradient"),
    # --- autoencoder: PCA, denoising, push-forward, manifolds
    "autoencoder.transpose-for-inverse": Bug(
        "gentutor.autoencoder", "best_decoder", lambda right: lambda S, encoder: (encoder.T @ S @ encoder).T @ encoder.T @ S,
        "a matrix transposed where its inverse belongs", "autoencoder.best-decoder"),
    "autoencoder.extra-inverse": Bug(
        "gentutor.autoencoder", "pca", _scaled_axes,
        "the codes divided by the singular values once too often", "autoencoder.pca-residual"),
    "autoencoder.not-centred": Bug(
        "gentutor.autoencoder", "pca", _not_centred,
        "PCA of data whose mean was not subtracted", "autoencoder.eckart-young"),
    "autoencoder.mean-over-pixels": Bug(
        "gentutor.autoencoder", "squared_error", lambda right: lambda x, x_hat: right(x, x_hat) / x.shape[-1],
        "an error averaged over pixels compared with a variance summed over them", "autoencoder.pca-residual"),
    "autoencoder.corrupted-target": Bug(
        "gentutor.autoencoder", "denoising_loss", lambda right: lambda net, clean, corrupted: right(net, corrupted, corrupted),
        "the corrupted example as its own target: the best net does nothing", "autoencoder.clean-target"),
    "autoencoder.std-for-variance": Bug(
        "gentutor.autoencoder", "implied_score", lambda right: lambda denoised, corrupted, noise_std: (denoised - corrupted) / noise_std,
        "the denoising step divided by sigma where sigma squared belongs", "autoencoder.gaussian-score"),
    "autoencoder.shares-of-clean-data": Bug(
        "gentutor.mixtures", "optimal_denoiser", _shares_of_clean,
        "the components weighed as if the noisy point were a clean one", "autoencoder.tweedie-mixture"),
    "autoencoder.no-jacobian": Bug(
        "gentutor.autoencoder", "pushforward_log_prob", lambda right: lambda log_q, J: log_q,
        "the density of the code used as the density of what is decoded", "autoencoder.pushforward-mass"),
    "autoencoder.lost-half": Bug(
        "gentutor.autoencoder", "pushforward_log_prob", lambda right: lambda log_q, J: 2 * right(log_q, J) - log_q,
        "the determinant of J^T J without its square root", "autoencoder.pushforward-mass"),
    "autoencoder.noise-on-the-model-only": Bug(
        "gentutor.autoencoder", "spread_kl", _sharp_data,
        "noise added to the model and not to the data: the KL stays infinite", "autoencoder.spread-points"),
    "autoencoder.normaliser-dropped": Bug(
        "gentutor.autoencoder", "line_log_likelihood", lambda right: lambda tau, s: right(tau, s) + _tensor(s).log(),
        "-log s dropped as a constant: the likelihood then looks bounded", "autoencoder.line"),
    # --- vae: the loss, its likelihoods, its uses
    "vae.mean-over-pixels": Bug(
        "gentutor.vae", "log_likelihood", lambda right: lambda model, x, z: right(model, x, z) / x.shape[-1],
        "the reconstruction averaged over pixels beside a KL that is summed: a hidden beta, as large as the image", "vae.elbo-equals-evidence"),
    "vae.lost-half": Bug(
        "gentutor.vae", "kl_to_prior", lambda right: lambda mean, log_var: 2 * right(mean, log_var),
        "the 1/2 in front of the KL lost", "vae.kl-monte-carlo"),
    "vae.std-for-log-var": Bug(
        "gentutor.vae", "kl_to_prior", lambda right: lambda mean, log_var: right(mean, (log_var / 2).exp()),
        "a standard deviation handed to a formula that wants a log-variance", "vae.kl-monte-carlo"),
    "vae.variance-for-log-var": Bug(
        "gentutor.vae", "kl_to_prior", lambda right: lambda mean, log_var: right(mean, log_var.exp()),
        "a variance handed to a formula that wants a log-variance", "vae.kl-monte-carlo"),
    "vae.mean-over-latents": Bug(
        "gentutor.vae", "kl_to_prior", lambda right: lambda mean, log_var: right(mean, log_var) / mean.shape[-1],
        "the KL averaged over the latents instead of summed", "vae.kl-monte-carlo"),
    "vae.kl-sign": Bug(
        "gentutor.vae", "kl_to_prior", lambda right: lambda mean, log_var: -right(mean, log_var),
        "minus the KL minimised: it falls without end", "vae.kl-descent"),
    "vae.missing-noise": Bug(
        "gentutor.vae", "reparameterise", _mean_as_code,
        "z = mu, the noise left out: an autoencoder with a penalty, and no bound", "vae.elbo-equals-evidence"),
    "vae.variance-as-std": Bug(
        "gentutor.vae", "reparameterise", lambda right: lambda mean, log_var, *args: right(mean, 2 * log_var, *args),
        "mu + sigma^2 eps: the variance in the place of the standard deviation", "vae.sample-variance"),
    "vae.detached-spread": Bug(
        "gentutor.vae", "reparameterise", lambda right: lambda mean, log_var, *args: right(mean, log_var.detach(), *args),
        "the noise scaled outside the graph: no gradient reaches the log-variance", "vae.reparameterised-gradient"),
    "vae.double-sigmoid": Bug(
        "gentutor.vae", "log_bernoulli", lambda right: lambda x, logits: right(x, logits.sigmoid()),
        "probabilities handed over as logits: a second sigmoid keeps every pixel between 0.5 and 0.73", "vae.certain-pixels"),
    "vae.dropped-log-variance": Bug(
        "gentutor.vae", "log_likelihood", _without_log_variance,
        "log sigma^2 dropped as a constant although sigma is learned: sigma grows without end", "vae.learned-variance"),
    "vae.missing-encoder-density": Bug(
        "gentutor.vae", "log_weight", lambda right: lambda model, x, z, mean, log_var: right(model, x, z, z, 0 * log_var),
        "importance weights without the spread of q in their denominator", "vae.importance-exact"),
    "vae.mean-log-weight": Bug(
        "gentutor.vae", "importance_log_likelihood", _mean_log_weight,
        "the mean of the log-weights, which is the ELBO, reported as the log-likelihood", "vae.importance-exact"),
    "vae.posterior-generation": Bug(
        "gentutor.latents", "generate", _generation_from_a_posterior,
        "new data drawn from the posterior of an example: variations of that example", "vae.generated-covariance"),
    "vae.straight-slerp": Bug(
        "gentutor.latents", "slerp", lambda right: lambda a, b, t: right(a, a, t) * (1 - _tensor(t).unsqueeze(-1)) + right(b, b, t) * _tensor(t).unsqueeze(-1),
        "a straight line between two codes: in the middle it is short", "vae.slerp-norm"),
    "vae.pseudo-gibbs": Bug(
        "gentutor.latents", "impute", lambda right: lambda *args, **options: right(*args, **options | {"metropolis": False}),
        "every proposal of the encoder accepted: the imputations follow the encoder's errors", "vae.imputation-exact"),
    "vae.spread-of-draws": Bug(
        "gentutor.vae", "active_units", lambda right: lambda means, threshold=0.01: means.std(0) > threshold,
        "a standard deviation held against a threshold for variances", "vae.active-units"),
    # evaluation
    "evaluation.std-for-covariance": Bug(
        "gentutor.evaluation", "frechet_distance", _roots_for_covariances,
        "standard deviations went into the Fréchet distance as covariances", "evaluation.frechet-closed-form"),
    "evaluation.no-correlations": Bug(
        "gentutor.evaluation", "frechet_distance", _no_correlations,
        "the Fréchet distance looks at the variances and not at the correlations", "evaluation.frechet-closed-form"),
    "evaluation.unrooted": Bug(
        "gentutor.evaluation", "fid", _unrooted_distance,
        "the distance is reported where its square belongs", "evaluation.fid-one-over-n"),
    "evaluation.biased-mmd": Bug(
        "gentutor.evaluation", "_likeness", _kernel_of_itself,
        "each sample is compared with itself, and KID is never near zero", "evaluation.kid-unbiased"),
    "evaluation.self-as-neighbour": Bug(
        "gentutor.neighbours", "knn_radii", _neighbour_of_itself,
        "a point is counted as its own nearest neighbour", "evaluation.self-excluded"),
    "evaluation.precision-for-recall": Bug(
        "gentutor.evaluation", "precision_recall", lambda right: lambda real, fake, k=3: right(fake, real, k),
        "real and fake are exchanged, and a dropped mode passes for poor quality", "evaluation.dropped-mode-costs-recall"),
    "evaluation.first-image-lost": Bug(
        "gentutor.evaluation", "nearest", lambda right: lambda samples, training: right(samples, training[1:]),
        "the training set lacks its first image, and a copy of that one is not found", "evaluation.copies-are-at-distance-zero"),
    "evaluation.entropies-swapped": Bug(
        "gentutor.evaluation", "inception_score", _entropies_swapped,
        "sure and varied samples get the lowest Inception Score", "evaluation.inception-of-sure-and-varied"),
    "evaluation.first-size-quoted": Bug(
        "gentutor.evaluation", "fid_extrapolated", _smallest_size,
        "the distance at a few samples is quoted as it is", "evaluation.fid-extrapolated"),
    "evaluation.unseen-for-samples": Bug(
        "gentutor.evaluation", "copied_share", lambda right: lambda samples, unseen, training: right(unseen, samples, training),
        "samples and unseen data exchanged: a thief looks like a stranger", "evaluation.copied-share-thief"),
    "evaluation.p-of-zero": Bug(
        "gentutor.two_sample", "p_value", lambda right: lambda observed, permuted: sum(v >= observed for v in permuted) / len(permuted),
        "the split seen is not counted among the splits, and p can be 0", "evaluation.permutation-least-p"),
    "evaluation.asked-what-it-learnt": Bug(
        "gentutor.two_sample", "halves", _learnt_twice,
        "the classifier is asked about the points that it learnt from", "evaluation.classifier-size"),
    "evaluation.moved-before-weighed": Bug(
        "gentutor.annealing", "annealed_weights", _moved_before_weighed,
        "a state is moved before it is weighed, and the estimate is too high", "evaluation.annealed-sampled"),
    # --- ddpm: schedule, forward and reverse process, bound
    "ddpm.beta-for-root": Bug(
        "gentutor.ddpm", "forward_step", _beta_as_std,
        "noise scaled by beta, which is its variance, not by the root of beta", "ddpm.forward-simulated-var"),
    "ddpm.alpha-bar-sum": Bug(
        "gentutor.ddpm", "cumulative", lambda right: lambda alpha: alpha.cumsum(0),
        "alpha bar as a sum where it is a product", "ddpm.recursion-closed-form"),
    "ddpm.float32-product": Bug(
        "gentutor.ddpm", "cumulative", lambda right: lambda alpha: right(alpha.float()).double(),
        "the product of a thousand numbers near 1 taken in single precision", "ddpm.float64-schedule"),
    "ddpm.variance-for-std": Bug(
        "gentutor.ddpm", "diffuse", _variance_as_std,
        "noise scaled by 1 - alpha bar, which is its variance", "ddpm.recursion-closed-form"),
    "ddpm.coefficients-swapped": Bug(
        "gentutor.ddpm", "posterior", _swapped_coefficients,
        "the coefficients of x_0 and x_t in the posterior's mean exchanged", "ddpm.posterior-product"),
    "ddpm.lost-bar": Bug(
        "gentutor.ddpm", "posterior_mean_eps", _without_its_bar,
        "alpha_t where alpha bar_t belongs, in the reverse mean", "ddpm.mean-forms"),
    "ddpm.v-sign": Bug(
        "gentutor.ddpm", "to_v", lambda right: lambda *args: -right(*args),
        "v with its sign turned: x_0 minus eps instead of eps minus x_0", "ddpm.conversions"),
    "ddpm.noise-for-score": Bug(
        "gentutor.ddpm", "score", lambda right: lambda schedule, eps_hat, t: -eps_hat,
        "minus the predicted noise taken for the score, not divided by its standard deviation", "ddpm.score-form"),
    "ddpm.lost-half": Bug(
        "gentutor.ddpm", "bound_term", lambda right: lambda *args: 2 * right(*args),
        "the 1/2 in front of each term of the bound lost", "ddpm.bound-tight-beta"),
    "ddpm.noise-at-last-step": Bug(
        "gentutor.ddpm", "reverse_step", _noisy_last_step,
        "noise added at the last step too: it stays in the sample", "ddpm.last-step-quiet"),
    "ddpm.no-noise": Bug(
        "gentutor.ddpm", "reverse_step", _silent_step,
        "each step's mean taken for its draw: the samples collapse to a point", "ddpm.sampling-std"),
    "ddpm.off-by-one": Bug(
        "gentutor.ddpm", "reverse_step", _earlier_step,
        "a net asked about t - 1 for the data of t", "ddpm.reverse-step-exact"),
    # --- gan: best discriminator, value, losses, critic, rounds
    "gan.half-everywhere": Bug(
        "gentutor.gan", "optimal_discriminator", lambda right: lambda log_p, log_g, **labels: 0 * right(log_p, log_g) + 0.5,
        "1/2 called the optimal discriminator: it is that only when p_G = p_data", "gan.best-answer"),
    "gan.smoothing-forgotten": Bug(
        "gentutor.gan", "optimal_discriminator", lambda right: lambda log_p, log_g, labels=(1.0, 0.0): right(log_p, log_g),
        "labels smoothed in the loss, and D* taken for what it was before", "gan.smoothing-half"),
    "gan.ratio-inverted": Bug(
        "gentutor.gan", "optimal_logit", lambda right: lambda log_p, log_g: right(log_g, log_p),
        "the ratio upside down: a high logit for the fakes", "gan.value-worked"),
    "gan.kl-for-two-js": Bug(
        "gentutor.gan", "best_value", _kl_for_two_js,
        "one KL in C(G) where twice the Jensen-Shannon divergence belongs", "gan.value-identity"),
    "gan.one-js": Bug(
        "gentutor.gan", "best_value", lambda right: lambda *args, **options: (right(*args, **options) - math.log(4)) / 2,
        "the 2 in front of the Jensen-Shannon divergence lost", "gan.value-identity"),
    "gan.noise-from-the-generator": Bug(
        "gentutor.gan", "value", lambda right: lambda discriminator, generator, x, z: right(discriminator, generator, x, generator(z)),
        "z drawn from p_G instead of p_z: the generator is applied twice", "gan.pushforward-square"),
    "gan.two-sigmoids": Bug(
        "gentutor.gan", "cross_entropy", lambda right: lambda logits, label: right(_tensor(logits).sigmoid(), label),
        "probabilities handed to a loss that wants logits: a second sigmoid, and no loss below 0.503", "gan.bce-is-value"),
    "gan.log-of-probability": Bug(
        "gentutor.gan", "cross_entropy", _log_of_the_probability,
        "the logarithm of a probability that has rounded to 0", "gan.extreme-logits"),
    "gan.swapped-labels": Bug(
        "gentutor.gan", "discriminator_loss", lambda right: lambda real_logits, fake_logits, **labels: right(fake_logits, real_logits, **labels),
        "the labels of real and fake swapped", "gan.bce-is-value"),
    "gan.loss-maximised": Bug(
        "gentutor.gan", "discriminator_loss", lambda right: lambda *args, **labels: -right(*args, **labels),
        "the log-likelihood called the cross-entropy, its minus lost: the discriminator learns to be wrong", "gan.bce-is-value"),
    "gan.log-one-minus-d": Bug(
        "gentutor.gan", "minimax_loss", lambda right: lambda fake_logits: -fake_logits.sigmoid().mean(),
        "log 1 - D read without its brackets, which is -D", "gan.gradient-minimax"),
    "gan.still-saturating": Bug(
        "gentutor.gan", "non_saturating_loss", lambda right: lambda fake_logits: _gan().minimax_loss(fake_logits),
        "log(1 - D) minimised under the name of the non-saturating loss", "gan.gradient-non-saturating"),
    "gan.missing-detach": Bug(
        "gentutor.game", "discriminator_terms", _not_detached,
        "the fakes not detached: the discriminator's loss leaves a gradient in the generator, uphill for it", "gan.detached"),
    "gan.detached-generator": Bug(
        "gentutor.game", "generator_terms", lambda right: lambda discriminator, fake, loss="non-saturating": right(discriminator, fake.detach(), loss),
        "the fakes detached in the generator's own loss as well: it never learns", "gan.generator-reached"),
    "gan.critic-upside-down": Bug(
        "gentutor.wasserstein_gan", "line_critic", lambda right: lambda cdf_p, cdf_g, x: right(cdf_g, cdf_p, x),
        "a critic that climbs towards the fakes", "gan.critic-attains"),
    "gan.penalty-of-the-square": Bug(
        "gentutor.wasserstein_gan", "gradient_penalty", _penalty_of_the_square,
        "the squared norm of the slope held to 1, its root forgotten", "gan.penalty-linear"),
    "gan.nearest-is-enough": Bug(
        "gentutor.game", "modes_covered", _nearest_is_enough,
        "points counted for their nearest mode however far from it they lie", "gan.coverage"),
    # --- guidance: DDIM, guidance, flow matching, codes
    "guidance.wrong-previous": Bug(
        "gentutor.guidance", "transitions", _step_to_the_neighbour,
        "t - 1 taken for the previous time, where the list says which one comes next", "guidance.contraction"),
    "guidance.variance-for-std": Bug(
        "gentutor.guidance", "ddim_std", lambda right: lambda *args: right(*args) ** 2,
        "the variance of a step used as its standard deviation", "guidance.eta-one"),
    "guidance.eta-of-the-other-end": Bug(
        "gentutor.guidance", "ddim_std", lambda right: lambda schedule, t, s, eta: eta * math.sqrt(1 - (schedule.alpha_bar[t] / schedule.alpha_bar[s]).item()),
        "beta in the place of beta tilde at eta = 1", "guidance.eta-one"),
    "guidance.no-room-for-noise": Bug(
        "gentutor.guidance", "ddim_mean", _no_room_for_noise,
        "noise added without taking its variance from the predicted noise", "guidance.marginals"),
    "guidance.swapped-weights": Bug(
        "gentutor.guidance", "guide", lambda right: lambda eps_uncond, eps_cond, w: right(eps_cond, eps_uncond, w),
        "conditional and unconditional prediction exchanged: guidance away from the class", "guidance.w-one"),
    "guidance.other-convention": Bug(
        "gentutor.guidance", "guide", lambda right: lambda eps_uncond, eps_cond, w: right(eps_uncond, eps_cond, w + 1),
        "the paper's w put into a formula that counts from 0 = unconditional", "guidance.w-zero"),
    "guidance.label-zero-for-none": Bug(
        "gentutor.guidance", "classifier_free", lambda right: lambda denoise, y, w, no_label: right(denoise, y, w, 0),
        "class 0 asked for where \"no label\" was meant", "guidance.null-label"),
    "guidance.classifier-sign": Bug(
        "gentutor.guidance", "class_gradient", lambda right: lambda *args: -right(*args),
        "the classifier's gradient with the wrong sign: away from the class", "guidance.classifier-equals-free"),
    "guidance.gradient-unscaled": Bug(
        "gentutor.guidance", "classifier_guided", _gradient_unscaled,
        "a score added to a predicted noise without the factor sqrt(1 - alpha_bar)", "guidance.classifier-equals-free"),
    "guidance.clean-classifier": Bug(
        "gentutor.tilted", "class_log_prob", _classifier_of_clean_data,
        "a classifier of clean data asked about noisy data", "guidance.bayes-score"),
    "guidance.marginal-not-discounted": Bug(
        "gentutor.tilted", "claimed", _marginal_not_discounted,
        "p(x | y)^w p(x), the exponent 1 - w of p(x) forgotten", "guidance.tilted-var"),
    "guidance.codes-as-they-are": Bug(
        "gentutor.latent_diffusion", "standardise", lambda right: lambda rule, codes: codes,
        "codes handed to the diffusion unstandardised: the schedule's signal-to-noise ratio is another", "guidance.latent-standardised"),
    "guidance.codes-not-restored": Bug(
        "gentutor.latent_diffusion", "restore", lambda right: lambda rule, x: x,
        "standardised codes handed to the decoder", "guidance.latent-round-trip"),
    "guidance.flow-reversed": Bug(
        "gentutor.flow_matching", "path", lambda right: lambda x0, tau, eps: right(eps, tau, x0),
        "the path from noise to data with the target of the path from data to noise", "guidance.fm-losses"),
    "guidance.heun-from-the-wrong-end": Bug(
        "gentutor.flow_matching", "flow_step", _heun_at_the_old_time,
        "Heun's second slope taken at the new place and the old time", "guidance.fm-heun-order"),
    # --- comparison: seeds, fronts, likelihoods in one unit
    "comparison.normal-for-student": Bug(
        "gentutor.comparison", "t_quantile", lambda right: lambda p, df: math.sqrt(2) * _tensor(2 * p - 1).erfinv().item(),
        "1.96 standard errors from three or five runs, as if their spread were known", "comparison.t-coverage"),
    "comparison.std-for-error": Bug(
        "gentutor.comparison", "mean_interval", _std_for_error,
        "the spread of single runs shown as the error of their mean", "comparison.t-coverage"),
    "comparison.best-seed": Bug(
        "gentutor.comparison", "mean_interval", _around_the_best,
        "the best of the seeds reported as if it were their mean", "comparison.t-coverage"),
    "comparison.mean-for-run": Bug(
        "gentutor.comparison", "prediction_interval", lambda right: lambda values, level=0.95: _comparison().mean_interval(values, level),
        "the interval for the mean expected to hold the next run", "comparison.prediction-coverage"),
    "comparison.bound-for-best": Bug(
        "gentutor.comparison", "expected_best", lambda right: lambda n: math.sqrt(2 * math.log(n)),
        "sqrt(2 log n), an upper bound, taken for what the best of n gains", "comparison.best-of-five"),
    "comparison.pooled-spread": Bug(
        "gentutor.comparison", "welch", _pooled,
        "one spread for two families, the smaller sample having the larger one", "comparison.welch-size"),
    "comparison.holm-out-of-step": Bug(
        "gentutor.comparison", "holm", lambda right: lambda p: (_tensor(p) * (len(p) - _tensor(p).argsort().argsort())).clamp(max=1),
        "a claim let through although a smaller p-value before it was not", "comparison.holm-worked"),
    "comparison.beaten-once": Bug(
        "gentutor.comparison", "front", lambda right: lambda points: ~(_tensor(points)[:, None] < _tensor(points)).any(2).any(0),
        "a row struck out because another is better in one respect", "comparison.front-enumerated"),
    "comparison.closed-ends": Bug(
        "gentutor.likelihoods", "discretised_normal", _closed_ends,
        "the cells of black and white as narrow as the others: what falls beyond them is lost", "comparison.open-ends"),
    "comparison.density-for-mass": Bug(
        "gentutor.likelihoods", "discretised_normal", _density_for_mass,
        "a density quoted as the probability of a level", "comparison.levels-sum"),
    "comparison.nats-for-bits": Bug(
        "gentutor.likelihoods", "bits_per_dim", lambda right: lambda nats, dimensions: nats / dimensions,
        "nats per dimension under the name of bits", "comparison.bits-uniform"),
    "comparison.strata-unweighted": Bug(
        "gentutor.likelihoods", "stratified_sum",
        lambda right: lambda term, first, last, strata, *args: right(term, first, last, strata, *args) * strata / (last - first + 1),
        "the drawn terms added without the number that each stands for", "comparison.stratified-unbiased"),
    "comparison.without-divergence": Bug(
        "gentutor.likelihoods", "flow_log_prob", lambda right: _end_of_the_flow,
        "the density of the noise where the flow ends, without what the flow squeezed on its way", "comparison.flow-one-dimension"),
    "comparison.divergence-sign": Bug(
        "gentutor.likelihoods", "flow_log_prob", lambda right: lambda *args: 2 * _end_of_the_flow(*args) - right(*args),
        "the divergence subtracted where it is added", "comparison.flow-one-dimension"),
}
