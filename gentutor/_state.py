"""What a training run changes, and how it is stored. Reached through `gentutor.train`."""

import copy

import torch

from ._files import load_tree, save_tree
from ._together import Alone


class State:
    """All that a run changes: what `save` stores and what makes a resumed run equal to an unbroken one.

    models, optimisers, generators: one each, or a dict by name (then known as "model", "optimiser", "generator").
    schedule: function of the number of updates done -> factor on each learning rate. clip: largest norm of an
    optimiser's whole gradient; a longer one is scaled down to it. ema: decay of the running average of the weights;
    `averages[name]` is a copy of the model that holds it, in eval mode.
    `step` counts the updates, and so the batches used; `seconds` is the time spent on them.

    together: the processes of the run, `scale.Together`; one if None.

    torch's own generators (dropout) belong to the state as well. Not stored: schedule, clip, ema, together, the data.
    """

    def __init__(self, models, optimisers, *, generators=None, schedule=None, clip=None, ema=None, together=None):
        if clip is not None and not clip > 0:
            raise ValueError(f"clip: expected a norm above 0, got {clip!r}")
        if ema is not None and not 0 <= ema < 1:
            raise ValueError(f"ema: expected a decay in [0, 1), got {ema!r}")
        self.models = _named(models, "model", torch.nn.Module)
        self.optimisers = _named(optimisers, "optimiser", torch.optim.Optimizer)
        self.generators = _named({} if generators is None else generators, "generator", torch.Generator)
        self.schedule, self.clip, self.ema, self.together = schedule, clip, ema, together or Alone()
        self.step, self.seconds, self.order = 0, 0.0, None
        self.device = next(next(iter(self.models.values())).parameters()).device
        self.generators["torch"] = torch.default_generator
        if self.device.type == "cuda":
            self.generators["torch.cuda"] = torch.cuda.default_generators[self.device.index or 0]
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group.setdefault("initial_lr", group["lr"])
        self.averages = {}
        if ema is not None:
            self.averages = {name: copy.deepcopy(model).eval().requires_grad_(False) for name, model in self.models.items()}

    def tree(self):
        """The state as a tree of tensors and numbers; the tensors are the live ones."""
        return {
            "step": self.step, "seconds": self.seconds, "order": self.order,
            "models": {name: dict(model.state_dict()) for name, model in self.models.items()},
            "averages": {name: dict(model.state_dict()) for name, model in self.averages.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "generators": {name: generator.get_state() for name, generator in self.generators.items()},
        }  # fmt: skip

    def restore(self, tree):
        """Take over the values of a tree. ValueError, and nothing is changed, unless it is of an equally built state."""
        expected, got = _outline(self.tree()), _outline(tree)
        if expected != got:
            line, other = next((a, b) for a, b in zip(expected + ["nothing"], got + ["nothing"]) if a != b)
            raise ValueError(f"state: expected {line}, got {other}")
        for name, model in self.models.items():
            model.load_state_dict(tree["models"][name])
        for name, model in self.averages.items():
            model.load_state_dict(tree["averages"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(tree["optimisers"][name])
        for name, generator in self.generators.items():
            generator.set_state(tree["generators"][name])
        self.step, self.seconds, self.order = tree["step"], tree["seconds"], tree["order"]


def save(path, state):
    """Save a state: `path` holds all of it or is what it was before, also after kill -9 or on a full disk (OSError)."""
    save_tree(path, state.tree())


def load(path, state):
    """Restore and return an equally built `state` from a file of `save`; nothing in the file is executed.

    DataError when the file is damaged, ValueError when it is of another model; then the state is unchanged.
    """
    state.restore(load_tree(path))
    return state


def _named(given, name, kind):
    named = dict(given) if isinstance(given, dict) else {name: given}
    for key, value in named.items():
        if not isinstance(value, kind):
            raise ValueError(f"{name} {key!r}: expected a {kind.__name__}, got {type(value).__name__}")
    return named


def _outline(tree):
    """What two equally built states have in common, as a list of sentences."""
    lines = [f"{what} {name!r} with {key} of shape {tuple(value.shape)}" for what in ("models", "averages")
             for name, values in tree[what].items() for key, value in values.items()]  # fmt: skip
    lines += [f"optimiser {name!r} with groups of {[len(g['params']) for g in optimiser['param_groups']]} tensors"
              for name, optimiser in tree["optimisers"].items()]  # fmt: skip
    return lines + [f"generator {name!r} of {len(value)} bytes" for name, value in tree["generators"].items()]
