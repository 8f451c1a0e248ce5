"""The Genomic Data Commons: clinical.tsv."""

from __future__ import annotations

import pandas as pd

from data_modules.sources.table import TableFormat

# Follow-up stands in one column and death in another; this one is added.
SURVIVAL_DAYS = "survival_days"
# Names have had the prefixes demographic., diagnoses. and so on since 2024.
NEEDED = (
    ("vital_status", "demographic.vital_status"),
    ("days_to_death", "demographic.days_to_death"),
    ("days_to_last_follow_up", "diagnoses.days_to_last_follow_up"),
)


def add_survival_days(table: pd.DataFrame) -> pd.DataFrame:
    """Days to death of the dead, days to the last follow-up of the others.

    Example:
        >>> add_survival_days(pd.DataFrame({
        ...     "vital_status": ["Dead", "Alive"], "days_to_death": ["9", None],
        ...     "days_to_last_follow_up": ["5", "7"]}))["survival_days"].tolist()
        ['9', '7']
    """
    named = [next((name for name in names if name in table), "") for names in NEEDED]
    if not all(named) or SURVIVAL_DAYS in table:
        return table
    status, death, last = (table[name] for name in named)
    dead = status.map(lambda text: str(text).casefold() == "dead")
    return table.assign(**{SURVIVAL_DAYS: death.where(dead, last)})


GDC = TableFormat(
    "gdc", told_by=("case_id", "submitter_id"),
    id=("case_submitter_id", "cases.submitter_id", "submitter_id"),
    missing=frozenset({"not reported", "unknown", "not allowed to collect"}), tabs=True,
    derive=add_survival_days,
)  # fmt: skip
