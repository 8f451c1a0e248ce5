"""Files that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Hands out a path beside `path`; renames it to `path` when the block ends without an error.

    Whatever kills the process in between leaves `path` as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder) / "a.txt"
        ...     with write_aside(target) as aside:
        ...         _ = aside.write_text("whole")
        ...     target.read_text(), len(list(Path(folder).iterdir()))
        ('whole', 1)
    """
    aside = path.with_name(f".{path.name}.partial")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def copy_aside(source: Path, path: Path) -> None:
    """Copies the content of a file; `path` is whole or as it was."""
    with write_aside(path) as aside:
        shutil.copyfile(source, aside)
