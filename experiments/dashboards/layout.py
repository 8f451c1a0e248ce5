"""The panels of the report, through W&B's public library for reports."""

from __future__ import annotations

from typing import Any

import wandb_workspaces.reports.v2 as wr

from data_modules.problems import Problems
from experiments.sweeping.check import known_flags
from experiments.sweeping.sweep_file import Sweep, nearest

# Width of W&B's grid of panels.
WIDTH = 24
FOLDS_A_ROW = 3
INTRODUCTION = (
    "Built by experiments.dashboard. cv/c_index is the mean over the held-out folds of protocol "
    "nested; cv/inner_loss and cv/inner_c_index are those of the inner splits and are for "
    "choosing, not for reporting."
)


class FlagColumn(wr.ParallelCoordinatesPlotColumn):  # type: ignore[misc]  # an untyped base
    """An axis for a flag with dots, such as optim.lr.

    Runs keep their configuration flat, as sweeps do. W&B's library would look for lr inside optim.
    """

    def _to_model(self) -> Any:
        model = super()._to_model()
        model.accessor = f"config:{self.metric.name}.value"
        return model


def check_options(entity: str, arm: str, folds: int, *, offline: bool, signed_in: bool) -> None:
    """Refuses what no report can be built from.

    Raises:
        BadInput: Everything wrong.
    """
    problems = Problems()
    if arm not in known_flags():
        problems.add("--arm", f"{arm} is no flag of a run{nearest(arm, known_flags())}")
    if folds < 1:
        problems.add("--folds", f"{folds}: at least 1")
    if not offline and not entity:
        problems.add("--entity", "is empty: name the user or team, or build offline with --json")
    if not signed_in:
        problems.add("W&B", "no API key: `wandb login`, or build offline with --json FILE")
    problems.raise_if_any()


def report(*, entity: str, project: str, arm: str, folds: int, sweep: Sweep) -> wr.Report:
    """The whole report; nothing is sent before its `save`.

    Args:
        entity: User or team.
        project: Whose runs are shown.
        arm: Flag that tells the arms apart.
        folds: Folds that have learning curves.
        sweep: Whose parameters and metric the last section shows.
    """

    def grid(name: str, *panels: Any, filters: str = "") -> wr.PanelGrid:
        # Without a project of its own a set shows the report's; with one, W&B would be asked now.
        runs = wr.Runset(name=name, filters=filters)
        return wr.PanelGrid(runsets=[runs], panels=list(panels))

    return wr.Report(
        entity=entity,
        project=project,
        title=f"{project}: survival models side by side",
        description="C-index by arm, protocol gap, risk groups, learning curves, sweep",
        width="fluid",
        blocks=[
            wr.P(text=INTRODUCTION),
            wr.H2(text="C-index by arm"),
            grid("nested runs", *_arms(arm), filters="Config('protocol') = 'nested'"),
            wr.H2(text="Protocol gap"),
            wr.P(text="What stopping on the reported fold is worth: the same arms, twice."),
            grid("all runs", *_gap(arm)),
            wr.H2(text="Risk groups"),
            grid("runs", _kaplan_meier()),
            wr.H2(text="Learning curves by fold"),
            grid("runs", *(_curves(fold) for fold in range(folds))),
            wr.H2(text=f"Sweep: {sweep.name}"),
            grid("sweep", *_sweep(sweep)),
        ],
    )


def _arms(arm: str) -> tuple[Any, ...]:
    return (
        wr.BarPlot(
            title=f"outer C-index by {arm}, mean ± sd of runs",
            metrics=["cv/c_index"],
            groupby=wr.Config(f"{arm}.value"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            range_x=(0.4, 1.0),
            title_x="C-index",
            layout=wr.Layout(x=0, y=0, w=12, h=8),
        ),
        wr.BarPlot(
            title=f"95 % interval of the C-index by {arm}",
            metrics=["cv/c_index_lower", "cv/c_index", "cv/c_index_upper"],
            groupby=wr.Config(f"{arm}.value"),
            groupby_aggfunc="mean",
            range_x=(0.4, 1.0),
            title_x="lower end, C-index, upper end",
            layout=wr.Layout(x=12, y=0, w=12, h=8),
        ),
        wr.ScatterPlot(
            title="inner and outer C-index: is choosing worth it?",
            x=wr.SummaryMetric("cv/inner_c_index"),
            y=wr.SummaryMetric("cv/c_index"),
            layout=wr.Layout(x=0, y=8, w=12, h=8),
        ),
        wr.BarPlot(
            title=f"integrated Brier score at 5 years by {arm}",
            metrics=["cv/ibs_5y"],
            groupby=wr.Config(f"{arm}.value"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            title_x="IBS",
            layout=wr.Layout(x=12, y=8, w=12, h=8),
        ),
    )


def _gap(arm: str) -> tuple[Any, ...]:
    return (
        wr.BarPlot(
            title="outer C-index by protocol",
            metrics=["cv/c_index"],
            groupby=wr.Config("protocol.value"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            range_x=(0.4, 1.0),
            layout=wr.Layout(x=0, y=0, w=12, h=7),
        ),
        wr.ParallelCoordinatesPlot(
            title="protocol, arm, C-index",
            columns=[
                FlagColumn(wr.Config("protocol")),
                FlagColumn(wr.Config(arm)),
                wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric("cv/c_index")),
            ],
            layout=wr.Layout(x=12, y=0, w=12, h=7),
        ),
    )


def _kaplan_meier() -> Any:
    return wr.MediaBrowser(
        title="Kaplan-Meier of the out-of-fold risk groups",
        media_keys=["figures/kaplan_meier"],
        num_columns=2,
        layout=wr.Layout(x=0, y=0, w=WIDTH, h=12),
    )


def _curves(fold: int) -> Any:
    width = WIDTH // FOLDS_A_ROW
    row, place = divmod(fold, FOLDS_A_ROW)
    return wr.LinePlot(
        title=f"fold {fold}",
        x=f"fold{fold}/epoch",
        y=[f"fold{fold}/val/loss", f"fold{fold}/train/loss"],
        title_x="epoch",
        title_y="loss",
        layout=wr.Layout(x=place * width, y=row * 7, w=width, h=7),
    )


def _sweep(sweep: Sweep) -> tuple[Any, ...]:
    columns = [
        FlagColumn(wr.Config(p.name), log=True if "log" in p.kind else None)
        for p in sweep.parameters
    ]
    score = wr.ParallelCoordinatesPlotColumn(
        wr.SummaryMetric(sweep.metric), inverted=True if sweep.goal == "minimize" else None
    )
    return (
        wr.ParallelCoordinatesPlot(
            title=f"every configuration, by {sweep.metric}",
            columns=[*columns, score],
            layout=wr.Layout(x=0, y=0, w=WIDTH, h=10),
        ),
        wr.ParameterImportancePlot(
            with_respect_to=sweep.metric, layout=wr.Layout(x=0, y=10, w=12, h=8)
        ),
        wr.LinePlot(
            title=f"{sweep.metric} while folds are to come",
            x="cv/folds_done",
            y=[sweep.metric],
            title_x="finished folds",
            layout=wr.Layout(x=12, y=10, w=12, h=8),
        ),
    )
