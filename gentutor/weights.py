"""Trained models that the package brings, and how each was made.

    net.load_state_dict(weights.load("vae_mnist"))     # verified, float32, nothing unpickled
    weights.card("vae_mnist")["quality"]

    python -m gentutor.weights list
    python -m gentutor.weights rebuild vae_mnist       # trains it again and replaces both files

A model is `_weights/NAME.safetensors`, at most 1 MB, beside `_weights/NAME.json`, its card. How it is made stands in
`_recipes/NAME.py`, which may use any module of the package:

    a docstring         its first line says what the model is
    DATA, RECIPE        a sentence; a dict of what decides the result (widths, steps, rates, seed)
    BITS                optional: 8, 16 (the default) or 32 bits a weight in the file
    build()             train, and return the state dict
    measure(tensors)    {quality: number} of a state dict; the card's numbers are those of the stored, rounded weights
    quick(tensors)      optional, when measure takes longer than some seconds: the same on less data, for the tests
"""

import argparse
import base64
import hashlib
import importlib
import json
import time
from pathlib import Path

import safetensors.torch
import torch

from ._idx import REPAIR, DataError, write_whole

__all__ = ["card", "for_page", "load", "names", "rebuild", "recipes", "rounded", "save"]

FOLDER = Path(__file__).parent / "_weights"
LIMIT = 1_000_000  # bytes of a file
PAGE_LIMIT = 350_000  # bytes of an explorable's weights, as fp16
SCALE = ":scale"  # what the name of a row scale ends in


def names():
    """Names of the packaged models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def recipes():
    """Names of the models that `rebuild` can make, sorted."""
    return sorted(path.stem for path in (Path(__file__).parent / "_recipes").glob("[!_]*.py"))


def card(name):
    """How a packaged model was made: what, data, recipe, command, seconds, quality (and quick), bits, bytes, sha256, torch."""
    _known(name, names(), "packaged models")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def load(name, device="cpu"):
    """State dict of a packaged model, float32, on `device`. DataError unless the file's SHA-256 is that of the card."""
    expected, path = card(name)["sha256"], FOLDER / f"{name}.safetensors"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file of gentutor, got {error.strerror}. {REPAIR}") from None
    got = hashlib.sha256(data).hexdigest()
    if got != expected:
        raise DataError(f"{path}: the file is damaged: expected SHA-256 {expected}, got {got}. {REPAIR}")
    return {key: value.to(device) for key, value in _decode(safetensors.torch.load(data)).items()}


def save(name, tensors, facts, *, bits=16):
    """Package a state dict with its card `facts` (a dict for JSON) and return the card; `rebuild` calls this.

    ValueError, and nothing is written, when a number is not finite or does not fit, or the file would pass 1 MB.
    """
    if not name.isidentifier():
        raise ValueError(f"name: expected letters, digits and underscores, got {name!r}")
    data = safetensors.torch.save(_encode(tensors, bits))
    if len(data) > LIMIT:
        raise ValueError(f"{name}: expected at most {LIMIT} bytes, got {len(data)} at {bits} bits a weight")
    whole = {**facts, "bits": bits, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "torch": torch.__version__}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(FOLDER / f"{name}.safetensors", data)
    write_whole(FOLDER / f"{name}.json", text.encode())
    return whole


def rebuild(name):
    """Train a model by its recipe, package it, and return its card. ValueError on a name without a recipe."""
    _known(name, recipes(), "models that have a recipe")
    recipe = importlib.import_module(f"gentutor._recipes.{name}")
    bits, start = getattr(recipe, "BITS", 16), time.perf_counter()
    tensors = recipe.build()
    facts = {
        "what": recipe.__doc__.strip().splitlines()[0], "data": recipe.DATA, "recipe": recipe.RECIPE,
        "command": f"python -m gentutor.weights rebuild {name}", "seconds": round(time.perf_counter() - start, 1),
        "quality": recipe.measure(rounded(tensors, bits)),
    }  # fmt: skip
    if hasattr(recipe, "quick"):
        facts["quick"] = recipe.quick(rounded(tensors, bits))
    return save(name, tensors, facts, bits=bits)


def rounded(tensors, bits=16):
    """The state dict, float32, as it comes back from a file (or a page) with so many bits a weight."""
    return _decode(_encode(tensors, bits))


def for_page(tensors):
    """A state dict for an explorable, ready for JSON: {name: {"shape": […], "f16": base64 of little-endian halves}}.

    The browser computes with exactly `rounded(tensors)`, so compare its outputs with torch on those. ValueError above
    350 KB of halves, or when a number is not finite or beyond ±65 504.
    """
    halves = {key: value.contiguous().numpy().astype("<f2") for key, value in rounded(tensors).items()}
    size = sum(value.nbytes for value in halves.values())
    if size > PAGE_LIMIT:
        raise ValueError(f"for_page: expected at most {PAGE_LIMIT} bytes of weights, got {size}")
    return {key: {"shape": list(value.shape), "f16": base64.b64encode(value.tobytes()).decode()} for key, value in halves.items()}


def _known(name, known, what):
    if name not in known:
        raise ValueError(f"name: expected one of the {what} ({', '.join(known) or 'there is none yet'}), got {name!r}")


def _encode(tensors, bits):
    """As stored. At 8 bits a matrix becomes integers -127…127 with one float32 scale a row, and a vector stays at 16."""
    if bits not in (8, 16, 32):
        raise ValueError(f"bits: expected 8, 16 or 32, got {bits!r}")
    stored = {}
    for key, value in tensors.items():
        value = value.detach().cpu().float()
        if not value.isfinite().all():
            raise ValueError(f"{key}: expected finite numbers, got {int((~value.isfinite()).sum())} that are not")
        if bits == 8 and value.ndim >= 2:
            scale = value.abs().amax(tuple(range(1, value.ndim)), keepdim=True).clamp(min=1e-30) / 127
            stored[key], stored[key + SCALE] = (value / scale).round().to(torch.int8), scale
            continue
        stored[key] = value.clone() if bits == 32 else value.half()
        if not stored[key].isfinite().all():
            raise ValueError(f"{key}: expected numbers within ±65504, got {value.abs().max().item():g}")
    return {key: value.contiguous() for key, value in stored.items()}


def _decode(stored):
    return {key: value.float() * stored[key + SCALE] if key + SCALE in stored else value.float()
            for key, value in stored.items() if not key.endswith(SCALE)}  # fmt: skip


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m gentutor.weights", description="The packaged models of the book.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what is packaged, and how good it is")
    commands.add_parser("rebuild", help="train a model again and replace its files").add_argument("name")
    given = parser.parse_args(arguments)
    if given.command == "rebuild":
        try:
            print(json.dumps(rebuild(given.name), indent=2, ensure_ascii=False))
        except ValueError as error:
            parser.error(str(error))
        return
    for name in names():
        facts = card(name)
        print(f"{name}: {facts['what']} {facts['bytes'] / 1000:.0f} KB, {facts['quality']}")
    missing = sorted(set(recipes()) - set(names()))
    print("\n".join(f"{name}: not built yet" for name in missing) if names() or missing else "No model is packaged yet.")


if __name__ == "__main__":
    main()
