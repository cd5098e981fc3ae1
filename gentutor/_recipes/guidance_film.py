"""A class-conditional diffusion model of 14 × 14 digits, small enough to run in a page, for the film strip of guidance.

The network predicts v = √ᾱ ε − √(1 − ᾱ) x₀ from x_t, the time and the class; with one label in ten left out it learns the
unconditional law beside the conditional ones. Kept are its averaged weights and 1 000 of the training images, one hundred of
each class, in eight grey levels, for the row that shows the nearest training image.
"""

import functools
import itertools
import math

import torch
import torch.nn.functional as F

from .. import data, ddpm, evaluation, guidance, nets, runtime, train, weights

DATA = "MNIST, 60 000 training images, each 2 × 2 block of pixels averaged: 14 × 14, scaled to [-1, 1]; kept are the first 100 of each class"
RECIPE = {"channels": 44, "blocks": 3, "time_features": 32, "embedding": 48, "T": 1000, "schedule": "cosine", "predicts": "v", "no_label": 0.1,
          "t": "1000 sigmoid(1.2 N(0, 1)), rounded up", "batch": 128, "steps": 16_000, "peak_rate": 3e-3, "rate": "one cycle", "average": 0.999,
          "seed": 0, "bf16": True, "threads": 1}  # fmt: skip
KEPT, LEVELS = 100, 8  # images of each class; grey levels
NO_LABEL = 10


def time_features(t, n):
    """sin and cos of π t/T times n/2 frequencies, 1/2 to 100, evenly spaced in their logarithm: (B,) -> (B, n)."""
    frequency = torch.logspace(math.log10(0.5), 2, n // 2, dtype=torch.float64, device=t.device)
    angle = math.pi * t.double()[:, None] / RECIPE["T"] * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)


class FilmNet(torch.nn.Module):
    """v̂(x, t, y): x (B, 1, 14, 14), t (B,) steps 1…T, y (B,) classes 0…9 or 10 for none -> (B, 1, 14, 14)."""

    def __init__(self):
        super().__init__()
        channels, embedding = RECIPE["channels"], RECIPE["embedding"]
        self.time = torch.nn.Linear(RECIPE["time_features"], embedding)
        self.label = torch.nn.Embedding(11, embedding)
        self.enter = torch.nn.Conv2d(4, channels, 3, padding=1)
        self.blocks = torch.nn.ModuleList(nets.FilmBlock(channels, embedding) for _ in range(RECIPE["blocks"]))
        for block in self.blocks:  # at the start neither time nor class scales or shifts
            torch.nn.init.zeros_(block.film.weight)
            torch.nn.init.zeros_(block.film.bias)
        self.leave = torch.nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, x, t, y):
        c = F.silu(self.time(time_features(t, RECIPE["time_features"]).to(x)) + self.label(y))
        h = self.enter(F.pixel_unshuffle(x, 2))  # (B, C, 7, 7)
        for block in self.blocks:
            h = block(h, c)
        return F.pixel_shuffle(self.leave(F.silu(h)), 2)


def pooled(images):
    """uint8 (N, 28, 28) -> float (N, 1, 14, 14) in [-1, 1]: the mean of each 2 × 2 block."""
    return F.avg_pool2d(images[:, None].float(), 2) / 127.5 - 1


def build(steps=RECIPE["steps"]):
    """Train on the CPU (a GPU if there is one) and return what is kept."""
    device, generator = runtime.device(), runtime.seed(RECIPE["seed"])
    digits = data.mnist("train")
    images, labels = pooled(digits.images).to(device), digits.labels.to(device)
    alpha_bar = ddpm.cosine(RECIPE["T"]).alpha_bar.float().to(device)
    net = FilmNet().to(device)
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=RECIPE["peak_rate"], fused=True), generators=generator,
                        schedule=train.one_cycle(steps, warm_up=0.1), clip=1.0, ema=RECIPE["average"])  # fmt: skip

    def step(index):
        n = len(index)
        t = (RECIPE["T"] * torch.sigmoid(1.2 * torch.randn(n, generator=generator))).ceil().long().to(device)
        eps = torch.randn(n, 1, 14, 14, generator=generator).to(device)
        hidden = (torch.rand(n, generator=generator) < RECIPE["no_label"]).to(device)
        x0, y, signal = images[index], labels[index].masked_fill(hidden, NO_LABEL), alpha_bar[t].view(-1, 1, 1, 1)
        xt = signal.sqrt() * x0 + (1 - signal).sqrt() * eps
        v = signal.sqrt() * eps - (1 - signal).sqrt() * x0
        return (net(xt, t, y).float() - v).square().mean()

    order = functools.partial(data.batches, len(images), RECIPE["batch"], epochs=None, drop_last=True, device=device)
    records = itertools.islice(train.fit(step, order, state, bf16=RECIPE["bf16"]), steps)
    train.run(records, total=steps, lines=8)
    return {**state.averages["model"].state_dict(), **keep(digits)}


def keep(digits):
    """The images for the page's nearest neighbour, four pixels of three bits in one number: a₀ + 8 a₁ + 64 a₂ + 512 a₃ − 2048.

    Such integers, from −2048 to 2047, are exact as halves. kept: (1000, 49), in order of the classes. kept_gap: the distance within
    which half of the test digits have one of these images, in pixels from 0 to 1.
    """
    index = torch.cat([torch.nonzero(digits.labels == digit)[:KEPT, 0] for digit in range(10)])
    grey = ((pooled(digits.images[index]).flatten(1) + 1) / 2 * (LEVELS - 1)).round()
    gaps = torch.cdist((pooled(data.mnist("test").images).flatten(1) + 1) / 2, grey / (LEVELS - 1)).min(1).values
    return {"kept": (grey.view(len(index), -1, 4) * LEVELS ** torch.arange(4)).sum(-1) - 2048, "kept_gap": gaps.median()[None]}


def denoiser(net):
    """The denoiser (x_t, t, y) -> eps_hat of the net, as `guidance.classifier_free` takes it."""
    schedule = ddpm.cosine(RECIPE["T"])
    return lambda xt, t, y: ddpm.to_eps(schedule, xt, t, net(xt, t, y), "v")


def kept_images(tensors):
    """The kept training images, (1000, 196) in [-1, 1], unpacked."""
    number = (tensors["kept"].double() + 2048).long()[..., None]
    grey = torch.div(number, LEVELS ** torch.arange(4), rounding_mode="floor") % LEVELS
    return grey.flatten(1) * 2.0 / (LEVELS - 1) - 1


def load_net(tensors):
    """The network of a packaged state dict."""
    net = FilmNet().eval().requires_grad_(False)
    net.load_state_dict({key: value for key, value in tensors.items() if not key.startswith("kept")})
    return net


@torch.no_grad()
def measure(tensors, count=1000, references=60_000):
    """Samples by DDIM in 50 steps at three weights, beside test digits; w = 1 is the plain conditional model.

    agree: share that the packaged classifier takes for the class asked for, after bilinear enlargement to 28 × 28, which costs real
    digits some too. nearest: median distance, in pixels from 0 to 1, to the nearest of the first `references` training images.
    """
    net, schedule = load_net(tensors), ddpm.cosine(RECIPE["T"])
    judge = evaluation.Judge(weights.load("mnist_classifier"))
    train_set, test = data.mnist("train"), data.mnist("test")
    known = (pooled(train_set.images[:references]).flatten(1) + 1) / 2
    generator = torch.Generator().manual_seed(1)
    start, y = torch.randn(count, 1, 14, 14, generator=generator), torch.arange(count) % 10
    quality = {"samples": count, "training_images": len(known)}
    rows = {"test": (pooled(test.images[:count]), test.labels[:count])}
    for w in (1, 2, 4):
        rows[f"w{w}"] = guidance.final(guidance.ddim(schedule, guidance.classifier_free(denoiser(net), y, w, NO_LABEL), start, 50)), y
    for name, (images, labels) in rows.items():
        grey = ((images + 1) / 2).clamp(0, 1)
        large = F.interpolate(grey, scale_factor=2, mode="bilinear", align_corners=False)
        quality[f"agree_{name}"] = round((judge(large).labels == labels).double().mean().item(), 3)
        quality[f"nearest_{name}"] = round(torch.cdist(grey.flatten(1), known).min(1).values.median().item(), 3)
    return quality


def quick(tensors):
    """The same with 100 samples and 2 000 training images, for the tests."""
    return measure(tensors, 100, 2000)
