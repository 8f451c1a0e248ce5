"""One Weights & Biases run a fold, in one group, and a summary run beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.fold_scores import fold_scores
from experiments.tracking.curves import Row
from experiments.tracking.wandb_sink import WandbSink, last_epoch

if TYPE_CHECKING:
    from wandb import Run

# What `InnerCourse` logs: of no fold alone.
CROSS_VALIDATION = "cv"


class WandbFoldsSink(WandbSink):
    """val/loss in a run a fold; what is cross-validated, in a run of job type summary.

    The folds' runs are finished one by one: without that, the next would continue the one before.
    """

    job = "summary"
    open: dict[int, Run]

    def known(self, network: str) -> int:
        """The last epoch that the fold's run has."""
        fold, inside = split_name(network)
        return last_epoch(self._fold_run(fold), f"{inside}epoch")

    def row(self, network: str, row: Row) -> None:
        """val/loss and so on, in the run of the fold; the course of all folds in the summary's."""
        if network == CROSS_VALIDATION:
            super().row(network, row)
            return
        fold, inside = split_name(network)
        run = self._fold_run(fold)
        if network not in self.networks:
            self.networks.add(network)
            self._do("curves", partial(_axis, run, inside))
        named = {f"{inside}{name}": value for name, value in row.items()}
        self._do("curves", partial(run.log, named), vital=True)

    def fold_done(self, fold: int, networks: list[str]) -> None:
        """The fold's scores and checkpoints, and its end."""
        run = self._fold_run(fold)
        self._do("scores", partial(self._fold_summary, run, fold))
        self._upload("checkpoints", partial(self._checkpoints, run, fold, networks))
        # When its checkpoints are taken and its numbers written: behind both lines of jobs.
        self._upload("finish", partial(self._hand_over, fold))

    def _hand_over(self, fold: int) -> None:
        self._do("finish", partial(self.open.pop(fold).finish, exit_code=0))

    def _group(self) -> str:
        return self.folder.name

    def _fold_run(self, fold: int) -> Run:
        if not hasattr(self, "open"):
            self.open = {}
        if fold not in self.open:
            name = f"fold{fold}"
            self.open[fold] = self._start(
                f"{self.identity.wandb_id}-{name}", f"{self.folder.name}-{name}", "fold",
                reinit="create_new",
            )  # fmt: skip
        return self.open[fold]

    def _fold_summary(self, run: Run, fold: int) -> None:
        horizons = self.config.horizons
        run.summary.update(dict(scores_of_fold(self.folder, fold, horizons)))

    def _finish_runs(self, code: int) -> None:
        for run in list(getattr(self, "open", {}).values()):
            run.finish(exit_code=code)
        super()._finish_runs(code)


def split_name(network: str) -> tuple[int, str]:
    """The fold of a network, and what its numbers begin with inside the fold's run.

    Example:
        >>> split_name("fold3"), split_name("fold3/member1")
        ((3, ''), (3, 'member1/'))
    """
    fold, _, member = network.partition("/")
    return int(fold.removeprefix("fold")), f"{member}/" if member else ""


def scores_of_fold(folder: Path, fold: int, horizons: tuple[float, ...]) -> Mapping[str, Any]:
    """test/c_index and so on of one fold, as in metrics.json, from the files of the run."""
    rows = pd.read_csv(folder / f"fold{fold}" / "predictions.csv", dtype={"patient_id": str})
    patients = pd.read_csv(folder / "folds.csv", dtype={"patient_id": str})
    known = patients[~patients["patient_id"].isin(rows["patient_id"])]
    scores = fold_scores(rows, known, horizons)
    return {
        f"test/{name}": entry["value"] if isinstance(entry, dict) else entry
        for name, entry in scores.items()
    }


def _axis(run: Run, inside: str) -> None:
    run.define_metric(f"{inside}epoch")
    run.define_metric(f"{inside}*", step_metric=f"{inside}epoch")
