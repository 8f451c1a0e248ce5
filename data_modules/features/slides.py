"""Which files of a folder are bags, and whose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from data_modules.features.readers import FORMATS
from data_modules.problems import Problems


def slide_name(text: str) -> str:
    """Name of a slide without folder and ending.

    Example:
        >>> slide_name("features/A1.h5"), slide_name("A1"), slide_name("A.1.safetensors")
        ('A1', 'A1', 'A.1')
    """
    name = Path(text).name
    ending = Path(name).suffix
    return name.removesuffix(ending) if ending.lower() in FORMATS else name


def feature_files(folder: Path) -> list[Path]:
    """Files of a folder that may hold a bag, by name; hidden ones are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in FORMATS and not path.name.startswith(".")
    )


def by_name(folder: Path, problems: Problems) -> dict[str, Path]:
    """Files by the name of their slide.

    Args:
        folder: Holds the files.
        problems: A slide that is stored under two endings, and a folder whose files lie in
            folders below it, go here.
    """
    files = feature_files(folder)
    counts = Counter(slide_name(path.name) for path in files)
    for name, count in counts.items():
        if count > 1:
            twice = [path.name for path in files if slide_name(path.name) == name]
            problems.add(
                folder / twice[0], f"the slide is stored as {' and '.join(twice)}: keep one of them"
            )
    if not files:
        below = [d.name for d in sorted(folder.iterdir()) if d.is_dir() and feature_files(d)]
        if below:
            problems.add(
                folder, f"has no feature files; its folders {below} have: name one of them as path"
            )
    return {slide_name(path.name): path for path in reversed(files)}


def slides_of(
    files: Mapping[str, Path],
    folder: Path,
    patients: Iterable[str],
    table: Mapping[str, tuple[str, ...]] | None,
) -> dict[str, tuple[Path, ...]]:
    """Files of every patient.

    Args:
        files: By the name of their slide.
        folder: Holds them.
        patients: Identifiers.
        table: Slides of every patient, where the manifest names a slide table; otherwise a file
            belongs to the patient whose identifier is its name or starts it, before "-", "_" or
            ".".
    """
    if table is not None:
        return {
            p: tuple(files.get(name, folder / f"{name}.h5") for name in sorted(table[p]))
            for p in patients
            if p in table
        }
    known = set(patients)
    found: dict[str, list[Path]] = {}
    for name, path in sorted(files.items()):
        # The longest wins: P1-2.h5 is of patient P1-2, where there is one, and not of P1.
        ends = [end for end in range(1, len(name) + 1) if name[end : end + 1] in ("", *"-_.")]
        owner = next((name[:end] for end in reversed(ends) if name[:end] in known), None)
        if owner is not None:
            found.setdefault(owner, []).append(path)
    return {p: tuple(found[p]) for p in patients if p in found}
