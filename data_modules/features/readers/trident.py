"""TRIDENT h5: `features` with the encoder, `coords` in level-0 px with the size of patches."""

from __future__ import annotations

from data_modules.features.provenance import Provenance, number, text
from data_modules.features.readers.opened import Meaning, Opened


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where TRIDENT wrote them."""
    if not {"features", "coords"} <= set(opened.entries):
        return None
    about = opened.entries["coords"].attributes
    encoder = text(opened.entries["features"].attributes, "encoder")
    ours = {"patch_size_level0", "level0_magnification", "target_magnification"} & set(about)
    if not ours and not encoder:
        return None
    return Meaning(
        "TRIDENT", "features", "coords", "level0", 1.0,
        Provenance(
            tool="TRIDENT",
            encoder=encoder,
            patch_px=number(about, "patch_size"),
            patch_px_level0=number(about, "patch_size_level0"),
            magnification=number(about, "target_magnification"),
        ),
    )  # fmt: skip
