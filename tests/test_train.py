"""The training loop: resumed runs equal unbroken ones, whatever broke them; files are whole; nothing changes on an error."""

import concurrent.futures
import errno
import functools
import io
import itertools
import os
import pickle
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from test_notebooks import command

from gentutor import _files, _idx, _progress, data, nets, train

N, SIZE, EPOCHS = 100, 16, 5  # 7 batches an epoch, the last one short
STEPS = 35
X = torch.randn(N, 8, generator=torch.Generator().manual_seed(1))
ORDER = functools.partial(data.batches, N, SIZE, epochs=EPOCHS)


def build(seed=0, steps=STEPS, rate=0.05, **options):
    """A state with everything in it that a run can change, and its step."""
    torch.manual_seed(seed)  # dropout draws from torch's own generator
    generator = torch.Generator().manual_seed(seed)
    net = torch.nn.Sequential(nets.mlp([8, 16], generator), torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.2), nets.mlp([16, 8], generator))
    adam = torch.optim.Adam(net.parameters(), lr=rate, fused=True)
    options = {"schedule": train.one_cycle(steps), "clip": 0.7, "ema": 0.9, "generators": generator, **options}

    def step(index):
        x = X[index]
        noise = torch.randn(x.shape, generator=generator)
        error = ((net(x + 0.3 * noise) - x) ** 2).sum(-1)
        return {"loss": error.mean(), "worst": error.max()}

    return train.State(net, adam, **options), step


def image(state):
    """All of a state but the clock, as bytes."""
    return _files.pack({**state.tree(), "seconds": 0.0})


@pytest.fixture(scope="module")
def unbroken():
    state, step = build()
    history = list(train.fit(step, ORDER, state))
    assert len(history) == state.step == STEPS
    return image(state), [record["loss"] for record in history]


# ---- resuming ----


@pytest.mark.parametrize("stop", [0, 1, 6, 7, 8, 20, 34, 35])
def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(stop, unbroken, tmp_path):
    state, step = build()
    losses = [record["loss"] for record in itertools.islice(train.fit(step, ORDER, state), stop)]
    train.save(tmp_path / "run", state)
    state, step = build(seed=99)
    torch.rand(7)
    assert train.load(tmp_path / "run", state) is state and state.step == stop
    losses += [record["loss"] for record in train.fit(step, ORDER, state)]
    assert losses == unbroken[1]
    assert image(state) == unbroken[0]
    assert list(train.fit(step, ORDER, state)) == [], "a finished run has nothing left"


def forget_models(state, fresh):
    state.models["model"].load_state_dict(fresh.models["model"].state_dict())


def forget_buffers(state, fresh):
    state.models["model"][1].running_mean.copy_(fresh.models["model"][1].running_mean)


def forget_average(state, fresh):
    state.averages["model"].load_state_dict(fresh.averages["model"].state_dict())


def forget_moments(state, fresh):
    state.optimisers["optimiser"].state.clear()


def forget_one_moment(state, fresh):
    next(iter(state.optimisers["optimiser"].state.values()))["exp_avg_sq"].zero_()


def forget_adams_count(state, fresh):
    for moments in state.optimisers["optimiser"].state.values():
        moments["step"].fill_(1)


def forget_generator(state, fresh):
    state.generators["generator"].set_state(fresh.generators["generator"].get_state())


def forget_dropout(state, fresh):
    torch.manual_seed(99)


def forget_step(state, fresh):
    state.step = 0


def forget_schedule(state, fresh):
    state.schedule = None


def forget_clip(state, fresh):
    state.clip = None


def forget_ema(state, fresh):
    state.ema = 0.5


def forget_order(state, fresh):
    state.order = None


FAULTS = [value for name, value in list(globals().items()) if name.startswith("forget_")]


@pytest.mark.parametrize("forget", FAULTS, ids=lambda f: f.__name__)
def test_the_comparison_sees_what_a_resume_forgets(forget, unbroken, tmp_path):
    state, step = build()
    for _ in itertools.islice(train.fit(step, ORDER, state), 10):
        pass
    train.save(tmp_path / "run", state)
    fresh, _ = build(seed=99)
    state, step = build(seed=99)
    train.load(tmp_path / "run", state)
    forget(state, fresh)
    for _ in train.fit(step, ORDER, state):
        pass
    assert image(state) != unbroken[0]


def test_every_optimiser_of_torch_that_the_book_uses_resumes(tmp_path):
    for make in (lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True), lambda p: torch.optim.AdamW(p, lr=0.01),
                 lambda p: torch.optim.Adam([{"params": [q], "lr": 0.001 * k} for k, q in enumerate(p, 1)])):  # fmt: skip
        images = []
        for stop in (0, 11):
            state, step = build()
            state = train.State(state.models, make(list(state.models["model"].parameters())), generators=state.generators["generator"],
                                schedule=train.linear_decay(STEPS))  # fmt: skip
            for _ in itertools.islice(train.fit(step, ORDER, state), stop):
                pass
            train.save(tmp_path / "run", state)
            train.load(tmp_path / "run", state)
            for _ in train.fit(step, ORDER, state):
                pass
            images.append(image(state))
        assert images[0] == images[1]


def test_20_random_interrupts(monkeypatch):
    """Ctrl-C at random moments: within an update, between updates, within the display. No record is lost or doubled."""
    steps, order = 700, functools.partial(data.batches, N, SIZE, epochs=100)
    state, step = build(steps=steps, rate=1e-3)
    whole = [record["loss"] for record in train.fit(step, order, state)]
    rng, count, history = random.Random(0), 0, []
    again, step = build(steps=steps, rate=1e-3)

    def alarm(*_):
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # this test's own code, not yet or no more in `run`
            signal.setitimer(signal.ITIMER_REAL, 0.001)
        else:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        while again.step < steps:
            if count < 20:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.02))
            history += train.run(train.fit(step, order, again), quiet=True)
            signal.setitimer(signal.ITIMER_REAL, 0)
            count += again.step < steps
    finally:
        signal.signal(signal.SIGALRM, before)
    assert count == 20
    assert [record["step"] for record in history] == list(range(1, steps + 1))
    assert [record["loss"] for record in history] == whole
    assert image(again) == image(state)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_a_plain_loop_comes_after_the_record(unbroken):
    state, step = build()

    def interrupted(index):
        if state.step == 4:
            signal.raise_signal(signal.SIGINT)
        return step(index)

    seen = []
    with pytest.raises(KeyboardInterrupt):
        for record in train.fit(interrupted, ORDER, state):
            seen.append(record["step"])
    assert seen == [1, 2, 3, 4, 5] and state.step == 5
    for _ in train.fit(step, ORDER, state):
        pass
    assert image(state) == unbroken[0]


def test_it_runs_in_a_thread_which_ctrl_c_does_not_reach(unbroken):
    state, step = build()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        history = pool.submit(lambda: train.run(train.fit(step, ORDER, state), quiet=True)).result()
    assert [record["loss"] for record in history] == unbroken[1] and image(state) == unbroken[0]


def test_a_second_ctrl_c_is_not_held_back():
    state, step = build()

    def hanging(index):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    before = image(state)
    assert train.run(train.fit(hanging, [torch.arange(4)], state), quiet=True) == []
    assert image(state) == before and state.step == 0


def in_a_child(work):
    """Process id of a fork that does `work` on one thread and exits with 0, or 1 after an exception."""
    child = os.fork()
    if child:
        return child
    try:
        torch.set_num_threads(1)
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def test_20_kills(tmp_path):
    """kill -9 at random moments of a run that saves after each update: the file is always whole, and the end is the same."""
    steps, order, path = 350, functools.partial(data.batches, N, SIZE, epochs=50), tmp_path / "run"
    state, step = build(steps=steps, rate=1e-3)
    for _ in train.fit(step, order, state):
        pass
    seen, rng = [], random.Random(0)

    def work():
        mine, step = build(steps=steps, rate=1e-3)
        if path.exists():
            train.load(path, mine)
        for _ in train.fit(step, order, mine):
            train.save(path, mine)

    def saved():
        return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None

    for _ in range(20):
        child, before, late = in_a_child(work), saved(), time.monotonic() + 10
        while saved() == before and time.monotonic() < late:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))  # some saves later
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        seen.append(train.load(path, build(steps=steps)[0]).step)
    assert seen == sorted(set(seen)) and seen[-1] < steps, seen
    assert os.waitpid(in_a_child(work), 0)[1] == 0
    assert image(train.load(path, build(steps=steps)[0])) == image(state)


def test_what_killed_saves_leave_is_removed_later(tmp_path):
    state, _ = build()
    old, new, other = (tmp_path / f".{name}.{letter * 32}" for name, letter in (("run", "a"), ("run", "b"), ("other", "a")))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 3600,) * 2)
    train.save(tmp_path / "run", state)
    assert sorted(tmp_path.iterdir()) == sorted([new, other, tmp_path / "run"])


# ---- files ----


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_leaves_what_was_there(call, exists, tmp_path, monkeypatch, unbroken):
    state, step = build()
    records, path = train.fit(step, ORDER, state), tmp_path / "run"
    next(records)
    if exists:
        train.save(path, state)
    before = path.read_bytes() if exists else None
    next(records)
    with monkeypatch.context() as patch:
        patch.setattr(_idx.os, call, full)
        with pytest.raises(OSError, match="No space left"):
            train.save(path, state)
    assert list(tmp_path.iterdir()) == [path] * exists and (not exists or path.read_bytes() == before)
    for _ in records:
        pass
    assert image(state) == unbroken[0], "a failed save does not disturb the run"


def test_a_file_that_the_system_cuts_short(tmp_path):
    path = tmp_path / "run"
    train.save(path, build()[0])
    before = path.read_bytes()

    def work():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError):
            train.save(path, build(seed=5)[0])

    assert os.waitpid(in_a_child(work), 0)[1] == 0
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_every_changed_byte_is_found(tmp_path):
    state, _ = build()
    path = tmp_path / "run"
    train.save(path, state)
    sound, kept = path.read_bytes(), image(state)
    places = {*random.Random(0).sample(range(len(sound)), 300), 0, 7, 8, 60, len(sound) - 1}
    cut = [sound[:k] for k in (0, 5, 8, 100, len(sound) - 1)] + [sound + b"\0"]
    for damaged in [sound[:k] + bytes([sound[k] ^ 4]) + sound[k + 1 :] for k in places] + cut:
        path.write_bytes(damaged)
        with pytest.raises(data.DataError, match=re.escape(str(path))):
            train.load(path, state)
    assert image(state) == kept
    with pytest.raises(OSError):
        train.load(tmp_path / "absent", state)


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["GENTUTOR_TEST_BOMB"],)


def test_loading_never_unpickles(tmp_path, monkeypatch):
    target, path = tmp_path / "exploded", tmp_path / "run"
    monkeypatch.setenv("GENTUTOR_TEST_BOMB", str(target))
    state, _ = build()
    for write in (lambda: path.write_bytes(pickle.dumps(Bomb())), lambda: torch.save({"state": Bomb()}, path)):
        write()
        with pytest.raises(data.DataError):
            train.load(path, state)
        assert not target.exists()
    pickle.loads(pickle.dumps(Bomb()))
    assert target.exists(), "the bomb is real"

    def refuse(*_, **__):
        raise AssertionError("unpickled")

    train.save(path, state)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    train.load(path, state)


def test_a_tree_comes_back_as_it_was():
    tree = {"a": [1, 2.5, True, None, "ü"], "b": (torch.arange(3), (0.9, 0.999)), 3: {"x": torch.zeros(0, 2)}, "inf": float("inf"),
            "t": torch.randn(4, 5).T, "h": torch.ones(2).bfloat16(), "flag": torch.tensor(True)}  # fmt: skip
    again = _files.unpack(_files.pack(tree))
    assert str(again) == str(tree)
    tied = torch.ones(3)
    assert _files.unpack(_files.pack({"a": tied, "b": tied}))["b"].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="/a/1: expected a tensor, number.*got set"):
        _files.pack({"a": [0, {1}]})


@pytest.mark.parametrize("other, words", [
    (lambda s: train.State(torch.nn.Linear(8, 9), s.optimisers), "expected models 'model' with weight of shape"),
    (lambda s: train.State(s.models, s.optimisers, generators=s.generators["generator"]), "averages"),
    (lambda s: train.State(s.models, s.optimisers, ema=0.9), "generator"),
    (lambda s: train.State(s.models, torch.optim.SGD([next(s.models["model"].parameters())], lr=1), ema=0.9,
                           generators=s.generators["generator"]), "groups of"),
])  # fmt: skip
def test_a_state_of_another_shape_is_refused_and_unchanged(other, words, tmp_path):
    state, step = build()
    next(train.fit(step, ORDER, state))
    train.save(tmp_path / "run", state)
    wrong = other(build(seed=3)[0])
    before = image(wrong)
    with pytest.raises(ValueError, match=words):
        train.load(tmp_path / "run", wrong)
    assert image(wrong) == before


# ---- one update ----


def test_fit_is_the_loop_one_would_write():
    state, step = build(schedule=None, clip=None, ema=None)
    records = list(train.fit(step, [torch.arange(k, k + 10) for k in range(0, 90, 10)], state))
    other, step = build(schedule=None, clip=None, ema=None)
    adam, threads = other.optimisers["optimiser"], torch.get_num_threads()
    torch.set_num_threads(1)
    for k, record in enumerate(records):
        terms = step(torch.arange(10 * k, 10 * k + 10))
        adam.zero_grad()
        terms["loss"].backward()
        adam.step()
        assert record["loss"] == terms["loss"].item() and record["worst"] == terms["worst"].item()
        assert record["step"] == k + 1 and record["lr"] == 0.05 and record["seconds"] > 0 and record["examples_per_second"] > 10
    torch.set_num_threads(threads)
    assert _files.pack(other.models["model"].state_dict()) == _files.pack(state.models["model"].state_dict())


@pytest.mark.parametrize("clip", [None, 0.7])
@pytest.mark.parametrize("fault", ["loss", "gradient", "error"])
def test_a_step_that_fails_changes_nothing(fault, clip):
    state, step = build(clip=clip)
    parameter = next(state.models["model"].parameters())

    def failing(index):
        terms = step(index)
        if state.step == 4:
            before.append(image_before)
            if fault == "error":
                raise RuntimeError("my own")
            zero = 0 * parameter.sum()
            terms["loss"] = terms["loss"] + (zero / 0 if fault == "loss" else (zero * zero).sqrt())
        return terms

    before, image_before = [], None
    records = train.fit(failing, ORDER, state)
    for _ in range(4):
        next(records)
    image_before = image(state)
    words = {"loss": r"step 5: expected a finite loss, got loss nan, worst [\d.]+; no update", "gradient": "step 5: expected a finite gradient, got one of norm (nan|inf)",
             "error": "my own"}  # fmt: skip
    with pytest.raises(RuntimeError if fault == "error" else train.NonFinite, match=words[fault]):
        next(records)
    assert before == [image_before] and image(state) == image_before and state.step == 4
    rest = list(train.fit(step, ORDER, state))  # mended, it goes on
    assert [record["step"] for record in rest] == list(range(5, STEPS + 1))


def test_clipping():
    weight = torch.nn.Linear(1, 3, bias=False)
    for clip, expected in ((None, 26.0), (13.0, 13.0), (100.0, 26.0)):
        with torch.no_grad():
            weight.weight.zero_()
        state = train.State(weight, torch.optim.SGD(weight.parameters(), lr=1.0), clip=clip)
        (record,) = train.fit(lambda _: (weight.weight[:, 0] * torch.tensor([6.0, 8.0, 24.0])).sum(), range(1), state)
        assert abs(record["grad_norm"] - 26) < 1e-5
        torch.testing.assert_close(weight.weight[:, 0].detach(), -torch.tensor([6.0, 8.0, 24.0]) * expected / 26)


def test_average_of_the_weights():
    state, step = build(ema=0.6)
    model, average = state.models["model"], state.averages["model"]
    expected = [p.detach().clone().double() for p in model.parameters()]
    for k, _ in enumerate(train.fit(step, ORDER, state)):
        decay = min(0.6, (1 + k) / (10 + k))
        expected = [decay * e + (1 - decay) * p.detach().double() for e, p in zip(expected, model.parameters())]
    for e, p in zip(expected, average.parameters()):
        torch.testing.assert_close(p.double(), e, atol=1e-6, rtol=1e-5)
        assert not p.requires_grad
    assert torch.equal(average[1].running_mean, model[1].running_mean) and not average.training and model.training
    assert (average[0][0].weight - model[0][0].weight).abs().max() > 1e-4


def test_several_optimisers_take_turns():
    def pair():
        g, d = (nets.mlp([2, 2], torch.Generator().manual_seed(k)) for k in (0, 1))
        return g, d, torch.optim.SGD(g.parameters(), lr=0.1), torch.optim.SGD(d.parameters(), lr=0.2)

    def losses(g, d, index):
        x = X[index, :2]
        yield (d(x) - d(g(x).detach())).mean() + d[0].weight.square().sum()
        yield d(g(x)).mean()

    g, d, g_sgd, d_sgd = pair()
    state = train.State({"g": g, "d": d}, {"g": g_sgd, "d": d_sgd})

    def step(index):
        loss = losses(g, d, index)
        yield "d", {"loss": next(loss), "real": d(X[index, :2]).mean()}
        yield "g", next(loss)

    records = list(train.fit(step, ORDER, state))
    each = {"loss", "grad_norm", "lr"}
    assert set(records[0]) == {f"{n}_{t}" for n in "dg" for t in each} | {"d_real", "step", "seconds", "examples_per_second"}
    g2, d2, g_sgd, d_sgd = pair()
    for index in ORDER(torch.Generator().manual_seed(state.order)):
        for sgd, loss in zip((d_sgd, g_sgd), losses(g2, d2, index)):
            sgd.zero_grad()
            loss.backward()
            sgd.step()
    for mine, other in ((g, g2), (d, d2)):
        assert torch.equal(mine[0].weight, other[0].weight)


def test_bad_input_says_expected_and_got():
    state, step = build()
    for wrong, words in [
        (lambda i: X[i].sum(1), r"step 1: expected one number as 'loss', got shape \(16,\): average over the examples"),
        (lambda i: {"kl": step(i)["loss"]}, "expected a loss that depends on the weights, got NoneType"),
        (lambda i: X[i].sum(), "expected a loss that depends on the weights, got Tensor without a gradient"),
        (lambda i: 1.0, "got float without"),
    ]:
        before = image(state)
        records = train.fit(wrong, ORDER, state)
        with pytest.raises(ValueError, match=words):
            next(records)
        state.order = None
        assert image(state)[-200:] == before[-200:]
    with pytest.raises(ValueError, match="batches: expected a function .* or a sequence, got generator"):
        train.fit(step, (i for i in range(3)), state)
    with pytest.raises(ValueError, match="threads: expected at least 1 or None, got 0"):
        train.fit(step, ORDER, state, threads=0)
    with pytest.raises(ValueError, match=r"expected \(optimiser, loss\) to be yielded for each of \['a', 'b'\], got one loss"):
        sgd = state.optimisers["optimiser"]
        next(train.fit(step, ORDER, train.State(state.models, {"a": sgd, "b": sgd})))
    for options, words in [({"clip": 0}, "clip: expected a norm above 0, got 0"), ({"ema": 1}, r"ema: expected a decay in \[0, 1\), got 1"),
                           ({"generators": 3}, "generator 'generator': expected a Generator, got int")]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            train.State(state.models, state.optimisers, **options)
    with pytest.raises(ValueError, match="model 'model': expected a Module, got int"):
        train.State(3, state.optimisers)


def test_threads_are_one_in_an_update_and_restored_after_it():
    state, step = build()
    before, seen = torch.get_num_threads(), []
    try:
        torch.set_num_threads(2)
        for threads in (1, 2, None):
            def counting(index):
                seen.append(torch.get_num_threads())
                return step(index)

            next(train.fit(counting, ORDER, state, threads=threads))
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 2, 2]


def test_bf16_computes_the_loss_under_autocast_and_keeps_float32_weights():
    losses = {}
    for bf16 in (False, True):
        state, step = build()
        seen = []

        def watched(index):
            seen.append((torch.is_autocast_enabled("cpu"), state.models["model"][0][0](X[:1]).dtype))
            return step(index)

        losses[bf16] = [record["loss"] for record in train.fit(watched, ORDER, state, bf16=bf16)]
        assert set(seen) == {(bf16, torch.bfloat16 if bf16 else torch.float32)}
        assert all(p.dtype == torch.float32 for p in state.models["model"].parameters())
    mean = [sum(losses[bf16][-7:]) / 7 for bf16 in (False, True)]
    assert abs(mean[0] - mean[1]) < 0.03 * mean[0] and losses[True] != losses[False]


def test_bf16_pays_where_the_measured_product_is_faster(monkeypatch):
    before = torch.get_num_threads()
    assert train.bf16_pays() in (True, False) and torch.get_num_threads() == before
    assert not train.bf16_pays("meta")
    for slow, pays in ((torch.float32, True), (torch.bfloat16, False)):
        clock = [0.0]

        class Timed(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, arguments=(), options=None):
                if function is torch.Tensor.matmul:
                    clock[0] += 2.0 if arguments[0].dtype == slow else 1.0
                return super().__torch_function__(function, types, arguments, options or {})

        with monkeypatch.context() as patch:
            patch.setattr(torch, "ones", lambda *shape: torch.zeros(4, 4).as_subclass(Timed))
            patch.setattr(train.time, "perf_counter", lambda: clock[0])
            assert train.bf16_pays() is pays


def test_a_compiled_model_goes_through_the_same_loop(unbroken):
    state, step = build()
    state.models["model"].compile(backend="eager")
    losses = [record["loss"] for record in train.fit(step, ORDER, state)]
    torch.testing.assert_close(losses, unbroken[1], rtol=1e-4, atol=1e-5)
    assert image(state)[8:200] == unbroken[0][8:200], "the names in a saved state are those of the plain model"


# ---- schedules ----


@pytest.mark.parametrize("steps, warm_up", [(100, 0.15), (1880, 0.15), (40, 0.5), (7, 0.3)])
def test_one_cycle_is_torchs(steps, warm_up):
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(sgd, 1.0, steps, pct_start=warm_up, div_factor=25, final_div_factor=100, cycle_momentum=False)
    mine = train.one_cycle(steps, warm_up=warm_up)
    for k in range(steps):
        assert abs(mine(k) - sgd.param_groups[0]["lr"]) < 1e-12
        sgd.step()
        if k < steps - 1:
            theirs.step()
    assert abs(mine(0) - 1 / 25) < 1e-12 and abs(mine(steps - 1) - 1 / 2500) < 1e-12 and mine(steps + 5) == mine(steps - 1)


def test_one_cycle_at_its_edges():
    assert train.one_cycle(10, warm_up=0)(0) == 1 and abs(train.one_cycle(1)(0) - 1 / 2500) < 1e-12
    middle = train.one_cycle(101, warm_up=0, final=0.2)
    assert abs(middle(50) - 0.6) < 1e-12, "half-way down the cosine"


def test_linear_decay():
    factor = train.linear_decay(100, start=0.4, final=0.1)
    for k, expected in ((0, 1), (40, 1), (70, 0.55), (100, 0.1), (130, 0.1)):
        assert abs(factor(k) - expected) < 1e-12
    for wrong, words in [(lambda: train.linear_decay(0), "steps: expected at least 1, got 0"), (lambda: train.one_cycle(5, warm_up=1), r"share in \[0, 1\), got 1"),
                         (lambda: train.linear_decay(5, start=-1), "share")]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            wrong()


def test_the_schedule_scales_each_groups_own_rate():
    net = torch.nn.Linear(2, 2)
    sgd = torch.optim.SGD([{"params": [net.weight], "lr": 0.1}, {"params": [net.bias], "lr": 0.4}])
    state = train.State(net, sgd, schedule=lambda k: 0.5**k)
    rates = []
    for record in train.fit(lambda _: net.weight.sum() + net.bias.sum(), range(3), state):
        rates.append((record["lr"], sgd.param_groups[1]["lr"]))
    assert rates == [(0.1, 0.4), (0.05, 0.2), (0.025, 0.1)]


# ---- the display ----


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(stream, monkeypatch, **options):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(_progress, "PERIOD_S", 0.0)
    state, step = build()
    history = train.run(train.fit(step, ORDER, state), total=STEPS, **options)
    assert len(history) == STEPS
    return stream.getvalue()


def on_screen(text):
    """What a terminal or a notebook shows: a carriage return goes back, and characters overwrite one by one."""
    lines = []
    for line in text.split("\n"):
        cells = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells))
    return lines


LINES = [rf"step {k:2d} of 35 · loss ~[\d.e-]+ · worst ~[\d.e-]+ · \d+\.\d s" for k in (7, 14, 21, 28, 35)]


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_display_leaves_a_few_whole_lines(stream, monkeypatch):
    monkeypatch.delenv("GENTUTOR_QUIET", raising=False)
    text = shown(stream(), monkeypatch)
    assert ("\r" in text) == (stream is Terminal)
    lines = on_screen(text)
    assert lines.pop() == "" and len(lines) == 5
    for line, expected in zip(lines, LINES):
        assert re.fullmatch(expected, line), line


def test_display_is_silent_under_a_flag(monkeypatch):
    monkeypatch.setenv("GENTUTOR_QUIET", "1")
    assert shown(Terminal(), monkeypatch) == "" and shown(Terminal(), monkeypatch, quiet=False) != ""
    monkeypatch.delenv("GENTUTOR_QUIET")
    assert shown(Terminal(), monkeypatch, quiet=True) == ""


def test_display_of_an_early_end(monkeypatch, capsys):
    monkeypatch.delenv("GENTUTOR_QUIET", raising=False)
    state, step = build()

    def interrupted(index):
        if state.step == 9:
            signal.raise_signal(signal.SIGINT)
        return step(index)

    train.run(train.fit(interrupted, ORDER, state), total=STEPS)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("step  7 of 35") and second.startswith("step 10 of 35 ·") and third.startswith("stopped")
    state.schedule = lambda k: float("nan")
    with pytest.raises(train.NonFinite):
        train.run(train.fit(step, ORDER, state))
    assert re.match(r"step 11 · loss ", capsys.readouterr().out)


LAB = """
import functools, time, torch
from gentutor import data, nets, train
net = nets.mlp([4, 8, 4], torch.Generator().manual_seed(0))
state = train.State(net, torch.optim.Adam(net.parameters(), lr=1e-2, fused=True), generators=torch.Generator().manual_seed(0))
x = torch.randn(400, 4, generator=torch.Generator().manual_seed(1))
def step(index):
    time.sleep(0.01 * torch.rand(()).item())  # as if the machine were busy
    return ((net(x[index]) - x[index]) ** 2).mean()
print("before")
history = train.run(train.fit(step, functools.partial(data.batches, 400, 2, epochs=1), state), total=200)
print("after")
"""


@pytest.mark.slow
def test_display_in_a_lab_is_stored_as_a_few_lines_and_compares_strictly(tmp_path, monkeypatch):
    monkeypatch.delenv("GENTUTOR_QUIET", raising=False)
    sources = [LAB, "import sys\nfrom gentutor import _progress\nprint(_progress.moving(sys.stdout))"]
    lab = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(lab, kernel_name="python3", coalesce_streams=True).execute()
    (output,), (moves,) = (cell.outputs for cell in lab.cells)
    assert output["name"] == "stdout" and moves["text"] == "True\n", "the moving line moves in a kernel"
    lines = output["text"].splitlines()
    assert [line.split(" · ")[0] for line in lines] == ["before", *(f"step {k:3d} of 200" for k in (40, 80, 120, 160, 200)), "after"]
    path = tmp_path / "lab.ipynb"
    nbformat.write(lab, path)
    done = subprocess.run([*command(), str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_display_and_ctrl_c_in_a_real_terminal(tmp_path):
    pty = pytest.importorskip("pty")
    script = LAB.replace("epochs=1", "epochs=50").replace("total=200", "total=10_000") + "print(len(history) == state.step)\n"
    (tmp_path / "script.py").write_text(script)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("GENTUTOR_QUIET", None)
        os.execv(sys.executable, [sys.executable, str(tmp_path / "script.py")])
    text, sent = "", False
    while True:
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # the child has closed it
            break
        if not sent and text.count(" left") >= 3:
            os.write(terminal, b"\x03")
            sent = True
    assert os.waitpid(pid, 0)[1] == 0
    lines = on_screen(text.replace("\r\n", "\n").replace("^C", ""))
    assert lines[0] == "before" and re.fullmatch(r"step +\d+ of 10000 · loss ~\S+ · \S+ s", lines[1]), lines
    assert lines[2:] == ["stopped; the same call goes on from here", "after", "True", ""]


@pytest.mark.slow
def test_another_process_resumes_bit_for_bit(tmp_path, unbroken):
    code = (f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_train import *; state, step = build(seed=5);"
            f"train.load({str(tmp_path / 'run')!r}, state); list(train.fit(step, ORDER, state)); train.save({str(tmp_path / 'done')!r}, state)")  # fmt: skip
    state, step = build()
    for _ in itertools.islice(train.fit(step, ORDER, state), 17):
        pass
    train.save(tmp_path / "run", state)
    subprocess.run([sys.executable, "-c", code], check=True)
    assert image(train.load(tmp_path / "done", build(seed=7)[0])) == unbroken[0]
