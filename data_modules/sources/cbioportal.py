"""cBioPortal: study files with `#` lines before the header, and the portal's own download."""

from data_modules.sources.table import TableFormat

# data_clinical_patient.txt and data_clinical_sample.txt; the `#` lines may have been cut off.
STUDY = TableFormat(
    "cbioportal", told_by=("PATIENT_ID",), id=("PATIENT_ID",), sample="SAMPLE_ID", comment="#",
    tabs=True,
)  # fmt: skip

# "Download clinical data": spelled-out names, which different columns may share; one row a sample.
PORTAL = TableFormat(
    "cbioportal_download", told_by=("Study ID", "Patient ID", "Sample ID"), id=("Patient ID",),
    sample="Sample ID", tabs=True, repeats=True,
)  # fmt: skip
