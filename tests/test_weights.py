"""Packaged models: verified, small, never unpickled, remade by one command, and as good as their cards say."""

import base64
import importlib
import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gentutor import data, nets, weights

LINEAR = """
'''A line through three points.

More about it.
'''
import torch
DATA = "three points, y = 2x + 1"
RECIPE = {"solver": "least squares"}
BITS = 32

def build():
    x, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 5.0])
    slope, bias = torch.linalg.lstsq(torch.stack([x, torch.ones(3)], 1), y[:, None]).solution[:, 0]
    return {"weight": slope.reshape(1, 1), "bias": bias.reshape(1)}

def measure(tensors):
    return {"value_at_3": round((3 * tensors["weight"] + tensors["bias"]).item(), 4)}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "_weights")
    return tmp_path / "_weights"


@pytest.fixture
def net():
    return nets.mlp([20, 50, 30], torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", weights.names())
def test_packaged_models_are_as_good_as_their_cards_say(name):
    card = weights.card(name)
    assert card["bytes"] <= weights.LIMIT and card["command"].endswith(f"rebuild {name}") and name in weights.recipes()
    recipe = importlib.import_module(f"gentutor._recipes.{name}")
    assert (recipe.DATA, recipe.RECIPE) == (card["data"], card["recipe"]), "the recipe changed since: rebuild it"
    quick = hasattr(recipe, "quick")
    measured, expected = (recipe.quick if quick else recipe.measure)(weights.load(name)), card["quick" if quick else "quality"]
    assert measured.keys() == expected.keys()
    for quality, value in measured.items():
        assert value == pytest.approx(expected[quality], rel=1e-3, abs=1e-6), quality


def test_recipes_are_whole():
    assert set(weights.names()) <= set(weights.recipes())
    for name in weights.recipes():
        recipe = importlib.import_module(f"gentutor._recipes.{name}")
        assert recipe.__doc__ and recipe.DATA and json.dumps(recipe.RECIPE) and callable(recipe.build) and callable(recipe.measure)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_round_trip(bits, net, folder):
    card = weights.save("small", net.state_dict(), {"what": "A small net.", "quality": {"x": 1.0}}, bits=bits)
    assert card == weights.card("small") == json.loads((folder / "small.json").read_text())
    assert card["bits"] == bits and card["bytes"] == (folder / "small.safetensors").stat().st_size
    again, expected = weights.load("small"), weights.rounded(net.state_dict(), bits)
    assert again.keys() == expected.keys() and weights.names() == ["small"]
    for key, value in net.state_dict().items():
        assert again[key].dtype == torch.float32 and torch.equal(again[key], expected[key])
        step = {8: value.abs().max() / 254 * 1.001, 16: value.abs().max() * 2**-11, 32: 0}[bits]
        assert (again[key] - value).abs().max() <= step
    net.load_state_dict(again)
    first = (folder / "small.safetensors").read_bytes()
    weights.save("small", net.state_dict(), {}, bits=bits)
    if bits != 8:  # rounding what is rounded changes nothing
        assert (folder / "small.safetensors").read_bytes() == first


def test_8_bits_keep_each_rows_scale():
    w = torch.tensor([[1e-6, -2e-6], [100.0, 50.0], [0.0, 0.0]])
    got = weights.rounded({"w": w, "b": torch.tensor([0.1])}, 8)
    assert (got["w"] - w).abs()[0].max() < 1e-8 and (got["w"] - w).abs()[1].max() < 0.4 and not got["w"][2].any()
    assert torch.equal(got["b"], torch.tensor([0.1]).half().float())


def test_a_changed_byte_is_found(net, folder):
    weights.save("small", net.state_dict(), {})
    path = folder / "small.safetensors"
    sound = path.read_bytes()
    for place in (0, 9, 100, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(data.DataError, match=r"small.safetensors: the file is damaged: expected SHA-256 \w{64}, got \w{64}. To repair"):
            weights.load("small")
    path.unlink()
    with pytest.raises(data.DataError, match="small.safetensors: expected a file of gentutor, got No such file"):
        weights.load("small")


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["GENTUTOR_TEST_BOMB"],)


def test_loading_never_unpickles(net, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GENTUTOR_TEST_BOMB", str(tmp_path / "exploded"))
    weights.save("small", net.state_dict(), {})
    (folder / "small.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(data.DataError):
        weights.load("small")
    assert not (tmp_path / "exploded").exists()
    for path in Path(weights.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "torch.load(" not in text.replace("safetensors.torch.load(", "") and "import pickle" not in text, path.name


def test_nothing_is_written_unless_all_is_well(folder, net):
    big = {"w": torch.zeros(1000, 501)}
    for tensors, options, words in [
        (big, {}, "small: expected at most 1000000 bytes, got 10020.. at 16 bits"),
        ({"w": torch.tensor([1.0, float("nan")])}, {}, "w: expected finite numbers, got 1 that are not"),
        ({"w": torch.tensor([7e4])}, {}, "w: expected numbers within ±65504, got 70000"),
        (net.state_dict(), {"bits": 4}, "bits: expected 8, 16 or 32, got 4"),
    ]:
        with pytest.raises(ValueError, match=words):
            weights.save("small", tensors, {}, **options)
    with pytest.raises(ValueError, match="name: expected letters, digits and underscores, got '../x'"):
        weights.save("../x", net.state_dict(), {})
    with pytest.raises(ValueError):
        weights.save("small", net.state_dict(), {"quality": {"nll_nats": float("nan")}})
    assert not folder.exists() and weights.names() == []
    assert weights.save("small", big, {}, bits=8)["bytes"] < 520_000
    with pytest.raises(ValueError, match=r"expected one of the packaged models \(small\), got 'smal'"):
        weights.load("smal")


def test_page_weights_are_the_rounded_ones(net):
    page = json.loads(json.dumps(weights.for_page(net.state_dict())))
    for key, value in weights.rounded(net.state_dict()).items():
        raw = base64.b64decode(page[key]["f16"])
        numbers = struct.unpack(f"<{len(raw) // 2}e", raw)  # IEEE half precision, little-endian, as the page reads it
        assert page[key]["shape"] == list(value.shape) and list(numbers) == value.flatten().tolist()
    rows = weights.for_page({"w": torch.arange(6.0).reshape(2, 3).T})
    assert struct.unpack("<6e", base64.b64decode(rows["w"]["f16"])) == (0, 3, 1, 4, 2, 5), "row after row"
    with pytest.raises(ValueError, match="for_page: expected at most 350000 bytes of weights, got 400000"):
        weights.for_page({"w": torch.zeros(200_000)})


def test_rebuild_by_a_recipe(folder, monkeypatch, capsys, tmp_path):
    recipe = tmp_path / "three_points.py"
    recipe.write_text(LINEAR)
    spec = importlib.util.spec_from_file_location("gentutor._recipes.three_points", recipe)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "gentutor._recipes.three_points", module)
    monkeypatch.setattr(weights, "recipes", lambda: ["three_points"])
    weights.main(["list"])
    assert capsys.readouterr().out == "three_points: not built yet\n"
    weights.main(["rebuild", "three_points"])
    card = json.loads(capsys.readouterr().out)
    assert card == weights.card("three_points")
    assert card["what"] == "A line through three points." and card["quality"] == {"value_at_3": 7.0} and card["bits"] == 32
    assert card["command"] == "python -m gentutor.weights rebuild three_points" and card["data"] == module.DATA and card["recipe"] == module.RECIPE
    module.quick = lambda tensors: {"slope": round(tensors["weight"].item(), 4)}
    assert weights.rebuild("three_points")["quick"] == {"slope": 2.0} and "quick" not in card
    assert abs(weights.load("three_points")["weight"].item() - 2) < 1e-5
    weights.main(["list"])
    assert "three_points: A line through three points. 0 KB, {'value_at_3': 7.0}" in capsys.readouterr().out


def test_the_command_line_names_what_there_is():
    done = subprocess.run([sys.executable, "-m", "gentutor.weights", "rebuild", "no_such"], capture_output=True, text=True)
    assert done.returncode == 2 and "expected one of the models that have a recipe (" in done.stderr and "Traceback" not in done.stderr
