"""A store of bags that lie in files, one a slide, of any format."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from data_modules.features.bag import Bag
from data_modules.features.provenance import Provenance
from data_modules.features.readers import Place, Unreadable, load_array

Array = np.ndarray
# Two coordinates and a slide number, each an int64.
PLACE_BYTES = 24


class Slide(NamedTuple):
    """One checked file.

    Attributes:
        path: Of the file.
        features: Where they lie.
        coords: Where they lie; None where all are to be 0.
        scale: Coordinates of the file times this are level-0 px; 0 where all are to be 0.
        size: Bytes of the file when it was checked; 0 for a folder.
        digest: Hash of the features and, where there are to be any, of the coordinates.
        provenance: What the file says of its making.
    """

    path: Path
    features: Place
    coords: Place | None
    scale: float
    size: int
    digest: str
    provenance: Provenance


class BagStore:
    """Reads bags slide by slide when asked for; keeps no file open, so workers can copy it.

    Args:
        slides: Checked slides of every patient, in the order of their names.
        width: d of the features.
    """

    standardise = False

    def __init__(self, slides: Mapping[str, tuple[Slide, ...]], width: int) -> None:
        self.slides = dict(slides)
        self.width = width

    def patients(self) -> frozenset[str]:
        """Patients with at least one slide."""
        return frozenset(self.slides)

    def read(self, patient_id: str) -> Bag:
        """All patches of all slides of a patient, in the precision of the files.

        Raises:
            OSError: A file has gone or changed since it was checked.
        """
        slides = self.slides[patient_id]
        for slide in slides:
            check_unchanged(slide)
        read = [read_slide(slide) for slide in slides]
        features = [part for part, _ in read]
        return Bag(
            torch.from_numpy(_joined(features)),
            torch.from_numpy(_joined([part for _, part in read])),
            torch.from_numpy(np.repeat(np.arange(len(slides)), [len(f) for f in features])),
        )

    def fingerprint(self) -> str:
        """Hash of patients, names of slides and every value; the format does not matter."""
        digest = hashlib.sha256()
        for patient, slides in sorted(self.slides.items()):
            for slide in slides:
                place = "" if slide.scale == 1 else f" {slide.scale!r}"
                digest.update(f"{patient} {slide.path.stem} {slide.digest}{place}\n".encode())
        return digest.hexdigest()

    def nbytes(self) -> int:
        """Bytes of all bags: features, coordinates and slide numbers."""
        return sum(
            math.prod(s.features.shape) * np.dtype(s.features.dtype).itemsize
            + s.features.shape[0] * PLACE_BYTES
            for slides in self.slides.values()
            for s in slides
        )

    def notes(self) -> list[str]:
        """What a reader of any result on these bags must know."""
        random = [path.name for path, made in self.provenance().items() if made.random_weights]
        if not random:
            return []
        return [
            f"the features of {len(random)} slides come from an encoder with random weights, which "
            f"are for tests alone: {random[0]} …"
        ]

    def provenance(self) -> dict[Path, Provenance]:
        """What every file says of its making."""
        return {s.path: s.provenance for slides in self.slides.values() for s in slides}


def hash_values(values: Array | None, start: str = "") -> str:
    """Hash of an array with its type and shape, after another hash; that alone for None.

    Example:
        >>> hash_values(np.zeros(2)) == hash_values(np.zeros(2, "f4"))
        False
    """
    digest = hashlib.sha256(start.encode())
    if values is not None:
        digest.update(f"{values.dtype.str} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def read_slide(slide: Slide, *, hashed: bool = False) -> tuple[Array, Array]:
    """Features (n, d) and coordinates (n, 2) in level-0 px.

    Args:
        slide: Checked before.
        hashed: Compare what is read with the hash of what was checked: a file may have been written
            anew at the same length.

    Raises:
        OSError: The file has changed since it was checked.
    """
    features = _read(slide.path, slide.features)
    coords = None if slide.coords is None else _read(slide.path, slide.coords)[:, :2]
    if hashed:
        digest = hash_values(features)
        if slide.digest != (hash_values(coords, digest) if slide.scale else digest):
            raise _changed(slide.path)
    if coords is None:
        return features, np.zeros((len(features), 2), dtype=np.int64)
    if slide.scale != 1 or coords.dtype.kind == "f":
        coords = np.rint(coords * slide.scale)
    return features, coords.astype(np.int64, copy=False)


def check_unchanged(slide: Slide) -> None:
    """Looks whether a file is as long as it was.

    Raises:
        OSError: It has gone or changed since it was checked.
    """
    try:
        found = slide.path.stat()
    except FileNotFoundError:
        found = None
    if found is None or (slide.size and found.st_size != slide.size):
        raise _changed(slide.path)


def _changed(path: Path) -> OSError:
    return OSError(f"{path}: the file has gone or changed since it was checked")


def _joined(parts: list[Array]) -> Array:
    """The parts end to end; a single one, as most patients have, is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _read(path: Path, place: Place) -> Array:
    if place.offset is None:
        return _load(path, place)
    count = math.prod(place.shape)
    flat = np.fromfile(path, dtype=np.dtype(place.dtype), count=count, offset=place.offset)
    return flat.reshape(place.shape)


def _load(path: Path, place: Place) -> Array:
    try:
        values = load_array(path, place.key)
    except (KeyError, Unreadable) as error:
        raise _changed(path) from error
    if values.size != math.prod(place.shape) or values.dtype.str != place.dtype:
        raise _changed(path)
    return values.reshape(place.shape)
