"""The folder of a sweep: what stands in it, and what must be the same when it goes on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data_modules.problems import BadInput, Problem
from experiments.run_folder import write_json
from experiments.sweeping.agent import Order
from experiments.sweeping.study import grid_size
from experiments.sweeping.sweep_file import Sweep

# May be changed when a sweep goes on: it only says how long.
FREE_TO_CHANGE = ("count", "run_cap")


def configurations(path: Path, sweep: Sweep, count: int) -> int:
    """How many configurations a sweep has in all.

    Raises:
        BadInput: There is no end of them, or less than one was asked for.
    """
    if count < 0:
        raise BadInput([Problem("--count", None, None, f"{count} is less than one")])
    size = grid_size(sweep) if sweep.method == "grid" else 0
    asked = count or sweep.run_cap or size
    if not asked:
        said = f"{sweep.method} never ends by itself: add run_cap, or --count"
        raise BadInput([Problem(str(path), None, "run_cap", said)])
    return min(asked, size) if size else asked


def open_folder(order: Order, path: Path, *, must_exist: bool = False) -> None:
    """Makes the folder, or checks that it is this sweep's.

    Args:
        order: The sweep.
        path: Its file.
        must_exist: Refuse to make one.

    Raises:
        BadInput: It is another sweep's, or something else's.
    """
    stored = order.folder / "sweep.json"
    now = _content(order)
    if stored.is_file():
        before = json.loads(stored.read_text(encoding="utf-8"))
        changed = [
            Problem(
                str(stored),
                None,
                key,
                f"the sweep was started with {_short(before.get(key))},"
                f" now {_short(now.get(key))}: choose another --folder",
            )
            for key in now
            if key not in FREE_TO_CHANGE and before.get(key) != now[key]
        ]
        if changed:
            raise BadInput(changed)
        return
    if must_exist:
        raise BadInput([Problem(str(stored), None, None, "does not exist: no such sweep has run")])
    if order.folder.exists() and any(order.folder.iterdir()):
        said = "is not empty and holds no sweep: choose another --folder"
        raise BadInput([Problem(str(order.folder), None, None, said)])
    order.folder.mkdir(parents=True, exist_ok=True)
    (order.folder / "sweep.yaml").write_bytes(path.read_bytes())
    write_json(stored, now)


def lasting(flags: Iterable[str]) -> list[str]:
    """Flags without those that say where a run is logged: a sweep may be pushed anywhere.

    Example:
        >>> lasting(["--folds=3", "--wandb.entity", "team", "--wandb.project=brca", "--seed", "1"])
        ['--folds=3', '--seed', '1']
    """
    kept: list[str] = []
    value_of_one = False
    for word in flags:
        if word.startswith("--"):
            leaves = word.startswith("--wandb.")
            value_of_one = leaves and "=" not in word
        else:
            leaves = value_of_one
        if not leaves:
            kept.append(word)
    return kept


def _content(order: Order) -> dict[str, Any]:
    sweep = dataclasses.asdict(order.sweep) | {"flags": lasting(order.flags)}
    content: dict[str, Any] = json.loads(json.dumps(sweep))
    return content | {"count": order.total, "search_seed": order.seed}


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 120 else text[:120] + " …"
