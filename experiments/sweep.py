"""`python -m experiments.sweep FILE`: W&B's sweep files without a server.

Exit codes: 0 done; 2 bad input, nothing started; 1 nothing could be ranked, or the machine or a
server failed: what is done is kept, and the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.sweeping.agent import Order


def parser() -> argparse.ArgumentParser:
    """The flags of the command; all others are flags of every run."""
    made = argparse.ArgumentParser(
        prog="python -m experiments.sweep",
        description="Runs a W&B sweep file on this machine or a cluster, without W&B. The same "
        "command again goes on where it was left. Other flags, such as --cohort, go to every run.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("file", type=Path, help="sweep file, such as experiments/sweeps/fusion.yaml")
    made.add_argument("--jobs", type=int, default=1, help="configurations at a time")
    made.add_argument(
        "--cluster",
        default="",
        help='over Dask: "local", "tcp://host:port", "slurm" or "pbs"; empty is this machine',
    )
    made.add_argument(
        "--count",
        type=int,
        default=0,
        help="configurations in all; 0 takes the whole grid, or run_cap of the file",
    )
    made.add_argument("--search_seed", type=int, default=0, help="seed of random and bayes")
    made.add_argument(
        "--folder", type=Path, default=None, help="of the sweep; none is runs/sweep-<name>"
    )
    made.add_argument("--check", action="store_true", help="check the file and stop")
    made.add_argument(
        "--push", action="store_true", help="run nothing; bring what is finished to W&B"
    )
    return made


def main(args: list[str] | None = None) -> int:
    """Runs the command; tests call it in-process."""
    options, flags = parser().parse_known_args(args)
    from experiments.tracking.ending import ended

    return ended(lambda: _sweep(options, flags))


def _sweep(options: argparse.Namespace, flags: list[str]) -> int:
    from experiments.fan_out import check_fan_out
    from experiments.forking import begin_template
    from experiments.surroundings import PAGES, WAITING, settle, threads_each

    settle(WAITING, PAGES)
    if options.jobs > 1 and not (options.cluster or options.check or options.push):
        begin_template(threads_each(options.jobs))
    from experiments.sweeping.check import check_sweep, with_defaults
    from experiments.sweeping.sweep_file import read_sweep

    sweep = read_sweep(options.file)
    check_sweep(options.file, sweep, flags)
    from experiments.sweeping.agent import Order
    from experiments.sweeping.folder import configurations, open_folder

    count = configurations(options.file, sweep, options.count)
    if options.check:
        print(f"{options.file}: {sweep.method}, {count} configurations, {sweep.metric}")
        return 0
    if not options.push:
        check_fan_out(jobs=options.jobs, cluster=options.cluster)
    folder = options.folder or Path("runs") / f"sweep-{sweep.name}"
    order = Order(folder.resolve(), sweep, with_defaults(sweep, flags), count, options.search_seed)
    open_folder(order, options.file, must_exist=options.push)
    if options.push:
        from experiments.sweeping.push import push

        return push(order)
    failed = 1
    try:
        failed = _run(order, options)
    finally:
        ranked = _report(order)
    return 0 if ranked and not failed else 1


def _run(order: Order, options: argparse.Namespace) -> int:
    """Runs what is left.

    Returns:
        Agents that ended before the sweep did.
    """
    from experiments.fan_out import fan_out
    from experiments.sweeping.agent import serve

    print(f"sweep folder: {order.folder}")
    agents = range(options.jobs)
    work = partial(serve, order)
    failed = 0
    for agent, ran in fan_out(work, agents, jobs=options.jobs, cluster=options.cluster):
        if isinstance(ran, Exception):
            failed += 1
            print(f"agent {agent + 1}: {ran}", file=sys.stderr)
    return failed


def _report(order: Order) -> int:
    """Writes and prints what there is.

    Returns:
        Configurations with a rank or, in a grid, at least a result.
    """
    from rich.console import Console

    from experiments.sweeping.board import board_table, leaderboard, write_leaderboard
    from experiments.sweeping.page import write_page

    board = leaderboard(order.folder, order.sweep)
    write_leaderboard(board, order.sweep, order.folder)
    write_page(board, order)
    console = Console(soft_wrap=True)
    console.print(board_table(board, order.sweep))
    for row in board[board["reason"] != ""].head(8).to_dict("records"):
        console.print(f"– configuration {row['configuration']}: {row['reason']}")
    console.print(f"results: {order.folder}")
    return int(board["state"].isin(["ranked", "unranked"]).sum())


if __name__ == "__main__":
    from experiments.tracking.ending import stoppable

    sys.exit(stoppable(main, "go on with the same command"))
