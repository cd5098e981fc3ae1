"""Muon: orthogonal updates, Adam for the rest, and a run that resumes."""

import pytest
import torch

from gentutor import nets, train
from gentutor.muon import Muon, orthogonalise


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(32, 288), (64, 96), (100, 20), (3, 8, 5)])
def test_singular_values_become_one(shape):
    x = torch.randn(shape, generator=generator())
    y = orthogonalise(x)
    values = torch.linalg.svdvals(y)
    assert y.shape == x.shape and values.min() > 0.1 and values.max() < 1.25
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    assert torch.linalg.svdvals(orthogonalise(u * torch.linspace(0.2, 1, s.shape[-1]) @ v)).min() > 0.65
    cosine = (y * (u @ v)).sum() / (y.norm() * (u @ v).norm())
    assert cosine > 0.97, "close to the nearest matrix with orthonormal rows"
    torch.testing.assert_close(orthogonalise(1000 * x), y, rtol=1e-3, atol=1e-4)
    assert orthogonalise(torch.zeros(shape)).isfinite().all()


def test_the_rest_is_adam():
    start, grads = torch.randn(5, generator=generator()), torch.randn(20, 5, generator=generator(1))
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    matrix = torch.zeros(2, 2, requires_grad=True)
    muon, adam = Muon([matrix], [ours], adam_lr=0.01), torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99))
    for grad in grads:
        ours.grad, theirs.grad = grad.clone(), grad.clone()
        muon.step()
        adam.step()
    torch.testing.assert_close(ours, theirs)
    assert not matrix.any(), "what has no gradient stays"


def test_a_first_step_moves_every_direction_equally_far():
    weight = torch.zeros(8, 4, 3, 3, requires_grad=True)
    weight.grad = torch.randn(8, 36, generator=generator()).mul(torch.logspace(-1, 1, 8)[:, None]).view_as(weight)
    Muon([weight], [], lr=0.1).step()
    moved = torch.linalg.svdvals(weight.detach().flatten(1))
    assert moved.max() < 0.13 and moved.min() > 0.04
    assert (weight * weight.grad).sum() < 0, "downhill"


def test_the_parts_of_the_u_net():
    net = nets.UNet(8, blocks=1, told=16)
    inner, others = net.split()
    assert len(inner) + len(others) == len(list(net.parameters())) and all(p.ndim == 4 for p in inner)
    assert len(inner) == 8 and not any(p is net.enter.weight or p is net.leave.weight for p in inner)


def test_a_resumed_run_is_an_unbroken_one(tmp_path):
    def fresh():
        torch.manual_seed(0)
        net = nets.UNet(4, blocks=1, told=8)
        return train.State(net, Muon(*net.split()), generators=generator(), ema=0.9)

    def step(state):
        def loss(k):
            x = torch.randn(4, 1, 28, 28, generator=state.generators["generator"])
            return (state.models["model"](x, torch.full((4,), 500), torch.tensor([0, 1, 2, 10])) - x).square().mean()
        return loss

    whole, first, second = fresh(), fresh(), fresh()
    list(train.fit(step(whole), range(6), whole))
    list(train.fit(step(first), range(3), first))
    train.save(tmp_path / "run", first)
    train.load(tmp_path / "run", second)
    list(train.fit(step(second), range(6), second))
    assert all(torch.equal(a, b) for a, b in zip(whole.averages["model"].parameters(), second.averages["model"].parameters()))


def test_bad_input():
    with pytest.raises(ValueError, match=r"matrices: expected parameters of two axes or more, got one of shape \(3,\)"):
        Muon([torch.zeros(3, requires_grad=True)], [])
