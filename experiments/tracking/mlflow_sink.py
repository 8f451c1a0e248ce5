"""One MLflow run for a whole cross-validation, through Lightning's logger."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from lightning.pytorch.loggers import MLFlowLogger

from experiments.config import RunConfig
from experiments.run_folder import flat_config
from experiments.tracking.aside import Aside, Say
from experiments.tracking.curves import Row, epoch_of
from experiments.tracking.identity import Identity, remember

# MLflow's own are 120 seconds and 7 tries: a server that hangs would hold up the end of a run.
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
# For what is still in line when the run is done, in seconds.
LAST_SECONDS = 60
FILES = ("config.yaml", "environment.json", "folds.csv", "folds_audit.csv", "predictions.csv",
         "metrics.json", "metrics.csv")  # fmt: skip


class FoldMLFlowLogger(MLFlowLogger):
    """Lightning's logger with fold0/val/loss instead of fold0-val/loss."""

    LOGGER_JOIN_CHAR = "/"


class MlflowSink:
    """One run: the same names as in W&B; the run folder's files as artifacts.

    Args:
        config: Where to; empty is MLFLOW_TRACKING_URI, or a file store in the run folder.
        folder: The run folder.
        identity: Of the run.
        say: Prints a line.
    """

    def __init__(self, config: RunConfig, folder: Path, identity: Identity, say: Say) -> None:
        self.config, self.folder, self.identity = config, folder, identity
        self.uri = tracking_uri(config, folder)
        if self.uri.startswith("file:"):
            # MLflow wants a database for new work; a folder needs no server and no further package.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        self.aside = Aside("MLflow", say)
        self._do("start", self._begin)

    def known(self, network: str) -> int:
        """None: a point logged twice lies on itself."""
        return -1

    def row(self, network: str, row: Row) -> None:
        """fold0/val/loss and so on by epoch."""
        self._do("curves", partial(self._log, network, row))

    def fold_done(self, fold: int, networks: list[str]) -> None:
        """The fold's checkpoints."""
        for network in networks:
            self._do("checkpoints", partial(self._file, self.folder / network / "best.ckpt"))

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Numbers that change while the run goes on."""
        self._do("numbers", partial(self._log, "", {"epoch": 0, **numbers}))

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """Numbers, files and figures, then at most a minute."""
        self._do("summary", partial(self._log, "", {"epoch": 0, **summary}))
        for path in [*(self.folder / name for name in FILES), *self.folder.glob("figures/*.png")]:
            if path.is_file():
                self._do("files", partial(self._file, path))
        self._close("FINISHED")

    def abandon(self) -> None:
        """Ends as failed."""
        self._close("FAILED")

    def _do(self, what: str, call: Callable[[], object]) -> None:
        # A server that once did not answer is asked no more.
        self.aside.do(what, call, vital=True)

    def _begin(self) -> None:
        tags = {str(k): str(v) for k, v in self.identity.described.items()}
        logger = self._logger("", self.identity.mlflow_id or None, tags)
        self.run_id = str(logger.run_id)
        remember(self.folder, mlflow=self.run_id)
        client = logger.experiment
        client.update_run(self.run_id, status="RUNNING")
        for name, value in flat_config(self.config).items():
            client.log_param(self.run_id, name, value)
        self.client = client

    def _logger(
        self, prefix: str, run_id: str | None, tags: dict[str, str] | None = None
    ) -> FoldMLFlowLogger:
        return FoldMLFlowLogger(
            experiment_name=self.config.mlflow.experiment,
            run_name=self.folder.name,
            tracking_uri=self.uri,
            prefix=prefix,
            run_id=run_id,
            tags=tags,
        )

    def _log(self, network: str, row: Row) -> None:
        rest = row if network else {k: v for k, v in row.items() if k != "epoch"}
        self._logger(network, self.run_id).log_metrics(rest, step=epoch_of(row))

    def _file(self, path: Path) -> None:
        inside = path.parent.relative_to(self.folder).as_posix()
        self.client.log_artifact(self.run_id, str(path), None if inside == "." else inside)

    def _close(self, status: str) -> None:
        self._do("finish", lambda: self.client.set_terminated(self.run_id, status))
        self.aside.close(LAST_SECONDS)


def tracking_uri(config: RunConfig, folder: Path) -> str:
    """The flag, else MLFLOW_TRACKING_URI, else a file store in the run folder.

    Example:
        >>> tracking_uri(RunConfig(), Path("/runs/a")) if not os.environ.get(
        ...     "MLFLOW_TRACKING_URI") else "file:///runs/a/mlruns"
        'file:///runs/a/mlruns'
    """
    given = config.mlflow.uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    return given or (folder.resolve() / "mlruns").as_uri()
