"""Builds packs of bags: aside, one builder at a time, and never at the cost of a run."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from data_modules.features.packed import (
    COORDS,
    COORDS_DTYPE,
    FEATURES,
    FORMAT,
    INDEX,
    VERSION,
    Pack,
    PackedStore,
    Span,
    find_pack,
    read_index,
    slide_key,
)
from data_modules.features.scan import Progress
from data_modules.features.store import BagStore, Slide, check_unchanged, read_slide
from data_modules.locks import waited_lock

# A disk is not filled to the last byte for the sake of speed.
SPARE_BYTES = 100_000_000


def packed_folder(store: BagStore) -> Path | None:
    """Where packs lie unless told: beside the folder of the features; None without slides."""
    for slides in store.slides.values():
        for slide in slides:
            folder = slide.path.absolute().parent
            return folder.with_name(f"{folder.name}.packed")
    return None


def open_packed(
    store: BagStore,
    home: Path,
    progress: Progress | None = None,
    waits: Callable[[], None] = lambda: None,
) -> tuple[PackedStore | BagStore, str]:
    """The bags of a store out of a pack, which is built where there is none.

    A pack of other content is never read: slides are looked up by the hash of their values, and any
    pack that holds all of them will do, as that of a larger cohort on the same features.

    Args:
        store: Of checked slides.
        home: Holds packs.
        progress: Called with the number of slides packed and of all.
        waits: Called where another process is at it and is waited for.

    Returns:
        The packed bags, or the store itself where the disk is full or nobody may write; and which
        of the two, in a line.

    Raises:
        OSError: A slide's file has gone or changed since it was checked.
    """
    slides = {slide_key(slide): slide for some in store.slides.values() for slide in some}
    if not slides:
        return store, "no patient has features to pack"
    try:
        pack = find_pack(home, slides, store.width)
        if pack is None:
            with _alone(home, waits):
                # Another process may have built it meanwhile.
                pack = find_pack(home, slides, store.width)
                if pack is None:
                    pack = _build(home, slides, store.width, progress)
    except OSError as error:
        if error.errno is None:
            raise  # about a slide, not about the pack
        reason = f"{error.filename or home}: {error.strerror}"
        return store, f"features are read from their files, for they cannot be packed: {reason}"
    size = pack.patches * pack.width * np.dtype(pack.dtype).itemsize
    told = f"features are packed: {pack.folder}, {len(slides)} slides, {size / 1e6:.1f} MB"
    return PackedStore(store, pack), told + _others(home, pack.folder)


@contextlib.contextmanager
def _alone(home: Path, waits: Callable[[], None]) -> Iterator[None]:
    """One builder at a time."""
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(waited_lock(home / ".lock", waits))
        except NotImplementedError:
            # A file system without locks: two builders then do the same work, and the first wins.
            yield
            return
        for left in home.glob(".*.partial"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield


def _build(home: Path, slides: Mapping[str, Slide], width: int, progress: Progress | None) -> Pack:
    """Writes a pack aside and renames it."""
    dtype = np.result_type(*(np.dtype(slide.features.dtype) for slide in slides.values()))
    patches = sum(slide.features.shape[0] for slide in slides.values())
    needed = patches * (width * dtype.itemsize + 2 * COORDS_DTYPE.itemsize)
    free = shutil.disk_usage(home).free
    if needed + SPARE_BYTES > free:
        text = f"{needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free"
        raise OSError(errno.ENOSPC, text, str(home))
    # Of all that decides where a slide lies: who opened a pack that was deleted and built again
    # under its name still knows its places.
    layout = [str(VERSION), dtype.str, str(width), *slides]
    name = sha256("\n".join(layout).encode()).hexdigest()[:16]
    aside = home / f".{name}-{uuid.uuid4().hex[:8]}.partial"
    try:
        aside.mkdir()
        spans = _write(aside, slides, dtype, progress)
        content = {"format": FORMAT, "version": VERSION, "dtype": dtype.str, "width": width,
                   "patches": patches, "slides": spans}  # fmt: skip
        (aside / INDEX).write_text(json.dumps(content), encoding="utf-8")
        _rename(aside, home / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Pack(home / name, dtype.str, width, patches, spans)


def _write(
    folder: Path, slides: Mapping[str, Slide], dtype: np.dtype[Any], progress: Progress | None
) -> dict[str, Span]:
    spans, start = {}, 0
    with (folder / FEATURES).open("wb") as values, (folder / COORDS).open("wb") as places:
        for done, (key, slide) in enumerate(slides.items(), start=1):
            check_unchanged(slide)
            # A pack is found by the hashes of what it is to hold.
            features, coords = read_slide(slide, hashed=True)
            values.write(np.ascontiguousarray(features, dtype).data)
            places.write(np.ascontiguousarray(coords, COORDS_DTYPE).data)
            spans[key] = (start, len(features))
            start += len(features)
            if progress is not None:
                progress(done, len(slides))
        for file in (values, places):
            file.flush()
            os.fsync(file.fileno())
    return spans


def _rename(aside: Path, folder: Path) -> None:
    """The first to finish wins; what stands there and is no whole pack gives way."""
    if folder.exists() and read_index(folder) is None:
        shutil.rmtree(folder)
    try:
        aside.rename(folder)
    except OSError:
        if read_index(folder) is None:
            raise


def _others(home: Path, used: Path) -> str:
    others = [path for path in home.glob(f"*/{INDEX}") if path.parent != used]
    return f"; {len(others)} other packs lie there and may be deleted" if others else ""
