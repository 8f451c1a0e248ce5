"""The PAM50 genes under their current symbols."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Parker et al., Supervised risk predictor of breast cancer based on intrinsic subtypes, 2009,
# doi:10.1200/JCO.2008.18.1370.
PAM50 = (
    "ACTR3B", "ANLN", "BAG1", "BCL2", "BIRC5", "BLVRA", "CCNB1", "CCNE1", "CDC20", "CDC6", "CDH3",
    "CENPF", "CEP55", "CXXC5", "EGFR", "ERBB2", "ESR1", "EXO1", "FGFR4", "FOXA1", "FOXC1", "GPR160",
    "GRB7", "KIF2C", "KRT14", "KRT17", "KRT5", "MAPT", "MDM2", "MELK", "MIA", "MKI67", "MLPH",
    "MMP11", "MYBL2", "MYC", "NAT1", "NDC80", "NUF2", "ORC6", "PGR", "PHGDH", "PTTG1", "RRM2",
    "SFRP1", "SLC39A6", "TMEM45B", "TYMS", "UBE2C", "UBE2T",
)  # fmt: skip


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word, or nothing.

    Example:
        >>> nearest("ESR", ["ESR1", "PGR"]), nearest("zzz", ["ESR1"])
        ('; did you mean ESR1?', '')
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
