"""What the HDF5 library must not be shown, because it crashes or never returns.

Texts in attributes lie in global heaps. Where bits of a heap, or of the type of a text, are wrong,
HDF5 2.0 walks the heap for ever or follows a pointer that is none; no exception can be caught then.
"""

from __future__ import annotations

import math
import mmap
from pathlib import Path

import h5py
from h5py import h5t

from data_modules.features.readers.opened import Unreadable

# A global heap of version 1, the only one there is.
HEAP = b"GCOL\x01\x00\x00\x00"
HEAD = 16
# No attribute that says something here has more values, or a longer text.
FEW = 64
LONGEST = 65536


def check_heaps(path: Path) -> None:
    """Walks the global heaps as the library would.

    Raises:
        Unreadable: One is broken.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(HEAP)
        while at >= 0:
            if not _walks(content, at):
                raise Unreadable(
                    f"cannot be read as HDF5: the heap of texts at byte {at} is broken; copy it "
                    "again or extract the slide again"
                )
            at = content.find(HEAP, at + 1)


def _walks(content: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap follow one another to its end."""
    end = start + int.from_bytes(content[start + 8 : start + HEAD], "little")
    at = start + HEAD
    if not at <= end <= len(content):
        return False
    while at + HEAD <= end:
        number = int.from_bytes(content[at : at + 2], "little")
        size = int.from_bytes(content[at + 8 : at + HEAD], "little")
        if number == 0:  # what is free; its size counts its own head
            return HEAD <= size <= end - at
        at += HEAD + -(-size // 8) * 8
        if at > end:
            return False
    return True


def is_safe(attribute: h5py.h5a.AttrID) -> bool:
    """Whether an attribute holds few numbers, or texts of a type that the library can follow."""
    if math.prod(attribute.shape or ()) > FEW:
        return False
    kind = attribute.get_type()
    if not isinstance(kind, h5t.TypeStringID):
        return isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID)
    if not kind.is_variable_str():
        return bool(kind.get_size() <= LONGEST)
    # Two bytes before the message, then its class and version; 1 in the next, its lower half: text.
    return bool(kind.encode()[3] & 0x0F == 1)
