"""Lines of large text files, one at a time, as UTF-8 whatever they are saved as."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from data_modules.problems import Problems

GZIP = b"\x1f\x8b"
# What the first bytes of files tell that hold no lines.
NO_TEXT = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"BZh": "packed with bzip2: unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz: unpack it, or pack it with gzip",
    b"PAR1": "a Parquet file: name it .parquet and use `format: table`",
}
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass
class Place:
    """How far a reader has come.

    Attributes:
        row: The line that it reads; 0 before the first.
    """

    row: int = 0


@contextmanager
def reading(path: Path, problems: Problems) -> Iterator[Place]:
    """Turns everything that a file can do wrong while it is read into a problem."""
    place = Place()
    try:
        yield place
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
    except UnicodeDecodeError as error:
        problems.add(
            path,
            f"byte {error.object[error.start]:#04x} is no {error.encoding}: save the file as UTF-8 "
            "(it is perhaps latin-1)",
            row=place.row or None,
        )
    except (EOFError, zlib.error) as error:
        problems.add(path, f"the gzip file is cut off or damaged: {error}", row=place.row or None)
    except (OSError, NotText) as error:
        problems.add(path, f"cannot be read as a matrix: {error}")


class NotText(ValueError):  # noqa: N818 - it names what it is
    """The first bytes are those of another kind of file."""


def open_lines(path: Path) -> Iterator[bytes]:
    r"""Lines in UTF-8, each with its end; \n ends a line, and \r\n.

    Packed files are known by their first bytes, and so are UTF-16 and UTF-8 by a byte order mark.
    Without a mark a file is taken as UTF-8, which whoever reads a cell finds out.

    Raises:
        NotText: The file is of another kind.
        OSError: It cannot be read.
        EOFError: A gzip file is cut off.
        zlib.error: A gzip file is damaged.
        UnicodeDecodeError: UTF-16 is cut off or damaged.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        stream = cast(io.RawIOBase, gzip.GzipFile(fileobj=file) if packed else file)
        with io.BufferedReader(stream, 1 << 20) as lines:
            yield from _utf_8(lines)


def _utf_8(lines: io.BufferedReader[io.RawIOBase]) -> Iterator[bytes]:
    head = lines.peek(8)[:8]
    for mark, kind in NO_TEXT.items():
        if head.startswith(mark):
            raise NotText(f"it is {kind}")
    if head.startswith(UTF_16):
        text = io.TextIOWrapper(lines, encoding="utf-16", newline="\n")
        try:
            yield from (line.encode() for line in text)
        finally:
            text.detach()
        return
    if b"\0" in head:
        raise NotText("it is UTF-16 without a byte order mark, or no text: save it as UTF-8")
    if head.startswith(codecs.BOM_UTF8):
        lines.read(len(codecs.BOM_UTF8))
    yield from lines
