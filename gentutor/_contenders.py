"""The families that `gentutor.contest` trains, each by the recipe of its chapter's lab, on the same 60 000 images and without their labels.

Each is a function (seed, minutes) -> Trained. All get the same processor time; so that a run can be repeated exactly, a minute is counted
as UPDATES, found once on the machine that made the packaged table.
"""

import functools
import itertools
import math
from typing import Callable, NamedTuple

import torch

from . import autoencoder, data, ddpm, flow_matching, game, gan_nets, guidance, latent_diffusion, latents, likelihoods, mixtures, nets, runtime, train, vae
from .densities import log_normal_diag, log_normal_full
from .muon import Muon

UPDATES = {"autoencoder": 8000, "vae": 5500, "latent, vae": 2700, "latent, codes": 4500,
           "gan": 2800, "ddpm": 1800, "flow": 1800}  # fmt: skip
PIXELS = 784
bf16 = functools.cache(train.bf16_pays)


class Trained(NamedTuple):
    """parameters: the numbers that sampling uses. samplers: {row of the table: (n, generator) -> images (n, 784) in [0, 1]}.

    nats: (levels uint8 (B, 784), generator) -> minus their log-probability, (B,); None where the family has none. It is an upper bound, or
    (likelihood = "estimate") right up to the steps of a solver.
    """

    parameters: int
    samplers: dict
    nats: Callable | None = None
    likelihood: str | None = None


# ---- no network ----------------------------------------------------------------------------------------------------------


def gaussian(seed, minutes=1):
    """One Gaussian on all pixels, with all covariances: the yardstick for everything that learns."""
    v = likelihoods.dequantise(_levels(), runtime.seed(seed))
    mean, cov = v.mean(0), v.T.cov()
    root = torch.linalg.cholesky(cov)

    def draw(n, generator):
        return ((mean + torch.randn(n, PIXELS, dtype=torch.float64, generator=generator) @ root.T) / 256).clamp(0, 1).float()

    def nats(levels, generator):
        return -log_normal_full(likelihoods.dequantise(levels, generator), mean, cov)

    return Trained(PIXELS + PIXELS * (PIXELS + 1) // 2, {"gaussian": draw}, nats, "bound")


# ---- codes ---------------------------------------------------------------------------------------------------------------


def autoencoder_density(seed, minutes=1):
    """An autoencoder, and a mixture of 20 Gaussians fitted to its codes afterwards."""
    generator, levels, wide = runtime.seed(seed), _levels(), 16
    net = autoencoder.Autoencoder([PIXELS, 512, 256, wide], generator)
    nets.start_at(net.decoder, nets.logit_mean(levels))
    steps = _updates("autoencoder", minutes)
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=2e-3, fused=True), generators=generator, schedule=train.one_cycle(steps), clip=100.0)

    def step(index):
        x = levels[index].float() / 255
        return autoencoder.squared_error(x, net(x)).mean()

    _train(step, steps, 256, state)
    with torch.no_grad():
        codes = net.encode(levels.float() / 255)
    law = mixtures.fit_mixture(codes[torch.randperm(len(codes), generator=generator)[:10_000]], 20, 20, generator=generator)
    log_likelihood = _pixel_law(net.decode, codes, levels)

    def nats_at(log_std, levels, generator, k=50):
        mean = net.encode(levels.float() / 255)
        log_var = torch.full_like(mean, 2 * log_std)
        z = vae.reparameterise(mean, log_var, generator, k)  # (k, B, wide)
        log_w = mixtures.log_prob(law, z) + log_likelihood(levels, z) - log_normal_diag(z, mean, log_var)
        return math.log(k) - log_w.logsumexp(0)

    def nats(levels, generator):
        """By importance weights around the code, as wide as is best for 300 training images."""
        log_std = min((-3.0, -2.0, -1.0, 0.0), key=lambda s: nats_at(s, _levels()[:300], generator).mean().item())
        return nats_at(log_std, levels, generator)

    def draw(n, generator):
        return net.decode(mixtures.sample(law, n, generator).float())

    return Trained(_size(net.decoder) + sum(t.numel() for t in (law.weights, law.means, law.covs)), {"autoencoder": draw}, torch.no_grad()(nats), "bound")


def variational(seed, minutes=1):
    """A VAE of two perceptrons, trained on binarised images; a sample is the mean image of a code from the prior."""
    net, log_likelihood = _vae(seed, _updates("vae", minutes))

    def nats(levels, generator, k=50):
        mean, log_var = net.encode(levels.float() / 255)
        z = vae.reparameterise(mean, log_var, generator, k)
        log_w = log_normal_diag(z, torch.zeros_like(z), torch.zeros_like(z)) + log_likelihood(levels, z) - log_normal_diag(z, mean, log_var)
        return math.log(k) - log_w.logsumexp(0)

    return Trained(_size(net.decoder), {"vae": lambda n, g: latents.generate(net, n, 40, g)}, torch.no_grad()(nats), "bound")


def latent(seed, minutes=1):
    """Half of the time for a VAE, half for a diffusion of its codes."""
    (net, log_likelihood), levels, generator = _vae(seed, _updates("latent, vae", minutes)), _levels(), runtime.seed(seed + 1000)
    with torch.no_grad():
        means, log_vars = net.encode(levels.float() / 255)
    rule = latent_diffusion.fit_standardiser(vae.reparameterise(means, log_vars, generator))
    codes_net, schedule, steps = latent_diffusion.CodeNet(40, 256, 3, generator=generator), ddpm.cosine(), _updates("latent, codes", minutes)
    state = train.State(codes_net, torch.optim.Adam(codes_net.parameters(), lr=2e-3, betas=(0.9, 0.99), fused=True), generators=generator,
                        schedule=train.one_cycle(steps), ema=0.998)  # fmt: skip

    def step(index):
        z = latent_diffusion.standardise(rule, vae.reparameterise(means[index], log_vars[index], generator))
        return ddpm.simple_loss(schedule, codes_net, z, ddpm.draw_steps(schedule, len(z), generator), torch.randn(z.shape, generator=generator), "v").mean() / 40

    _train(step, steps, 256, state)
    denoise = ddpm.as_denoiser(schedule, state.averages["model"], "v")

    def nats(levels, generator):
        mean, log_var = net.encode(levels.float() / 255)
        z = vae.reparameterise(mean, log_var, generator)
        x = latent_diffusion.standardise(rule, z)
        prior = _later_terms(schedule, denoise, x, generator) + ddpm.bound_term(schedule, denoise, x, 1, torch.randn(x.shape, generator=generator))
        return prior + rule.std.log().sum() + log_normal_diag(z, mean, log_var) - log_likelihood(levels, z)

    def draw(n, generator):
        x = guidance.final(guidance.ddim(schedule, denoise, torch.randn(n, 40, generator=generator), 50, 1.0, generator))
        return latents.mean_pixels(net, latent_diffusion.restore(rule, x))

    return Trained(_size(net.decoder) + _size(codes_net), {"latent": draw}, torch.no_grad()(nats), "bound")


def _vae(seed, steps):
    """A trained VAE of 40 latents, and its log p(levels | z)."""
    generator, levels = runtime.seed(seed), _levels()
    net = vae.mlp_vae(PIXELS, [512, 512], 40, generator=generator)
    nets.start_at(net.decoder, nets.logit_mean(levels))
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=3e-3, fused=True), generators=generator, schedule=train.one_cycle(steps), clip=200.0)
    _train(lambda index: vae.loss(net, data.binarise(levels[index], generator), generator), steps, 256, state)
    with torch.no_grad():
        means, _ = net.encode(levels[:10_000].float() / 255)
    return net, _pixel_law(net.decode, means, levels)


def _pixel_law(decode, codes, levels, count=10_000):
    """(levels, z) -> log p(levels | z), from the levels seen beside the decoder's outputs for the first images."""
    with torch.no_grad():
        table = likelihoods.count_levels(decode(codes[:count]), levels[:count])
    return lambda levels, z: likelihoods.level_log_prob(table, decode(z), levels)


# ---- adversaries ---------------------------------------------------------------------------------------------------------


def adversarial(seed, minutes=1):
    """The GAN: hinge loss, a discriminator of bounded slope. It has no likelihood."""
    generator, levels, steps, wide = runtime.seed(seed), _levels(), _updates("gan", minutes), 64
    make, judge = (net.to(memory_format=torch.channels_last) for net in gan_nets.image_nets(wide, 32))
    models = {"generator": make, "discriminator": judge}
    adam = {name: torch.optim.Adam(net.parameters(), 2e-3, betas=(0.0, 0.99), fused=True) for name, net in models.items()}
    state = train.State(models, adam, generators=generator, schedule=train.linear_decay(steps), ema=0.995)
    play = game.rounds(make, judge, lambda n: torch.randn(n, wide, generator=generator), "hinge")
    _train(lambda index: play(_images(levels[index])), steps, 64, state)
    net = state.averages["generator"]

    def draw(n, generator):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16()):
            return _pixels(net(torch.randn(n, wide, generator=generator)))

    return Trained(_size(make), {"gan": draw})


# ---- diffusions ----------------------------------------------------------------------------------------------------------


def diffusion(seed, minutes=1):
    """The DDPM, sampled in 50 ancestral steps; and the same net in 10 steps of DDIM, a sampler without a law of its own to measure."""
    schedule = ddpm.cosine()

    def loss(net, levels, generator):
        t, eps = ddpm.draw_steps(schedule, len(levels), generator, "logit-normal"), torch.randn(len(levels), 1, 28, 28, generator=generator)
        return ddpm.simple_loss(schedule, net, _images(levels), t, eps, "v").mean() / PIXELS

    net = _unet(seed, _updates("ddpm", minutes), loss)
    denoise = ddpm.as_denoiser(schedule, net, "v")

    def nats(levels, generator):
        x0 = _images(levels)
        eps = torch.randn(x0.shape, generator=generator)
        mean = ddpm.posterior_mean_eps(schedule, x1 := ddpm.diffuse(schedule, x0, 1, eps), denoise(x1, torch.ones(len(x1), dtype=torch.long)), 1)
        last = -likelihoods.discretised_normal(levels, mean.flatten(1), schedule.beta[1].sqrt())
        return _later_terms(schedule, denoise, x0, generator) + last

    def sampler(steps, eta):
        def draw(n, generator):
            quick = ddpm.as_denoiser(schedule, _autocast(net), "v")
            return _pixels(guidance.final(guidance.ddim(schedule, quick, torch.randn(n, 1, 28, 28, generator=generator), steps, eta, generator, clip=1.0)))

        return draw

    return Trained(_size(net), {"ddpm": sampler(50, 1.0), "ddpm, 10 steps": sampler(10, 0.0)}, torch.no_grad()(nats), "bound")


def flow(seed, minutes=1):
    """Flow matching with the DDPM's net, on images with uniform noise on [0, 1) a level; 10 steps of Heun."""

    def scaled(levels, generator):
        return (likelihoods.dequantise(levels, generator) / 128 - 1).float().view(-1, 1, 28, 28)

    def loss(net, levels, generator):
        tau, eps = torch.randn(len(levels), generator=generator).sigmoid(), torch.randn(len(levels), 1, 28, 28, generator=generator)
        return flow_matching.flow_loss(net, scaled(levels, generator), tau, eps).mean() / PIXELS

    net = _unet(seed, _updates("flow", minutes), loss)

    def nats(levels, generator):
        return PIXELS * math.log(128) - likelihoods.flow_log_prob(net, scaled(levels, generator), 50, generator)

    def draw(n, generator):
        *_, last = flow_matching.flow(_autocast(net), torch.randn(n, 1, 28, 28, generator=generator), 10, "heun")
        return _pixels(last.x)

    return Trained(_size(net), {"flow": draw}, nats, "estimate")


def _unet(seed, steps, loss):
    """The small U-Net, trained on loss(net, levels, generator); its averaged weights."""
    generator, levels = runtime.seed(seed), _levels()
    net, decay = nets.UNet(32), train.linear_decay(steps, start=0.4)
    state = train.State(net, Muon(*net.split(), lr=5e-3, adam_lr=2e-3), generators=generator, ema=0.998, schedule=lambda k: min(1, (k + 1) / 100) * decay(k))
    _train(lambda index: loss(net, levels[index], generator), steps, 64, state)
    return state.averages["model"].eval().requires_grad_(False)


def _later_terms(schedule, denoise, x0, generator):
    """-ELBO of a diffusion but for its last step, t = 1: an estimate without bias, (B,) nats."""
    var = schedule.posterior_var.clone()
    var[1] = schedule.beta[1]  # not used, but it has to be a variance

    def term(t):
        return ddpm.bound_term(schedule, denoise, x0, t, torch.randn(x0.shape, generator=generator), var)

    return ddpm.prior_term(schedule, x0) + likelihoods.stratified_sum(term, 2, schedule.T, 111, len(x0), generator)


# ---- small parts ---------------------------------------------------------------------------------------------------------


@functools.cache
def _levels():
    return data.mnist("train").images.flatten(1)  # (60 000, 784) uint8


def _images(levels):
    return (levels.float() / 127.5 - 1).view(-1, 1, 28, 28)


def _pixels(x):
    return (x.float().flatten(1).clamp(-1, 1) + 1) / 2


def _autocast(net):
    """The net as sampling uses it: in bfloat16 where this machine is faster so, a few images at a time."""

    def run(x, t):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16()):
            return torch.cat([net(part, when) for part, when in zip(x.split(250), t.split(250))]).float()

    return run


def ready():
    """Load the images and measure bfloat16 now, so that no clock runs meanwhile."""
    _levels(), bf16()


def _updates(name, minutes):
    return max(1, round(minutes * UPDATES[name]))


def _train(step, steps, size, state):
    order = functools.partial(data.batches, len(_levels()), size, epochs=None, drop_last=True)
    train.run(itertools.islice(train.fit(step, order, state, bf16=bf16()), steps), total=steps, lines=1)


def _size(net):
    return sum(p.numel() for p in net.parameters())


FAMILIES = {"gaussian": gaussian, "autoencoder": autoencoder_density, "vae": variational, "latent": latent, "gan": adversarial, "ddpm": diffusion, "flow": flow}
