"""UCSC Xena clinical matrices: one row a sample, TCGA's columns and the curated survival."""

from data_modules.sources.table import TableFormat

XENA_CLINICAL = TableFormat(
    "xena_clinical", told_by=("sampleID", "_PATIENT"), id=("_PATIENT",), sample="sampleID",
    tabs=True,
)  # fmt: skip

# The survival files that lie beside the matrices.
XENA_SURVIVAL = TableFormat(
    "xena_survival", told_by=("sample", "_PATIENT", "OS", "OS.time"), id=("_PATIENT",),
    sample="sample", tabs=True,
)  # fmt: skip
