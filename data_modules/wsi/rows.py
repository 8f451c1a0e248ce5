"""Features of a slide on their way: rows are kept as they are computed.

The file stands beside its target. Its first line says what the rows are of; after a kill, rows of
the same slide made in the same way are kept and the others are computed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

Array = np.ndarray

ENDING = ".rows"
KIND = np.dtype("<f4")


class Kept(NamedTuple):
    """How far an extraction has come.

    Attributes:
        about: What the rows are of.
        rows: Complete ones.
    """

    about: dict[str, Any]
    rows: int


class Rows:
    """An open file of rows; only ever grows.

    Args:
        target: The bag that the rows are for.
        about: What they are of: rows of anything else are thrown away. JSON.
        count: Rows that there will be.
        width: Length of a row.
        batch: Rows that are computed together. Only whole batches are kept, so that a resumed
            extraction computes the same batches as an unbroken one: same bytes.

    Attributes:
        done: Rows that are there.
        threw: Whether rows of something else were thrown away.
    """

    def __init__(
        self, target: Path, about: Mapping[str, Any], *, count: int, width: int, batch: int
    ) -> None:
        self.path = rows_of(target)
        self.count, self.width = count, width
        content = {**about, "count": count, "width": width}
        line = json.dumps(content, sort_keys=True).encode() + b"\n"
        self.start = len(line)
        kept = _beginning(self.path, self.start)
        self.threw = bool(kept) and kept != line
        if kept != line:
            self.path.write_bytes(line)
        self.file = self.path.open("r+b")
        there = (os.fstat(self.file.fileno()).st_size - self.start) // (KIND.itemsize * width)
        self.done = there if there == count else there // batch * batch
        # What a killed process left unfinished.
        self.file.truncate(self._end)
        self.file.seek(self._end)

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *error: object) -> None:
        """Leaves the rows for another time, unless they were removed."""
        self.file.close()

    def add(self, rows: Float32[Array, "n d"]) -> None:
        """Appends rows; they are in the file when it returns.

        Raises:
            OSError: The disk is full, say.
        """
        self.file.write(np.ascontiguousarray(rows, KIND).tobytes())
        self.file.flush()
        self.done += len(rows)

    def read(self) -> Float32[Array, "n d"]:
        """All rows, mapped and not read."""
        if not self.done:
            return np.zeros((0, self.width), KIND)
        return np.memmap(self.path, KIND, "r", self.start, (self.done, self.width))

    def remove(self) -> None:
        """The rows are in the bag now."""
        self.file.close()
        self.path.unlink(missing_ok=True)

    @property
    def _end(self) -> int:
        return self.start + self.done * self.width * KIND.itemsize


def _beginning(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(length)
    except FileNotFoundError:
        return b""


def rows_of(target: Path) -> Path:
    """Where the rows of a bag are kept.

    Example:
        >>> rows_of(Path("out/A1.h5")).as_posix()
        'out/.A1.h5.rows'
    """
    return target.with_name(f".{target.name}{ENDING}")


def kept_rows(path: Path) -> Kept | None:
    """How far a file of rows has come; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            line = file.readline()
            size = os.fstat(file.fileno()).st_size
        about = json.loads(line)
        return Kept(about, (size - len(line)) // (KIND.itemsize * int(about["width"])))
    except (OSError, ValueError, TypeError, KeyError):
        return None
