"""The same training, bigger: on one GPU, or on several, by one command that goes on where it stopped.

    python -m gentutor.scale ddpm --out runs/ddpm
    torchrun --nproc_per_node=4 -m gentutor.scale ddpm --out runs/ddpm
    python -m gentutor.scale gan --out runs/gan --width 64 --epochs 20

    net = scale.load("runs/ddpm")["model"]       # in eval mode, with the averaged weights

The folder holds `settings.json` and `state`, which is saved every so many steps, at Ctrl-C or SIGTERM, and at the end, each time
whole or not at all. The same command goes on from there, on any number of processes. Without a GPU, start one for each core.

Several processes compute what one would. Each holds the whole model and draws the same random numbers for the whole batch, takes
its share of the rows, and then the gradients are averaged: one sum of one flat buffer an update. So the result does not
depend on how many there are, up to the rounding of that sum; a batch must divide by their number. The loss is averaged before
the update, and one that is not finite anywhere stops them all at that step.
Left out: models that do not fit on one device, several machines at different speeds, layers that look at the whole batch (batch norm
sees a process's own share).
"""

import argparse
import contextlib
import functools
import json
import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from . import _scaled, data, runtime, train
from ._files import load_tree
from ._idx import write_whole
from ._progress import Progress
from ._together import Alone

__all__ = ["Together", "load", "main"]


class Together(Alone):
    """The processes that `torchrun` started, or the one there is. `rank` 0…size-1; `device` is this one's own."""

    def __init__(self):
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device, self.asked = runtime.device(), False
        if self.device.type == "cuda":
            self.device = runtime.device(f"cuda:{self.device.index or os.environ.get('LOCAL_RANK', 0)}")  # its own, if there are so many
            torch.cuda.set_device(self.device)
        if self.size > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def share(self, x):
        """This process's rows of a tensor that all have, (size B, ...) -> (B, ...). ValueError unless they divide evenly."""
        if len(x) % self.size:
            raise ValueError(f"batch: expected a multiple of {self.size} processes, got {len(x)} examples")
        return x.chunk(self.size)[self.rank]

    def mean(self, values):
        if self.size == 1:
            return values
        total = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return dict(zip(values, (total / self.size).tolist()))

    def average(self, gradients):
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        for g, mean in zip(gradients, (flat / self.size).split([g.numel() for g in gradients])):
            g.copy_(mean.view(g.shape))

    def any(self, interrupted):
        return self.mean({"asked": float(bool(interrupted) or self.asked)})["asked"] > 0

    @contextlib.contextmanager
    def whole(self):
        yield []  # `listening` has the signals

    @contextlib.contextmanager
    def listening(self):
        """Inside, Ctrl-C and SIGTERM wait for the end of an update, and then stop all processes after the same one."""

        def ask(number, frame):
            self.asked = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self):
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def fit(step, batches, state, path, *, every, total=None, bf16=False):
    """`train.fit` of `state.together`'s processes, resumed from the file `path` and saved there. True when the batches are used up.

    The first process saves, every `every` updates, at the end, and when any of them was asked to stop.
    """
    together, path = state.together, Path(path)
    if path.exists():
        train.load(path, state)
    progress, first = Progress(total, 20, quiet=together.rank > 0 or None), together.rank == 0
    saved, done = state.step, False
    with together.listening():
        try:
            for record in train.fit(step, batches, state, bf16=bf16):
                progress(record)
                if first and state.step % every == 0:
                    train.save(path, state)
                    saved = state.step
            done = True
        except KeyboardInterrupt:
            pass
        finally:
            progress.close("" if done else f"stopped after step {state.step}; the same command goes on from what is saved")
        if first and (saved < state.step or not path.exists()):
            train.save(path, state)
    return done


def load(folder, device="cpu"):
    """The networks of a folder as a dict by name, with their averaged weights, in eval mode. Nothing in it is executed."""
    settings, tree = _settings(folder), load_tree(Path(folder) / "state")
    nets = _scaled.MODELS[settings["model"]].networks(settings)
    for name, net in nets.items():
        net.load_state_dict(tree["averages"][name])
        net.to(device).eval().requires_grad_(False)
    return nets


def _settings(folder):
    return json.loads((Path(folder) / "settings.json").read_text(encoding="utf-8"))


def _agree(folder, settings, first):
    """Write the settings of a new run, or compare them with those of the run in the folder (ValueError)."""
    path = Path(folder) / "settings.json"
    if path.exists():
        for key, value in _settings(folder).items():
            if settings.get(key) != value:
                raise ValueError(f"{folder}: expected {key} {value}, as the run there began, got {settings.get(key)}; use another folder")
    elif first:
        write_whole(path, (json.dumps(settings, indent=2) + "\n").encode())


def main(arguments=None):
    """Train by the command line. Exit status: 0 done, 1 stopped or not finite, 2 for arguments or a saved state that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m gentutor.scale", description="Train a model of the book at full size; run it again to go on.")
    parser.add_argument("model", choices=sorted(_scaled.MODELS))
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--save-every", type=int, default=500, metavar="STEPS")
    for key, about in (("width", "channels at 14 x 14"), ("epochs", "passes over the images"), ("batch", "images an update, over all processes"),
                       ("images", "use the first so many of the 60 000"), ("seed", "of weights, order and noise")):  # fmt: skip
        parser.add_argument(f"--{key}", type=int, help=about)
    given = parser.parse_args(arguments)
    model = _scaled.MODELS[given.model]
    settings = {"model": given.model, "seed": 0, "images": 60_000, **model.DEFAULTS}
    settings |= {key: value for key in settings if key != "model" and (value := getattr(given, key, None)) is not None}
    together = Together()
    try:
        for key in ("width", "epochs", "batch", "images"):
            if settings[key] < 1:
                raise ValueError(f"{key}: expected at least 1, got {settings[key]}")
        if given.save_every < 1 or settings["batch"] % together.size or settings["batch"] > settings["images"]:
            raise ValueError(f"expected save-every >= 1 and a batch that is a multiple of {together.size} processes and at most {settings['images']} images, "
                             f"got {given.save_every} and {settings['batch']}")  # fmt: skip
        _agree(given.out, settings, together.rank == 0)
        images, labels = (t[: settings["images"]] for t in data.mnist("train", together.device))
        total = settings["epochs"] * (len(images) // settings["batch"])
        order = functools.partial(data.batches, len(images), settings["batch"], epochs=settings["epochs"], drop_last=True, device=together.device)
        state, step = model.build(settings, images, labels, total, runtime.seed(settings["seed"]), together)
        bf16 = together.device.type == "cuda" and train.bf16_pays(together.device)
        done = fit(step, order, state, Path(given.out) / "state", every=given.save_every, total=total, bf16=bf16)
    except (ValueError, data.DataError) as error:
        print(f"process {together.rank} of {together.size}: {error}", file=sys.stderr, flush=True)
        return 2
    except train.NonFinite as error:
        print(f"process {together.rank} of {together.size}: {error}; {given.out} holds the last saved state", file=sys.stderr, flush=True)
        return 1
    finally:
        together.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
