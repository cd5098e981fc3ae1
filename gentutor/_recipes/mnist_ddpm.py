"""A class-conditional diffusion model of MNIST, a U-Net of 0.28 million parameters that predicts v (chapters "ddpm", "guidance")."""

import functools
import math

import torch

from .. import data, ddpm, evaluation, guidance, nets, runtime, train, weights
from ..muon import Muon

DATA = "MNIST, 60 000 training images scaled to [-1, 1], with their labels; measured on samples, against 2 000 test images drawn at random"
RECIPE = {"width": 32, "blocks": 2, "kind": "v", "schedule": "cosine, T = 1000", "steps_law": "logit-normal", "label_dropped": 0.1,
          "epochs": 10, "batch": 64, "optimiser": "Muon 5e-3 for the inner convolutions, Adam 2e-3 for the rest", "peak_rates": [5e-3, 2e-3],
          "rate_schedule": "warm-up of 100 steps, linear decay over the last 60 %", "ema": 0.998, "seed": 0, "bf16": True, "threads": 1}  # fmt: skip


def network():
    """The net of the recipe, untrained."""
    return nets.UNet(RECIPE["width"], blocks=RECIPE["blocks"], steps=1000)


def build(epochs=RECIPE["epochs"]):
    """Train on the CPU (a GPU if there is one) and return the state dict of the averaged weights."""
    device, generator = runtime.device(), runtime.seed(RECIPE["seed"])
    digits, schedule = data.mnist("train", device), ddpm.cosine().to(device)
    net, steps = network().to(device), epochs * math.ceil(len(digits.images) / RECIPE["batch"])
    optimiser, decay = Muon(*net.split(), *RECIPE["peak_rates"]), train.linear_decay(steps, start=0.4)
    state = train.State(net, optimiser, generators=generator, schedule=lambda k: min(1, (k + 1) / 100) * decay(k), ema=RECIPE["ema"])

    def step(index):
        x0, y = digits.images[index].unsqueeze(1) / 127.5 - 1, digits.labels[index]
        y = torch.where(torch.rand(len(y), generator=generator).to(device) < RECIPE["label_dropped"], 10, y)
        t = ddpm.draw_steps(schedule, len(y), generator, RECIPE["steps_law"]).to(device)
        eps = torch.randn(x0.shape, generator=generator).to(device)
        return ddpm.simple_loss(schedule, lambda x, t: net(x, t, y), x0, t, eps, RECIPE["kind"]).mean() / 784

    order = functools.partial(data.batches, len(digits.images), RECIPE["batch"], epochs=epochs, device=device)
    train.run(train.fit(step, order, state, bf16=RECIPE["bf16"]), total=steps, lines=18)
    return state.averages["model"].state_dict()


@torch.no_grad()
def samples(tensors, count, w=1.0, steps=50):
    """Images (count, 28, 28) in [0, 1], float, and the digits asked for, 0, 1 ... 9, 0 ...: ancestral sampling in `steps` steps."""
    net, schedule = network(), ddpm.cosine()
    net.load_state_dict(tensors)
    net.eval()
    asked, generator = torch.arange(count) % 10, torch.Generator().manual_seed(1)
    parts = []
    for y in asked.split(250):
        denoise = guidance.classifier_free(lambda x, t, y: ddpm.to_eps(schedule, x, t, net(x, t, y), RECIPE["kind"]), y, w, 10)
        x_T = torch.randn(len(y), 1, 28, 28, generator=generator)
        parts.append(guidance.final(guidance.ddim(schedule, denoise, x_T, steps, 1.0, generator, clip=1.0)))
    return torch.cat(parts).squeeze(1).clamp(-1, 1) / 2 + 0.5, asked


def measure(tensors, count=2000):
    """Share of samples that the packaged classifier takes for the digit asked for, and FID, precision and recall in its features."""
    judge, test = evaluation.Judge(weights.load("mnist_classifier")), data.mnist("test")
    drawn = torch.randperm(len(test.images), generator=torch.Generator().manual_seed(0))[:count]  # the file's first images are easier than the rest
    real, found = judge(test.images[drawn]), {"samples": count, "sampling_steps": 50}
    for name, w in (("", 1.0), ("guided_", 1.5)):
        images, asked = samples(tensors, count, w)
        seen = judge(images)
        quality = evaluation.precision_recall(real.features, seen.features)
        found |= {f"{name}agree": (seen.labels == asked).double().mean().item(), f"{name}fid": evaluation.fid(real.features, seen.features),
                  f"{name}precision": quality.precision, f"{name}recall": quality.recall}  # fmt: skip
    near = evaluation.nearest((255 * images[:500]).round().to(torch.uint8).flatten(1), data.mnist().images.flatten(1)).distance.median()
    yard = evaluation.nearest(test.images[drawn[:500]].flatten(1), data.mnist().images.flatten(1)).distance.median()
    found["guided_nearest_training_ratio"] = (near / yard).item()
    return {name: value if isinstance(value, int) else round(float(value), 4) for name, value in found.items()}


@torch.no_grad()
def quick(tensors):
    """The loss, squared error of v per pixel, on 1 000 test images with fixed labels, steps and noise, for the tests."""
    net, schedule, generator = network(), ddpm.cosine(), torch.Generator().manual_seed(2)
    net.load_state_dict(tensors)
    images, labels = (part[:1000] for part in data.mnist("test"))
    t, eps = ddpm.draw_steps(schedule, 1000, generator), torch.randn(1000, 1, 28, 28, generator=generator)
    loss = ddpm.simple_loss(schedule, lambda x, t: net(x, t, labels), images.unsqueeze(1) / 127.5 - 1, t, eps, RECIPE["kind"])
    return {"loss": round(loss.mean().item() / 784, 6)}
