"""HDF5 files: TRIDENT, CLAM, STAMP and our own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from data_modules.features.readers.h5_guard import check_heaps, is_safe
from data_modules.features.readers.opened import Array, Entry, Opened


@contextmanager
def open_h5(path: Path) -> Iterator[Opened]:
    """Opens the datasets at the root of a file."""
    check_heaps(path)
    with h5py.File(path, "r") as file:
        found = {name: file.get(name) for name in file}

        def load(name: str) -> Array:
            return _values(found[name])

        entries = {name: _entry(item) for name, item in found.items() if item is not None}
        yield Opened(
            "h5", entries, _attributes(file.attrs), load, lambda name: _never_written(found[name])
        )


def load_h5(path: Path, name: str) -> Array:
    """One array of a file that was checked before, in native byte order."""
    with h5py.File(path, "r") as file:
        return _values(file[name])


def _values(item: h5py.Dataset) -> Array:
    values: Array = item[()]
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _entry(item: h5py.Dataset | h5py.Group | h5py.Datatype) -> Entry:
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return Entry((), "no array", None, {})
    flat = item.dtype.isnative and item.chunks is None and item.compression is None
    offset = item.id.get_offset() if flat else None
    return Entry(tuple(item.shape), item.dtype.str, offset, _attributes(item.attrs))


def _attributes(found: h5py.AttributeManager) -> dict[str, object]:
    return plain({name: found[name] for name in found if is_safe(found.get_id(name))})


def _never_written(item: h5py.Dataset) -> str:
    """HDF5 reads what was never written as zeros, without a word."""
    if item.is_virtual or math.prod(item.shape) == 0:
        return ""
    if item.chunks is not None:
        pairs = zip(item.shape, item.chunks, strict=True)
        expected = math.prod(-(-length // chunk) for length, chunk in pairs)
        written = item.id.get_num_chunks()
        return f"{expected - written} of {expected} chunks" if written < expected else ""
    return "" if item.id.get_storage_size() else "all values"


def plain(attributes: Mapping[str, object]) -> dict[str, object]:
    """Attributes as text and numbers.

    Example:
        >>> plain({"encoder": b"uni", "mpp": np.float32(0.25), "size": np.array([256])})
        {'encoder': 'uni', 'mpp': 0.25, 'size': 256}
    """
    return {str(name): _plain(value) for name, value in attributes.items()}


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, int | float | str) else str(value)
