"""What exports call the columns that most breast-cancer cohorts have."""

from __future__ import annotations

from typing import NamedTuple

# Time, event and unit of an endpoint, as exports name them; the first that is there is proposed.
ENDPOINTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "OS": (
        ("OS.time", "OS", "days"),
        ("OS_MONTHS", "OS_STATUS", "months"),
        ("Overall Survival (Months)", "Overall Survival Status", "months"),
        ("survival_days", "vital_status", "days"),
        ("os_months", "os_event", "months"),
        ("os_days", "os_event", "days"),
    ),
    "DSS": (
        ("DSS.time", "DSS", "days"),
        ("DSS_MONTHS", "DSS_STATUS", "months"),
        ("Months of disease-specific survival", "Disease-specific Survival status", "months"),
    ),
    "PFI": (
        ("PFI.time", "PFI", "days"),
        ("PFS_MONTHS", "PFS_STATUS", "months"),
        ("Progress Free Survival (Months)", "Progression Free Status", "months"),
        ("pfi_months", "pfi_event", "months"),
    ),
    "DFI": (
        ("DFI.time", "DFI", "days"),
        ("DFS_MONTHS", "DFS_STATUS", "months"),
        ("Disease Free (Months)", "Disease Free Status", "months"),
    ),
}
HAPPENED = ("1", "dead", "deceased", "true", "yes", "recurred", "progress", "event")
CENSORED = ("0", "alive", "living", "false", "no", "diseasefree", "censored")


class Variable(NamedTuple):
    """A variable that most breast-cancer cohorts have.

    Attributes:
        name: In the manifest.
        columns: What exports call it.
        read: Key of `READINGS`.
        covariate: The covariate's keys; empty where it is none.
        days: Columns that hold days instead of years.
    """

    name: str
    columns: tuple[str, ...]
    read: str
    covariate: str
    days: tuple[str, ...] = ()


VARIABLES = (
    Variable(
        "age",
        ("age_at_initial_pathologic_diagnosis", "AGE", "Diagnosis Age", "age_at_diagnosis", "age",
         "age_years"),
        "number", "kind: numeric, unit: years", ("age_at_diagnosis",),
    ),
    Variable(
        "t_stage",
        ("AJCC_TUMOR_PATHOLOGIC_PT", "PATH_T_STAGE", "ajcc_pathologic_t",
         "ajcc_tumor_pathologic_pt", "American Joint Committee on Cancer Tumor Stage Code",
         "t_stage"),
        "t_stage", "kind: ordinal, levels: [0, 1, 2, 3, 4]",
    ),
    Variable(
        "n_stage",
        ("AJCC_NODES_PATHOLOGIC_PN", "PATH_N_STAGE", "ajcc_pathologic_n",
         "ajcc_nodes_pathologic_pn",
         "Neoplasm Disease Lymph Node Stage American Joint Committee on Cancer Code", "n_stage"),
        "n_stage", "kind: ordinal, levels: [0, 1, 2, 3]",
    ),
    Variable(
        "nodes",
        ("LYMPH_NODES_EXAMINED_HE_COUNT", "lymph_nodes_positive", "nodes_positive", "nodes",
         "Positive Finding Lymph Node Hematoxylin and Eosin Staining Microscopy Count"),
        "number", "kind: numeric, unit: count, log: true",
    ),
    Variable(
        "grade", ("GRADE", "Neoplasm Histologic Grade", "tumor_grade", "grade"),
        "grade", "kind: ordinal, levels: [1, 2, 3]",
    ),
    Variable("size", ("tumor_size_mm", "size_mm"), "number", "kind: numeric, unit: mm, log: true"),
    Variable(
        "er", ("ER_STATUS_BY_IHC", "er_status_by_ihc", "ER Status By IHC", "er_status"),
        "receptor", "",
    ),
    Variable("pam50", ("SUBTYPE", "Subtype", "pam50", "PAM50"), "pam50", ""),
)  # fmt: skip
