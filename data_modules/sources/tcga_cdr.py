"""The TCGA clinical data resource: curated OS, DSS, DFI and PFI in days.

Liu et al., An integrated TCGA pan-cancer clinical data resource, 2018,
doi:10.1016/j.cell.2018.02.052.
"""

from data_modules.sources.table import TableFormat

TCGA_CDR = TableFormat(
    "tcga_cdr", told_by=("bcr_patient_barcode", "OS", "OS.time"), id=("bcr_patient_barcode",),
    tabs=True,
)  # fmt: skip
