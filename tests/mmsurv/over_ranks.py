"""What the processes of `test_ranks` do: train together what one process trains alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed
from torch.utils.data import DataLoader

from data_modules.dataset import Copy, EpochSampler
from data_modules.samplers import RankBatches
from mmsurv.batch import Patient, collate
from mmsurv.callbacks import Evaluation
from mmsurv.ranks import gathered, rank_and_world, together
from mmsurv.replay import Seen
from mmsurv.task import SurvivalTask

SIZE = 4
# Of a rank's four messages: ragged, from some ranks none, from all ranks none.
COUNTS = ((2, 0, 3, 1), (0, 0, 0, 2), (0, 0, 0, 0))


class Place(NamedTuple):
    """Who a process is, where all meet, and on whom they train."""

    rank: int
    folder: str
    patients: list[Patient]


class Found(NamedTuple):
    """Of one training: gradients step by step, metrics epoch by epoch, and the weights."""

    gradients: list[dict[str, torch.Tensor | None]]
    metrics: list[dict[str, float]]
    weights: dict[str, torch.Tensor]
    steps: int


class Recorder(Callback):
    """Keeps what a step and an epoch leave."""

    def __init__(self) -> None:
        self.gradients: list[dict[str, torch.Tensor | None]] = []
        self.metrics: list[dict[str, float]] = []

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.gradients.append(
            {
                name: None if weight.grad is None else weight.grad.detach().clone()
                for name, weight in pl_module.named_parameters()
            }
        )

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.metrics.append({k: float(v) for k, v in trainer.callback_metrics.items()})


class Read(torch.utils.data.Dataset[Patient]):
    """Patients by position, draw or copy."""

    def __init__(self, patients: list[Patient]) -> None:
        self.patients = patients

    def __len__(self) -> int:
        return len(self.patients)

    def __getitem__(self, item: Any) -> Patient:
        if isinstance(item, Copy):
            return self[item.of]._replace(counted=False)
        return self.patients[getattr(item, "position", item)]


def _loader(patients: list[Patient], order: Any) -> DataLoader[Patient]:
    rank, world = rank_and_world()
    share = RankBatches(order, SIZE, rank=rank, world=world)
    return DataLoader(Read(patients), batch_sampler=share, collate_fn=collate)


def trained(
    everybody: list[Patient], *, n: int, shuffled: bool, precision: Any, clip: float, **options: Any
) -> Found:
    """Two epochs, alone or with all who have met."""
    patients = everybody[:n]
    torch.manual_seed(0)
    task = SurvivalTask(
        sizes=[6, 5, 3], width=8, heads=2, dropout=0.0, lr=0.01, weight_decay=0.3, **options
    )
    world, recorder = rank_and_world()[1], Recorder()
    event, time = [p.event for p in patients], [p.time_days for p in patients]
    watch = Evaluation(train_event=event, train_time_days=time, horizons_days=[1500.0])
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", devices=world, logger=False, precision=precision,
        strategy=DDPStrategy(find_unused_parameters=True) if world > 1 else "auto",
        use_distributed_sampler=False, num_sanity_val_steps=0, gradient_clip_val=clip or None,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[watch, recorder],
    )  # fmt: skip
    order = EpochSampler(n, seed=3) if shuffled else range(n)
    trainer.fit(task, _loader(patients, order), _loader(patients[::-1], range(n)))
    return Found(recorder.gradients, recorder.metrics, task.state_dict(), trainer.global_step)


DOUBLE: dict[str, Any] = {"n": 14, "shuffled": True, "precision": "64-true", "clip": 0.0}
WAYS: dict[str, dict[str, Any]] = {
    "efron": DOUBLE,
    "in order": DOUBLE | {"n": 13, "shuffled": False},
    "clipped": DOUBLE | {"ties": "breslow", "clip": 0.05, "fusion": "concat", "pooling": "latent"},
    "discrete": DOUBLE | {"loss": "discrete", "edges_days": [500.0, 1500.0]},
    "cohort": DOUBLE | {"risk_set": "cohort"},
    "cohort clipped": DOUBLE | {"risk_set": "cohort", "gradient_clip": 0.01},
    "float32": DOUBLE | {"precision": "32-true"},
}


def message(rank: int, count: int) -> Seen:
    """What a rank sees in `exchange`; ties, and few events."""
    number = torch.arange(count, dtype=torch.float32) + 10 * rank
    return Seen(torch.sin(number), number % 3 == 0, 1 + number % 4)


def exchange() -> dict[str, Any]:
    """What the functions of `mmsurv.ranks` give on this rank."""
    rank, _ = rank_and_world()
    found: dict[str, Any] = {}
    for number, counts in enumerate(COUNTS):
        seen = message(rank, counts[rank])
        leaf = seen.log_hazard.clone().requires_grad_()
        whole, rows = gathered(seen._replace(log_hazard=leaf))
        alive = together(seen._replace(log_hazard=leaf * 1))
        (alive.log_hazard**2).sum().backward()
        found[f"gathered {number}"] = (whole, rows, whole.log_hazard.requires_grad)
        found[f"alive {number}"] = (alive.log_hazard.detach(), leaf.grad)
    return found


@contextmanager
def _met(meeting: str, rank: int, world: int) -> Iterator[None]:
    store = distributed.FileStore(meeting, world)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
    os.environ["LOCAL_RANK"] = str(rank)
    try:
        yield
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def take_part(place: Place) -> dict[str, Any]:
    """Four processes together, then two and two."""
    torch.set_num_threads(1)
    with _met(f"{place.folder}/four", place.rank, 4):
        found: dict[str, Any] = {"exchange": exchange()}
        found["four"] = {name: trained(place.patients, **way) for name, way in WAYS.items()}
    with _met(f"{place.folder}/two{place.rank // 2}", place.rank % 2, 2):
        mine = list(WAYS)[place.rank // 2 :: 2]
        found["two"] = {name: trained(place.patients, **WAYS[name]) for name in mine}
    return found
