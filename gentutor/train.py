"""The one training loop of the book: a generator that yields a record after each update, and the state it works on.

    generator = runtime.seed(0)
    images = data.mnist("train", device).images
    steps = 8 * math.ceil(len(images) / 256)
    state = State(net, torch.optim.Adam(net.parameters(), lr=4e-3, fused=True), generators=generator,
                  schedule=one_cycle(steps), clip=100.0)
    order = functools.partial(data.batches, len(images), 256, epochs=8, device=device)

    def step(index):
        return vae.loss(net, data.binarise(images[index], generator), generator)  # {"loss": …, "kl": …}

    history = run(fit(step, order, state), total=steps)

Ctrl-C ends `run` between two updates; the last line, called again, goes on from there. `save` and `load` do the same
across processes. On one thread a resumed run equals an unbroken one bit for bit. The same code runs on a GPU: put net
and images there, pass `bf16=bf16_pays(device)` where the model bears it, and call `net.compile()` first for a long run.
Left out: several devices (`gentutor.scale`), gradient accumulation, callbacks (write the loop: `for record in fit(…)`).
"""

import contextlib
import math
import time
import types

import torch

from ._progress import Progress
from ._state import State, load, save
from ._together import whole

__all__ = ["NonFinite", "State", "bf16_pays", "fit", "linear_decay", "load", "one_cycle", "run", "save"]


class NonFinite(ArithmeticError):
    """A loss or gradient that is not finite. The message names the step; the update was not made."""


# ---- the loop -------------------------------------------------------------------------------------------------------


def fit(step, batches, state, *, threads=1, bf16=False):
    """Train: yields a record after each update of `state`, and ends with the batches.

    step(batch): a scalar loss, or a dict of scalars of which "loss" is minimised and the others are recorded. With
        several optimisers it is a generator function that yields (name of an optimiser, loss or dict) in turn;
        each update is made before it goes on, and its terms are recorded as "<name>_loss" and so on.
    batches: a function (generator, start=k) -> the batches from number k on, in an order that the generator decides
        (`functools.partial(data.batches, n, size, epochs=…)`); or a sequence, the same in each run (`range(2000)`).
    threads: how many a CPU may use in an update; None leaves it as it is. One is right for small nets: two that wait
        for each other lose everything to a busy neighbour. bf16: compute the loss under autocast to bfloat16.

    record: {"step": updates done, "loss": …, other terms, "grad_norm" before clipping, "lr" of this update,
        "seconds" so far, "examples_per_second" of this update}. An example is a row of the batch, or of its first tensor.

    Batches are taken from number `state.step`: after Ctrl-C, an error or a `load`, the same call goes on. Ctrl-C is
    held back until an update is whole and its record is out. NonFinite when loss or gradient is not finite: the step is
    named, and state and generators are as before it (of a step with several updates, the earlier ones stand).
    """
    if not (callable(batches) or hasattr(batches, "__getitem__")):
        raise ValueError(f"batches: expected a function of (generator, start) or a sequence, got {type(batches).__name__}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads: expected at least 1 or None, got {threads}")
    return _fit(step, batches, state, threads, bf16)


def _fit(step, batches, state, threads, bf16):
    if not callable(batches):
        left = (batches[k] for k in range(state.step, len(batches)))
    else:
        if state.order is None:
            source = next(iter(state.generators.values()))
            state.order = int(torch.randint(2**63 - 1, (), generator=source, device=source.device))
        left = iter(batches(torch.Generator().manual_seed(state.order), start=state.step))
    while True:
        start = time.perf_counter()
        try:
            batch = next(left)
        except StopIteration:
            return
        with state.together.whole() as interrupted, _threads(threads if state.device.type == "cpu" else None):
            record = {"step": state.step + 1, **_update(step, batch, state, bf16)}
            spent = time.perf_counter() - start
            state.step, state.seconds = state.step + 1, state.seconds + spent
        yield {**record, "seconds": state.seconds, "examples_per_second": _examples(batch) / spent}
        if state.together.any(interrupted):
            raise KeyboardInterrupt


def run(records, *, total=None, lines=5, quiet=None):
    """Consume `fit(…)` with a progress display; the history, a list of records. Ctrl-C ends it early and is no error.

    total: the number of steps, for the time left and for `lines` evenly spaced lines that stay on the page.
    quiet: print nothing; by default, what the environment variable GENTUTOR_QUIET says.
    """
    history, progress, ended = [], Progress(total, lines, quiet), ""
    with whole() as interrupted:
        try:
            for record in records:
                history.append(record)
                progress(record)
                if interrupted:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            ended = "stopped; the same call goes on from here"
        finally:
            progress.close(ended)
    return history


def _update(step, batch, state, bf16):
    """Compute the loss terms of one batch and apply them; as (part of) a record."""
    generators = [(generator, generator.get_state()) for generator in state.generators.values()]
    buffers = [(buffer, buffer.clone()) for model in state.models.values() for buffer in model.buffers()]
    record, applied = {}, False
    try:
        for name, terms in _parts(step, batch, state, bf16):
            record.update(_apply(terms, name, state))
            applied = True
    except BaseException:
        if not applied:
            for generator, before in generators:
                generator.set_state(before)
            for buffer, before in buffers:
                buffer.copy_(before)
        raise
    _average(state)
    return record


def _parts(step, batch, state, bf16):
    """Pairs (optimiser's name, loss terms); the step's own code runs under autocast, what is done with them does not."""
    def autocast():
        return torch.autocast(state.device.type, torch.bfloat16) if bf16 else contextlib.nullcontext()

    with autocast():
        result = step(batch)
    if not isinstance(result, types.GeneratorType):
        if len(state.optimisers) != 1:
            raise ValueError(f"step: expected (optimiser, loss) to be yielded for each of {list(state.optimisers)}, got one loss")
        yield next(iter(state.optimisers)), result
        return
    while True:
        with autocast():
            part = next(result, None)
        if part is None:
            return
        yield part


def _apply(terms, name, state):
    """One update of one optimiser."""
    terms = terms if isinstance(terms, dict) else {"loss": terms}
    loss, optimiser, at = terms.get("loss"), state.optimisers[name], f"step {state.step + 1}"
    for key, value in terms.items():
        if getattr(value, "shape", ()) != ():
            raise ValueError(f"{at}: expected one number as {key!r}, got shape {tuple(value.shape)}: average over the examples")
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        raise ValueError(f"{at}: expected a loss that depends on the weights, got {type(loss).__name__} without a gradient")
    values = {key: value.item() if isinstance(value, torch.Tensor) else float(value) for key, value in terms.items()}
    values = state.together.mean(values)
    if not math.isfinite(values["loss"]):
        raise NonFinite(f"{at}: expected a finite loss, got {', '.join(f'{k} {v:g}' for k, v in values.items())}; no update was made")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    state.together.average(gradients)
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))).item() if gradients else 0.0
    if not math.isfinite(norm):
        raise NonFinite(f"{at}: expected a finite gradient, got one of norm {norm:g} at a loss of {values['loss']:g}; no update was made")
    if state.clip is not None and norm > state.clip:
        torch._foreach_mul_(gradients, state.clip / norm)
    if state.schedule is not None:
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * state.schedule(state.step)
    optimiser.step()
    values |= {"grad_norm": norm, "lr": optimiser.param_groups[0]["lr"]}
    return values if len(state.optimisers) == 1 else {f"{name}_{key}": value for key, value in values.items()}


@torch.no_grad()
def _average(state):
    """average <- decay average + (1 - decay) weights; the decay grows to its value as (1 + k) / (10 + k), k updates done."""
    for name, average in state.averages.items():
        decay = min(state.ema, (1 + state.step) / (10 + state.step))
        torch._foreach_lerp_(list(average.parameters()), list(state.models[name].parameters()), 1 - decay)
        for mine, latest in zip(average.buffers(), state.models[name].buffers()):
            mine.copy_(latest)


# ---- schedules: the factor on the learning rate after k updates -------------------------------------------------------


def one_cycle(steps, *, warm_up=0.15, first=1 / 25, final=1 / 2500):
    """Half a cosine up from `first` to 1 over the share `warm_up` of the steps, then half a cosine down to `final`.

    Source: Smith, Topin, arXiv:1708.07120; equal to torch's OneCycleLR. ValueError unless 0 <= warm_up < 1.
    """
    _check_steps(steps)
    if not 0 <= warm_up < 1:
        raise ValueError(f"warm_up: expected a share in [0, 1), got {warm_up!r}")
    peak, last = max(warm_up * steps - 1, 0), steps - 1

    def factor(k):
        if k < peak:
            return first + (1 - first) * (1 - math.cos(math.pi * k / peak)) / 2
        share = min((k - peak) / (last - peak), 1) if last > peak else 1
        return final + (1 - final) * (1 + math.cos(math.pi * share)) / 2

    return factor


def linear_decay(steps, *, start=0.5, final=0.0):
    """1 over the share `start` of the steps, then a straight line that would be `final` after the last. 0 <= start < 1."""
    _check_steps(steps)
    if not 0 <= start < 1:
        raise ValueError(f"start: expected a share in [0, 1), got {start!r}")

    def factor(k):
        share = (k / steps - start) / (1 - start)
        return 1 - (1 - final) * min(max(share, 0), 1)

    return factor


# ---- small parts ----------------------------------------------------------------------------------------------------


def _check_steps(steps):
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps!r}")


def _examples(batch):
    first = batch[0] if isinstance(batch, (tuple, list)) else batch
    return len(first) if isinstance(first, torch.Tensor) and first.ndim else 1


def bf16_pays(device="cpu"):
    """Whether bfloat16 products are faster there: asked of a GPU, measured on a CPU (on one thread, some 20 ms)."""
    if torch.device(device).type != "cpu":
        return torch.device(device).type == "cuda" and torch.cuda.is_bf16_supported()
    x, w = torch.ones(256, 512), torch.ones(512, 512)

    def seconds(dtype):
        times = []
        for _ in range(6):
            start = time.perf_counter()
            x.to(dtype) @ w.to(dtype)
            times.append(time.perf_counter() - start)
        return min(times)

    with _threads(1):
        return seconds(torch.bfloat16) < 0.8 * seconds(torch.float32)


@contextlib.contextmanager
def _threads(n):
    before = torch.get_num_threads()
    if n is None or n == before:
        yield
        return
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
