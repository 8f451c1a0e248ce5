"""Which slides there are, and the files of other folders that belong to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from data_modules.barcodes import BARCODE
from data_modules.problems import Problems

# What OpenSlide and tiatoolbox read, by ending.
SLIDES = (
    ".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide",
    ".qptiff",
)  # fmt: skip
ANNOTATIONS = (".geojson", ".json")
COORDS = (".h5", ".hdf5")
# A patient's part of a TCGA barcode: TCGA-A2-A0T2.
PATIENT = 12


def find_slides(folder: Path, problems: Problems) -> dict[str, Path]:
    """Slides of a folder and the folders below, by name, as the GDC's client lays them down.

    Args:
        folder: Or one slide.
        problems: A folder that does not exist or holds none, and two slides of one name, go here.
    """
    if folder.is_file():
        return {slide_stem(folder): folder}
    if not folder.is_dir():
        problems.add(folder, "the folder of slides does not exist")
        return {}
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SLIDES and not hidden and path.is_file():
            found[slide_stem(path)].append(path)
    for name, paths in found.items():
        if len(paths) > 1:
            listed = ", ".join(str(path.relative_to(folder)) for path in paths)
            problems.add(folder, f"slide {name!r} is there {len(paths)} times: {listed}: keep one")
    if not found:
        problems.add(folder, f"holds no slides ({', '.join(SLIDES)})")
    return {name: paths[0] for name, paths in sorted(found.items())}


def slide_stem(path: Path) -> str:
    """Name of a slide: its file without the ending.

    Example:
        >>> slide_stem(Path("b/TCGA-A2-A0T2-01Z-00-DX1.29A5.svs"))
        'TCGA-A2-A0T2-01Z-00-DX1.29A5'
    """
    return path.name.removesuffix(path.suffix)


def patient_of(slide: str) -> str:
    """The patient that a TCGA barcode names; "" where the name is none.

    Example:
        >>> patient_of("TCGA-A2-A0T2-01Z-00-DX1.29A5"), patient_of("CMU-1")
        ('TCGA-A2-A0T2', '')
    """
    return slide[:PATIENT] if BARCODE.fullmatch(slide[:PATIENT]) else ""


def belonging(
    folder: Path, slides: Mapping[str, Path], endings: Sequence[str], problems: Problems
) -> tuple[dict[str, Path], list[Path]]:
    """Files of a folder by the slide that they belong to, and those that belong to none.

    A file is a slide's when it has the name of the slide, with or without the slide's ending; or
    the part of it before the first ".", where no other slide has that too (TCGA's names carry an
    identifier there).

    Args:
        folder: Holds the files.
        slides: By name.
        endings: Of the files.
        problems: A missing folder and a slide with two files go here.
    """
    if not folder.is_dir():
        problems.add(folder, "the folder does not exist")
        return {}, []
    names: dict[str, str] = {}
    for short, owners in _shortened(slides).items():
        if len(owners) == 1:
            names[short] = owners[0]
    for name, path in slides.items():
        names |= {name: name, path.name: name}
    found: dict[str, list[Path]] = defaultdict(list)
    strangers = []
    for path in _files(folder, endings):
        stem = path.name.removesuffix(path.suffix)
        owner = names.get(stem) or names.get(stem.removesuffix("_patches"))
        if owner is None:
            strangers.append(path)
        else:
            found[owner].append(path)
    for name, paths in found.items():
        if len(paths) > 1:
            listed = ", ".join(path.name for path in paths)
            problems.add(folder, f"slide {name!r} has {len(paths)} files: {listed}: keep one")
    return {name: paths[0] for name, paths in found.items()}, strangers


def _shortened(slides: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in slides:
        found[name.split(".")[0]].append(name)
    return found


def _files(folder: Path, endings: Sequence[str]) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(".")
    )
