"""Muon: momentum whose matrices are made orthogonal before each step, with Adam for everything that is not a matrix.

The update of a weight matrix is U V^T of its momentum U S V^T, so that every direction moves equally far and none is left to a few
large gradients. In the same time the book's small U-Net gets further by it than by Adam alone. Source: Jordan et al., "Muon: an
optimizer for hidden layers in neural networks" (2024); `torch.optim.Muon` is the same for 2-D tensors only, in newer versions.
Left out: weight decay.
"""

import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices, steps=5):
    """U V^T of matrices U S V^T, (..., R, C) -> the same shape, roughly: singular values come to lie between about 0.7 and 1.2.

    Newton-Schulz: s -> a s + b s^3 + c s^5, which needs products only. A singular value far below 1 % of the Frobenius norm stays smaller.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """matrices: parameters with two axes or more (a convolution counts as output channels x the rest), stepped by `lr`;
    others: parameters for Adam, at `adam_lr`. ValueError on a matrix with fewer than two axes.
    """

    def __init__(self, matrices, others, lr=5e-3, adam_lr=2e-3, momentum=0.95, betas=(0.9, 0.99), eps=1e-8):
        matrices, others = list(matrices), list(others)
        flat = [tuple(p.shape) for p in matrices if p.ndim < 2]
        if flat:
            raise ValueError(f"matrices: expected parameters of two axes or more, got one of shape {flat[0]}")
        groups = [{"params": matrices, "lr": lr, "orthogonal": True}, {"params": others, "lr": adam_lr, "orthogonal": False}]
        super().__init__(groups, {"momentum": momentum, "betas": betas, "eps": eps, "updates": 0})

    @torch.no_grad()
    def step(self):
        """One update, from the gradients that are there."""
        for group in self.param_groups:
            group["updates"] += 1
            update = self._orthogonal if group["orthogonal"] else self._adam
            for p in group["params"]:
                if p.grad is not None:
                    update(p, self.state[p], group)

    def _orthogonal(self, p, state, group):
        m = state.setdefault("momentum", torch.zeros_like(p))
        m.lerp_(p.grad, 1 - group["momentum"])
        ahead = torch.lerp(p.grad, m, group["momentum"]).flatten(1)  # Nesterov
        rows, columns = ahead.shape
        p.sub_(orthogonalise(ahead).view_as(p), alpha=group["lr"] * max(1, rows / columns) ** 0.5)

    def _adam(self, p, state, group):
        (b1, b2), k = group["betas"], group["updates"]
        m, v = (state.setdefault(name, torch.zeros_like(p)) for name in ("mean", "square"))
        m.lerp_(p.grad, 1 - b1)
        v.lerp_(p.grad**2, 1 - b2)
        p.addcdiv_(m / (1 - b1**k), (v / (1 - b2**k)).sqrt() + group["eps"], value=-group["lr"])
