"""Files that are whole or absent, and trees of tensors in one of them. Reached through `train` and `weights`.

A tree is what `state_dict()` gives: dicts, lists, tuples, None, bool, int, float, str and tensors. It is stored as
safetensors; the shape of the tree and a SHA-256 of every other byte stand in the header. Reading parses JSON and copies
numbers: nothing in a file is ever executed.
"""

import contextlib
import hashlib
import json
import time
from pathlib import Path

import safetensors.torch
import torch

from ._idx import DataError, write_whole

BLANK = b"0" * 64  # where the digest goes


def save_tree(path, tree):
    """Save `tree` so that `path` holds all of it or is what it was, also after kill -9 or on a full disk (OSError).

    What a killed process left beside the path is removed once it is ten minutes old.
    """
    path, data = Path(path), pack(tree)
    for stale in path.parent.glob(f".{path.name}." + "[0-9a-f]" * 32):
        with contextlib.suppress(OSError):  # another process may have been quicker
            if time.time() - stale.stat().st_mtime > 600:
                stale.unlink()
    write_whole(path, data)


def load_tree(path):
    """The tree that `save_tree` stored, on the CPU. DataError, naming the file, when a single byte differs."""
    return unpack(Path(path).read_bytes(), str(path))


def pack(tree):
    """Bytes of a safetensors file that holds `tree`. ValueError names an entry that is of another kind."""
    tensors = {}

    def shape(x, at):
        if isinstance(x, torch.Tensor):
            tensors[at] = x.detach().cpu().clone(memory_format=torch.contiguous_format)
            return {"tensor": at}
        if isinstance(x, dict):
            return {"dict": [[key, shape(value, f"{at}/{key}")] for key, value in x.items()]}
        if isinstance(x, (list, tuple)):
            return {type(x).__name__: [shape(value, f"{at}/{i}") for i, value in enumerate(x)]}
        if x is None or isinstance(x, (bool, int, float, str)):
            return x
        raise ValueError(f"{at}: expected a tensor, number, string, None, list, tuple or dict, got {type(x).__name__}")

    note = json.dumps({"sha256": BLANK.decode(), "tree": shape(tree, "")})
    data = safetensors.torch.save(tensors, {"gentutor": note})
    return data.replace(BLANK, hashlib.sha256(data).hexdigest().encode(), 1)


def unpack(data, name="the file"):
    """The tree in the bytes that `pack` made, on the CPU. DataError, naming the file, when a single byte differs."""
    try:
        length = int.from_bytes(data[:8], "little")
        note = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["gentutor"])
        digest, tree = note["sha256"].encode(), note["tree"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{name}: expected a file that gentutor saved, got {len(data)} bytes that are none") from error
    found = hashlib.sha256(data.replace(digest, BLANK, 1)).hexdigest()
    if found != digest.decode():
        raise DataError(f"{name}: expected SHA-256 {digest.decode()}, got {found}: the file is damaged")
    tensors = safetensors.torch.load(data)

    def build(x):
        if not isinstance(x, dict):
            return x
        ((kind, value),) = x.items()
        if kind == "tensor":
            return tensors[value]
        if kind == "dict":
            return {key: build(entry) for key, entry in value}
        return {"list": list, "tuple": tuple}[kind](build(entry) for entry in value)

    return build(tree)
