"""One file for the bags of a whole cohort: no format to parse, one read a bag.

A pack lies in a folder of its own and is named after its content. It is built aside and renamed, so
it is there whole or not at all; it can be deleted at any time, for the files remain the source.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from data_modules.features.bag import Bag
from data_modules.features.store import BagStore, Slide

Array = np.ndarray
# First patch and number of patches.
Span = tuple[int, int]

FORMAT = "mmsurv packed bags"
# Raised whenever the files mean something else than before.
VERSION = 1
FEATURES, COORDS, INDEX = "features.bin", "coords.bin", "index.json"
COORDS_DTYPE = np.dtype(np.int64)


class Pack(NamedTuple):
    """A pack on disk.

    Attributes:
        folder: Holds its three files.
        dtype: NumPy's name of the features' type.
        width: d of the features.
        patches: Of all slides.
        slides: Where each slide lies, by `slide_key`.
    """

    folder: Path
    dtype: str
    width: int
    patches: int
    slides: Mapping[str, Span]


class PackedStore:
    """Reads bags from a pack; keeps no file open, so workers can copy it.

    A pack that is deleted meanwhile is no failure: bags are then read from their files.

    Args:
        store: The files that were packed.
        pack: Holds every slide of the store.
    """

    standardise = False

    def __init__(self, store: BagStore, pack: Pack) -> None:
        self.store = store
        self.pack = pack._replace(slides={})
        self.width = store.width
        self.counts: dict[str, list[int]] = {}
        self.spans: dict[str, list[Span]] = {}
        self.whole = False
        self._maps: dict[str, Array] = {}
        for patient, slides in store.slides.items():
            spans = [pack.slides[slide_key(slide)] for slide in slides]
            self.counts[patient] = [n for _, n in spans]
            self.spans[patient] = joined_spans(spans)

    def __getstate__(self) -> dict[str, Any]:
        """Without maps, which are a process's own."""
        return {**self.__dict__, "_maps": {}}

    def held(self) -> PackedStore:
        """The same bags out of one map of each file, for who keeps all of them.

        Processes share the pages of a map, and the system may let go of them. One map serves all
        bags: Linux gives a process some 65,000.
        """
        held = copy.copy(self)
        held.whole, held._maps = True, {}
        return held

    def patients(self) -> frozenset[str]:
        """Patients with at least one slide."""
        return self.store.patients()

    def read(self, patient_id: str) -> Bag:
        """All patches of all slides of a patient, as the pack holds them.

        What is written to the tensors stays in this process.

        Raises:
            OSError: The pack has gone, and a file has gone or changed since it was checked.
        """
        counts = self.counts[patient_id]
        try:
            features, coords = self._joined(self.spans[patient_id])
        except (FileNotFoundError, ValueError):  # gone, or no longer whole
            return self.store.read(patient_id)
        slide = np.repeat(np.arange(len(counts)), counts)
        return Bag(torch.from_numpy(features), torch.from_numpy(coords), torch.from_numpy(slide))

    def fingerprint(self) -> str:
        """That of the files: how they are read changes no value."""
        return self.store.fingerprint()

    def nbytes(self) -> int:
        """Bytes of all bags."""
        return self.store.nbytes()

    def _joined(self, spans: list[Span]) -> tuple[Array, Array]:
        dtype = np.dtype(self.pack.dtype)
        features = [self._rows(FEATURES, dtype, self.width, span) for span in spans]
        coords = [self._rows(COORDS, COORDS_DTYPE, 2, span) for span in spans]
        if len(spans) == 1:
            return features[0], coords[0]
        return np.concatenate(features), np.concatenate(coords)

    def _rows(self, name: str, dtype: np.dtype[Any], width: int, span: Span) -> Array:
        path = self.pack.folder / name
        if self.whole and name not in self._maps:
            ends = [start + n for spans in self.spans.values() for start, n in spans]
            try:
                self._maps[name] = _map(path, dtype, width, (0, max(ends)))
            except OSError:  # gone, or longer than the system maps at once
                self.whole = False
        if not self.whole:
            return _read(path, dtype, width, span)
        return self._maps[name][span[0] : sum(span)]


def _map(path: Path, dtype: np.dtype[Any], width: int, span: Span) -> Array:
    """Rows of a file, which the system fetches when they are looked at, and may let go of."""
    start, n = span
    return np.memmap(path, dtype, "c", offset=start * width * dtype.itemsize, shape=(n, width))


def _read(path: Path, dtype: np.dtype[Any], width: int, span: Span) -> Array:
    """Rows of a file, copied in one call: a map of them would be fetched page by page.

    Raises:
        ValueError: The file ends before.
    """
    start, n = span
    rows = np.empty((n, width), dtype)
    left = rows.reshape(-1).view(np.uint8).data
    with path.open("rb", buffering=0) as file:
        file.seek(start * width * dtype.itemsize)
        while left:
            # One call gives 2 GB at most.
            got = file.readinto(left)
            if not got:
                raise ValueError(f"{path} ends {len(left)} bytes before it should")
            left = left[got:]
    return rows


def slide_key(slide: Slide) -> str:
    """Names a slide by what a pack holds of it: features, and coordinates in level-0 px."""
    return f"{slide.digest} {slide.scale!r}"


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans that lie end to end as one.

    Example:
        >>> joined_spans([(0, 2), (2, 3), (9, 1)])
        [(0, 5), (9, 1)]
    """
    joined: list[Span] = []
    for start, n in spans:
        if joined and sum(joined[-1]) == start:
            joined[-1] = (joined[-1][0], joined[-1][1] + n)
        else:
            joined.append((start, n))
    return joined


def find_pack(home: Path, keys: Iterable[str], width: int) -> Pack | None:
    """A whole pack that holds these slides, if there is one.

    Args:
        home: Holds packs.
        keys: Of slides; see `slide_key`.
        width: Of the features.
    """
    wanted = set(keys)
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        pack = read_index(folder)
        if pack is not None and pack.width == width and wanted <= pack.slides.keys():
            return pack
    return None


def read_index(folder: Path) -> Pack | None:
    """A pack; None where the folder holds none, one of another version, or a part of one."""
    try:
        content: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            return None
        slides = {key: (int(start), int(n)) for key, (start, n) in content["slides"].items()}
        width, patches = int(content["width"]), int(content["patches"])
        pack = Pack(folder, str(content["dtype"]), width, patches, slides)
        sizes = (
            (FEATURES, patches * width * np.dtype(pack.dtype).itemsize),
            (COORDS, patches * 2 * COORDS_DTYPE.itemsize),
        )
        whole = all((folder / name).stat().st_size == size for name, size in sizes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return pack if whole else None
