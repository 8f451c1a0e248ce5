"""Finished configurations of a local sweep, brought to W&B: one run each, and the sweep."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem
from experiments.cells import member_folder
from experiments.config import RunConfig
from experiments.inner_scores import flat_inner
from experiments.loggers import experiment_log
from experiments.parsing import parse_run
from experiments.run_folder import run_id
from experiments.scores import flat_summary
from experiments.sweeping.agent import Order, run_folder
from experiments.sweeping.board import leaderboard
from experiments.tracking.wandb_client import answered, wandb_mode

RECORD = "pushed.json"
# In it, beside the numbers of configurations, the sweep that was made of them.
SWEEP = "sweep"


def push(order: Order) -> int:
    """Sends every finished configuration that was not sent yet, and makes the sweep of them.

    Without a key the runs are written for `wandb sync`, and what to type is printed. What a server
    did not take whole is not counted as sent, and the next push sends it.

    Returns:
        0; 1 where a server did not take everything.

    Raises:
        BadInput: Nothing has finished, or W&B is switched off.
        NoAnswer: The server has the runs and makes no sweep of them.
    """
    board = leaderboard(order.folder, order.sweep)
    done = board[board["state"].isin(["ranked", "unranked"])]
    if not len(done):
        raise BadInput([Problem(str(order.folder), None, None, "nothing has finished yet")])
    config = parse_run(list(order.flags))
    mode = wandb_mode(config.wandb)
    if mode == "disabled":
        said = "W&B is disabled (WANDB_MODE or --wandb.mode): nothing can be pushed"
        raise BadInput([Problem("--push", None, None, said)])
    record = order.folder / RECORD
    sent: dict[str, str] = json.loads(record.read_text()) if record.is_file() else {}
    numbers = sorted(int(n) - 1 for n in done["configuration"])
    for number in numbers:
        if sent.get(str(number)) in ("online", mode):
            continue
        delivered = _send(
            config,
            run_folder(order.folder, number),
            group=f"sweep-{order.sweep.name}",
            name=f"{order.sweep.name}-{number:04d}",
        )
        if mode == "online" and not delivered:
            # A server that took one not will not take the next.
            print(f"configuration {number + 1}: not sent; --push again sends it and the rest")
            return 1
        sent[str(number)] = mode
        sent.pop(SWEEP, None)
        _remember(record, sent)
        print(f"configuration {number + 1}: {mode}")
    if mode != "online":
        print(f"later: wandb sync {order.folder}/runs/*/wandb/offline-run-*")
        return 0
    if SWEEP not in sent:
        sent[SWEEP] = answered("making the sweep", lambda: _sweep(order, config, numbers))
        _remember(record, sent)
    print(f"sweep: {sent[SWEEP]}")
    return 0


def _remember(record: Path, sent: dict[str, str]) -> None:
    with write_aside(record) as aside:
        aside.write_text(json.dumps(sent, indent=1) + "\n", encoding="utf-8")


def _send(asked: RunConfig, folder: Path, *, group: str, name: str) -> bool:
    """One run folder as one run: curves by fold, the inner scores fold by fold, and the summary.

    Returns:
        Whether a server has everything.
    """
    stored = parse_run(["--config", str(folder / "config.yaml")])
    config = replace(
        stored, logger="wandb", wandb=replace(asked.wandb, group=group), out=str(folder)
    )
    scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    before = {key: os.environ.get(key) for key in ("WANDB_RUN_GROUP", "WANDB_NAME")}
    os.environ |= {"WANDB_RUN_GROUP": group, "WANDB_NAME": name}
    try:
        log = experiment_log(config, folder)
        for fold in sorted(int(row["fold"]) for row in scores["folds"]):
            homes = [member_folder(folder, config, fold, m) for m in range(config.ensemble)]
            log.fold_done(fold, [home.relative_to(folder).as_posix() for home in homes])
        figures = {path.stem: path for path in sorted((folder / "figures").glob("*.png"))}
        log.finish(_numbers(flat_summary(scores) | flat_inner(scores["inner"])), figures)
    finally:
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value
    return all(getattr(sink, "delivered", True) for sink in log.sinks)


def _numbers(summary: dict[str, Any]) -> dict[str, float]:
    """JSON has no NaN: what could not be computed is null there."""
    return {key: float("nan") if value is None else value for key, value in summary.items()}


def _sweep(order: Order, config: RunConfig, numbers: list[int]) -> str:
    """A sweep on the server that the runs belong to, made from the file."""
    import wandb

    content = yaml.safe_load((order.folder / "sweep.yaml").read_text(encoding="utf-8"))
    content["project"] = config.wandb.project
    runs = [run_id(run_folder(order.folder, number)) for number in numbers]
    made: str = wandb.sweep(
        content, entity=config.wandb.entity or None, project=config.wandb.project, prior_runs=runs
    )
    return made
