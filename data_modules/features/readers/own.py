"""Our own h5: what `write_bag` writes, with the unit of the coordinates and the provenance."""

from __future__ import annotations

from typing import get_args

from data_modules.features.provenance import Provenance, number, text
from data_modules.features.readers.opened import Meaning, Opened, Unit, Unreadable

# Attribute of the file that says so.
MARK = "written_by"
NAME = "mmsurv"


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where `write_bag` wrote them.

    Raises:
        Unreadable: The unit of the coordinates is none that we write.
    """
    about = opened.attributes
    if "features" not in opened.entries or text(about, MARK) != NAME:
        return None
    units = {unit: unit for unit in get_args(Unit)}
    unit = text(about, "coords_unit") or "level0"
    if unit not in units:
        raise Unreadable(f"coords_unit is {unit!r}; there are {sorted(units)}")
    return Meaning(
        NAME,
        "features",
        "coords" if "coords" in opened.entries else None,
        units[unit],
        number(about, "coords_factor") or 1.0,
        Provenance(
            tool=text(about, "tool") or NAME,
            encoder=text(about, "encoder"),
            random_weights=bool(number(about, "random_weights")),
            **{
                name: number(about, name)
                for name in ("patch_px", "patch_px_level0", "patch_um", "mpp", "magnification")
            },
        ),
    )
