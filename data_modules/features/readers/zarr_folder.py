"""Zarr groups, as tiatoolbox writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_modules.features.readers.h5_file import plain
from data_modules.features.readers.opened import Array, Entry, Opened, Unreadable

# Codecs that only move bytes. Others are refused: version 2 knows one that unpickles.
CODECS = {
    "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "gzip", "lz4", "lzma", "sharding_indexed",
    "shuffle", "transpose", "zlib", "zstd",
}  # fmt: skip


@contextmanager
def open_zarr(path: Path) -> Iterator[Opened]:
    """Opens the arrays of a group, of version 2 or 3 of the format.

    Raises:
        Unreadable: zarr is not installed, or an array needs a codec that could run code.
    """
    try:
        import zarr
    except ImportError:
        raise Unreadable(
            'zarr is not installed: pip install "mmsurv[wsi]" (or zarr>=3), or convert the folder '
            "where it is: python -m experiments.prepare convert"
        ) from None
    group = zarr.open_group(str(path), mode="r")
    arrays = dict(group.arrays())
    for name, array in arrays.items():
        unknown = sorted(set(_codecs(array.metadata.to_dict())) - CODECS)
        if unknown:
            raise Unreadable(f"{name} needs the codec {', '.join(unknown)}, which is not trusted")

    def load(name: str) -> Array:
        values = np.asarray(arrays[name][...])
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def missing(name: str) -> str:
        array = arrays[name]
        absent = array.nchunks - array.nchunks_initialized
        return f"{absent} of {array.nchunks} chunks" if absent > 0 else ""

    entries = {
        name: Entry(tuple(array.shape), array.dtype.str, None, plain(dict(array.attrs)))
        for name, array in arrays.items()
    }
    yield Opened("zarr", entries, plain(dict(group.attrs)), load, missing)


def _codecs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of all codecs of an array, also of those inside shards."""
    for key in ("codecs", "index_codecs", "filters", "compressor"):
        yield from _names(metadata.get(key) or ())


def _names(found: Any) -> Iterator[str]:
    if isinstance(found, Mapping) or not isinstance(found, Iterable):
        found = (found,)
    for codec in found:
        described = codec if isinstance(codec, Mapping) else _described(codec)
        yield str(described.get("name", described.get("id", "without a name")))
        yield from _codecs(described.get("configuration") or {})


def _described(codec: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = codec.to_dict() if hasattr(codec, "to_dict") else codec.get_config()
    return found
