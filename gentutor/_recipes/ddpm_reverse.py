"""A small denoiser of a mixture of five round Gaussians in the plane, for the explorable that runs the reverse process.

It predicts v = √ᾱ ε − √(1 − ᾱ) x₀ from x_t and nine numbers that say what t is. The mixture's perfect denoiser is known in
closed form (`denoisers.cloud_denoiser`), so the card can say how far the net is from it.
"""

import functools
import itertools
import math

import torch

from .. import data, ddpm, denoisers, guidance, nets, runtime, train

DATA = "60 000 draws from the mixture in the recipe"
RECIPE = {"weights": [0.1, 0.3, 0.15, 0.25, 0.2], "means": [[-1.4, 0.3], [-0.3, 1.4], [1.3, 0.8], [0.9, -1.0], [-0.7, -1.2]], "std": 0.12,
          "widths": [11, 64, 64, 64, 2], "activation": "silu", "T": 1000, "schedule": "linear", "predicts": "v", "t": "uniform", "draws": 60_000,
          "batch": 1000, "steps": 12_000, "peak_rate": 4e-3, "rate": "one cycle", "average": 0.998, "seed": 0, "threads": 1}  # fmt: skip
SCHEDULE = ddpm.linear(RECIPE["T"])
LAW = denoisers.Cloud(*(torch.tensor(value, dtype=torch.float64) for value in (RECIPE["weights"], RECIPE["means"], [RECIPE["std"]] * 5)))


def features(xt, t):
    """What the net sees: x_t (B, 2), then u = t/T and the sines and cosines of k π u, k = 1…4: (B, 11)."""
    u = (t.to(xt) / RECIPE["T"])[:, None]
    angle = math.pi * u * torch.arange(1, 5).to(xt)
    return torch.cat([xt, u, angle.sin(), angle.cos()], 1)


def denoiser(net):
    """The denoiser (x_t, t) -> eps_hat of a net that predicts v from the features."""
    return ddpm.as_denoiser(SCHEDULE, lambda xt, t: net(features(xt, t)), "v")


def build(steps=RECIPE["steps"]):
    """Train on the CPU and return the state dict."""
    generator = runtime.seed(RECIPE["seed"])
    x0 = denoisers.cloud_sample(LAW, RECIPE["draws"], generator).float()
    net = nets.mlp(RECIPE["widths"], generator)
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=RECIPE["peak_rate"], fused=True), generators=generator,
                        schedule=train.one_cycle(steps), clip=10.0, ema=RECIPE["average"])  # fmt: skip

    def step(index):
        t = ddpm.draw_steps(SCHEDULE, len(index), generator)
        eps = torch.randn(len(index), 2, generator=generator)
        return ddpm.simple_loss(SCHEDULE, lambda xt, t: net(features(xt, t)), x0[index], t, eps, "v").mean()

    order = functools.partial(data.batches, len(x0), RECIPE["batch"], epochs=None)
    train.run(itertools.islice(train.fit(step, order, state), steps), total=steps, lines=4)
    return state.averages["model"].state_dict()


@torch.no_grad()
def measure(tensors):
    """Root mean square distance of eps_hat from the perfect one, over q(x_t) and t; and what 2 000 points come to by DDIM in 100 steps."""
    net = nets.mlp(RECIPE["widths"])
    net.load_state_dict(tensors)
    mine, perfect, generator = denoiser(net.double()), denoisers.cloud_denoiser(SCHEDULE, LAW), runtime.seed(1)
    x0, t = denoisers.cloud_sample(LAW, 20_000, generator), ddpm.draw_steps(SCHEDULE, 20_000, generator)
    xt = ddpm.diffuse(SCHEDULE, x0, t, torch.randn(x0.shape, generator=generator, dtype=torch.float64))
    start = torch.randn(2000, 2, generator=generator, dtype=torch.float64)
    nearest = torch.cdist(guidance.final(guidance.ddim(SCHEDULE, mine, start, 100)), LAW.means).min(1)
    inside = nearest.values < 3 * RECIPE["std"]
    share = nearest.indices.bincount(minlength=5) / len(start)
    return {
        "eps_rms": round((mine(xt, t) - perfect(xt, t)).square().mean().sqrt().item(), 4),
        "within_three_std": round(inside.double().mean().item(), 4),
        "std_in_a_mode": round((nearest.values[inside].square().mean() / 2).sqrt().item(), 4),
        "largest_share_error": round((share - LAW.weights).abs().max().item(), 4),
    }
