"""What every fold is like: a fold that is unlike the others explains a number that is."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from data_modules.cohort import Cohort
from data_modules.doctor import FEW_EVENTS, follow_up_median
from data_modules.files import write_aside
from data_modules.folds import INNER_PARTS, Design, Folds, make_folds
from data_modules.problems import BadInput, Problem, Problems
from data_modules.site_folds import sites_of
from data_modules.split_files import read_split
from experiments.config import RunConfig
from mmsurv.metrics.functional import comparable_pairs
from mmsurv.survival import DAYS_PER_YEAR

HEADINGS = {
    "fold": "fold", "patients": "held\nout", "events": "events", "pairs": "pairs",
    "train_patients": "train", "train_events": "train\nevents",
    "sites": "sites", "subtype_off": "subtype\noff by", "follow_up_years": "median\nyears",
    "site_shared": "site in\ntraining",
}  # fmt: skip


def draw_folds(config: RunConfig, cohort: Cohort) -> Folds:
    """The folds that the flags ask for.

    Raises:
        BadInput: They cannot be drawn, or --only_folds names one that there is not.
    """
    design = Design(config.split, config.stratify, config.folds_file, config.repeats)
    folds = make_folds(
        cohort, n_folds=config.folds, protocol=config.protocol, seed=config.seed, design=design
    )
    check_members(config, cohort, folds)
    beyond = [k for k in config.only_folds if k >= folds.n_folds]
    if beyond:
        text = f"{beyond}: folds count from 0 to {folds.n_folds - 1}"
        raise BadInput([Problem("--only_folds", None, None, text)])
    return folds


def check_members(config: RunConfig, cohort: Cohort, folds: Folds) -> None:
    """Makes sure that every member of a rotating ensemble has an event to stop on.

    Raises:
        BadInput: One has none.
    """
    if config.inner == "fixed" or config.protocol == "paper":
        return
    problems = Problems()
    for fold, member in product(range(folds.n_folds), range(min(config.ensemble, INNER_PARTS))):
        if not cohort.table.loc[folds.patients(fold, "val", member), "event"].any():
            where = f"fold {fold} of cohort {cohort.name}"
            problems.add(where, f"no event that member {member} could stop on: use --inner fixed")
    problems.raise_if_any()


def audit(folds: Folds, cohort: Cohort) -> pd.DataFrame:
    """One row a fold.

    Columns: fold; patients, events and comparable pairs held out; patients and events in training;
    sites held out, a single one by name; by how many percentage points the subtype that differs
    most is off its share in the cohort; median follow-up of the held-out patients in years;
    share of them whose site is also that of a training patient, NaN where sites are not known.
    """
    site, _ = sites_of(cohort.table)
    subtype = cohort.table["subtype"].astype(object).fillna("unknown")
    whole = subtype.value_counts(normalize=True)
    rows: list[dict[str, Any]] = []
    for fold in range(folds.n_folds):
        held_out, training = folds.patients(fold, "test"), folds.patients(fold, "train")
        table = cohort.table.loc[held_out]
        time = table["time_days"].to_numpy(float)
        event = table["event"].to_numpy(bool)
        share = subtype[held_out].value_counts(normalize=True).reindex(whole.index, fill_value=0.0)
        shared = site[held_out].isin(set(site[training])) if site.notna().all() else None
        rows.append(
            {
                "fold": fold,
                "patients": len(held_out),
                "events": int(event.sum()),
                "pairs": comparable_pairs(event=event, time=time),
                "train_patients": len(training),
                "train_events": int(cohort.table.loc[training, "event"].sum()),
                "sites": _named(site[held_out]),
                "subtype_off": float(100 * (share - whole).abs().max()),
                "follow_up_years": follow_up_median(time, event) / DAYS_PER_YEAR,
                "site_shared": np.nan if shared is None else float(shared.mean()),
            }
        )
    return pd.DataFrame(rows)


def write_audit(audited: pd.DataFrame, folder: Path) -> None:
    """Writes folds_audit.csv."""
    with write_aside(folder / "folds_audit.csv") as aside:
        audited.to_csv(aside, index=False, lineterminator="\n")


def warnings(audited: pd.DataFrame, config: RunConfig, cohort: Cohort) -> list[str]:
    """What a reader of the folds should know."""
    few = audited.loc[audited["events"] < FEW_EVENTS, "fold"].tolist()
    told = []
    if few:
        named = ", ".join(map(str, few))
        told.append(f"fewer than {FEW_EVENTS} events in fold {named}: mostly chance")
    if config.split != "stratified" and sites_of(cohort.table)[1]:
        told.append("sites are those of the TCGA barcodes")
    if config.folds_file:
        told += read_split_notes(config, cohort)
    return told


def read_split_notes(config: RunConfig, cohort: Cohort) -> list[str]:
    """Patients of the split file who are not in the cohort."""
    return read_split(Path(config.folds_file), cohort.table.index, Problems())[1]


def print_audit(
    audited: pd.DataFrame,
    config: RunConfig,
    cohort: Cohort,
    console: Console,
    *,
    full: bool = False,
) -> None:
    """A line on the folds and what is odd about them; or the whole table."""
    if full:
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for heading in HEADINGS.values():
            table.add_column(heading, justify="right")
        for row in audited[list(HEADINGS)].itertuples(index=False):
            off, years, shared = row[-3:]
            table.add_row(*map(str, row[:-3]), f"{off:.1f} %", _shown(years, ".1f"),
                          _shown(shared, ".0%"))  # fmt: skip
        console.print(table)
    else:
        low, high = audited["events"].min(), audited["events"].max()
        shared = audited["site_shared"].mean()
        sites = "" if shared != shared else f", site also in training for {shared:.0%}"
        console.print(f"{len(audited)} folds ({config.split}): {low} to {high} events{sites}")
    for line in warnings(audited, config, cohort):
        console.print(f"  note: {line}")


def _named(site: pd.Series) -> str:
    if site.isna().any():
        return ""
    names = site.unique()
    return str(names[0]) if len(names) == 1 else str(len(names))


def _shown(value: float, form: str) -> str:
    return "–" if value != value else format(value, form)
