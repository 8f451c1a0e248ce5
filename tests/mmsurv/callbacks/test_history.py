from __future__ import annotations

from types import SimpleNamespace

import torch

from mmsurv.callbacks import History


def _end(history: History, epoch: int, loss: float) -> None:
    trainer = SimpleNamespace(
        current_epoch=epoch, callback_metrics={"val/loss": torch.tensor(loss)}
    )
    history.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]


def test_one_row_an_epoch_of_plain_numbers() -> None:
    history = History()
    _end(history, 0, 2.0)
    _end(history, 1, 1.5)
    assert history.rows == [{"epoch": 0.0, "val/loss": 2.0}, {"epoch": 1.0, "val/loss": 1.5}]
    assert {type(value) for row in history.rows for value in row.values()} == {float}


def test_an_epoch_run_again_after_a_kill_replaces_its_row() -> None:
    history = History()
    for epoch, loss in ((0, 2.0), (1, 1.5), (2, 1.0), (1, 1.4)):
        _end(history, epoch, loss)
    assert [(row["epoch"], round(row["val/loss"], 3)) for row in history.rows] == [(0, 2), (1, 1.4)]


def test_the_rows_travel_in_a_safe_checkpoint_and_are_not_shared_with_it(tmp_path) -> None:
    history = History()
    _end(history, 0, 2.0)
    torch.save(history.state_dict(), tmp_path / "state.ckpt")
    again = History()
    again.load_state_dict(torch.load(tmp_path / "state.ckpt", weights_only=True))
    state = history.state_dict()
    loaded = History()
    loaded.load_state_dict(state)
    _end(loaded, 1, 1.0)
    assert again.rows == history.rows == state["rows"]
    assert len(loaded.rows) == 2
