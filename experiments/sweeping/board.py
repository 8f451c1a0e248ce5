"""The leaderboard: every configuration of a sweep, the best first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from data_modules.files import write_aside
from experiments.run_folder import write_csv, write_json
from experiments.sweeping.agent import run_folder
from experiments.sweeping.study import open_study, values_of
from experiments.sweeping.sweep_file import Sweep
from experiments.table import number

# Columns beside the parameters.
INNER_SD, OUTER, OUTER_SD = "sd", "cv/c_index", "cv/c_index_sd"
STATES = ("ranked", "unranked", "stopped", "failed", "unfinished")


def leaderboard(folder: Path, sweep: Sweep) -> pd.DataFrame:
    """Every configuration once, ranked by the inner score.

    A grid is a comparison, so each arm has its outer score beside it. A search is a choice: the
    outer score stands beside the winner alone, for the best of many outer scores is a lucky one.

    Returns:
        configuration (from 1), state, rank, the parameters, the metric, its sd over folds,
        cv/c_index and its sd, and the reason where there is no metric. `state` is ranked, unranked
        (finished, without an inner score), stopped (early), failed or unfinished.
    """
    from optuna.trial import TrialState

    names = {
        TrialState.COMPLETE: "ranked",
        TrialState.PRUNED: "stopped",
        TrialState.FAIL: "failed",
    }
    rows = []
    for trial in open_study(folder, sweep).get_trials(deepcopy=False):
        if "same_as" in trial.user_attrs:
            continue
        state = names.get(trial.state, "unfinished")
        if trial.user_attrs.get("unranked"):
            state = "unranked"
        scores = _scores(run_folder(folder, trial.number))
        inner = scores.get("inner", {}).get(sweep.metric.removeprefix("cv/inner_"), {})
        outer = scores.get("cv", {}).get("c_index", {})
        rows.append(
            {"configuration": trial.number + 1, "state": state}
            | values_of(sweep, trial.params)
            | {
                sweep.metric: inner.get("mean") if state == "ranked" else None,
                INNER_SD: inner.get("sd"),
                OUTER: outer.get("mean"),
                OUTER_SD: outer.get("sd"),
                "reason": trial.user_attrs.get("reason", ""),
            }
        )
    columns = ["configuration", "state", *(p.name for p in sweep.parameters), sweep.metric]
    columns += [INNER_SD, OUTER, OUTER_SD, "reason"]
    return _ranked(pd.DataFrame(rows, columns=columns), sweep)


def write_leaderboard(board: pd.DataFrame, sweep: Sweep, folder: Path) -> None:
    """leaderboard.csv, leaderboard.json and the winner's flags as winner.yaml for --config."""
    write_csv(board, folder / "leaderboard.csv")
    rows = json.loads(board.to_json(orient="records"))
    write_json(
        folder / "leaderboard.json",
        {"sweep": sweep.name, "metric": sweep.metric, "goal": sweep.goal, "rows": rows},
    )
    best = board[board["rank"] == 1]
    if len(best):
        source = run_folder(folder, int(best["configuration"].iloc[0]) - 1) / "config.yaml"
        with write_aside(folder / "winner.yaml") as aside:
            aside.write_text(_reusable(source), encoding="utf-8")


def board_table(board: pd.DataFrame, sweep: Sweep, most: int = 20) -> Table:
    """The leaderboard as a person reads it."""
    table = Table(
        title=f"{sweep.name}: {sweep.method}, {sweep.goal} {sweep.metric}", title_justify="left",
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False,
    )  # fmt: skip
    names = [parameter.name for parameter in sweep.parameters]
    # The group of a flag would fill the line: optim.lr is lr here.
    heads = [name.split(".")[-1] for name in names]
    for head in ["rank", *heads, sweep.metric.removeprefix("cv/"), "outer C-index"]:
        table.add_column(head, justify="right", overflow="fold")
    for row in board.head(most).to_dict("records"):
        rank = str(int(row["rank"])) if not pd.isna(row["rank"]) else row["state"]
        table.add_row(
            rank,
            *(text_of(row[name]) for name in names),
            _with_sd(row[sweep.metric], row[INNER_SD]),
            _with_sd(row[OUTER], row[OUTER_SD]),
        )
    return table


def text_of(value: Any) -> str:
    """A value as a cell of a table.

    Example:
        >>> text_of(0.000123456), text_of(["image", "genes"]), text_of(64), text_of("mean")
        ('0.000123', 'image+genes', '64', 'mean')
    """
    if isinstance(value, float):
        return f"{value:.3g}"
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _ranked(board: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    for name in (sweep.metric, INNER_SD, OUTER, OUTER_SD):
        board[name] = pd.to_numeric(board[name])
    ranked = board["state"] == "ranked"
    ascending = sweep.goal == "minimize"
    board.insert(0, "rank", board[sweep.metric].where(ranked).rank(
        ascending=ascending, method="first").astype("Int64"))  # fmt: skip
    order = board["state"].map({state: place for place, state in enumerate(STATES)})
    board = board.assign(_order=order).sort_values(["_order", "rank", "configuration"])
    board = board.drop(columns="_order").reset_index(drop=True)
    if sweep.method != "grid":
        board.loc[board["rank"].fillna(0) != 1, [OUTER, OUTER_SD]] = float("nan")
    return board


def _scores(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _with_sd(value: float, sd: float) -> str:
    return "–" if value != value else f"{number(value)} ± {number(sd)}"


def _reusable(config: Path) -> str:
    """config.yaml without what is the single run's."""
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("out:", "resume:", "logger:")))
