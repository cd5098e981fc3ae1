"""An autoencoder and a VAE with 16 latents and small decoders, for the explorable that walks from one digit to another.

The two are the same network, trained on the same data for as many steps. They differ in two places: the VAE draws its code
z = mean + std eps where the autoencoder takes the mean, and the VAE's loss has the KL. Kept are the decoders, 20 test digits
(two of each class) and their codes; for the VAE the code is the encoder's mean.
"""

import functools
import math

import torch

from .. import data, nets, runtime, train, vae

DATA = "MNIST, 60 000 training images, binarised afresh in each epoch; shown are the first two test images of each class"
RECIPE = {"encoder": [784, 512, 256, 16], "decoder": [16, 64, 88, 784], "activation": "silu", "batch": 256, "epochs": 20, "peak_rate": 2e-3,
          "schedule": "one cycle", "seed": 0, "bf16": True, "threads": 1}  # fmt: skip
LATENT = RECIPE["decoder"][0]


def build(epochs=RECIPE["epochs"]):
    """Train both on the CPU and return what is kept."""
    train_set, test = data.mnist("train"), data.mnist("test")
    shown = torch.cat([torch.nonzero(test.labels == digit)[:2, 0] for digit in range(10)])
    kept = {"images": test.images[shown].flatten(1), "labels": test.labels[shown]}
    for name in ("ae", "vae"):
        generator = runtime.seed(RECIPE["seed"])
        encoder = nets.mlp([*RECIPE["encoder"][:-1], 2 * LATENT], generator)
        decoder = nets.start_at(nets.mlp(RECIPE["decoder"], generator), nets.logit_mean(train_set.images))
        model = vae.VAE(encoder, decoder)
        fit(model, train_set.images.flatten(1), generator, epochs, noise=name == "vae")
        with torch.no_grad():
            kept[f"{name}.codes"] = model.encode(kept["images"] / 255)[0]
        kept |= {f"{name}.{key}": value for key, value in decoder.state_dict().items()}
    return kept


def fit(model, images, generator, epochs, noise):
    """Train in place: a VAE, or (without noise, and without the KL) an autoencoder with the same loss on the pixels."""
    steps = epochs * math.ceil(len(images) / RECIPE["batch"])
    optimiser = torch.optim.Adam(model.parameters(), lr=RECIPE["peak_rate"], fused=True)
    state = train.State(model, optimiser, generators=generator, schedule=train.one_cycle(steps), clip=100.0)

    def step(index):
        x = data.binarise(images[index], generator)
        if noise:
            return vae.loss(model, x, generator)
        return -vae.log_likelihood(model, x, model.encode(x)[0]).mean()

    order = functools.partial(data.batches, len(images), RECIPE["batch"], epochs=epochs)
    train.run(train.fit(step, order, state, bf16=RECIPE["bf16"]), total=steps, lines=2)


def decoder(tensors, name):
    """The decoder "ae" or "vae" of a state dict: (B, 16) -> logits (B, 784)."""
    net = nets.mlp(RECIPE["decoder"])
    net.load_state_dict({key.removeprefix(f"{name}."): tensors[key] for key in tensors if key.startswith(name) and "codes" not in key})
    return net


@torch.no_grad()
def measure(tensors):
    """Cross-entropy of the kept digits, in grey, decoded from their codes: nats an image."""
    x = tensors["images"] / 255
    rows = {f"{name}_nats": -vae.log_bernoulli(x, decoder(tensors, name)(tensors[f"{name}.codes"])).sum(1).mean().item() for name in ("ae", "vae")}
    rows["parameters"] = sum(value.numel() for key, value in tensors.items() if key.endswith(("weight", "bias")))
    return {key: round(value, 2) for key, value in rows.items()}
