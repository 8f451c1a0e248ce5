"""The doctor's page as a picture."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_modules.cohort import Cohort
from experiments.figures import BLUE, GREY, VERMILION
from mmsurv.metrics.functional import kaplan_meier
from mmsurv.survival import DAYS_PER_YEAR


def doctor_figure(facts: dict[str, Any], cohort: Cohort) -> Figure:
    """Who is in, what they have, what is missing, and how long they were followed.

    Args:
        facts: Of `data_modules.doctor.examine`.
        cohort: The same cohort.
    """
    figure = Figure(figsize=(11, 7), layout="constrained")
    flow, overlap, missing, follow_up = figure.subplots(2, 2).flat
    figure.suptitle(f"{facts['name']}, {facts['endpoint']}")
    steps = facts["flow"]
    _bars(flow, [s["step"] for s in steps], [s["patients"] for s in steps], "{:d}", BLUE)
    flow.set_title("patients after each step", fontsize=9)
    sets = facts["overlap"]
    _bars(overlap, [s["modalities"] for s in sets], [s["patients"] for s in sets], "{:d}", BLUE)
    overlap.set_title("patients by what they have", fontsize=9)
    names = list(facts["missing"])
    shares = [100 * facts["missing"][name] for name in names]
    _bars(missing, names, shares, "{:.1f} %", VERMILION)
    missing.set_title("missing clinical variables", fontsize=9)
    _follow_up(follow_up, cohort)
    return figure


def _bars(axes: Axes, names: list[str], values: list[Any], form: str, colour: str) -> None:
    axes.barh(range(len(names)), values, color=colour)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    for place, value in enumerate(values):
        axes.text(value, place, f" {form.format(value)}", va="center", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _follow_up(axes: Axes, cohort: Cohort) -> None:
    """Kaplan-Meier of the endpoint, and of being followed (events and censoring exchanged)."""
    time_days = cohort.table["time_days"].to_numpy(float)
    event = cohort.table["event"].to_numpy(bool)
    for happened, label, colour in (
        (event, f"free of the event ({int(event.sum())} events)", BLUE),
        (~event, "still followed (reverse Kaplan–Meier)", GREY),
    ):
        curve = kaplan_meier(event=happened, time=time_days)
        years = curve.time / DAYS_PER_YEAR
        axes.step(years, curve.survival, where="post", label=label, color=colour)
    axes.axhline(0.5, color=GREY, lw=0.6, ls=":")
    axes.set_ylim(0, 1.02)
    axes.set_title("share of patients", fontsize=9)
    axes.set_xlabel("years")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
