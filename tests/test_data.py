"""Laws of the toys, MNIST and its damage, the IDX format, binarisation, batches, and downloads that go wrong."""

import gzip
import hashlib
import http.server
import lzma
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from gentutor import _idx, data
from gentutor._toys import NoisyCurves

NAMES = list(data.TOYS)
CURVES = [name for name in NAMES if isinstance(data.TOYS[name], NoisyCurves)]
SIDE = 0.04  # midpoint grid: 0.4 of the smallest noise, and the board's edges lie on cell edges


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def no_local_folder(monkeypatch):
    monkeypatch.delenv("GENTUTOR_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def grid():
    """Midpoints (N, 2) of a grid on [-5, 5]^2, and each toy's probability (N,) of its cells."""
    line = torch.arange(-5, 5, SIDE, dtype=torch.float64) + SIDE / 2
    points = torch.cartesian_prod(line, line)
    return points, {name: data.TOYS[name].log_prob(points).exp() * SIDE**2 for name in NAMES}


# ---- 2-D toys ----


@pytest.mark.parametrize("name", NAMES)
def test_toy_density_integrates_to_one(name, grid):
    assert abs(grid[1][name].sum().item() - 1) < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_toy_samples_have_the_moments_and_entropy_of_the_density(name, grid):
    points, p = grid[0], grid[1][name]
    x = data.TOYS[name].sample(20_000, generator(1), dtype=torch.float64)
    log_p = torch.where(p > 0, (p / SIDE**2).log(), 0.0)

    def statistics(z, log_density):
        return torch.stack([z[:, 0], z[:, 1], z[:, 0] ** 2, z[:, 0] * z[:, 1], z[:, 1] ** 2, log_density], -1)

    seen = statistics(x, data.TOYS[name].log_prob(x))
    exact = (p[:, None] * statistics(points, log_p)).sum(0)
    error = (seen.var(0) / len(x)).sqrt() + 1e-12
    z = (seen.mean(0) - exact) / error
    assert z.abs().max() < 5, z


@pytest.mark.parametrize("name", NAMES)
def test_toy_samples_fill_the_plane_as_the_density_says(name, grid):
    points, p = grid[0], grid[1][name]
    n = 20_000
    x = data.TOYS[name].sample(n, generator(2), dtype=torch.float64)

    def cells(z, weights=None):  # (N, 2) -> (100,): squares of side 1
        square = (z + 5).floor().long()
        return torch.bincount(square[:, 0] * 10 + square[:, 1], weights, minlength=100).double()

    seen, expected = cells(x), n * cells(points, p)
    rare = expected < 5
    seen, expected = (torch.cat([c[~rare], c[rare].sum()[None]]) for c in (seen, expected))
    statistic = ((seen - expected) ** 2 / expected.clamp(min=1)).sum().item()
    assert statistic < stats.chi2.ppf(1 - 1e-6, len(seen) - 1)


@pytest.mark.parametrize("name", CURVES)
def test_toy_density_by_another_quadrature(name):
    toy = data.TOYS[name]
    x = toy.sample(6, generator(3), dtype=torch.float64) + 0.05
    for point, log_p in zip(x, toy.log_prob(x)):

        def integrand(v, curve):
            c = curve(torch.tensor([v], dtype=torch.float64))[0]
            square = ((point - c) ** 2).sum().item()
            return (1 + toy.power) * v**toy.power * np.exp(-square / (2 * toy.std**2)) / (2 * np.pi * toy.std**2)

        pieces = np.linspace(0, 1, 13)
        p = np.mean([sum(integrate.quad(integrand, a, b, (curve,))[0] for a, b in zip(pieces, pieces[1:]))
                     for curve in toy.curves])  # fmt: skip
        assert abs(log_p.item() - np.log(p)) < 1e-8


@pytest.mark.parametrize("name", CURVES)
def test_toy_quadrature_has_enough_nodes(name):
    toy = data.TOYS[name]
    x = 8 * torch.rand(4000, 2, generator=generator(4), dtype=torch.float64) - 4
    x = torch.cat([x, torch.tensor([[-4.0, -4], [-4, 4], [4, -4], [4, 4]], dtype=torch.float64)])
    assert (toy.log_prob(x) - replace(toy, nodes=2 * toy.nodes).log_prob(x)).abs().max() < 1e-9


def test_eight_gaussians_agree_with_torch_distributions():
    d = torch.distributions
    angle = torch.arange(8, dtype=torch.float64) * torch.pi / 4
    centres = 3 * torch.stack([angle.cos(), angle.sin()], -1)
    same = d.MixtureSameFamily(d.Categorical(torch.ones(8)), d.Independent(d.Normal(centres, 0.3), 1))
    x = 4 * torch.randn(500, 2, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(data.TOYS["eight-gaussians"].log_prob(x), same.log_prob(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_checkerboard_is_a_board(dtype):
    board = data.TOYS["checkerboard"]
    x = board.sample(50_000, generator(), dtype=dtype)
    assert torch.equal(board.log_prob(x).unique(), torch.tensor([-np.log(32)], dtype=dtype))
    corners = torch.tensor([[-3.0, -3], [-1, -3], [1, 1], [3, 1], [4.1, 3.0], [-4.1, -3]])
    assert board.log_prob(corners).isfinite().tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize("name", NAMES)
def test_toy_seed_scale_dtype_and_shape(name):
    toy = data.TOYS[name]
    x = toy.sample(5000, generator(7))
    assert x.shape == (5000, 2) and x.dtype == torch.float32
    assert torch.equal(x, toy.sample(5000, generator(7)))
    assert not torch.equal(x, toy.sample(5000, generator(8)))
    assert ((x.abs() <= 4).all(-1)).float().mean() > 0.999 and x.abs().max() > 3
    assert toy.log_prob(x[:6].reshape(2, 3, 2)).shape == (2, 3) and toy.log_prob([1.0, 1.0]).dtype == torch.float64
    assert toy.name == name and toy.law


@pytest.mark.parametrize("name", [name for name in NAMES if name != "checkerboard"])
def test_toy_score_is_the_slope_of_log_prob(name):
    toy = data.TOYS[name]
    x = toy.sample(50, generator(5), dtype=torch.float64).requires_grad_()
    (score,) = torch.autograd.grad(toy.log_prob(x).sum(), x)
    step = torch.tensor([1e-5, 0.0], dtype=torch.float64)
    slope = (toy.log_prob(x.detach() + step) - toy.log_prob(x.detach() - step)) / 2e-5
    torch.testing.assert_close(score[:, 0], slope, atol=1e-4, rtol=1e-6)


def test_toys_are_made_in_blocks_without_changing_a_value(monkeypatch):
    toy = data.TOYS["spiral"]
    x = toy.sample(101, generator())
    whole = toy.log_prob(x)
    monkeypatch.setattr("gentutor._toys.CELLS", 7 * 2 * toy.nodes)
    assert torch.equal(whole, toy.log_prob(x))


def test_toy_errors_say_expected_and_got():
    moons = data.toy("moons")
    with pytest.raises(ValueError, match=f"expected one of {', '.join(NAMES)}; got 'moon'"):
        data.toy("moon")
    for n in (0, -1, 2.5):
        with pytest.raises(ValueError, match=f"n >= 1, got {n}"):
            moons.sample(n, generator())
    with pytest.raises(ValueError, match="expected a torch.Generator, got int"):
        moons.sample(3, 0)
    with pytest.raises(ValueError, match=r"shape \(..., 2\), got \(4, 3\)"):
        moons.log_prob(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="finite"):
        moons.log_prob([0.0, float("nan")])


# ---- MNIST ----


def test_mnist_is_whole_and_quick():
    start = time.perf_counter()
    train, test = data.mnist("train"), data.mnist("test")
    assert time.perf_counter() - start < 4  # about 0.9 s on two shared cores
    for part, n in ((train, 60_000), (test, 10_000)):
        assert part.images.shape == (n, 28, 28) and part.images.dtype == torch.uint8
        assert part.labels.shape == (n,) and part.labels.dtype == torch.int64 and part.images.is_contiguous()
    pixels = train.images.float() / 255
    assert round(pixels.mean().item(), 4) == 0.1307 and round(pixels.std().item(), 4) == 0.3081
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    train.images[0] = 0  # writable, and a new call is not touched by it
    assert data.mnist("test").images.sum() == test.images.sum()


def test_mnist_errors():
    for split in ("valid", "", None):
        with pytest.raises(ValueError, match="expected 'train' or 'test', got"):
            data.mnist(split)
    with pytest.raises(RuntimeError):
        data.mnist("test", device="no-such-device")


@pytest.fixture
def mnist_copy(tmp_path, monkeypatch):
    """The folder of a copy of the packaged test split, which `mnist` now reads."""
    for path in (Path(data.__file__).parent / "_mnist").glob("t10k-*.xz"):
        (tmp_path / "_mnist").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "_mnist")
    monkeypatch.setattr(data, "__file__", str(tmp_path / "data.py"))
    return tmp_path / "_mnist"


def flip(path):
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def flip_inside(path):
    """One pixel or label wrong in an xz file that is sound."""
    body = bytearray(lzma.decompress(path.read_bytes()))
    body[-5] ^= 1
    path.write_bytes(lzma.compress(bytes(body), preset=0))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", [flip, flip_inside, truncate, empty, Path.unlink])
def test_damaged_mnist_is_one_clear_error(mnist_copy, name, damage):
    path = mnist_copy / f"{name}.xz"
    assert len(data.mnist("test").labels) == 10_000
    damage(path)
    with pytest.raises(data.DataError) as error:
        data.mnist("test")
    message = str(error.value)
    assert str(path) in message and "pip install --force-reinstall" in message and "\n" not in message
    if damage is not Path.unlink:
        assert f"expected SHA-256 {data.MNIST_SHA256[name]}, got" in message
    if damage is flip_inside:
        assert hashlib.sha256(lzma.decompress(path.read_bytes())).hexdigest() in message


def test_any_wrong_byte_is_found(mnist_copy):
    name = "t10k-labels-idx1-ubyte"
    path = mnist_copy / f"{name}.xz"
    sound = path.read_bytes()
    for position in random.Random(0).sample(range(len(sound)), 150):
        body = bytearray(sound)
        body[position] ^= 0x10
        path.write_bytes(body)
        with pytest.raises(data.DataError):
            _idx.packaged(path, data.MNIST_SHA256[name])


# ---- IDX ----

CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def idx_bytes(code, shape, values):
    header = struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape)
    return header + struct.pack(f">{len(values)}{CODES[code]}", *values)


def test_idx_by_hand():
    got = data.idx(bytes.fromhex("00000802 00000002 00000003 000102fdfeff"))
    assert got.dtype == np.uint8 and got.tolist() == [[0, 1, 2], [253, 254, 255]]
    assert data.idx(bytes.fromhex("00000901 00000002 ff7f")).tolist() == [-1, 127]
    short = data.idx(bytes.fromhex("00000b01 00000002 0001 ff00"))
    assert short.dtype == np.int16 and short.tolist() == [1, -256]
    assert data.idx(bytes.fromhex("00000c01 00000001 00010000")).tolist() == [65536]
    assert data.idx(bytes.fromhex("00000d01 00000002 3f800000 c0000000")).tolist() == [1.0, -2.0]
    assert data.idx(bytes.fromhex("00000e01 00000001 3ff8000000000000")).tolist() == [1.5]
    assert data.idx(bytes.fromhex("00000802 00000000 00000003")).shape == (0, 3)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_idx_round_trip(draw):
    code = draw.draw(st.sampled_from(sorted(CODES)))
    shape = tuple(draw.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    raw = draw.draw(st.binary(min_size=8 * int(np.prod(shape)), max_size=8 * int(np.prod(shape))))
    array = np.frombuffer(raw, np.dtype(_idx.IDX_DTYPES[code]))[: int(np.prod(shape))].reshape(shape)
    body = struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape) + array.tobytes()
    got = data.idx(body)
    assert got.shape == shape and got.dtype.isnative and got.flags.writeable
    assert got.astype(array.dtype).tobytes() == array.tobytes() and got.dtype.itemsize == array.dtype.itemsize
    cut = draw.draw(st.integers(0, len(body) - 1))
    for wrong in (body[:cut], body + b"\0"):
        with pytest.raises(ValueError, match="idx: expected .* got"):
            data.idx(wrong)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "got no bytes"),
        (b"\0\0\x08", "got 00 00 08"),
        (b"\0\1\x08\1\0\0\0\0", "got 00 01 08 01"),
        (b"\0\0\x0a\1\0\0\0\0", "got 00 00 0a 01"),
        (b"\x1f\x8b\x08\0\0\0", "got 1f 8b 08 00"),
        (b"\0\0\x08\3\0\0\0\1", "header of 16 bytes for 3 axes, got 8 bytes"),
        (idx_bytes(0x08, (2, 3), range(6))[:-1], r"6 bytes for shape \(2, 3\) of uint8, got 5: truncated"),
        (idx_bytes(0x0C, (2,), range(2)) + b"\0", r"8 bytes for shape \(2,\) of >i4, got 9: over-long"),
        (b"\0\0\x08\2" + b"\xff" * 8 + b"\0" * 10, "got 10: truncated"),
    ],
)
def test_idx_errors(body, message):
    with pytest.raises(ValueError, match=message):
        data.idx(body)


# ---- binarisation ----


def test_binarise_has_exactly_the_grey_value_as_probability():
    n = 20_000
    pixels = torch.arange(256, dtype=torch.uint8)
    ones = data.binarise(pixels.expand(n, 256), generator(1)).double().sum(0)
    assert ones[0] == 0 and ones[255] == n
    p = pixels.double() / 255
    z = ((ones - n * p) / (n * p * (1 - p)).sqrt())[1:-1]
    assert z.abs().max() < 5 and abs(z.sum().item()) / 254**0.5 < 4  # v / 256 would give 11


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_binarise_of_floats(dtype):
    p = torch.tensor([0.0, 2**-10, 0.25, 0.5, 1.0], dtype=dtype)
    drawn = data.binarise(p.expand(50_000, 5), generator(2))
    assert drawn.dtype == dtype and set(drawn.unique().tolist()) == {0.0, 1.0}
    ones = drawn.double().sum(0)
    assert ones[0] == 0 and ones[4] == 50_000
    p = p.double()[1:4]
    assert (((ones[1:4] - 50_000 * p) / (50_000 * p * (1 - p)).sqrt()).abs() < 5).all()


def test_binarise_of_floats_at_the_smallest_draw(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    assert data.binarise(torch.tensor([0.0, 1e-9, 1.0]), generator()).tolist() == [0, 1, 1]


def test_binarise_is_dynamic_seeded_and_leaves_its_input_alone():
    x = data.mnist("test").images[:100]
    before = x.clone()
    g = generator(3)
    first, second = data.binarise(x, g), data.binarise(x, g)
    assert first.dtype == torch.float32 and first.shape == x.shape and not torch.equal(first, second)
    assert torch.equal(first, data.binarise(x, generator(3))) and torch.equal(x, before)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    data.binarise(x, g)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.tensor([0.5, 1.5]), r"values in \[0, 1\], got values from 0.5 to 1.5"),
        (torch.tensor([-0.1, 1.0]), "got values from -0.1 to 1"),
        (torch.tensor([float("nan")]), "got values from nan"),
        (torch.tensor([1, 0]), "expected uint8 or a floating dtype, got torch.int64"),
        (torch.zeros(0, 28, dtype=torch.uint8), r"got shape \(0, 28\)"),
        (torch.zeros(0), r"got shape \(0,\)"),
    ],
)
def test_binarise_errors(images, message):
    with pytest.raises(ValueError, match=message):
        data.binarise(images, generator())


# ---- batches ----


@given(st.integers(1, 60), st.integers(1, 70), st.integers(1, 3), st.booleans(), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_batches_partition_and_resume(n, size, epochs, drop, seed):
    if drop and size > n:
        with pytest.raises(ValueError, match="no batch"):
            data.batches(n, size, generator(seed), drop_last=True)
        return
    done = list(data.batches(n, size, generator(seed), epochs=epochs, drop_last=drop))
    per_epoch = n // size if drop else -(-n // size)
    assert len(done) == epochs * per_epoch
    for epoch in range(epochs):
        part = done[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert all(b.dtype == torch.int64 and len(b) == min(size, n) for b in part[: None if drop else -1])
        seen = torch.cat(part).tolist()
        assert len(set(seen)) == len(seen) and set(seen) <= set(range(n))
        assert drop or sorted(seen) == list(range(n))
    start = seed % (len(done) + 2)
    rest = list(data.batches(n, size, generator(seed), epochs=epochs, drop_last=drop, start=start))
    assert len(rest) == len(done[start:]) and all(map(torch.equal, done[start:], rest))


def test_batches_depend_on_the_generator_at_the_call_only():
    g = generator(5)
    plain = list(data.batches(50, 7, generator(5), epochs=2))
    disturbed = []
    for index in data.batches(50, 7, g, epochs=2):
        torch.rand(3, generator=g)
        disturbed.append(index)
    assert all(map(torch.equal, plain, disturbed))
    assert not torch.equal(torch.cat(plain[:8]), torch.cat(plain[8:])), "the second epoch has an order of its own"
    assert not torch.equal(torch.cat(plain), torch.cat(list(data.batches(50, 7, generator(6), epochs=2))))
    g = generator(5)
    data.batches(50, 7, g)
    again = torch.cat(list(data.batches(50, 7, g)))
    assert not torch.equal(torch.cat(plain[:8]), again), "a second call has an order of its own"


def test_batches_without_end():
    endless = data.batches(10, 5, generator(), epochs=None)
    assert [len(next(endless)) for _ in range(7)] == [5] * 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n: expected an integer >= 1, got 0"),
        ({"size": 0}, "size: expected an integer >= 1, got 0"),
        ({"size": 2.0}, "size: expected an integer >= 1, got 2.0"),
        ({"epochs": 0}, "epochs: expected an integer >= 1, got 0"),
        ({"start": -1}, "start: expected an integer >= 0, got -1"),
    ],
)
def test_batches_errors_come_at_the_call(options, message):
    with pytest.raises(ValueError, match=message):
        data.batches(**({"n": 10, "size": 2, "generator": generator()} | options))


# ---- downloads ----

NAME = "small-idx3-ubyte.gz"
ARRAY = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
BODY = gzip.compress(idx_bytes(0x08, ARRAY.shape, ARRAY.ravel().tolist()), mtime=0)
SHA = hashlib.sha256(BODY).hexdigest()


class Mirror:
    """A server on 127.0.0.1. `answers`: what it does, one a request, the last one for ever; `asked`: the paths."""

    def __init__(self, *answers, files=None):
        self.asked, answers = [], list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N805
                self.asked.append(handler.path)
                if answers[0] == "hang":
                    self.wait.wait(5)
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                body = (files or {}).get(handler.path.rsplit("/", 1)[-1], BODY)
                handler.send_response(answer if isinstance(answer, int) else 200)
                sent = {"ok": body, "slow": body, "wrong": b"x" + body[1:], "cut": body[:-9], "short": body[:-9]}
                sent = sent.get(answer, b"")
                handler.send_header("Content-Length", str(len(body) if answer == "cut" else len(sent)))
                handler.end_headers()
                for i in range(0, len(sent), 2000):
                    handler.wfile.write(sent[i : i + 2000])
                    handler.wfile.flush()
                    time.sleep(0.01 if answer == "slow" else 0)
                handler.close_connection = True

            def log_message(self, *_):
                pass

        self.wait = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/set/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.wait.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def dead():
    """The address of a port where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    return f"http://127.0.0.1:{port}/set/"


def fetch(mirrors, cache, digest=SHA, **options):
    return data.fetch(NAME, digest, mirrors, cache=cache, pause_s=0.01, **options)


def left(folder):
    return sorted(p.name for p in Path(folder).rglob("*") if p.is_file())


KEPT = [f"{SHA[:12]}-{NAME}"]


def test_fetch_verifies_keeps_and_does_not_ask_again(tmp_path, capfd):
    with Mirror("ok") as mirror:
        assert fetch([mirror.url], tmp_path / "a" / "b") == BODY
        assert left(tmp_path) == KEPT and (tmp_path / "a" / "b" / KEPT[0]).read_bytes() == BODY
        assert fetch([mirror.url], tmp_path / "a" / "b") == BODY and mirror.asked == [f"/set/{NAME}"]
        (tmp_path / "a" / "b" / KEPT[0]).write_bytes(BODY[:-1])
        assert fetch([mirror.url], tmp_path / "a" / "b") == BODY and len(mirror.asked) == 2
        assert (tmp_path / "a" / "b" / KEPT[0]).read_bytes() == BODY, "a damaged copy is replaced"
    offline = data.fetch_idx(NAME, SHA, [mirror.url], cache=tmp_path / "a" / "b")
    assert np.array_equal(offline, ARRAY)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", ["sha256:" + SHA, "md5:" + hashlib.md5(BODY).hexdigest(), SHA.upper()])
def test_fetch_takes_other_forms_of_the_hash(tmp_path, form):
    with Mirror("ok") as mirror:
        assert fetch([mirror.url], tmp_path, form) == BODY
        with pytest.raises(data.DataError, match="expected hash"):
            fetch([mirror.url], tmp_path, form[:-1] + ("0" if form[-1] != "0" else "1"), attempts=1)


def test_fetch_keeps_in_the_users_cache_by_default(tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    with Mirror("ok") as mirror:
        assert fetch([mirror.url], None) == BODY
    assert left(tmp_path / "gentutor") == KEPT


def test_a_second_mirror_stands_in(tmp_path, dead):
    with Mirror(404) as gone, Mirror("wrong") as wrong, Mirror("ok") as good, Mirror("ok") as unused:
        assert fetch([dead, gone.url, wrong.url, good.url, unused.url], tmp_path) == BODY
        assert [len(m.asked) for m in (gone, wrong, good, unused)] == [1, 1, 1, 0]
    assert left(tmp_path) == KEPT


def test_a_mirror_that_is_down_and_comes_back_is_asked_again(tmp_path):
    with Mirror(503, "cut", "ok") as mirror:
        assert fetch([mirror.url], tmp_path) == BODY and len(mirror.asked) == 3
    with Mirror(503, 503, 503, "ok") as mirror, pytest.raises(data.DataError, match="after 3 rounds .*HTTP 503"):
        fetch([mirror.url], tmp_path / "other")


def test_all_mirrors_down_is_one_line_that_names_them(tmp_path, dead):
    with Mirror(404) as gone, Mirror(500) as broken:
        with pytest.raises(data.DataError) as error:
            fetch([dead, gone.url, broken.url.rstrip("/")], tmp_path)
        assert len(gone.asked) == 1 and len(broken.asked) == 3
    message = str(error.value)
    for mirror, reason in ((dead, "ConnectionError"), (gone.url, "HTTP 404"), (broken.url, "HTTP 500")):
        assert f"{mirror}{NAME} ({reason})" in message
    assert "GENTUTOR_DATA" in message
    assert "\n" not in message and left(tmp_path) == []


@pytest.mark.parametrize("fault", ["wrong", "cut", "short"])
def test_nothing_unverified_is_left_behind(tmp_path, fault):
    with Mirror(fault) as mirror, pytest.raises(data.DataError) as error:
        fetch([mirror.url], tmp_path)
    assert len(mirror.asked) == 3 and left(tmp_path) == []
    if fault != "cut":
        assert f"expected hash {SHA}, got " in str(error.value)


def test_a_mirror_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(_idx, "TIMEOUT_S", 0.2)
    with Mirror("hang") as mirror, pytest.raises(data.DataError, match=r"\(ReadTimeout\)"):
        fetch([mirror.url], tmp_path, attempts=1)
    assert left(tmp_path) == []


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, PermissionError(13, "Permission denied")])
def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch, step, failure):
    def stop(*_):
        assert left(tmp_path) != KEPT, "the final path was written before the file was whole"
        raise failure

    monkeypatch.setattr(_idx if step == "open" else os, step, stop, raising=step != "open")
    with Mirror("ok") as mirror:
        if failure is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                fetch([mirror.url], tmp_path)
        else:
            with pytest.warns(UserWarning, match="kept in memory only"):
                assert fetch([mirror.url], tmp_path) == BODY
    assert left(tmp_path) == []


def test_a_cache_that_cannot_be_written_falls_back_to_memory(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    warning = f"{NAME}: kept in memory only, .*file.cache cannot be written"
    with Mirror("ok") as mirror, pytest.warns(UserWarning, match=warning):
        assert fetch([mirror.url], tmp_path / "file" / "cache") == BODY
    assert left(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "not a folder"


def test_eight_processes_at_once(tmp_path):
    script = (
        "import hashlib, pathlib, sys, time\n"
        "import pooch, requests\n"
        "from gentutor._idx import fetch\n"
        "url, cache, go = sys.argv[1:]\n"
        "print('ready', flush=True)\n"
        "while not pathlib.Path(go).exists(): time.sleep(0.005)\n"
        f"print(hashlib.sha256(fetch({NAME!r}, {SHA!r}, [url], cache=cache)).hexdigest())\n"
    )
    cache, go = tmp_path / "cache", tmp_path / "go"
    env = os.environ | {"PYTHONPATH": str(Path(data.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    with Mirror("slow") as mirror:
        command = [sys.executable, "-c", script, mirror.url, str(cache), str(go)]
        asking = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(8)]
        assert all(p.stdout.readline() == "ready\n" for p in asking)
        go.touch()
        while any(p.poll() is None for p in asking):
            if (cache / KEPT[0]).exists():
                assert (cache / KEPT[0]).read_bytes() == BODY, "seen half written"
        assert [p.communicate()[0].strip() for p in asking] == [SHA] * 8
        assert all(p.returncode == 0 for p in asking) and len(mirror.asked) > 1, "they asked at the same time"
    assert left(cache) == KEPT


def test_a_local_folder_instead(tmp_path, monkeypatch):
    def no_network(*_):
        raise AssertionError("asked the network")

    monkeypatch.setattr(_idx, "_download", no_network)
    (tmp_path / NAME).write_bytes(BODY)
    assert fetch([], tmp_path / "cache", folder=tmp_path) == BODY and not (tmp_path / "cache").exists()
    monkeypatch.setenv("GENTUTOR_DATA", str(tmp_path))
    assert np.array_equal(data.fetch_idx(NAME, SHA, []), ARRAY)
    flip(tmp_path / NAME)
    with pytest.raises(data.DataError, match=f"tried only the local folder .*expected hash {SHA}, got "):
        fetch([], None)
    (tmp_path / NAME).unlink()
    with pytest.raises(data.DataError, match=f"{NAME}: tried only the local folder .*No such file") as error:
        fetch([], None)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "../x.gz"}, "plain file name, got '../x.gz'"),
        ({"name": ""}, "plain file name, got ''"),
        ({"mirrors": []}, "at least one address, got none"),
        ({"attempts": 0}, "attempts: expected at least 1, got 0"),
        ({"digest": "crc:00"}, "expected sha256:<hex>, md5:<hex> or a bare SHA-256, got 'crc:00'"),
    ],
)
def test_fetch_errors(options, message):
    with pytest.raises(ValueError, match=message):
        data.fetch(**({"name": NAME, "digest": SHA, "mirrors": ["http://127.0.0.1:1/"]} | options))


def test_fashion_mnist_by_download_and_from_a_folder(tmp_path, monkeypatch):
    labels = np.arange(40, dtype=np.uint8) % 10
    packed_labels = gzip.compress(idx_bytes(0x08, (40,), labels.tolist()), mtime=0)
    files = {"t10k-images-idx3-ubyte.gz": BODY, "t10k-labels-idx1-ubyte.gz": packed_labels}
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    monkeypatch.setattr(data, "FASHION_SHA256", digests)
    with Mirror("ok", files=files) as mirror:
        got = data.fashion_mnist("test", cache=tmp_path / "cache", mirrors=[mirror.url])
    assert np.array_equal(got.images.numpy(), ARRAY) and got.images.dtype == torch.uint8
    assert np.array_equal(got.labels.numpy(), labels) and got.labels.dtype == torch.int64
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    assert torch.equal(data.fashion_mnist("test", folder=tmp_path, mirrors=[]).images, got.images)
    with pytest.raises(ValueError, match="expected 'train' or 'test', got 'valid'"):
        data.fashion_mnist("valid")
    assert len(data.FASHION_CLASSES) == 10


def test_published_fashion_hashes_are_whole():
    assert all(len(bytes.fromhex(digest)) == 32 for digest in data.FASHION_SHA256.values())
    assert set(data.FASHION_SHA256) == {f"{name}.gz" for name in data.MNIST_SHA256}
