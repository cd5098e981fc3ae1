"""A convolutional VAE of binarised MNIST, 40 latents, 0.3 million parameters (chapter "vae")."""

import functools
import math

import torch

from .. import conv_vae, data, nets, runtime, train, vae

DATA = "MNIST, 60 000 training images, binarised afresh in each epoch (dynamic binarisation); measured on the 10 000 test images, binarised once"
RECIPE = {"latent": 40, "fine": 24, "coarse": 64, "kept": 16, "epochs": 24, "batch": 128, "peak_rate": 2e-3,
          "schedule": "one cycle, warm-up 0.05 from 1/5", "beta": "from 0.1 to 1 over the first 5 % of the steps", "clip": 200.0,
          "seed": 0, "bf16": True, "threads": 1}  # fmt: skip
SIZES = {name: RECIPE[name] for name in ("latent", "fine", "coarse", "kept")}


def build(epochs=RECIPE["epochs"]):
    """Train on the CPU (a GPU if there is one) and return the state dict."""
    device, generator = runtime.device(), runtime.seed(RECIPE["seed"])
    images = data.mnist("train", device).images.flatten(1)
    net = conv_vae.conv_vae(**SIZES, bias=nets.logit_mean(images.cpu())).to(device)
    steps = epochs * math.ceil(len(images) / RECIPE["batch"])
    optimiser = torch.optim.Adam(net.parameters(), lr=RECIPE["peak_rate"], fused=True)
    state = train.State(net, optimiser, generators=generator, schedule=train.one_cycle(steps, warm_up=0.05, first=0.2), clip=RECIPE["clip"])

    def step(index):
        beta = min(1.0, 0.1 + 0.9 * state.step / (0.05 * steps))
        return vae.loss(net, data.binarise(images[index], generator), generator, beta)

    order = functools.partial(data.batches, len(images), RECIPE["batch"], epochs=epochs, device=device)
    train.run(train.fit(step, order, state, bf16=RECIPE["bf16"]), total=steps, lines=epochs)
    return net.state_dict()


def measure(tensors, count=10_000, k=500):
    """Test NLL by importance sampling and the ELBO, nats per image, with the standard error over the images."""
    net = conv_vae.conv_vae(**SIZES)
    net.load_state_dict(tensors)
    net.eval()
    generator = torch.Generator().manual_seed(1)
    x = data.binarise(data.mnist("test").images.flatten(1), generator)[:count]
    log_p, _ = vae.importance_log_likelihood(net, x, k, generator)
    with torch.no_grad():
        parts = [vae.elbo_terms(net, part, generator) for part in x.split(1000)]
        active = vae.active_units(torch.cat([net.encode(part)[0] for part in x.split(1000)]))
    return {
        "nll_nats": round(-log_p.mean().item(), 3), "nll_standard_error": round(log_p.std().item() / math.sqrt(len(x)), 3),
        "importance_samples": k, "test_images": len(x), "negative_elbo_nats": round(-torch.cat([t.elbo for t in parts]).mean().item(), 3),
        "active_units": int(active.sum()),
    }  # fmt: skip


def quick(tensors):
    """The same on the first 200 test images with 100 draws, for the tests: seconds instead of half an hour."""
    return measure(tensors, count=200, k=100)
