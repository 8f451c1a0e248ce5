"""A folder of .h5 bags, one file a slide: datasets `features` (n, d) and `coords` (n, 2)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from jaxtyping import Float, Int

from data_modules.features.bag import Bag
from data_modules.files import write_aside
from data_modules.problems import Problems

Array = np.ndarray


def write_bag(
    path: Path,
    features: Float[Array, "n d"],
    coords: Int[Array, "n 2"],
    attributes: Mapping[str, str | int | float],
) -> None:
    """Writes one slide's bag, contiguous and uncompressed: the layout that reads fastest.

    Args:
        path: The .h5 file; appears whole or not at all.
        features: Any float precision; kept.
        coords: Level-0 px.
        attributes: Provenance: encoder, mpp, patch_px and so on.
    """
    with write_aside(path) as aside, h5py.File(aside, "w") as file:
        file.create_dataset("features", data=features)
        file.create_dataset("coords", data=coords)
        file.attrs.update(attributes)


class Layout(NamedTuple):
    """Where a dataset lies in its file, so that reading needs no HDF5 call.

    Attributes:
        offset: Byte offset of the first value; None where the dataset is chunked or compressed.
        shape: Of the dataset.
        dtype: NumPy's name of the type.
    """

    offset: int | None
    shape: tuple[int, ...]
    dtype: str


class Slide(NamedTuple):
    """One checked file.

    Attributes:
        path: The .h5 file.
        features: Layout of the features.
        coords: Layout of the coordinates.
        size: Bytes of the file when it was checked.
        digest: Hash of the features and coordinates.
    """

    path: Path
    features: Layout
    coords: Layout
    size: int
    digest: str


class H5Store:
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
        """All patches of all slides of a patient.

        Raises:
            OSError: A file has gone or changed since it was checked.
        """
        slides = self.slides[patient_id]
        for slide in slides:
            _check_unchanged(slide)
        features = [_read(slide.path, "features", slide.features) for slide in slides]
        coords = [_read(slide.path, "coords", slide.coords) for slide in slides]
        return Bag(
            torch.from_numpy(_joined(features)),
            torch.from_numpy(_joined(coords).astype(np.int64, copy=False)),
            torch.from_numpy(np.repeat(np.arange(len(slides)), [len(f) for f in features])),
        )

    def fingerprint(self) -> str:
        """Hash of patients, names of slides and every value."""
        digest = hashlib.sha256()
        for patient, slides in sorted(self.slides.items()):
            for slide in slides:
                digest.update(f"{patient} {slide.path.name} {slide.digest}\n".encode())
        return digest.hexdigest()


def _check_unchanged(slide: Slide) -> None:
    try:
        unchanged = slide.path.stat().st_size == slide.size
    except FileNotFoundError:
        unchanged = False
    if not unchanged:
        raise OSError(f"{slide.path}: the file has gone or changed since it was checked")


def _joined(parts: list[Array]) -> Array:
    """The parts end to end; a single one, as most patients have, is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _read(path: Path, name: str, layout: Layout) -> Array:
    if layout.offset is None:
        with h5py.File(path, "r") as file:
            values: Array = file[name][:]
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    count = math.prod(layout.shape)
    flat = np.fromfile(path, dtype=np.dtype(layout.dtype), count=count, offset=layout.offset)
    return flat.reshape(layout.shape)


def check_slide(path: Path, width: int, problems: Problems) -> Slide | None:
    """Opens a file once and reads it through, one file in memory at a time.

    Args:
        path: The .h5 file.
        width: Declared width of the encoder's features.
        problems: An unreadable file, missing datasets, another width, an empty slide, unlike
            lengths and values that are not finite go here.
    """
    try:
        with h5py.File(path, "r") as file:
            absent = [name for name in ("features", "coords") if name not in file]
            if absent:
                problems.add(
                    path, f"has no dataset {' and '.join(absent)}; it holds {sorted(file)}"
                )
                return None
            features, coords = file["features"], file["coords"]
            problem = _kind_problem(features, coords) or _shape_problem(
                features.shape, coords.shape, width
            )
            if problem:
                problems.add(path, problem)
                return None
            values, places = features[:], coords[:]
            _check_values(path, values, problems)
            if not np.isfinite(places).all():
                problems.add(path, "coords are NaN or infinite: extract the slide again")
            return Slide(
                path, _layout(features), _layout(coords), path.stat().st_size, _hash(values, places)
            )
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
    except OSError as error:
        problems.add(path, f"cannot be read as HDF5: {error}")
    return None


def _hash(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _kind_problem(features: h5py.Dataset | h5py.Group, coords: h5py.Dataset | h5py.Group) -> str:
    for name, found, kinds, wanted in (
        ("features", features, "fiu", "numbers"),
        ("coords", coords, "fiu", "level-0 pixels"),
    ):
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            return f"{name} is not a dataset"
        if found.dtype.kind not in kinds:
            return f"{name} must be {wanted}, found {found.dtype}"
    return ""


def _shape_problem(features: tuple[int, ...], coords: tuple[int, ...], width: int) -> str:
    if len(features) != 2:
        return f"features must be (patches, width), found shape {features}"
    if features[0] == 0:
        return "the slide is empty: it has no patches"
    if features[1] != width:
        return f"features are {features[1]} wide, the manifest declares width {width}"
    if coords != (features[0], 2):
        return f"coords must be ({features[0]}, 2) as the features, found shape {coords}"
    return ""


def _check_values(path: Path, features: Array, problems: Problems) -> None:
    bad = ~np.isfinite(features)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        problems.add(
            path,
            f"{features[row, column]} at patch {row}, feature {column} ({int(bad.sum())} values "
            "are NaN or infinite): extract the slide again",
        )


def _layout(dataset: h5py.Dataset) -> Layout:
    native = dataset.dtype.isnative and dataset.chunks is None and dataset.compression is None
    offset = dataset.id.get_offset() if native else None
    return Layout(offset, tuple(dataset.shape), dataset.dtype.str)


def slides_of(
    folder: Path, patients: Iterable[str], table: Mapping[str, tuple[str, ...]] | None
) -> dict[str, tuple[Path, ...]]:
    """Files of every patient.

    Args:
        folder: Holds the .h5 files.
        patients: Identifiers.
        table: Slides of every patient, where the manifest names a slide table; otherwise a file
            belongs to the patient whose identifier is its stem or starts it, before "-", "_" or
            ".".
    """
    if table is not None:
        return {
            p: tuple(folder / f"{slide_name(slide)}.h5" for slide in sorted(table[p]))
            for p in patients
            if p in table
        }
    known = set(patients)
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.h5")):
        stem = path.stem
        # The longest wins: P1-2.h5 is of patient P1-2, where there is one, and not of P1.
        ends = [end for end in range(1, len(stem) + 1) if stem[end : end + 1] in ("", *"-_.")]
        owner = next((stem[:end] for end in reversed(ends) if stem[:end] in known), None)
        if owner is not None:
            found.setdefault(owner, []).append(path)
    return {p: tuple(found[p]) for p in patients if p in found}


def slide_name(text: str) -> str:
    """Name of a slide without folder and ending.

    Example:
        >>> slide_name("features/A1.h5"), slide_name("A1")
        ('A1', 'A1')
    """
    return Path(text).name.removesuffix(".h5")
