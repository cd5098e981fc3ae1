"""Networks that several chapters use, and how they start. They compute; what their outputs mean is the chapter's.

Left out: normalisation and dropout (nothing in the book needs them), convolutions and time embeddings (they come with
the chapters that use them).
"""

import math

import torch

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
