from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
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


def test_an_event_without_company_at_risk_moves_no_weight(make_patients) -> None:
    """Its gradient is zero, but AdamW's momentum and decay are not."""
    patients = make_patients([2, 3, 1, 2, 4, 2])
    dying = [p._replace(event=True) for p in patients]
    last = max(p.time_days for p in patients)
    only_last = [p._replace(event=p.time_days == last) for p in patients]
    after = []
    for batches in (dying, dying + only_last, dying + dying[:1]):
        task = _task(weight_decay=0.5)
        _trainer().fit(task, _loader(batches, 6))
        after.append(task.state_dict())
    for name, weight in after[0].items():
        assert all(torch.equal(weight, other[name]) for other in after[1:]), name


def test_a_cohort_whose_only_event_comes_last_moves_no_weight(make_patients) -> None:
    patients = make_patients([2, 3, 1, 2])
    last = max(p.time_days for p in patients)
    task = _task(weight_decay=0.5, risk_set="cohort")
    before = {name: weight.clone() for name, weight in task.state_dict().items()}
    only_last = [p._replace(event=p.time_days == last) for p in patients]
    _trainer(max_epochs=2).fit(task, _loader(only_last, 2))
    assert all(torch.equal(weight, before[name]) for name, weight in task.state_dict().items())


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
    assert set(map(type, hyper_parameters.values())) <= {bool, int, float, str, list}
    again = SurvivalTask(**hyper_parameters)
    again.load_state_dict(content["state_dict"])
    batch = collate(patients)
    assert torch.equal(again.eval()(batch), task.eval()(batch))


@pytest.mark.parametrize("risk_set", ["batch", "cohort"])
def test_what_is_kept_of_an_epoch_is_one_piece_whatever_the_batches(
    make_patients, monkeypatch, risk_set
) -> None:
    """Many small pieces among large ones leave holes: memory once grew with the cohort."""
    pieces = []
    original = SurvivalTask.on_validation_epoch_end

    def counting(task: SurvivalTask) -> None:
        pieces.append((len(task.trained), len(task.validated)))
        original(task)

    monkeypatch.setattr(SurvivalTask, "on_validation_epoch_end", counting)
    patients = make_patients([2, 3, 1, 2, 4, 3])
    task = _task(risk_set=risk_set)
    _trainer(max_epochs=1).fit(task, _loader(patients, 2), _loader(patients, 2))
    assert pieces[-1] == (1, 1)  # before it, Lightning has looked at two batches
    assert len(joined(task.trained).event) == len(patients)


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
    task.start_linear_at(clinical=torch.tensor([1.0, -2.0, 0.5]), genes=None)
    assert task.net.clinical.weight.tolist() == [[1.0, -2.0, 0.5]]


def test_held_linear_paths_stay_and_the_rest_learns(make_patients) -> None:
    patients = make_patients([4, 3, 2, 5, 3, 4])
    task = _task(linear="held", gene_linear=True, lr=0.1)
    task.start_linear_at(clinical=torch.tensor([1.0, -2.0, 0.5]), genes=torch.arange(5.0))
    before = {name: weight.clone() for name, weight in task.net.named_parameters()}
    _trainer(max_epochs=1).fit(task, _loader(patients, 6))
    for name, weight in task.net.named_parameters():
        held = name.startswith(("clinical", "gene_linear"))
        assert weight.requires_grad != held
        if held or name.startswith("head"):
            assert torch.equal(weight, before[name]) == held, name


def test_where_there_is_nothing_else_linear_paths_are_learned() -> None:
    task = _task(sizes=[0, 0, 3], linear="held")
    assert all(weight.requires_grad for weight in task.net.parameters())


@pytest.mark.parametrize("loss", ["cox", "discrete"])
def test_half_precision_ends_before_log_hazards_and_losses(make_patients, loss) -> None:
    task = _task(loss=loss, edges_days=[500.0, 1500.0], gene_hidden=4).eval()
    batch = collate(make_patients([4, 0, 7, 1, 3, 2]))
    with torch.autocast("cpu", torch.bfloat16):
        log_hazard = task(batch)
        assert log_hazard.dtype == torch.float32
        value = task.loss(log_hazard=log_hazard, event=batch.event, time=batch.time_days)
    assert value.dtype == torch.float32
    outside = task.loss(log_hazard=log_hazard, event=batch.event, time=batch.time_days)
    assert torch.equal(value, outside)
    # Of eight bits of mantissa nothing is left: the numbers are no multiples of 2^-7.
    assert (log_hazard.bfloat16().float() != log_hazard).any()
    torch.testing.assert_close(log_hazard, task(batch), atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("risk_set", ["batch", "cohort"])
def test_training_in_bfloat16_has_finite_gradients_and_float32_weights(
    make_patients, risk_set
) -> None:
    norms: list[torch.Tensor] = []

    class Watch(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
            norms.extend(p.grad.norm() for p in pl_module.parameters() if p.grad is not None)

    task = _task(risk_set=risk_set)
    patients = make_patients([4, 5, 7, 1, 3, 2, 0, 3])
    trainer = _trainer(max_epochs=2, precision="bf16-mixed", callbacks=[Watch()])
    trainer.fit(task, _loader(patients, 4))
    assert norms
    assert all(norm.isfinite() for norm in norms)
    assert {p.dtype for p in task.parameters()} == {torch.float32}
    assert all(seen.log_hazard.dtype == torch.float32 for seen in task.trained)
    (metrics,) = trainer.validate(task, _loader(patients, 4), verbose=False)
    assert 0 < metrics["val/loss"] < 10


def test_gradients_of_float32_parts_are_as_exact_in_both_risk_sets(make_patients) -> None:
    """A backward pass within autocast would round them to bfloat16."""
    patients = make_patients([4, 5, 7, 1, 3, 2, 2, 3])
    found: dict[str, dict[str, torch.Tensor]] = {}

    class Keep(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
            way = f"{pl_module.hparams['risk_set']} {trainer.precision}"
            weights = pl_module.net.named_parameters()
            found[way] = {n: w.grad.clone() for n, w in weights if w.grad is not None}

    for risk_set, precision in (
        ("batch", "32-true"),
        ("batch", "bf16-mixed"),
        ("cohort", "bf16-mixed"),
    ):
        task = _task(risk_set=risk_set, dropout=0.0)
        _trainer(precision=precision, callbacks=[Keep()]).fit(task, _loader(patients, 8))
    exact = found["batch 32-true"]
    for name in ("clinical.weight", "head.1.weight"):
        in_batch, in_cohort = (
            float((found[f"{way} bf16-mixed"][name] - exact[name]).abs().max())
            for way in ("batch", "cohort")
        )
        assert in_cohort <= 1.01 * in_batch + 1e-7, name


def test_the_optimiser_is_adamw_with_the_given_settings() -> None:
    optimiser = _task(lr=0.02, weight_decay=0.3).configure_optimizers()
    assert isinstance(optimiser, torch.optim.AdamW)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.3)


def test_a_fused_optimiser_takes_the_same_steps_to_the_last_digits(make_patients) -> None:
    patients = make_patients([2, 3, 1, 2, 4, 3])
    log_hazards = []
    for fused in ("off", "on"):
        task = _task(fused=fused, dropout=0.0)
        # None and not False, which would choose the loop over weights on a GPU too.
        assert task.configure_optimizers().defaults["fused"] == (True if fused == "on" else None)
        _trainer(max_epochs=3).fit(task, _loader(patients, 3))
        log_hazards.append(task.eval()(collate(patients)))
    torch.testing.assert_close(*log_hazards, atol=1e-5, rtol=1e-5)
