"""Networks that several chapters use, and how they start. They compute; what their outputs mean is the chapter's.

Left out: normalisation, dropout and attention (nothing in the book needs them).
"""

import math

import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from .densities import require

ACTIVATIONS = {"silu": torch.nn.SiLU, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
GAINS = {"silu": 1.67653, "relu": math.sqrt(2), "tanh": 1.59254}  # E[φ(ξ)²] ** -½ for ξ ~ N(0, 1)


def mlp(sizes, generator=None, *, activation="silu"):
    """A multi-layer perceptron: (..., sizes[0]) -> (..., sizes[-1]), linear layers with the activation between them.

    sizes: the widths, input and output included; two make a linear map. An encoder is mlp([784, 512, 2 * d]) with its
    output cut into mean and log-variance, a decoder mlp([d, 512, 784]) with logits as output.

    Weights start as N(0, gain² / fan-in), biases as zero. Between two activations φ the gain is E[φ(ξ)²]^-½, ξ ~ N(0, 1),
    so that what goes into each φ keeps variance 1 from layer to layer; at the input and at the output it is 1. They are
    drawn from `generator` (torch's own if None), on the CPU, and from nowhere else.
    ValueError on a width below 1 or an unknown activation.
    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015), eq. 10, where φ is ReLU and the gain √2.
    """
    require(len(sizes) >= 2, f"sizes: expected at least an input and an output width, got {list(sizes)}")
    require(all(isinstance(n, int) and n >= 1 for n in sizes), f"sizes: expected integers >= 1, got {list(sizes)}")
    require(activation in ACTIVATIONS, f"activation: expected one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    layers = []
    for i, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
        last = i == len(sizes) - 2
        gain = 1.0 if i == 0 or last else GAINS[activation]
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.normal_(0, gain / math.sqrt(fan_in), generator=generator)
            layer.bias.zero_()
        layers += [layer] if last else [layer, ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers)


def logit_mean(images):
    """The logits of each pixel's mean, float32 (D,): where a decoder's output bias should start.

    images: uint8 (N, ...), 0…255, or floating (N, ...) in [0, 1]. A decoder that starts there predicts the average
    image, which saves about an epoch. Half a success and half a failure are added, so a pixel that is always 0 or
    always 1 has a finite logit: mean = (Σ x + ½) / (N + 1). ValueError on an empty set or a value out of range.
    """
    require(images.numel() > 0, f"images: expected at least one, got shape {tuple(images.shape)}")
    require(images.dtype == torch.uint8 or images.is_floating_point(), f"images: expected uint8 or floating, got {images.dtype}")
    n, total = len(images), images.flatten(1).sum(0, dtype=torch.float64)
    if images.dtype == torch.uint8:
        total = total / 255
    else:
        low, high = images.min().item(), images.max().item()
        require(low >= 0 and high <= 1, f"images: expected values in [0, 1], got values from {low:g} to {high:g}")
    return torch.logit((total + 0.5) / (n + 1)).float()


def start_at(net, bias):
    """Set the bias of the last linear layer of `net` to `bias`, (D,), and return the net: start_at(decoder, logit_mean(x))."""
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.Linear)]
    require(layers, "net: expected at least one linear layer, got none")
    want, got = tuple(layers[-1].bias.shape), tuple(bias.shape)
    require(want == got, f"bias: expected shape {want}, got {got}")
    with torch.no_grad():
        layers[-1].bias.copy_(bias)
    return net


# --- networks that are told the time ------------------------------------------------------------------------------


class TimeEmbedding(torch.nn.Module):
    """Time (B,) -> features (B, 2 frequencies): sines and cosines of it at `frequencies` rates from 1 to `highest`, in geometric progression.

    Integer times count steps of `steps` and are divided by it; floating ones are taken as they are, 0 to 1.
    """

    def __init__(self, frequencies=32, steps=1000, highest=1000.0):
        super().__init__()
        self.steps = steps
        self.register_buffer("rates", torch.logspace(0, math.log10(highest), frequencies), persistent=False)

    def forward(self, t):
        t = t.to(self.rates) if t.is_floating_point() else t.to(self.rates) / self.steps
        angles = t[:, None] * self.rates
        return torch.cat([angles.sin(), angles.cos()], 1)


class TimedMLP(torch.nn.Module):
    """(x, t) -> (B, dim) for x (B, dim): a perceptron of x beside the time's features, for data on the plane.

    The first weights of x start four times as large as usual, so that the net can bend within a short distance.
    """

    def __init__(self, dim=2, hidden=(128, 128, 128), steps=1000, frequencies=4, highest=20.0, generator=None):
        super().__init__()
        self.time = TimeEmbedding(frequencies, steps, highest)
        self.net = mlp([dim + 2 * frequencies, *hidden, dim], generator)
        with torch.no_grad():
            self.net[0].weight[:, :dim] *= 4

    def forward(self, x, t):
        return self.net(torch.cat([x, self.time(t).to(x.dtype)], 1))


class FilmBlock(torch.nn.Module):
    """h + conv(FiLM(conv(silu(h)))), 3 x 3; FiLM scales and shifts each channel by what `told` says. Starts as the identity."""

    def __init__(self, channels, told):
        super().__init__()
        self.first = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.film = torch.nn.Linear(told, 2 * channels)
        self.second = torch.nn.Conv2d(channels, channels, 3, padding=1)
        torch.nn.init.zeros_(self.second.weight)
        torch.nn.init.zeros_(self.second.bias)

    def forward(self, h, told):
        scale, shift = self.film(told)[:, :, None, None].chunk(2, 1)
        return h + self.second(silu(self.first(silu(h)) * (1 + scale) + shift))


class UNet(torch.nn.Module):
    """(x, t, y) -> (B, 1, 28, 28): a small net on images x (B, 1, 28, 28) in [-1, 1] that knows the time and the class.

    t: (B,), steps or a time in [0, 1] (see `TimeEmbedding`). y: LongTensor (B,), 0...classes; `classes` itself, or y = None, is "no label".
    It works on 14 x 14 (each place holds 2 x 2 pixels) with `width` channels and on 7 x 7 with twice as many, the way up adding what
    the way down had. 0.28 million weights at width 32; blocks: residual blocks at 7 x 7. Left out: attention and normalisation, which
    cost more than they give at this size.
    """

    def __init__(self, width=32, classes=10, blocks=2, told=128, steps=1000):
        super().__init__()
        require(min(width, classes, blocks, told) >= 1, f"expected sizes of at least 1, got width {width}, classes {classes}, blocks {blocks}, told {told}")
        self.classes = classes
        self.time = TimeEmbedding(32, steps)
        self.tell = torch.nn.Sequential(torch.nn.Linear(64, told), torch.nn.SiLU(), torch.nn.Linear(told, told))
        self.label = torch.nn.Embedding(classes + 1, told)
        self.enter = torch.nn.Conv2d(4, width, 3, padding=1)
        self.fine_in, self.fine_out = FilmBlock(width, told), FilmBlock(width, told)
        self.down = torch.nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = torch.nn.ModuleList([FilmBlock(2 * width, told) for _ in range(blocks)])
        self.up = torch.nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.leave = torch.nn.Conv2d(width, 4, 3, padding=1)
        torch.nn.init.zeros_(self.leave.weight)
        torch.nn.init.zeros_(self.leave.bias)
        self.to(memory_format=torch.channels_last)

    def split(self):
        """Two lists of parameters: the weights of the inner convolutions, for `muon.Muon`, and all others."""
        inner = [p for name, p in self.named_parameters() if p.ndim == 4 and not name.startswith(("enter", "leave"))]
        taken = set(map(id, inner))
        return inner, [p for p in self.parameters() if id(p) not in taken]

    def forward(self, x, t, y=None):
        y = torch.full_like(t, self.classes, dtype=torch.long) if y is None else y
        told = silu(self.tell(self.time(t)) + self.label(y))
        h = self.enter(pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))  # (B, width, 14, 14)
        fine = self.fine_in(h, told)
        h = self.down(fine)  # (B, 2 width, 7, 7)
        for block in self.coarse:
            h = block(h, told)
        h = self.fine_out(fine + self.up(h), told)
        return pixel_shuffle(self.leave(silu(h)), 2).to(x.dtype)


class DigitClassifier(torch.nn.Module):
    """Images (B, 1, 28, 28), values in [0, 1] -> logits (B, 10); `features(images)` is the layer before, (B, 128).

    3 x 3 convolutions at 14 x 14 (each place holds 2 x 2 pixels) and at 7 x 7, and one hidden layer: 0.37 million weights.
    Weights start by torch's own generator. It judges samples (chapter "evaluation"; packaged as "mnist_classifier").
    """

    def __init__(self, fine=32, coarse=48):
        super().__init__()
        self.enter = torch.nn.Conv2d(4, fine, 3, padding=1)
        self.fine = torch.nn.Conv2d(fine, fine, 3, padding=1)
        self.down = torch.nn.Conv2d(fine, coarse, 2, stride=2)
        self.coarse = torch.nn.Conv2d(coarse, coarse, 3, padding=1)
        self.hidden = torch.nn.Linear(49 * coarse, 128)
        self.leave = torch.nn.Linear(128, 10)

    def features(self, images):
        silu = torch.nn.functional.silu
        h = torch.nn.functional.pixel_unshuffle(2 * images - 1, 2)  # (B, 4, 14, 14)
        h = silu(self.enter(h))
        h = silu(self.down(silu(h + self.fine(h))))  # (B, coarse, 7, 7)
        return silu(self.hidden(silu(h + self.coarse(h)).flatten(1)))

    def forward(self, images):
        return self.leave(self.features(images))
