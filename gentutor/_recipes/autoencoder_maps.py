"""An autoencoder and a VAE with two latent dimensions, for the explorable of their latent maps.

The two are the same network, the same data and the same number of steps. They differ in two places: the VAE draws its code
z = mean + std eps where the autoencoder takes the mean, and the VAE's loss has the term KL(q(z|x) || N(0, I)).
Kept are the decoders and what the encoders make of the first 800 test digits.
"""

import functools

import torch

from gentutor import data, kl, runtime, train
from gentutor.autoencoder import squared_error
from gentutor.densities import log_bernoulli
from gentutor.nets import logit_mean, mlp, start_at

DATA = "MNIST, 60 000 training images, grey values in [0, 1]; codes of the first 800 test images"
RECIPE = {"encoder": [784, 512, 256, 2], "decoder": [2, 128, 80, 784], "activation": "silu", "loss": "cross-entropy, summed over pixels",
          "batch": 256, "epochs": 40, "lr": 2e-3, "seed": 0}
SHOWN = 800


def build():
    images = data.mnist("train").images
    parts = {"labels": data.mnist("test").labels[:SHOWN]}
    for name, outputs in (("ae", 2), ("vae", 4)):
        generator = runtime.seed(RECIPE["seed"])
        encoder = mlp([*RECIPE["encoder"][:-1], outputs], generator)
        decoder = start_at(mlp(RECIPE["decoder"], generator), logit_mean(images))
        fit(encoder, decoder, images, generator)
        parts |= {f"{name}.{key}": value for key, value in decoder.state_dict().items()}
        with torch.no_grad():
            parts[f"{name}.codes"] = encoder(pixels(data.mnist("test").images[:SHOWN]))
    return parts


def fit(encoder, decoder, images, generator):
    """Train both in place. An encoder with one output per code dimension makes an autoencoder, with two a VAE."""
    net = torch.nn.ModuleList([encoder, decoder])
    steps = RECIPE["epochs"] * -(-len(images) // RECIPE["batch"])
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=RECIPE["lr"], fused=True), generators=generator,
                        schedule=train.one_cycle(steps), clip=100.0)

    def step(index):
        x = pixels(images[index])
        code = encoder(x)
        if code.shape[1] == 2:
            return -log_bernoulli(x, decoder(code)).sum(-1).mean()
        mean, log_var = code.chunk(2, -1)
        z = mean + (log_var / 2).exp() * torch.randn(mean.shape, generator=generator)
        term = kl.gaussian_kl_standard(mean, log_var).mean()
        return {"loss": term - log_bernoulli(x, decoder(z)).sum(-1).mean(), "kl": term}

    train.run(train.fit(step, functools.partial(data.batches, len(images), RECIPE["batch"], epochs=RECIPE["epochs"]), state), total=steps)


def pixels(images):
    return images.flatten(1).float() / 255


def decoder(tensors, name):
    """The decoder "ae" or "vae" of a state dict: (B, 2) -> logits (B, 784)."""
    net = mlp(RECIPE["decoder"])
    net.load_state_dict({key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(name) and "codes" not in key})
    return net


@torch.no_grad()
def measure(tensors):
    """Mean squared error (summed over pixels) of the kept test digits decoded from their codes, and the VAE's KL in nats."""
    x = pixels(data.mnist("test").images[:SHOWN])
    mean, log_var = tensors["vae.codes"].chunk(2, -1)
    codes = {"ae": tensors["ae.codes"], "vae": mean}
    errors = {f"{name}_squared_error": squared_error(x, torch.sigmoid(decoder(tensors, name)(z))).mean().item() for name, z in codes.items()}
    return {key: round(value, 3) for key, value in (errors | {"vae_kl_nats": kl.gaussian_kl_standard(mean, log_var).mean().item()}).items()}
