from __future__ import annotations

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments.loggers import FolderLog
from experiments.tracking.curves import curve
from experiments.tracking.sink import CsvSink, TensorboardSink


def test_csv_holds_every_row_under_the_same_names(folder, replay) -> None:
    replay(FolderLog(folder, [CsvSink(folder)]), folder)
    for name in ("fold0", "fold1"):
        found = pd.read_csv(folder / "csv" / name / "metrics.csv")
        for row, wanted in zip(found.to_dict("records"), curve(folder / name), strict=True):
            assert {k: row[k] for k in wanted} == pytest.approx(wanted, nan_ok=True)


def test_csv_of_a_fold_that_is_logged_again_is_begun_anew(folder, replay) -> None:
    for _ in range(2):
        replay(FolderLog(folder, [CsvSink(folder)]), folder)
    assert len(pd.read_csv(folder / "csv" / "fold0" / "metrics.csv")) == 2


def test_tensorboard_holds_curves_by_epoch_and_the_summary(folder, replay, flat) -> None:
    replay(FolderLog(folder, [TensorboardSink(folder)]), folder)
    read = EventAccumulator(str(folder / "tensorboard" / "fold1"))
    read.Reload()
    wanted = curve(folder / "fold1")
    assert [(p.step, p.value) for p in read.Scalars("val/loss")] == [
        (int(row["epoch"]), pytest.approx(row["val/loss"])) for row in wanted
    ]
    summary = EventAccumulator(str(folder / "tensorboard" / "summary"))
    summary.Reload()
    (point,) = summary.Scalars("cv/c_index")
    assert point.value == pytest.approx(flat(folder)["cv/c_index"])
