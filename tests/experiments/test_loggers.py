from __future__ import annotations

import pandas as pd
import pytest

from experiments.loggers import FolderLog, experiment_log
from experiments.progress import EpochProgress
from experiments.run import main
from experiments.tracking.curves import curve
from experiments.tracking.sink import CsvSink


class Seen(CsvSink):
    """Remembers what it is given."""

    def __init__(self, folder, known=-1) -> None:
        super().__init__(folder)
        self.rows: list[tuple[str, int]] = []
        self.last = known

    def known(self, network: str) -> int:
        return self.last

    def row(self, network, row) -> None:
        self.rows.append((network, int(row["epoch"])))


def test_epochs_seen_live_are_not_read_from_files_again(finished) -> None:
    seen = Seen(finished)
    log = FolderLog(finished, [seen])
    log._take("fold0", curve(finished / "fold0")[0])
    log.fold_done(0, ["fold0"])
    assert seen.rows == [("fold0", 0), ("fold0", 1)]


def test_a_fold_trained_elsewhere_is_logged_from_its_files(finished) -> None:
    seen = Seen(finished)
    FolderLog(finished, [seen]).fold_done(1, ["fold1"])
    assert seen.rows == [("fold1", 0), ("fold1", 1)]


def test_what_a_destination_has_is_not_sent_twice(finished) -> None:
    seen = Seen(finished, known=0)
    FolderLog(finished, [seen]).fold_done(1, ["fold1"])
    assert seen.rows == [("fold1", 1)]


@pytest.mark.parametrize("logger", ["csv", "tensorboard", "wandb", "mlflow"])
def test_curves_are_there_as_csv_whatever_the_logger(run, tmp_path, monkeypatch, logger) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert run("--modalities", "clinical", logger=logger) == 0
    for fold in ("fold0", "fold1"):
        live = pd.read_csv(tmp_path / "run" / "csv" / fold / "metrics.csv").drop(columns="step")
        kept = pd.read_csv(tmp_path / "run" / fold / "history.csv")
        pd.testing.assert_frame_equal(live[kept.columns], kept, check_dtype=False)


def test_a_resumed_fold_has_its_epochs_from_before_the_kill(run, tmp_path, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    def kill(self, trainer, *rest: object) -> None:
        if trainer.current_epoch == 2:
            raise Killed

    flags = ("--trainer.max_epochs", "4", "--only_folds", "0", "--modalities", "clinical")
    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_train_batch_end", kill)
        with pytest.raises(Killed):
            run(*flags)
    assert main(["--resume", "--out", "run", "--logger", "csv"]) == 0
    live = pd.read_csv(tmp_path / "run" / "csv" / "fold0" / "metrics.csv")
    assert live["epoch"].tolist() == [0, 1, 2, 3]


def test_disabled_does_not_touch_wandb(finished, monkeypatch) -> None:
    from experiments.parsing import parse_run

    monkeypatch.setenv("WANDB_MODE", "disabled")
    config = parse_run(["--config", str(finished / "config.yaml"), "--logger", "wandb"])
    log = experiment_log(config, finished)
    assert isinstance(log, FolderLog)
    assert [type(sink) for sink in log.sinks] == [CsvSink]
