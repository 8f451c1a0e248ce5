from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from mmsurv.batch import Patient, collate
from mmsurv.losses import cox_neg_log_likelihood
from mmsurv.replay import joined
from mmsurv.task import SurvivalTask

# Lightning's advice, which `experiments.training` does not show either.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{words}")
    for words in (
        ".*does not have many workers",
        ".*smaller than the logging interval",
        ".*treespec, LeafSpec",
        "You defined a `validation_step` but have no `val_dataloader`",
    )
]

OPTIONS: dict[str, Any] = {"sizes": [6, 5, 3], "width": 8, "heads": 2}


def _task(**options: Any) -> SurvivalTask:
    torch.manual_seed(0)
    return SurvivalTask(**(OPTIONS | options))


def _loader(patients: list[Patient], batch_size: int) -> DataLoader[Patient]:
    return DataLoader(patients, batch_size=batch_size, collate_fn=collate)  # type: ignore[arg-type]


def _trainer(**options: Any) -> Trainer:
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **({"max_epochs": 1} | options),
    )


def _validation_loss(task: SurvivalTask, patients: list[Patient], batch_size: int) -> float:
    (metrics,) = _trainer().validate(task, _loader(patients, batch_size), verbose=False)
    return metrics["val/loss"]


def test_the_validation_loss_is_one_loss_over_the_whole_set(make_patients) -> None:
    patients = make_patients([3, 0, 2, 5, 1, 4, 2, 3, 1, 2, 6])
    task, batch = _task().eval(), collate(patients)
    expected = cox_neg_log_likelihood(
        log_hazard=task(batch), event=batch.event, time=batch.time_days
    ).item()
    for batch_size in (1, 3, 4, 11):
        assert _validation_loss(task, patients, batch_size) == pytest.approx(expected, rel=1e-5)
    assert _validation_loss(task, patients[::-1], 3) == pytest.approx(expected, rel=1e-5)
    parts = [_validation_loss(task, patients[i : i + 3], 3) for i in range(0, 11, 3)]
    assert sum(parts) / len(parts) != pytest.approx(expected, rel=0.05)


def test_what_was_validated_is_forgotten(make_patients) -> None:
    task, patients = _task(), make_patients([2, 3, 1, 2])
    first = _validation_loss(task, patients, 2)
    assert not task.validated
    assert _validation_loss(task, patients, 2) == first


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_batch_without_an_event_moves_no_weight(make_patients, ties) -> None:
    patients = make_patients([2, 3, 1, 2, 4, 2])
    dying = [p._replace(event=True) for p in patients]
    living = [p._replace(event=False) for p in patients]
    after = []
    for batches in (dying, dying + living):
        task = _task(ties=ties, weight_decay=0.5)
        _trainer().fit(task, _loader(batches, 6))  # a warning would be an error
        after.append(task.state_dict())
    start = _task().state_dict()
    for name, weight in after[0].items():
        # Neither weight decay nor AdamW's momentum, which the first batch has filled.
        assert torch.equal(weight, after[1][name]), name
    assert any(not torch.equal(weight, start[name]) for name, weight in after[0].items())


def test_censored_patients_teach_the_discrete_loss(make_patients) -> None:
    living = [p._replace(event=False) for p in make_patients([2, 3, 1, 2])]
    task = _task(loss="discrete", edges_days=[500.0, 1500.0], weight_decay=0.0)
    before = {name: weight.clone() for name, weight in task.state_dict().items()}
    _trainer().fit(task, _loader(living, 4))
    assert not torch.equal(task.state_dict()["loss.baseline"], before["loss.baseline"])


def test_the_discrete_loss_trains_its_baseline_and_the_cox_loss_has_none(make_patients) -> None:
    patients = make_patients([2, 3, 1, 2, 4, 3])
    # Weight decay would move it without the loss.
    task = _task(loss="discrete", edges_days=[500.0, 1500.0], weight_decay=0.0)
    assert "loss.baseline" in dict(task.named_parameters())
    before = task.loss.baseline.detach().clone()
    _trainer(max_epochs=3).fit(task, _loader(patients, 3))
    assert ((task.loss.baseline - before).abs() > 1e-5).all()
    assert not list(_task().loss.parameters())


def test_hyper_parameters_are_primitives_and_the_checkpoint_loads_safely(
    make_patients, tmp_path
) -> None:
    patients = make_patients([2, 3, 1, 2])
    task, trainer = _task(loss="discrete", edges_days=[700.0], seed=3), _trainer()
    trainer.fit(task, _loader(patients, 2))
    trainer.save_checkpoint(tmp_path / "task.ckpt")
    content = torch.load(tmp_path / "task.ckpt", weights_only=True)
    hyper_parameters = content["hyper_parameters"]
    assert set(map(type, hyper_parameters.values())) <= {int, float, str, list}
    again = SurvivalTask(**hyper_parameters)
    again.load_state_dict(content["state_dict"])
    batch = collate(patients)
    assert torch.equal(again.eval()(batch), task.eval()(batch))


def test_dropout_is_a_function_of_seed_and_epoch(make_patients) -> None:
    patients = make_patients([2, 3, 1, 2, 4, 3])

    def seen(seed: int, noise: int, epochs: int) -> torch.Tensor:
        task = _task(seed=seed, dropout=0.5, lr=1e-12, weight_decay=0.0)
        torch.manual_seed(noise)  # whatever was drawn before
        _trainer(max_epochs=epochs).fit(task, _loader(patients, 3))
        return joined(task.trained).log_hazard

    first = seen(0, 1, 1)
    torch.testing.assert_close(seen(0, 2, 1), first)
    assert not torch.allclose(seen(1, 1, 1), first, atol=1e-3)
    second = seen(0, 1, 2)
    assert not torch.allclose(second, first, atol=1e-3)
    torch.testing.assert_close(seen(0, 3, 2), second)


def test_the_clinical_weights_start_where_they_are_told(make_patients) -> None:
    task = _task()
    task.start_clinical_at(torch.tensor([1.0, -2.0, 0.5]))
    assert task.net.clinical.weight.tolist() == [[1.0, -2.0, 0.5]]


def test_the_optimiser_is_adamw_with_the_given_settings() -> None:
    optimiser = _task(lr=0.02, weight_decay=0.3).configure_optimizers()
    assert isinstance(optimiser, torch.optim.AdamW)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.3)
