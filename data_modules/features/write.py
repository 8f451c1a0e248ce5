"""Writing a bag so that it reads fastest, and so that TRIDENT and CLAM read it too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Num

from data_modules.features.readers.own import MARK, NAME
from data_modules.files import write_aside

Array = np.ndarray

# Our attributes under the names, and on the arrays, where TRIDENT and CLAM look for them.
THEIRS = {
    "encoder": ("features", "encoder"),
    "patch_px": ("coords", "patch_size"),
    "patch_px_level0": ("coords", "patch_size_level0"),
    "magnification": ("coords", "target_magnification"),
    "level0_magnification": ("coords", "level0_magnification"),
    "overlap_px": ("coords", "overlap"),
    "patch_level": ("coords", "patch_level"),
}


def write_bag(
    path: Path,
    features: Float[Array, "*n d"],
    coords: Num[Array, "n 2"] | None,
    attributes: Mapping[str, str | int | float],
) -> None:
    """Writes one slide's bag, contiguous and uncompressed: the layout that reads fastest.

    Args:
        path: The .h5 file; appears whole or not at all.
        features: Any float precision; kept. Of one dimension where they are of a whole slide.
        coords: Level-0 px, or what the attribute `coords_unit` says; None where there are none.
        attributes: Provenance: encoder, mpp (at level 0), patch_px, patch_px_level0, patch_um,
            magnification, level0_magnification, overlap_px, patch_level. Those that TRIDENT and
            CLAM know are written a second time where they look for them.
    """
    name = path.name.removesuffix(".h5")
    with write_aside(path) as aside, h5py.File(aside, "w") as file:
        arrays = {"features": file.create_dataset("features", data=features)}
        if coords is not None:
            arrays["coords"] = file.create_dataset("coords", data=coords)
        for array in arrays.values():
            array.attrs["name"] = name
        for ours, (where, theirs) in THEIRS.items():
            if ours in attributes and where in arrays:
                value = attributes[ours]
                whole = isinstance(value, float) and value.is_integer()
                arrays[where].attrs[theirs] = int(value) if whole else value
        file.attrs.update({MARK: NAME, **attributes})
