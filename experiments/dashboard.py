"""`python -m experiments.dashboard`: a W&B report with what a group looks at, or its JSON offline.

Exit codes: 0 done; 2 bad input; 1 a full disk, or a server that refuses or says nothing for a
minute.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

SWEEP = Path(__file__).parent / "sweeps" / "optimiser.yaml"


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    made = argparse.ArgumentParser(
        prog="python -m experiments.dashboard",
        description="Builds a W&B report: C-index by arm, protocol gap, Kaplan-Meier curves, "
        "learning curves by fold, and what decided a sweep.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--entity", default="", help="user or team; empty only with --json")
    made.add_argument("--project", default="mmsurv", help="whose runs are shown")
    made.add_argument("--arm", default="fusion", help="flag that tells the arms apart")
    made.add_argument("--folds", type=int, default=5, help="folds with learning curves")
    made.add_argument("--sweep", type=Path, default=SWEEP, help="sweep file of the sweep's panels")
    made.add_argument("--json", type=Path, default=None, help="write this file, send nothing")
    made.add_argument("--picture", type=Path, default=None, help="draw the layout (svg or png)")
    return made


def main(args: list[str] | None = None) -> int:
    """Runs the command; tests call it in-process."""
    options = parser().parse_args(args)
    from experiments.tracking.ending import ended

    return ended(lambda: _build(options))


def _build(options: argparse.Namespace) -> int:
    from data_modules.files import write_aside
    from experiments.config import RunConfig
    from experiments.dashboards.layout import check_options, report
    from experiments.sweeping.sweep_file import read_sweep
    from experiments.tracking.wandb_client import answered, wandb_mode

    sweep = read_sweep(options.sweep)
    offline = options.json is not None or options.picture is not None
    signed_in = offline or wandb_mode(RunConfig().wandb) == "online"
    check_options(options.entity, options.arm, options.folds, offline=offline, signed_in=signed_in)
    made = report(
        entity=options.entity or "entity",
        project=options.project,
        arm=options.arm,
        folds=options.folds,
        sweep=sweep,
    )
    content = made._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    if options.json:
        with write_aside(options.json) as aside:
            aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"report: {options.json}")
    if options.picture:
        from experiments.dashboards.picture import draw

        draw(content, options.picture)
        print(f"picture: {options.picture}")
    if not offline:
        answered("saving the report", made.save)
        print(f"report: {made.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
