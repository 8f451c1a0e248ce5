"""From sources to everything that a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from experiments.reporting.calibration import calibration_table
from experiments.reporting.comparisons import comparison_table, difference_with_interval
from experiments.reporting.curves import score_curves
from experiments.reporting.facts import NAN, NOTHING, Against, Facts, known
from experiments.reporting.folds import fold_table
from experiments.reporting.groups import mean_curves, pooled_curves
from experiments.reporting.hazards import RISK, Hazards, clinical_terms, hazard_ratios
from experiments.reporting.measures import NO_GROUPS, metric_table
from experiments.reporting.patients import characteristics, subgroups_of
from experiments.reporting.protocols import gap_table
from experiments.reporting.reading import Sentence, reading
from experiments.reporting.sources import Arm, Source
from experiments.reporting.subgroups import subgroup_table
from experiments.reporting.tripod import Item, tripod
from experiments.reporting.uncertainty import Effort, predicted, resampled
from mmsurv.metrics.functional import Estimate


@dataclass(frozen=True)
class Study:
    """Everything on the model of one source.

    Attributes:
        source: The run or file.
        groups: Of `groups.pooled_curves`; empty without risk groups.
        mean_groups: Of `groups.mean_curves`.
        no_mean_groups: Why that is empty.
        curves: Of `curves.score_curves`.
        calibration: Of `calibration.calibration_table`.
        hazards: Of `hazards.hazard_ratios`; None without risk groups.
        subgroups: Of `subgroups.subgroup_table`; empty where the patients are not described.
        characteristics: Of `patients.characteristics`; likewise.
        facts: What the reading is made from.
        reading: What is said of the model.
        tripod: Items of TRIPOD+AI.
    """

    source: Source
    groups: pd.DataFrame
    mean_groups: pd.DataFrame
    no_mean_groups: str
    curves: pd.DataFrame
    calibration: pd.DataFrame
    hazards: Hazards | None
    subgroups: pd.DataFrame
    characteristics: pd.DataFrame
    facts: Facts
    reading: list[Sentence]
    tripod: list[Item]

    @property
    def arm(self) -> Arm:
        """The model."""
        return self.source.main


@dataclass(frozen=True)
class Report:
    """Everything that a report shows.

    Attributes:
        studies: One a source.
        metrics: As `schema.SCHEMA` says.
        folds: Likewise.
        comparisons: Likewise; empty where there is one model.
        gaps: Table protocols; empty where no run was made under both.
        horizons: Years.
        effort: How much was resampled.
    """

    studies: list[Study]
    metrics: pd.DataFrame
    folds: pd.DataFrame
    comparisons: pd.DataFrame
    gaps: pd.DataFrame
    horizons: tuple[float, ...]
    effort: Effort

    def metric(self, arm: str, name: str, horizon: float | None = None) -> pd.Series:
        """The row of one metric of one model."""
        rows = self.metrics[(self.metrics["arm"] == arm) & (self.metrics["metric"] == name)]
        if horizon is not None:
            rows = rows[rows["horizon_years"] == horizon]
        found: pd.Series = rows.iloc[0]
        return found

    def estimate(self, arm: str, name: str, horizon: float | None = None) -> Estimate:
        """One metric of one model; a reason where the model lacks it."""
        rows = self.metrics[(self.metrics["arm"] == arm) & (self.metrics["metric"] == name)]
        if horizon is not None:
            rows = rows[rows["horizon_years"] == horizon]
        if rows.empty:
            return Estimate.missing("not computed")
        row = rows.iloc[0]
        return Estimate(row["value"], row["lower"], row["upper"], row["p"], row["reason"])


def build(sources: list[Source], horizons: tuple[float, ...], effort: Effort) -> Report:
    """Computes everything.

    Args:
        sources: Of `sources.load_sources`.
        horizons: Years.
        effort: How much is resampled.
    """
    arms = [arm for source in sources for arm in source.arms]
    folds = {arm.name: fold_table(arm, horizons) for arm in arms}
    draws = {
        arm.name: resampled(arm, arm.rows, predicted(arm, horizons), effort)
        for arm in arms
        if arm.answered
    }
    metrics = [
        metric_table(arm, folds[arm.name], draws.get(arm.name), horizons, effort) for arm in arms
    ]
    report = Report(
        studies=[],
        metrics=pd.concat(metrics, ignore_index=True),
        folds=pd.concat(folds.values(), ignore_index=True),
        comparisons=comparison_table(arms, folds, draws),
        gaps=gap_table(sources, folds),
        horizons=horizons,
        effort=effort,
    )
    kinds = {arm.name: arm.kind for arm in arms}
    for source in sources:
        report.studies.append(_study(source, report, kinds))
    return report


def _study(source: Source, report: Report, kinds: Mapping[str, str]) -> Study:
    arm, cohort = source.main, source.cohort
    grouped = "risk_group" in arm.rows
    mean, no_mean = mean_curves(arm.rows) if grouped else (pd.DataFrame(), NO_GROUPS)
    terms = clinical_terms(cohort) if cohort is not None else []
    hazards = hazard_ratios(arm.rows, terms) if grouped else None
    facts = _facts(source, report, hazards, kinds)
    numbers = f"{facts.patients} patients, {facts.events} with the event"
    return Study(
        source=source,
        groups=pooled_curves(arm.rows) if grouped else pd.DataFrame(),
        mean_groups=mean,
        no_mean_groups=no_mean,
        curves=score_curves(arm),
        calibration=calibration_table(arm.rows, report.horizons),
        hazards=hazards,
        subgroups=subgroup_table(arm, subgroups_of(cohort), report.effort)
        if cohort is not None
        else pd.DataFrame(),
        characteristics=characteristics(cohort, arm.rows) if cohort is not None else pd.DataFrame(),
        facts=facts,
        reading=reading(facts),
        tripod=tripod(source, numbers),
    )


def _last_known(report: Report, arm: str, metric: str) -> Estimate:
    """The metric at the last horizon that has it."""
    found = [report.estimate(arm, metric, h) for h in sorted(report.horizons, reverse=True)]
    return next((estimate for estimate in found if known(estimate)), NOTHING)


def _against(arm: str, report: Report, kinds: Mapping[str, str]) -> tuple[Against, ...]:
    """The comparisons that a model stands first in."""
    if report.comparisons.empty:
        return ()
    rows = report.comparisons[report.comparisons["first"] == arm].to_dict("records")
    return tuple(
        Against(
            other := str(row["second"]), kinds[other], difference_with_interval(row),
            float(row["p_holm"]), str(row["test"]),
        )
        for row in rows
    )  # fmt: skip


def _gap(arm: str, report: Report) -> Estimate:
    """What the model gains over its twin under protocol nested."""
    if report.gaps.empty:
        return NOTHING
    for row in report.gaps[report.gaps["paper"] == arm].to_dict("records"):
        lower, upper = row["corrected_lower"], row["corrected_upper"]
        return Estimate(row["gap"], lower, upper, row["p"], row["reason"])
    return NOTHING


def _facts(
    source: Source, report: Report, hazards: Hazards | None, kinds: Mapping[str, str]
) -> Facts:
    arm = source.main
    c_index = report.metric(arm.name, "c_index")
    folds = report.folds[report.folds["arm"] == arm.name]
    added, added_p = NOTHING, NAN
    beside: tuple[str, ...] = ()
    if hazards is not None and source.cohort is not None:
        table = hazards.table
        rows = table[(table["model"] == "multivariate") & (table["variable"] == RISK)]
        if len(rows):
            ratio, lower, upper = (
                float(rows.iloc[0][k]) for k in ("hazard_ratio", "lower", "upper")
            )
            added = Estimate(ratio, lower, upper)
            added_p = hazards.added_p
        beside = tuple(source.cohort.kinds)
    shared = NAN if source.audit is None else float(source.audit["site_shared"].mean())
    return Facts(
        name=arm.name,
        kind=arm.kind,
        protocol=arm.protocol,
        patients=int(c_index["patients"]),
        events=int(c_index["events"]),
        pairs=int(c_index["comparable_pairs"]),
        folds=int(len(folds) / folds["repeat"].nunique()),
        repeats=int(folds["repeat"].nunique()),
        few_events=tuple(folds.loc[folds["few_events"], "fold"].astype(int)),
        c_index=report.estimate(arm.name, "c_index"),
        c_sd=float(c_index["sd_folds"]),
        null_upper=float(c_index["null_upper"]),
        permutation_p=report.estimate(arm.name, "permutation").p,
        logrank_p=report.estimate(arm.name, "logrank").p,
        slope=_last_known(report, arm.name, "calibration_slope"),
        ipa={h: report.estimate(arm.name, "ipa", h) for h in report.horizons},
        added=added,
        added_p=added_p,
        beside=beside,
        against=_against(arm.name, report, kinds),
        gap=_gap(arm.name, report),
        simulated=str(source.config.get("cohort", "")) == "toy"
        or (source.cohort is not None and source.cohort.name == "toy"),
        site_shared=shared,
    )
