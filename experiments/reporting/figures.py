"""The figures of a report: drawn, saved as PNG and SVG, and told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from experiments.reporting.build import Report, Study
from experiments.reporting.draw_forest import forest_figure, subgroups_figure
from experiments.reporting.draw_groups import groups_figure, mean_groups_figure
from experiments.reporting.draw_scores import arms_figure, calibration_figure, curves_figure
from experiments.reporting.facts import shown
from experiments.reporting.measures import NO_GROUPS
from experiments.reporting.style import p_text, save, styled


class Drawn(NamedTuple):
    """A figure of the report; without one, why.

    Attributes:
        name: Of its files in figures/.
        what: In a few words.
        alt: What it shows, for those who cannot see it.
        caption: Below it.
        reason: Why there is none; empty where there is.
    """

    name: str
    what: str
    alt: str = ""
    caption: str = ""
    reason: str = ""


def draw(report: Report, folder: Path) -> tuple[list[Drawn], dict[str, list[Drawn]]]:
    """Draws and saves everything.

    Returns:
        Figures of all models together, and by model those of its own.
    """
    with styled():
        together = [_save(drawn, figure, folder) for drawn, figure in [_arms(report)]]
        own = {
            study.arm.name: [_save(drawn, figure, folder) for drawn, figure in _of(study, report)]
            for study in report.studies
        }
    return together, own


def file_name(arm: str, what: str) -> str:
    """Name of a model's figure: letters, digits and dashes.

    Example:
        >>> file_name("paper/image+genes", "forest")
        'paper-image-genes_forest'
    """
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', arm).strip('-')}_{what}"


def _save(drawn: Drawn, figure: Figure | None, folder: Path) -> Drawn:
    if figure is not None:
        save(figure, folder, drawn.name)
    return drawn


def _arms(report: Report) -> tuple[Drawn, Figure | None]:
    rows = report.metrics[report.metrics["metric"] == "c_index"]
    known = rows[rows["value"].notna()]
    table = known.rename(
        columns={"value": "c_index", "lower": "c_index_lower", "upper": "c_index_upper"}
    )
    told = ", ".join(
        f"{r['arm']} {r['c_index']:.3f} ({r['c_index_lower']:.3f} to {r['c_index_upper']:.3f})"
        for r in table.to_dict("records")
    )
    if table.empty:
        return Drawn("c_index", "C-index by model", reason="no model has a C-index"), None
    drawn = Drawn(
        "c_index",
        "C-index by model",
        f"C-index with 95 % interval of each model: {told}.",
        "C-index of each model, mean over folds, with its 95 % bootstrap interval over patients "
        "within folds. Circles are networks, squares classical models in the same folds, triangles "
        "other predictions. Grey: 95 % of rankings without information.",
    )
    return drawn, arms_figure(table)


def _of(study: Study, report: Report) -> Iterator[tuple[Drawn, Figure | None]]:
    name = study.arm.name
    yield _groups(study, report)
    yield _mean_groups(study)
    what, file = "Brier score and AUC over time", file_name(name, "curves")
    if study.curves.empty:
        reason = "no survival is predicted, or no time is followed in every fold"
        yield Drawn(file, what, reason=reason), None
    else:
        last = study.curves[study.curves["metric"] == "brier"].tail(1)
        alt = f"{what} of {name}"
        if len(last):
            alt += (
                f"; the Brier score at {float(last['years'].iloc[0]):g} years is "
                f"{float(last['mean'].iloc[0]):.3f}"
            )
        caption = (
            "Mean and one standard deviation over folds, up to where every fold is followed. "
            "Dashed: the training patients' Kaplan–Meier curve for everybody, and a coin."
        )
        yield Drawn(file, what, f"{alt}.", caption), curves_figure(study.curves)
    yield _calibration(study)
    yield _forest(study)
    yield _subgroups(study)


def _groups(study: Study, report: Report) -> tuple[Drawn, Figure | None]:
    name = study.arm.name
    what, file = "Survival of the risk groups", file_name(name, "risk_groups")
    if study.groups.empty:
        return Drawn(file, what, reason=NO_GROUPS), None
    plain, permuted = (report.estimate(name, m).p for m in ("logrank", "permutation"))
    ratio = shown(report.estimate(name, "hazard_ratio"), 2)
    drawn = Drawn(
        file,
        what,
        f"Kaplan–Meier curves of high and low risk by {name}; hazard ratio {ratio}, permutation p "
        f"{p_text(permuted)}.",
        "Kaplan–Meier with 95 % bands, every patient once and out of fold; below, patients at "
        f"risk. Hazard ratio of high against low risk {ratio}. The permutation p deals outcomes "
        "anew within folds. The plain log-rank p takes out-of-fold groups for independent, which "
        "they are not: it is shown because it is usual.",
    )
    return drawn, groups_figure(study.arm.rows, study.groups, plain, permuted)


def _mean_groups(study: Study) -> tuple[Drawn, Figure | None]:
    name = study.arm.name
    what, file = "Survival of the risk groups, mean over folds", file_name(name, "risk_groups_mean")
    if study.mean_groups.empty:
        return Drawn(file, what, reason=study.no_mean_groups), None
    folds = int(study.mean_groups["folds"].max())
    drawn = Drawn(
        file,
        what,
        f"Mean over {folds} folds of the Kaplan–Meier curves of high and low risk by {name}.",
        f"Each group's Kaplan–Meier curve, averaged over {folds} folds, with a 95 % band of that "
        "mean (t distribution over folds), up to where the shortest fold is followed, as in figure "
        "5 of the paper. Folds share training patients: the band is too narrow for a new cohort.",
    )
    return drawn, mean_groups_figure(study.mean_groups)


def _calibration(study: Study) -> tuple[Drawn, Figure | None]:
    name = study.arm.name
    what, file = "Calibration", file_name(name, "calibration")
    if study.calibration.empty:
        return Drawn(file, what, reason="no survival at a horizon is predicted"), None
    points = ", ".join(
        f"{r['predicted']:.2f} predicted and {r['observed']:.2f} observed at "
        f"{r['horizon_years']:g} years"
        for r in study.calibration.to_dict("records")
        if r["observed"] == r["observed"]
    )
    drawn = Drawn(
        file,
        what,
        f"Observed against predicted risk by {name}: {points}.",
        "Patients in groups of like predicted risk: observed risk (Kaplan–Meier, 95 %) "
        "against predicted. On the dashed line they agree. Calibration slope "
        f"{shown(study.facts.slope, 2)}.",
    )
    return drawn, calibration_figure(study.calibration)


def _forest(study: Study) -> tuple[Drawn, Figure | None]:
    name = study.arm.name
    what, file = "Hazard ratios", file_name(name, "forest")
    if study.hazards is None:
        return Drawn(file, what, reason=NO_GROUPS), None
    if study.source.cohort is None:
        return Drawn(file, what, reason=study.source.no_cohort), None
    table = study.hazards.table
    told = ", ".join(
        f"{r['variable']} ({r['contrast']}) {r['model']} {r['hazard_ratio']:.2f}"
        for r in table.to_dict("records")
    )
    test = p_text(study.hazards.added_p)
    drawn = Drawn(
        file,
        what,
        f"Hazard ratios of clinical variables and of the risk group by {name}: {told}.",
        "Cox regression of the out-of-fold patients, folds as strata: each variable alone, and all "
        f"together in the {study.hazards.patients} patients ({study.hazards.events} events) with "
        f"every variable known. Likelihood-ratio p of the risk group beside the others {test}. The "
        "intervals take the out-of-fold groups as given.",
    )
    return drawn, forest_figure(table)


def _subgroups(study: Study) -> tuple[Drawn, Figure | None]:
    name = study.arm.name
    what, file = "Subgroups", file_name(name, "subgroups")
    if study.source.cohort is None:
        return Drawn(file, what, reason=study.source.no_cohort), None
    if study.hazards is None:
        return Drawn(file, what, reason=NO_GROUPS), None
    told = ", ".join(
        f"{r['subgroup']} {r['hazard_ratio']:.2f}" for r in study.subgroups.to_dict("records")
    )
    drawn = Drawn(
        file,
        what,
        f"Hazard ratio of high against low risk by {name} in each subgroup: {told}.",
        "High against low risk within subgroups that were fixed beforehand; * fewer than ten "
        "events. Differences between subgroups are not tested.",
    )
    return drawn, subgroups_figure(study.subgroups)
