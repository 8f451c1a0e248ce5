"""TCGA barcodes: patient, site of collection and kind of sample are written in them."""

from __future__ import annotations

import re

BARCODE = re.compile(r"TCGA-(\w{2})-\w{4}(?:-(\d{2})[A-Z]?.*)?")
PRIMARY = "01"


def sample_kind(sample: str) -> str:
    """Two digits: 01 a primary tumour, 06 a metastasis, 11 normal tissue; nothing elsewhere.

    Source: https://gdc.cancer.gov/resources-tcga-users/tcga-code-tables/sample-type-codes

    Example:
        >>> sample_kind("TCGA-A1-A0SB-01A-11R-A144-07"), sample_kind("TCGA-A1-A0SB")
        ('01', '')
    """
    found = BARCODE.fullmatch(sample)
    return (found[2] or "") if found else ""
