"""IDX files: the parser, and files that are verified before anything uses them. Reached through `gentutor.data`.

Left out: resuming a partial download (a file arrives in memory, is verified, and reaches its final path whole or not
at all), and a lock between processes (each downloads for itself; the last `os.replace` wins, with the same bytes).
"""

import contextlib
import gzip
import hashlib
import io
import lzma
import math
import os
import time
import uuid
import warnings
import zlib
from pathlib import Path

import numpy as np

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
TIMEOUT_S = 30  # for the connection, and between two pieces of an answer


class DataError(RuntimeError):
    """Data that is not what it should be, or cannot be had. One line: which file, what was expected, what came."""


def idx(data):
    """Array held by the bytes of an (uncompressed) IDX file, in its own shape and in native byte order.

    The format: two zero bytes, a type code, the number of axes, each axis as a big-endian uint32, then the
    numbers, big-endian, last axis fastest. ValueError on a bad magic number, a truncated or an over-long body.
    Source: yann.lecun.com/exdb/mnist, "The IDX file format".
    """
    data = memoryview(data)
    magic = bytes(data[:4])
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES:
        codes = ", ".join(f"{code:02x}" for code in IDX_DTYPES)
        raise ValueError(f"idx: expected a magic number 00 00 [{codes}] axes, got {magic.hex(' ') or 'no bytes'}")
    dtype, axes = np.dtype(IDX_DTYPES[magic[2]]), magic[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise ValueError(f"idx: expected a header of {start} bytes for {axes} axes, got {len(data)} bytes in all")
    shape = tuple(int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4))
    body = math.prod(shape) * dtype.itemsize
    if len(data) - start != body:
        kind = "truncated" if len(data) - start < body else "over-long"
        raise ValueError(f"idx: expected {body} bytes for shape {shape} of {dtype}, got {len(data) - start}: {kind}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def unpack(data):
    """Bytes of a .xz or .gz file, or the bytes themselves when they are neither (told by their first bytes)."""
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.decompress(data)
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


UNPACK_ERRORS = (lzma.LZMAError, EOFError, OSError, zlib.error)  # of unpack, on a damaged file


def digest_of(data, like):
    """Hash of `data` in the form of `like`, "sha256:<hex>", "md5:<hex>" or a bare SHA-256."""
    algorithm, colon, _ = like.rpartition(":")
    try:
        return algorithm + colon + hashlib.new(algorithm or "sha256", data).hexdigest()
    except ValueError:
        raise ValueError(f"digest: expected sha256:<hex>, md5:<hex> or a bare SHA-256, got {like!r}") from None


def packaged(path, digest):
    """Uncompressed bytes of a packaged .xz file, verified: `digest` is the SHA-256 of what it holds.

    DataError, naming the file, the expected and the found hash and the repair, when a byte is wrong or missing.
    """
    try:
        packed = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file of gentutor, got {error.strerror}. {REPAIR}") from None
    try:
        data = unpack(packed)
        got = digest_of(data, digest)
    except UNPACK_ERRORS as error:
        got = f"packed bytes of {digest_of(packed, 'sha256:')} that do not unpack ({error})"
    if got != digest:
        raise DataError(f"{path}: the file is damaged: expected SHA-256 {digest}, got {got}. {REPAIR}")
    return data


REPAIR = "To repair it: pip install --force-reinstall --no-deps gentutor"


def fetch(name, digest, mirrors, *, folder=None, cache=None, attempts=3, pause_s=0.5):
    """Bytes of the file `name`, as published, whose hash is `digest` ("sha256:…", "md5:…" or a bare SHA-256).

    folder: where the file lies already; then nothing is downloaded. Default: the environment variable GENTUTOR_DATA.
    mirrors: addresses of folders, tried in order; the whole list `attempts` times, after waits of pause_s,
        2 pause_s, … A mirror that answers 4xx is not asked again.
    cache: where a verified file is kept, as "<start of its hash>-<name>" since several sets use the same names
        (default: the user's cache folder, by pooch). A file there that does not verify is fetched anew.
        Where the cache cannot be written the bytes stay in memory, with a warning.
    Raises DataError of one line that names all that was tried.
    """
    if Path(name).name != name or not name:
        raise ValueError(f"name: expected a plain file name, got {name!r}")
    if attempts < 1:
        raise ValueError(f"attempts: expected at least 1, got {attempts}")
    digest = digest.lower()
    digest_of(b"", digest)  # an unknown form is an error before anything is fetched
    folder = folder or os.environ.get("GENTUTOR_DATA")
    if folder:
        return _from_folder(Path(folder) / name, digest)
    if not mirrors:
        raise ValueError("mirrors: expected at least one address, got none")
    import pooch

    path = Path(cache or pooch.os_cache("gentutor")) / f"{digest.rpartition(':')[2][:12]}-{name}"
    with contextlib.suppress(OSError):
        data = path.read_bytes()
        if digest_of(data, digest) == digest:
            return data
    data = _download(name, digest, mirrors, attempts, pause_s)
    try:
        write_whole(path, data)
    except OSError as error:
        warnings.warn(f"{name}: kept in memory only, {path.parent} cannot be written ({error.strerror})", stacklevel=2)
    return data


def _from_folder(path, digest):
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name}: tried only the local folder {path.parent}: {error.strerror}") from None
    got = digest_of(data, digest)
    if got != digest:
        raise DataError(f"{path.name}: tried only the local folder {path.parent}: expected hash {digest}, got {got}")
    return data


def _download(name, digest, mirrors, attempts, pause_s):
    """Verified bytes from the first mirror that has them."""
    from pooch import HTTPDownloader
    from requests import RequestException

    # As stored: a .gz must not be unpacked on the way.
    get = HTTPDownloader(chunk_size=2**16, timeout=TIMEOUT_S, headers={"Accept-Encoding": "identity"})
    tried = {f"{mirror.rstrip('/')}/{name}": "" for mirror in mirrors}
    open_urls = list(tried)
    for attempt in range(attempts):
        if attempt and open_urls:
            time.sleep(pause_s * 2 ** (attempt - 1))
        for url in tuple(open_urls):
            buffer = io.BytesIO()
            try:
                get(url, buffer, None)
            except (RequestException, OSError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                tried[url] = f"HTTP {status}" if status else type(error).__name__
                if status and 400 <= status < 500:
                    open_urls.remove(url)
                continue
            got = digest_of(buffer.getvalue(), digest)
            if got == digest:
                return buffer.getvalue()
            tried[url] = f"expected hash {digest}, got {got} in {buffer.tell()} bytes"
    reasons = "; ".join(f"{url} ({reason})" for url, reason in tried.items())
    raise DataError(f"{name}: no verified copy after {attempts} rounds of {reasons}. "
                    "Put the file in a folder and give folder= or set GENTUTOR_DATA")  # fmt: skip


def write_whole(path, data):
    """Write `data` so that `path` holds all of it or is left as it was: temporary file beside it, fsync, os.replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
