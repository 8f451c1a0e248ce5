"""No tool's own layout: a bare array, or `features` (or `feats`) with or without `coords`."""

from __future__ import annotations

from data_modules.features.provenance import Provenance, number, text
from data_modules.features.readers.opened import BARE, Meaning, Opened


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where their names say it."""
    features = next((k for k in (BARE, "features", "feats") if k in opened.entries), None)
    if features is None:
        return None
    about = opened.attributes
    return Meaning(
        opened.kind,
        features,
        next((k for k in ("coords", "coordinates") if k in opened.entries), None),
        "um" if text(about, "unit") == "um" else "level0",
        1.0,
        Provenance(
            tool=text(about, "tool"),
            encoder=text(about, "encoder"),
            patch_px=number(about, "patch_px"),
            patch_px_level0=number(about, "patch_px_level0"),
            mpp=number(about, "mpp"),
        ),
    )
