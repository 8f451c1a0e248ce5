from __future__ import annotations

import pandas as pd
import torch

from experiments.tracking.curves import CurveLogger, curve


def test_a_finished_network_gives_the_rows_of_history_csv(finished) -> None:
    rows = curve(finished / "fold0")
    history = pd.read_csv(finished / "fold0" / "history.csv")
    assert [row["epoch"] for row in rows] == history["epoch"].tolist()
    assert [row["val/loss"] for row in rows] == history["val/loss"].tolist()


def test_a_killed_network_gives_the_rows_of_its_last_checkpoint(finished, tmp_path) -> None:
    (tmp_path / "last.ckpt").write_bytes((finished / "fold0" / "last.ckpt").read_bytes())
    killed, whole = curve(tmp_path), curve(finished / "fold0")
    assert [row["val/loss"] for row in killed] == [row["val/loss"] for row in whole]


def test_an_untrained_network_has_no_curve(tmp_path) -> None:
    assert curve(tmp_path) == []


def test_the_trainer_s_numbers_are_handed_on_as_they_are(tmp_path) -> None:
    taken: list[dict[str, float]] = []
    logger = CurveLogger(tmp_path, "fold0", taken.append)
    logger.log_metrics({"val/loss": torch.tensor(0.5), "epoch": 3}, step=17)
    assert taken == [{"val/loss": 0.5, "epoch": 3.0}]
    assert (logger.name, logger.save_dir) == ("fold0", str(tmp_path))
