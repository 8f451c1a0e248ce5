"""Tables of patients by the value of `format` in the manifest."""

from data_modules.sources.cbioportal import PORTAL, STUDY
from data_modules.sources.gdc import GDC
from data_modules.sources.table import TABLE, TableFormat
from data_modules.sources.tcga_cdr import TCGA_CDR
from data_modules.sources.xena_clinical import XENA_CLINICAL, XENA_SURVIVAL

# The first whose columns a file has is what it is taken for: the more particular stand first.
FORMATS: dict[str, TableFormat] = {
    form.name: form for form in (XENA_SURVIVAL, XENA_CLINICAL, PORTAL, TCGA_CDR, STUDY, GDC, TABLE)
}
