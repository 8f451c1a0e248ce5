"""Text files as people save them: with a byte order mark, in UTF-16 or UTF-32, packed."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# UTF-32 before UTF-16: the marks of the one begin with those of the other.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Opens a file, or what a .gz file holds, in the encoding that its first bytes tell.

    Without a byte order mark it must be UTF-8: other encodings look alike and would be a guess.

    Raises:
        UnicodeDecodeError: While reading, with the way out.
        OSError: The file cannot be read, or a .gz file is no such file.
        EOFError: A .gz file is cut off.
    """
    packed = path.suffix.lower() == ".gz"
    with path.open("rb") as file, gzip.open(file) if packed else file as binary:
        buffered = io.BufferedReader(binary)
        head = buffered.peek(4)[:4]
        encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")
        try:
            yield io.TextIOWrapper(buffered, encoding=encoding, newline="")
        except UnicodeDecodeError as error:
            reason = f"{error.reason}; save the file as UTF-8 (it is now perhaps latin-1)"
            raise UnicodeDecodeError(
                error.encoding, error.object, error.start, error.end, reason
            ) from error
