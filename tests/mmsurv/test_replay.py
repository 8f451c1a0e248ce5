from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from mmsurv.batch import Batch, Patient, Sizes, collate
from mmsurv.losses import CoxLoss
from mmsurv.models import SurvivalNet
from mmsurv.replay import foresee, seed_batch
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

COUNTS = [3, 0, 2, 5, 1, 4, 2, 3, 1, 2, 6]


def _batches(patients: list[Patient], size: int) -> list[Batch]:
    return [collate(patients[i : i + size]) for i in range(0, len(patients), size)]


def _net(dropout: float = 0.4) -> SurvivalNet:
    torch.manual_seed(0)
    return SurvivalNet(Sizes(6, 5, 3), width=8, heads=2, dropout=dropout).train()


def _whole(net: Callable[[Batch], Tensor], batches: list[Batch], loss: CoxLoss) -> Tensor:
    """The loss over everybody, with all graphs in memory at once."""
    parts = []
    for number, batch in enumerate(batches):
        seed_batch(0, 0, number)
        parts.append(net(batch))
    event, time = (
        torch.cat([getattr(b, name) for b in batches]) for name in ("event", "time_days")
    )
    return loss(log_hazard=torch.cat(parts), event=event, time=time)


def _replayed(net: Callable[[Batch], Tensor], batches: list[Batch], loss: CoxLoss) -> Tensor:
    def forward(number: int, batch: Batch) -> Tensor:
        seed_batch(0, 0, number)
        log_hazard: Tensor = net(batch)
        return log_hazard

    foreseen = foresee(forward, batches, loss)
    for number, batch in enumerate(batches):
        (forward(number, batch) * foreseen.gradients[number]).sum().backward()
    return foreseen.loss


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("size", [1, 3, 4, 11])
def test_two_passes_give_the_gradient_of_the_whole(make_patients, ties, size) -> None:
    patients = [
        p._replace(time_days=float(1 + i // 3)) for i, p in enumerate(make_patients(COUNTS))
    ]
    batches, loss = _batches(patients, size), CoxLoss(ties)
    one, two = _net(), _net()
    whole = _whole(one, batches, loss)
    whole.backward()
    assert _replayed(two, batches, loss).item() == pytest.approx(whole.item(), rel=1e-6)
    for (name, expected), (_, found) in zip(
        one.named_parameters(), two.named_parameters(), strict=True
    ):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-5, atol=1e-6, msg=name)


def test_other_masks_in_the_second_pass_would_be_seen(make_patients) -> None:
    batches, loss = _batches(make_patients(COUNTS), 3), CoxLoss()
    one, two = _net(), _net()
    _whole(one, batches, loss).backward()
    foreseen = foresee(lambda number, batch: two(batch), batches, loss)
    for number, batch in enumerate(batches):
        (two(batch) * foreseen.gradients[number]).sum().backward()
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    assert not all(torch.allclose(a.grad, b.grad, rtol=1e-3) for a, b in pairs)  # type: ignore[arg-type]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("size", [1, 3, 4, 11])
def test_two_passes_give_the_gradient_of_the_whole_under_half_precision(
    make_patients, ties, size
) -> None:
    """Both see the same batches, so every product is rounded alike; sums over them are float32.

    Autocast is entered batch by batch, as a trainer does: inside, it keeps the halves of a weight,
    and would sum the gradients of all batches in half precision.
    """
    patients = [
        p._replace(time_days=float(1 + i // 3)) for i, p in enumerate(make_patients(COUNTS))
    ]
    batches, loss = _batches(patients, size), CoxLoss(ties)
    one, two, exact = _net(), _net(), _net()

    def halved(net: SurvivalNet) -> Any:
        return torch.autocast("cpu", torch.bfloat16)(net)

    whole = _whole(halved(one), batches, loss)
    whole.backward()
    replayed = _replayed(halved(two), batches, loss)
    _whole(exact, batches, loss).backward()
    assert whole.dtype == replayed.dtype == torch.float32
    assert replayed.item() == pytest.approx(whole.item(), rel=1e-6)
    rounded = False
    for (name, expected), found, wide in zip(
        one.named_parameters(), two.parameters(), exact.parameters(), strict=True
    ):
        if expected.grad is None:  # of a modality that nobody lacks
            assert found.grad is None
            continue
        scale = expected.grad.abs().max().item()
        torch.testing.assert_close(
            found.grad, expected.grad, rtol=0, atol=1e-5 * scale + 1e-12, msg=name
        )
        rounded |= not torch.allclose(expected.grad, wide.grad, rtol=1e-4, atol=1e-4 * scale)  # type: ignore[arg-type]
    assert rounded  # half precision was at work


def test_under_half_precision_the_loss_is_in_float32(make_patients) -> None:
    net, batches = _net(), _batches(make_patients(COUNTS), 4)

    def forward(number: int, batch: Batch) -> Tensor:
        seed_batch(0, 0, number)
        with torch.autocast("cpu", torch.bfloat16):
            return net(batch).bfloat16()

    foreseen = foresee(forward, batches, CoxLoss())
    assert foreseen.loss.dtype == foreseen.gradients[0].dtype == torch.float32
    expected = _whole(net, batches, CoxLoss()).item()
    assert foreseen.loss.item() == pytest.approx(expected, rel=0.05)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=9), st.integers(1, 9))
def test_gradients_come_back_batch_by_batch(etas, size) -> None:
    eta = torch.tensor(etas)
    event = torch.arange(len(eta)) % 2 == 0
    time = torch.arange(len(eta)).float().flip(0) + 1

    class Part:
        def __init__(self, start: int) -> None:
            self.rows = slice(start, start + size)
            self.event, self.time_days = event[self.rows], time[self.rows]
            self.counted = True

    parts: Any = [Part(start) for start in range(0, len(eta), size)]
    foreseen = foresee(lambda _, part: eta[part.rows], parts, CoxLoss())  # type: ignore[attr-defined]
    leaf = eta.clone().requires_grad_()
    CoxLoss()(log_hazard=leaf, event=event, time=time).backward()
    assert leaf.grad is not None
    torch.testing.assert_close(torch.cat(foreseen.gradients), leaf.grad)
    assert [len(g) for g in foreseen.gradients] == [len(part.event) for part in parts]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_cohort_without_an_event_moves_no_weight(make_patients, ties) -> None:
    living = [p._replace(event=False) for p in make_patients(COUNTS)]
    fitted = _fitted(living, 4, ties=ties, weight_decay=0.5, lr=0.1)
    torch.manual_seed(0)
    start = SurvivalTask(sizes=[6, 5, 3], width=8, heads=2, dropout=0.0).state_dict()
    for name, weight in fitted.state_dict().items():
        assert torch.equal(weight, start[name].to(weight.dtype)), name


def _fitted(patients: list[Patient], size: int, **options: Any) -> SurvivalTask:
    torch.manual_seed(0)
    task = SurvivalTask(
        sizes=[6, 5, 3], width=8, heads=2, risk_set="cohort", **({"dropout": 0.0} | options)
    )
    loader = DataLoader(patients, batch_size=size, collate_fn=collate)  # type: ignore[arg-type]
    trainer = Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        # AdamW divides by the size of a gradient: rounding of tiny ones would be seen.
        precision="64-true",
    )  # fmt: skip
    trainer.fit(task, loader)
    assert trainer.global_step == 3
    return task


@pytest.mark.parametrize("clip", [0.0, 0.01])
def test_a_trained_task_does_not_depend_on_the_batch_size(make_patients, clip) -> None:
    patients = make_patients(COUNTS)
    whole = _fitted(patients, len(patients), gradient_clip=clip)
    for size in (2, 5):
        parts = _fitted(patients, size, gradient_clip=clip)
        for name, weight in whole.state_dict().items():
            torch.testing.assert_close(parts.state_dict()[name], weight, rtol=1e-7, atol=1e-9)
    assert len(whole.train_losses) == len(whole.trained) == 1


def test_clipping_changes_the_steps(make_patients) -> None:
    patients = make_patients(COUNTS)
    free, clipped = (_fitted(patients, 4, gradient_clip=c, lr=0.1) for c in (0.0, 1e-9))
    assert not torch.allclose(free.net.clinical.weight, clipped.net.clinical.weight)


def test_dropout_is_another_in_every_epoch(make_patients) -> None:
    seed_batch(0, 0, 0)
    first = torch.rand(3)
    for other in ((0, 0, 1), (0, 1, 0), (1, 0, 0)):
        seed_batch(*other)
        assert not torch.equal(torch.rand(3), first)
