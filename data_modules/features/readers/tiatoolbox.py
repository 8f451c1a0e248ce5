"""tiatoolbox zarr: `features`, and `coordinates` x0, y0, x1, y1 at the resolution it was asked for.

The file names neither that resolution nor the encoder; the manifest has to.
"""

from __future__ import annotations

from data_modules.features.provenance import Provenance
from data_modules.features.readers.opened import Meaning, Opened


def recognise(opened: Opened) -> Meaning | None:
    """What the arrays mean, where tiatoolbox wrote them."""
    if opened.kind != "zarr" or not {"features", "coordinates"} <= set(opened.entries):
        return None
    return Meaning(
        "tiatoolbox", "features", "coordinates", "unknown", 1.0, Provenance(tool="tiatoolbox")
    )
