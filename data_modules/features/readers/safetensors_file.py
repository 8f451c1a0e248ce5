"""Safetensors: a length, a header in JSON, then the values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_modules.features.readers.opened import (
    Array,
    Entry,
    Opened,
    Unreadable,
    nothing_missing,
)

DTYPES = {
    "BOOL": "|b1", "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2",
    "I8": "|i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "C64": "<c8",
}  # fmt: skip
# The format's own limit.
LONGEST_HEADER = 100_000_000


@contextmanager
def open_safetensors(path: Path) -> Iterator[Opened]:
    """Reads the header; values lie uncompressed, so that they are read where they lie.

    Raises:
        Unreadable: The header promises what the file does not hold.
    """
    header, start = _header(path)
    described = header.pop("__metadata__", {})
    values = path.stat().st_size - start
    entries = {name: _entry(name, entry, start, values) for name, entry in header.items()}
    halves = {name for name, entry in entries.items() if entry.dtype == "bfloat16"}

    def load(name: str) -> Array:
        entry = entries[name]
        dtype = "<u2" if name in halves else entry.dtype
        found = np.fromfile(
            path,
            dtype=dtype,
            count=math.prod(entry.shape),
            offset=start + header[name]["data_offsets"][0],
        )
        return (widened(found) if name in halves else found).reshape(entry.shape)

    yield Opened("safetensors", entries, dict(described), load, nothing_missing)


def widened(halves: Array) -> Array:
    """The bits of bfloat16 numbers as float32, exactly.

    Example:
        >>> widened(np.array([0x3F80, 0xC000], dtype=np.uint16)).tolist()
        [1.0, -2.0]
    """
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _header(path: Path) -> tuple[dict[str, Any], int]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, LONGEST_HEADER):
            raise Unreadable(f"the header claims {length} bytes, the file has {size}")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise Unreadable("the header is no mapping of names to arrays")
    return header, 8 + length


def _entry(name: str, described: Mapping[str, Any], start: int, available: int) -> Entry:
    kind, shape = described["dtype"], tuple(described["shape"])
    begin, end = described["data_offsets"]
    if kind not in DTYPES:
        return Entry(shape, str(kind), None, {})
    whole = all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end))
    if not whole or end > available:
        raise Unreadable(
            f"{name} claims bytes {begin} to {end} of {available}: the file is cut short or broken"
        )
    if math.prod(shape) * np.dtype(DTYPES[kind]).itemsize != end - begin:
        raise Unreadable(f"{name} claims shape {shape} of {kind} in {end - begin} bytes")
    if kind == "BF16":
        return Entry(shape, "bfloat16", None, {})
    native = np.dtype(DTYPES[kind]).isnative
    return Entry(shape, DTYPES[kind], start + begin if native else None, {})
