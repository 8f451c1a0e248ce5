"""Where a bag comes from, as far as its file tells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Provenance:
    """What a file says of its making; empty or 0 where it does not say.

    Attributes:
        tool: Who wrote it.
        encoder: Name of the network, as the tool writes it.
        patch_px: Side of a patch in the pixels that the encoder saw.
        patch_px_level0: Side of a patch in level-0 px.
        patch_um: Side of a patch in µm.
        mpp: µm per pixel at level 0.
        magnification: At which patches were cut.
        random_weights: The network was never trained: its features are for tests alone.
    """

    tool: str = ""
    encoder: str = ""
    patch_px: float = 0.0
    patch_px_level0: float = 0.0
    patch_um: float = 0.0
    mpp: float = 0.0
    magnification: float = 0.0
    random_weights: bool = False

    def attributes(self) -> dict[str, str | float]:
        """What is known, to be written into a file.

        Example:
            >>> Provenance(tool="STAMP", mpp=0.25).attributes()
            {'tool': 'STAMP', 'mpp': 0.25}
        """
        return {name: value for name, value in asdict(self).items() if value}


def text(attributes: Mapping[str, object], name: str) -> str:
    """A text of a file's attributes; "" where it is absent.

    Example:
        >>> text({"encoder": "uni_v1"}, "encoder"), text({"encoder": "None"}, "encoder")
        ('uni_v1', '')
    """
    value = str(attributes.get(name, ""))
    return "" if value == "None" else value


def number(attributes: Mapping[str, object], name: str) -> float:
    """A positive number of a file's attributes; 0 where there is none.

    Example:
        >>> number({"mpp": "0.25"}, "mpp"), number({"mpp": "None"}, "mpp")
        (0.25, 0.0)
    """
    try:
        value = float(str(attributes.get(name, 0)))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
