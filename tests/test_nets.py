"""The networks: how signals and gradients keep their size at the start, the output bias, and bad input."""

import math

import pytest
import torch

from gentutor import data, nets


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("activation", nets.ACTIVATIONS)
def test_signals_keep_their_size(activation):
    """Through eight layers what goes into each activation keeps variance 1; with torch's own start it is all but gone."""
    net = nets.mlp([1000] * 9, generator(), activation=activation)
    x = torch.randn(500, 1000, generator=generator(1))
    sizes = []
    for layer in list(net)[:-1]:
        x = layer(x)
        if isinstance(layer, torch.nn.Linear):
            sizes.append(x.square().mean().item())
    assert len(sizes) == 7 and 0.75 < min(sizes) and max(sizes) < 1.3, sizes
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    assert net[:13](torch.randn(500, 1000)).square().mean() < 0.1


@pytest.mark.parametrize("activation", nets.ACTIVATIONS)
def test_gains_by_quadrature(activation):
    xi = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    density = torch.exp(-(xi**2) / 2) / math.sqrt(2 * math.pi)
    second = torch.trapezoid(nets.ACTIVATIONS[activation]()(xi) ** 2 * density, xi)
    assert abs(nets.GAINS[activation] - second.item() ** -0.5) < 1e-5


def test_the_start_is_what_the_docstring_says():
    net = nets.mlp([784, 500, 300, 10], generator(), activation="relu")
    for layer, gain in zip([m for m in net if isinstance(m, torch.nn.Linear)], (1, 2, 1)):
        w, fan_in = layer.weight.detach().double(), layer.weight.shape[1]
        error = gain / fan_in * math.sqrt(2 / w.numel())  # of the mean square of normal numbers
        assert abs(w.square().mean().item() - gain / fan_in) < 5 * error
        assert abs(w.mean().item()) < 5 * math.sqrt(gain / fan_in / w.numel())
        assert abs((w**4).mean() / w.square().mean() ** 2 - 3) < 0.2, "normal"
        assert not layer.bias.any()


def test_shape_layers_and_seed():
    net = nets.mlp([5, 7, 3], generator(), activation="tanh")
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"]
    assert net(torch.zeros(2, 4, 5)).shape == (2, 4, 3)
    assert isinstance(nets.mlp([5, 3])[0], torch.nn.Linear) and len(nets.mlp([5, 3])) == 1
    before = torch.get_rng_state()
    same = nets.mlp([5, 7, 3], generator(), activation="tanh")
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), same.parameters()))
    assert torch.equal(before, torch.get_rng_state()), "torch's own generator is left alone"
    torch.manual_seed(3)
    first = nets.mlp([2, 2])[0].weight
    torch.manual_seed(3)
    assert torch.equal(first, nets.mlp([2, 2])[0].weight)


def test_a_decoder_that_starts_at_the_mean():
    images = data.mnist("test").images[:2000]
    logits = nets.logit_mean(images)
    mean = images.flatten(1).double().mean(0) / 255
    assert logits.shape == (784,) and logits.dtype == torch.float32 and logits.isfinite().all()
    assert (logits.double().sigmoid() - (mean * 2000 + 0.5) / 2001).abs().max() < 1e-6
    torch.testing.assert_close(nets.logit_mean(images.flatten(1).float() / 255), logits, atol=1e-4, rtol=1e-4)
    assert abs(nets.logit_mean(torch.zeros(3, 1)).item() - math.log(0.5 / 3.5)) < 1e-6
    net = nets.mlp([20, 50, 784], generator())
    assert nets.start_at(net, logits) is net
    assert torch.equal(net(torch.zeros(1, 20))[0], logits)
    # Bernoulli cross-entropy in nats an image: the average image costs far less than a coin for each pixel
    x = images.flatten(1).float() / 255
    cost = torch.nn.functional.binary_cross_entropy_with_logits(logits.expand_as(x), x, reduction="sum") / len(x)
    assert cost < 215 < 784 * math.log(2)


@pytest.mark.parametrize("make, words", [
    (lambda: nets.mlp([784]), r"sizes: expected at least an input and an output width, got \[784\]"),
    (lambda: nets.mlp([784, 400, 0]), r"sizes: expected integers >= 1, got \[784, 400, 0\]"),
    (lambda: nets.mlp([2, 2.0]), "sizes: expected integers"),
    (lambda: nets.mlp([2, 2], activation="gelu"), "activation: expected one of silu, relu, tanh; got 'gelu'"),
    (lambda: nets.logit_mean(torch.zeros(0, 4)), r"images: expected at least one, got shape \(0, 4\)"),
    (lambda: nets.logit_mean(torch.tensor([[0.5, 1.5]])), "images: expected values in .0, 1., got values from 0.5 to 1.5"),
    (lambda: nets.logit_mean(torch.tensor([[0.5, float("nan")]])), "got values from nan"),
    (lambda: nets.logit_mean(torch.ones(2, 2, dtype=torch.int64)), "expected uint8 or floating, got torch.int64"),
    (lambda: nets.start_at(nets.mlp([2, 3]), torch.zeros(4)), r"bias: expected shape \(3,\), got \(4,\)"),
    (lambda: nets.start_at(torch.nn.ReLU(), torch.zeros(4)), "net: expected at least one linear layer"),
])  # fmt: skip
def test_bad_input_says_expected_and_got(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ---- networks that are told the time ----------------------------------------------------------------------------------


def test_time_features():
    embed = nets.TimeEmbedding(5, steps=1000)
    features = embed(torch.tensor([0, 500, 1000]))
    assert features.shape == (3, 10) and embed.rates[0] == 1 and abs(embed.rates[-1].item() - 1000) < 1e-2
    torch.testing.assert_close(features, embed(torch.tensor([0.0, 0.5, 1.0])))
    torch.testing.assert_close(features[1, 0], torch.tensor(0.5).sin())
    assert torch.equal(features[0], torch.tensor([0.0] * 5 + [1.0] * 5))
    neighbours = nets.TimeEmbedding()(torch.arange(1001))
    assert (neighbours.diff(dim=0).norm(dim=1) > 0.5).all(), "no two steps look alike"


def test_timed_perceptron():
    net = nets.TimedMLP(2, (16, 16), steps=100, generator=generator())
    x = torch.randn(4, 2, generator=generator(1))
    out = net(x, torch.tensor([1, 1, 50, 100]))
    assert out.shape == (4, 2) and not torch.equal(out[0], net(x, torch.tensor([2, 1, 50, 100]))[0])
    assert torch.equal(out, nets.TimedMLP(2, (16, 16), steps=100, generator=generator())(x, torch.tensor([1, 1, 50, 100])))


def test_u_net():
    torch.manual_seed(0)
    net, x = nets.UNet(8, blocks=1, told=16), torch.randn(3, 1, 28, 28, generator=generator())
    t, y = torch.tensor([1, 500, 1000]), torch.tensor([0, 9, 10])
    assert net(x, t, y).shape == x.shape and not net(x, t, y).any(), "starts at zero"
    assert sum(p.numel() for p in nets.UNet().parameters()) == 279_300
    torch.nn.init.normal_(net.leave.weight)
    for block in (net.fine_in, net.fine_out, *net.coarse):
        torch.nn.init.normal_(block.second.weight, std=0.1)
    out = net(x, t, y)
    torch.testing.assert_close(out, net(x, t / 1000, y), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out[2], net(x, t)[2], rtol=1e-4, atol=1e-4)  # no label is class 10
    assert not torch.allclose(out[0], net(x, t)[0]) and not torch.allclose(out[0], net(x, t.flip(0), y)[0])
    torch.testing.assert_close(out[1:2], net(x[1:2], t[1:2], y[1:2]), rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert net(x, t, y).dtype == torch.float32
    with pytest.raises(ValueError, match="expected sizes of at least 1, got width 0"):
        nets.UNet(0)
