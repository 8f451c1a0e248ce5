"""From a path to raw arrays: the ending picks the format, keys and attributes the layout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from data_modules.features.readers import clam, own, plain, stamp, tiatoolbox, trident
from data_modules.features.readers.h5_file import load_h5, open_h5
from data_modules.features.readers.opened import Array, Meaning, Opened, Unreadable
from data_modules.features.readers.pt_file import open_pt
from data_modules.features.readers.safetensors_file import open_safetensors
from data_modules.features.readers.zarr_folder import open_zarr

FORMATS: dict[str, Callable[[Path], AbstractContextManager[Opened]]] = {
    ".h5": open_h5,
    ".hdf5": open_h5,
    ".zarr": open_zarr,
    ".safetensors": open_safetensors,
    ".pt": open_pt,
    ".pth": open_pt,
}
# In this order: the ones that say who wrote them stand before those that anybody may have written.
LAYOUTS = (own.recognise, trident.recognise, stamp.recognise, tiatoolbox.recognise,
           clam.recognise, plain.recognise)  # fmt: skip
KNOWN = (
    "features and coords (TRIDENT, CLAM), feats and coords (STAMP), features and coordinates "
    "(tiatoolbox), features alone, or one bare tensor"
)


class Place(NamedTuple):
    """Where an array lies in its file.

    Attributes:
        key: Its name there.
        offset: Byte of its first value; None where it is chunked, compressed or pickled.
        shape: Of the array, without a leading 1.
        dtype: NumPy's name of the loaded type.
    """

    key: str
    offset: int | None
    shape: tuple[int, ...]
    dtype: str


class Raw(NamedTuple):
    """A file, read.

    Attributes:
        layout: Whose, and in which format.
        meaning: Of its arrays.
        features: (n, d).
        coords: (n, 2) in the file's own unit; None where there are none, or where they are wrong.
        places: Of the features and, if any, the coordinates.
        coords_problem: What is wrong with the coordinates; "" where nothing is.
        vector: Whether the features are of a whole slide.
    """

    layout: str
    meaning: Meaning
    features: Array
    coords: Array | None
    places: tuple[Place, Place | None]
    coords_problem: str
    vector: bool


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[Opened]:
    """Opens a feature file of any format.

    Raises:
        Unreadable: It cannot be read, whatever the reason.
    """
    kind = FORMATS[path.suffix.lower()]
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(kind(path))


def load_array(path: Path, name: str) -> Array:
    """One array of a file that was checked before."""
    if FORMATS[path.suffix.lower()] is open_h5:
        return load_h5(path, name)
    with open_file(path) as opened:
        return opened.load(name)


def read_raw(path: Path) -> Raw:
    """Reads a file through.

    Raises:
        Unreadable: No bag can be read from it.
    """
    if not path.exists():
        raise Unreadable("the file does not exist")
    try:
        with open_file(path) as opened:
            return _read(opened)
    except Unreadable:
        raise
    # Broken bytes make the libraries fail in every way there is.
    except Exception as error:
        kind = {".h5": "HDF5", ".hdf5": "HDF5"}.get(path.suffix.lower(), path.suffix[1:])
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(
            f"cannot be read as {kind}: {reason}; copy it again or extract the slide again"
        ) from error


def _read(opened: Opened) -> Raw:
    meaning = next((found for known in LAYOUTS if (found := known(opened)) is not None), None)
    if meaning is None:
        raise Unreadable(
            f"is of no known layout: it holds {sorted(opened.entries)}; known are {KNOWN}"
        )
    name = meaning.features
    entry = opened.entries[name]
    _check_floats(name, entry.dtype)
    shape = _bag_shape(name, entry.shape)
    _check_whole(opened, name)
    features = opened.load(name).reshape(shape)
    # Coordinates beside the vector of a whole slide are those of patches that are not here.
    vector = len(entry.shape) == 1 or (meaning.coords is None and shape[0] == 1)
    problem, coords, where = "", None, None
    if meaning.coords is not None and not vector:
        problem, coords, offset = _coords(opened, meaning, len(features))
        if coords is not None:
            where = Place(meaning.coords, offset, coords.shape, coords.dtype.str)
            coords = coords[:, :2]
    place = Place(name, entry.offset, shape, features.dtype.str)
    layout = meaning.layout if meaning.layout == opened.kind else f"{meaning.layout} {opened.kind}"
    return Raw(layout, meaning, features, coords, (place, where), problem, vector)


def _check_floats(name: str, dtype: str) -> None:
    if dtype == "no array":
        raise Unreadable(f"{name} is no array")
    if dtype != "bfloat16" and dtype[1:] not in ("f2", "f4", "f8"):
        raise Unreadable(f"{name} must be floats, found {dtype}")


def _bag_shape(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if 0 in shape:
        raise Unreadable("the slide is empty: it has no patches")
    match shape:
        case (width,):
            return 1, width
        case (n, width) | (1, n, width):
            return n, width
    raise Unreadable(f"{name} must be (patches, width), found shape {shape}")


def _check_whole(opened: Opened, name: str) -> None:
    if missing := opened.missing(name):
        raise Unreadable(
            f"{missing} of {name} were never written, or are lost: extract the slide again"
        )


def _coords(opened: Opened, meaning: Meaning, n: int) -> tuple[str, Array | None, int | None]:
    """What is wrong with them, the values, and where they begin."""
    name = str(meaning.coords)
    entry = opened.entries[name]
    shape = entry.shape[1:] if len(entry.shape) == 3 and entry.shape[0] == 1 else entry.shape
    columns = 4 if meaning.layout == "tiatoolbox" else 2
    if entry.dtype == "no array":
        return f"{name} is no array", None, None
    if entry.dtype[1:2] not in ("f", "i", "u"):
        return f"{name} must be level-0 pixels, found {entry.dtype}", None, None
    if shape != (n, columns):
        wanted = f"{name} must be ({n}, {columns}) as the features"
        return f"{wanted}, found shape {entry.shape}", None, None
    _check_whole(opened, name)
    return "", opened.load(name).reshape(shape), entry.offset
