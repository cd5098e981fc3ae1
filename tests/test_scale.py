"""Training at scale: two processes compute what one does, and a run that was stopped, killed or split goes on as if it had not been."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys

import pytest
import torch

from gentutor import _files, data, scale, train
from gentutor._together import Alone

SMALL = ["--width", "4", "--images", "192", "--batch", "32", "--epochs", "3", "--save-every", "1"]
STEPS = 18
MNIST = functools.cache(data.mnist)
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


@contextlib.contextmanager
def launched(*command):
    """A command with its children, in a session of its own; what is left of it at the end is killed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GENTUTOR_DEVICE": "cpu"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def two(*arguments):
    with launched(*TORCHRUN, "-m", "gentutor.scale", *arguments) as process:
        said = process.communicate(timeout=300)[0]
        return process.returncode, said


def one(*arguments):
    return scale.main(list(arguments))


@pytest.fixture(autouse=True)
def on_one_cpu(monkeypatch):
    monkeypatch.setenv("GENTUTOR_DEVICE", "cpu")
    monkeypatch.setenv("GENTUTOR_QUIET", "1")
    monkeypatch.setattr(data, "mnist", MNIST)


def tree(folder):
    """All of a saved state but the clock."""
    return {**_files.load_tree(folder / "state"), "seconds": 0.0}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Folders of finished runs by one and by two processes."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENTUTOR_DEVICE", "cpu")
        patch.setenv("GENTUTOR_QUIET", "1")
        for name in ("ddpm", "gan"):
            assert one(name, *SMALL, "--out", str(folder / f"{name}-one")) == 0
            status, said = two(name, *SMALL, "--out", str(folder / f"{name}-two"))
            assert status == 0, said
    return folder


def weights_of(folder):
    return {f"{name}.{key}": value for name, net in scale.load(folder).items() for key, value in net.state_dict().items()}


def close(a, b):
    """Equal but for the rounding of a sum of gradients, over some updates."""
    a, b = weights_of(a), weights_of(b)
    assert a.keys() == b.keys()
    return max((a[key] - b[key]).norm().item() / (a[key].norm().item() + 1e-3) for key in a)


# ---- one process ----


@pytest.mark.parametrize("name, after", [("ddpm", 1), ("ddpm", 7), ("gan", 10)])
def test_a_stopped_run_goes_on_bit_for_bit(name, after, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert one(name, *SMALL, "--out", str(whole)) == 0 and tree(whole)["step"] == STEPS
    save = train.save

    def stopping(path, state):
        save(path, state)
        if state.step == after:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(train, "save", stopping)
        assert one(name, *SMALL, "--out", str(broken)) == 1
    assert tree(broken)["step"] == after and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert one(name, *SMALL, "--out", str(broken)) == 0
    assert _files.pack(tree(broken)) == _files.pack(tree(whole))
    assert one(name, *SMALL, "--out", str(broken)) == 0, "a finished run has nothing left"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_an_update_waits_for_its_end_and_saves(number, tmp_path, monkeypatch):
    monkeypatch.setattr(scale.Together, "average", lambda self, gradients: signal.raise_signal(number))
    assert one("ddpm", *SMALL[:-1], "1000", "--out", str(tmp_path)) == 1
    assert tree(tmp_path)["step"] == 1, "saved, although a save was not due"


def test_load_gives_the_averaged_weights(tmp_path):
    assert one("gan", *SMALL, "--out", str(tmp_path)) == 0
    nets, saved = scale.load(tmp_path), tree(tmp_path)
    for name in ("generator", "discriminator"):
        for key, value in nets[name].state_dict().items():
            assert torch.equal(value, saved["averages"][name][key])
        assert not nets[name].training and not any(p.requires_grad for p in nets[name].parameters())
    assert nets["generator"](torch.zeros(2, 64)).shape == (2, 1, 28, 28)


def test_it_learns(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GENTUTOR_QUIET")
    assert one("ddpm", "--width", "8", "--images", "640", "--batch", "32", "--epochs", "6", "--out", str(tmp_path)) == 0
    losses = [float(line.split("~")[1].split()[0]) for line in capsys.readouterr().out.splitlines() if "loss" in line]
    assert len(losses) == 20 and sum(losses[-5:]) < 0.75 * sum(losses[:5]), losses


def test_another_setting_is_refused_and_changes_nothing(tmp_path, capsys):
    assert one("ddpm", *SMALL, "--out", str(tmp_path)) == 0
    before = (tmp_path / "state").read_bytes()
    for change, words in [(["--width", "6"], "expected width 4, as the run there began, got 6; use another folder"),
                          (["--epochs", "4"], "expected epochs 3, as the run there began, got 4")]:  # fmt: skip
        assert one("ddpm", *SMALL, *change, "--out", str(tmp_path)) == 2
        assert words in capsys.readouterr().err
    assert one("gan", *SMALL, "--out", str(tmp_path)) == 2 and "expected model ddpm" in capsys.readouterr().err
    assert (tmp_path / "state").read_bytes() == before


@pytest.mark.parametrize("arguments, words", [
    (["--batch", "0"], "batch: expected at least 1, got 0"),
    (["--epochs", "-1"], "epochs: expected at least 1, got -1"),
    (["--images", "10", "--batch", "20"], "a multiple of 1 processes and at most 10 images, got 500 and 20"),
    (["--save-every", "0"], "expected save-every >= 1"),
])  # fmt: skip
def test_bad_arguments_say_expected_and_got(arguments, words, tmp_path, capsys):
    assert one("ddpm", *arguments, "--out", str(tmp_path / "run")) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_damaged_state_is_refused(tmp_path, capsys):
    assert one("ddpm", *SMALL, "--out", str(tmp_path)) == 0
    state = bytearray((tmp_path / "state").read_bytes())
    state[-9] ^= 1
    (tmp_path / "state").write_bytes(state)
    assert one("ddpm", *SMALL, "--out", str(tmp_path)) == 2
    assert re.search("state: expected SHA-256 .* the file is damaged", capsys.readouterr().err)
    assert (tmp_path / "state").read_bytes() == state


def test_one_process_asks_nobody(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    together = scale.Together()
    x, gradients = torch.arange(6), [torch.ones(2)]
    assert torch.equal(together.share(x), x) and together.mean({"loss": 2.0}) == {"loss": 2.0} and not together.any([])
    together.average(gradients)
    assert torch.equal(gradients[0], torch.ones(2)) and together.any([signal.SIGINT])
    assert {name for name in vars(Alone) if not name.startswith("_")} <= set(dir(together))
    together.size = 4
    with pytest.raises(ValueError, match="batch: expected a multiple of 4 processes, got 6 examples"):
        together.share(x)


# ---- two processes ----


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddpm", "gan"])
def test_two_processes_compute_what_one_does(name, unbroken):
    assert close(unbroken / f"{name}-one", unbroken / f"{name}-two") < 2e-4
    one_tree, two_tree = tree(unbroken / f"{name}-one"), tree(unbroken / f"{name}-two")
    assert one_tree["step"] == two_tree["step"] == STEPS and one_tree["order"] == two_tree["order"]
    for key, value in one_tree["generators"].items():
        assert torch.equal(value, two_tree["generators"][key]), "the same random numbers, however many processes"


BREAK = """
import os, signal, sys
from gentutor import scale

average, updates = scale.Together.average, []

def breaking(self, gradients):
    updates.append(self.rank)
    if updates == [1] * 7:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    average(self, gradients)

scale.Together.average = breaking
sys.exit(scale.main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number, saved", [("SIGKILL", 6), ("SIGINT", 7), ("SIGTERM", 7)])
def test_a_run_of_two_broken_at_one_of_them_goes_on_bit_for_bit(number, saved, unbroken, tmp_path):
    """In update 7 the second process is killed, or is the only one to hear of Ctrl-C: both stop after the same update."""
    (tmp_path / "break.py").write_text(BREAK)
    with launched(*TORCHRUN, str(tmp_path / "break.py"), number, "ddpm", *SMALL, "--out", str(tmp_path)) as process:
        said = process.communicate(timeout=120)[0]
    assert process.returncode != 0 and tree(tmp_path)["step"] == saved, said
    status, said = two("ddpm", *SMALL, "--out", str(tmp_path))
    assert status == 0, said
    assert _files.pack(tree(tmp_path)) == _files.pack(tree(unbroken / "ddpm-two"))


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(unbroken, tmp_path, monkeypatch):
    save = train.save

    def stopping(path, state):
        save(path, state)
        if state.step == 6:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(train, "save", stopping)
        assert one("ddpm", *SMALL, "--out", str(tmp_path)) == 1
    status, said = two("ddpm", *SMALL, "--out", str(tmp_path))
    assert status == 0, said
    assert tree(tmp_path)["step"] == STEPS and 0 < close(unbroken / "ddpm-one", tmp_path) < 2e-4


FAULT = """
import sys, torch
from gentutor import scale, train

together = scale.Together()
net = torch.nn.Linear(2, 1)
torch.nn.init.ones_(net.weight), torch.nn.init.zeros_(net.bias)
state = train.State(net, torch.optim.SGD(net.parameters(), lr=0.1), generators=torch.Generator().manual_seed(0), together=together)
x = torch.arange(8.0).reshape(4, 2)

def step(k):
    loss = net(together.share(x)).mean()
    return loss * float("nan") if k == 4 and together.rank == 1 and sys.argv[2] == "loss" else loss

if sys.argv[2] == "gradient" and together.rank == 1:
    net.weight.register_hook(lambda g: g * float("inf") if state.step == 4 else g)
try:
    scale.fit(step, range(9), state, sys.argv[1], every=2)
except train.NonFinite as error:
    print(f"rank {together.rank}: {error}; at {state.step} updates, weight {net.weight[0, 0].item():.6f}", flush=True)
together.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_what_is_not_finite_on_one_process_stops_all_before_the_update(kind, tmp_path):
    (tmp_path / "fault.py").write_text(FAULT)
    with launched(*TORCHRUN, str(tmp_path / "fault.py"), str(tmp_path / "state"), kind) as process:
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    lines = sorted(re.findall(r"rank \d: .*?weight -?\d\.\d{6}", said))
    assert len(lines) == 2, said
    weight = 1 - 4 * 0.1 * 3  # the mean of x's first column is 3, in both shares together
    for rank, line in enumerate(lines):
        assert line.startswith(f"rank {rank}: step 5: expected a finite {kind}, got ") and line.endswith(f"at 4 updates, weight {weight:.6f}"), line
    assert _files.load_tree(tmp_path / "state")["step"] == 4


@pytest.mark.slow
def test_a_batch_that_does_not_divide_is_refused_by_all(tmp_path):
    status, said = two("ddpm", *SMALL, "--batch", "31", "--out", str(tmp_path / "run"))
    assert status != 0 and "a multiple of 2 processes" in said and "Traceback" not in said.split("ChildFailedError")[0].split("process 0 of 2")[0]
    assert not (tmp_path / "run").exists()
