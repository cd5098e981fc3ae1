"""The models that `gentutor.scale` trains: the labs' own, wider. Each is DEFAULTS, networks(settings) and build(…)."""

import torch

from . import ddpm, game, gan_nets, nets, train
from .muon import Muon


class Diffusion:
    """The class-conditional diffusion model of chapters "ddpm" and "guidance": v-prediction, cosine schedule, Muon."""

    DEFAULTS = {"width": 96, "blocks": 4, "epochs": 60, "batch": 256, "ema": 0.9995, "label_dropped": 0.1}

    @staticmethod
    def networks(settings):
        return {"model": nets.UNet(settings["width"], blocks=settings["blocks"], steps=1000)}

    @classmethod
    def build(cls, settings, images, labels, total, generator, together):
        """State and step of a run on uint8 images (N, 28, 28); the step takes the indices of a whole batch."""
        schedule, net = ddpm.cosine().to(images.device), cls.networks(settings)["model"].to(images.device)
        decay = train.linear_decay(total, start=0.4)
        state = train.State(net, Muon(*net.split(), 5e-3, 2e-3), generators=generator, ema=settings["ema"], together=together,
                            schedule=lambda k: min(1, (k + 1) / 100) * decay(k))  # fmt: skip

        def step(index):
            dropped = torch.rand(len(index), generator=generator) < settings["label_dropped"]
            t = ddpm.draw_steps(schedule, len(index), generator, "logit-normal")
            eps = torch.randn(len(index), 1, 28, 28, generator=generator)
            index, dropped, t, eps = (together.share(x).to(images.device) for x in (index, dropped, t, eps))
            x0, y = images[index].unsqueeze(1) / 127.5 - 1, torch.where(dropped, net.classes, labels[index])
            return ddpm.simple_loss(schedule, lambda x, t: net(x, t, y), x0, t, eps, "v").mean() / 784

        return state, step


class Adversarial:
    """The GAN of images of chapter "gan": hinge loss, a discriminator of bounded slope."""

    DEFAULTS = {"width": 64, "latent": 64, "epochs": 60, "batch": 256, "ema": 0.999}

    @staticmethod
    def networks(settings):
        return dict(zip(("generator", "discriminator"), gan_nets.image_nets(settings["latent"], settings["width"])))

    @classmethod
    def build(cls, settings, images, labels, total, generator, together):
        """State and step of a run on uint8 images (N, 28, 28); the step takes the indices of a whole batch."""
        models = {name: net.to(images.device) for name, net in cls.networks(settings).items()}
        adam = {name: torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.0, 0.99), fused=True) for name, net in models.items()}
        state = train.State(models, adam, generators=generator, ema=settings["ema"], together=together, schedule=train.linear_decay(total))

        def noise(n):
            return together.share(torch.randn(n * together.size, settings["latent"], generator=generator)).to(images.device)

        play = game.rounds(models["generator"], models["discriminator"], noise, "hinge")

        def step(index):
            yield from play(images[together.share(index)].unsqueeze(1) / 127.5 - 1)

        return state, step


MODELS = {"ddpm": Diffusion, "gan": Adversarial}
