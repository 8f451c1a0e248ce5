"""A feature file that is open, whatever its format: named arrays, attributes, and how to load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from data_modules.features.provenance import Provenance

Array = np.ndarray

# What coordinates count: level-0 px; µm; px of a level that the file does not name.
Unit = Literal["level0", "um", "unknown"]

# Key of an array that has no name, as a bare tensor.
BARE = "(a bare array)"


class Unreadable(ValueError):  # noqa: N818 - it says what the file is
    """A file that no bag can be read from; the message says why and what to do."""


class Entry(NamedTuple):
    """An array of a file, before it is loaded.

    Attributes:
        shape: As stored.
        dtype: NumPy's name, or what it is instead of an array.
        offset: Byte where its values begin, in native order and uncompressed; None where they do
            not lie so.
        attributes: Of the array.
    """

    shape: tuple[int, ...]
    dtype: str
    offset: int | None
    attributes: Mapping[str, object]


class Opened(NamedTuple):
    """An open file.

    Attributes:
        kind: Name of the format, for messages.
        entries: Arrays by name.
        attributes: Of the file.
        load: The values of an array, in native byte order.
        missing: Why not all values of an array are in the file; "" where they are.
    """

    kind: str
    entries: Mapping[str, Entry]
    attributes: Mapping[str, object]
    load: Callable[[str], Array]
    missing: Callable[[str], str]


class Meaning(NamedTuple):
    """What the arrays of a file mean.

    Attributes:
        layout: Whose way of writing.
        features: Key of the features.
        coords: Key of the coordinates; None where there are none.
        unit: Of the coordinates.
        factor: Coordinates times this are in the unit.
        provenance: What the file says of its making.
    """

    layout: str
    features: str
    coords: str | None
    unit: Unit
    factor: float
    provenance: Provenance


def nothing_missing(name: str) -> str:
    """For formats that cannot be opened unless they are whole."""
    return ""
