"""What a folder of features holds: a table of its slides and the lines of a manifest."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_modules.files import write_aside
from data_modules.wsi.extract import Extracted
from data_modules.wsi.find import patient_of

COLUMNS = (
    "slide", "patient", "tiles", "mpp", "tile_mpp", "encoder", "stain", "slide_digest", "notes",
)  # fmt: skip
SLIDES_CSV = "slides.csv"
MANIFEST = "features.yaml"


def write_index(folder: Path, encoder: str, width: int, done: Sequence[Extracted]) -> None:
    """Writes slides.csv and features.yaml; slides of earlier runs stay, as long as their bags do.

    Args:
        folder: Of the bags.
        encoder: Short name.
        width: Of the features.
        done: Slides that have a bag, in any order.
    """
    before = _before(folder)
    found = {**before, **{one.name: _row(one, before) for one in done}}
    rows = [row for _, row in sorted(found.items())]
    with (
        write_aside(folder / SLIDES_CSV) as aside,
        aside.open("w", encoding="utf-8", newline="") as f,
    ):
        writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with write_aside(folder / MANIFEST) as aside:
        aside.write_text(manifest_block(folder, encoder, width, rows), encoding="utf-8")


def manifest_block(
    folder: Path, encoder: str, width: int, rows: Sequence[Mapping[str, Any]]
) -> str:
    """Lines for cohort.yaml.

    Example:
        >>> print(manifest_block(Path("/f"), "maxvit", 512, [{"patient": "P1"}]), end="")
        # For cohort.yaml; paths are absolute, or relative to it.
        features:
          maxvit:
            format: bags
            path: /f
            width: 512
            slides: {path: /f/slides.csv, patient: patient, slide: slide}
    """
    named = all(row["patient"] for row in rows)
    place = folder.resolve().as_posix()
    table = f"slides: {{path: {place}/{SLIDES_CSV}, patient: patient, slide: slide}}"
    lines = [
        "# For cohort.yaml; paths are absolute, or relative to it.",
        "features:",
        f"  {key(encoder)}:",
        "    format: bags",
        f"    path: {place}",
        f"    width: {width}",
    ]
    if named:
        lines.append(f"    {table}")
    else:
        lines += [
            "    # A bag belongs to the patient whose identifier starts its name. If none does,",
            f"    # fill in the column patient of {SLIDES_CSV} and use it:",
            f"    # {table}",
        ]
    return "\n".join(lines) + "\n"


def key(encoder: str) -> str:
    """An encoder's name as a key of a manifest.

    Example:
        >>> key("vit_small_patch16_224.augreg_in21k")
        'vit_small_patch16_224_augreg_in21k'
    """
    return re.sub(r"\W", "_", encoder)


def _row(one: Extracted, before: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    header = one.header
    return {
        "slide": one.name,
        # What somebody filled in is not lost.
        "patient": before.get(one.name, {}).get("patient") or patient_of(one.name),
        "tiles": one.tiles,
        "mpp": header["mpp"],
        "tile_mpp": header["tile_mpp"],
        "encoder": header["encoder"],
        "stain": header["stain"],
        "slide_digest": header["slide_digest"],
        "notes": "; ".join(one.notes),
    }


def _before(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows that are there, of slides whose bags are."""
    path = folder / SLIDES_CSV
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: row.get(name) or "" for name in COLUMNS} for row in csv.DictReader(file)]
    return {row["slide"]: row for row in rows if (folder / f"{row['slide']}.h5").is_file()}
