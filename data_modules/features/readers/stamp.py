"""STAMP h5: `feats`, and `coords` in µm; the encoder and the tile in attributes of the file."""

from __future__ import annotations

import numpy as np

from data_modules.features.provenance import Provenance, number, text
from data_modules.features.readers.opened import Array, Meaning, Opened

# Before it wrote units, STAMP cut tiles of 256 µm into 224 px and counted in those px.
HISTORIC_PX = 224
HISTORIC_UM = 256.0


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where STAMP wrote them."""
    if "feats" not in opened.entries:
        return None
    about = opened.attributes
    tile_um = number(about, "tile_size_um")
    tile_px = number(about, "tile_size_px")
    micrometres = bool(tile_um) or text(about, "unit") == "um"
    tile_um = tile_um or (number(about, "tile_size") if micrometres else 0.0)
    coords = "coords" if "coords" in opened.entries else None
    factor = 1.0
    if coords and not micrometres and _historic(opened, coords):
        tile_um, tile_px, factor, micrometres = HISTORIC_UM, HISTORIC_PX, HISTORIC_UM / 224, True
    return Meaning(
        "STAMP", "feats", coords, "um" if micrometres else "unknown", factor,
        Provenance(
            tool="STAMP",
            # Of a slide-level vector, `encoder` is the network that made it.
            encoder=text(about, "extractor") or text(about, "encoder"),
            patch_px=tile_px,
            patch_um=tile_um,
        ),
    )  # fmt: skip


def _historic(opened: Opened, name: str) -> bool:
    """Whether the file says, or its coordinates show, that a tile is 224 wide."""
    if tile := number(opened.attributes, "tile_size"):
        return round(tile) == HISTORIC_PX
    entry = opened.entries[name]
    if len(entry.shape) != 2 or entry.shape[1] != 2 or np.dtype(entry.dtype).kind not in "iuf":
        return False
    strides = [_stride(column) for column in opened.load(name).T]
    return round(min(strides)) == HISTORIC_PX if min(strides) < np.inf else False


def _stride(column: Array) -> float:
    steps = np.diff(np.unique(column[np.isfinite(column)]))
    return float(steps.min()) if len(steps) else np.inf
