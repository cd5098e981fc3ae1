"""Judging samples (chapter "evaluation")."""

from typing import NamedTuple

import torch

from . import nets
from .densities import require


class Judgement(NamedTuple):
    """features (B, 128) float32; probabilities (B, 10) float64; labels (B,) int64, the likeliest class."""

    features: torch.Tensor
    probabilities: torch.Tensor
    labels: torch.Tensor


class Judge:
    """The packaged classifier as a function of images: Judge(weights.load("mnist_classifier"))(images) -> Judgement.

    images: uint8, 0…255, or floating in [0, 1]; (B, 28, 28), (B, 1, 28, 28) or (B, 784). They are taken in blocks, without
    gradients. ValueError on another shape or a value out of range.
    A classifier knows ten digits and nothing else: it is sure of pure noise as well. Never judge by its confidence alone.
    """

    def __init__(self, tensors, device="cpu"):
        fine, coarse = len(tensors["enter.weight"]), len(tensors["down.weight"])
        self.net = nets.DigitClassifier(fine, coarse).to(device).eval().requires_grad_(False)
        self.net.load_state_dict(tensors)
        self.device = device

    @torch.no_grad()
    def __call__(self, images):
        require(images.numel() % 784 == 0 and images.shape[1:].numel() == 784 and len(images) > 0,
                f"images: expected shape (B, 28, 28), (B, 1, 28, 28) or (B, 784), got {tuple(images.shape)}")
        require(images.dtype == torch.uint8 or images.is_floating_point(), f"images: expected uint8 or floating, got {images.dtype}")
        if images.is_floating_point():
            low, high = images.min().item(), images.max().item()
            require(low >= 0 and high <= 1, f"images: expected values in [0, 1], got values from {low:g} to {high:g}")
        features, logits = [], []
        for part in images.split(1000):
            x = part.to(self.device).reshape(-1, 1, 28, 28).float() / (255 if images.dtype == torch.uint8 else 1)
            features.append(self.net.features(x))
            logits.append(self.net.leave(features[-1]))
        probabilities = torch.cat(logits).double().softmax(1)
        return Judgement(torch.cat(features), probabilities, probabilities.argmax(1))
