"""CLAM h5: `features` and `coords` in level-0 px, as a rule without any attribute."""

from __future__ import annotations

from data_modules.features.provenance import Provenance, number
from data_modules.features.readers.opened import Meaning, Opened


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where CLAM or one of its many heirs wrote them."""
    if opened.kind != "h5" or not {"features", "coords"} <= set(opened.entries):
        return None
    about = opened.entries["coords"].attributes
    patch = number(about, "patch_size")
    down = number(about, "downsample") or float(about.get("patch_level") == 0)
    return Meaning(
        "CLAM", "features", "coords", "level0", 1.0,
        # Without attributes, anybody may have written it.
        Provenance(
            tool="CLAM" if "patch_level" in about else "",
            patch_px=patch,
            patch_px_level0=patch * down,
        ),
    )  # fmt: skip
