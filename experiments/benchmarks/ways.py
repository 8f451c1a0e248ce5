"""Ways to train an epoch on made bags: patient by patient, in plain PyTorch, by the trainer."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from experiments.benchmarks.made_bags import GENES_AND_CLINICAL, MadeBags
from experiments.training import quiet
from mmsurv.batch import collate
from mmsurv.models import SurvivalNet
from mmsurv.names import PoolingName, RiskSet
from mmsurv.task import SurvivalTask


def new_task(width: int, pooling: PoolingName, risk_set: RiskSet = "batch") -> SurvivalTask:
    """The default network on bags of a width."""
    torch.manual_seed(0)
    return SurvivalTask(
        sizes=[width, *GENES_AND_CLINICAL], pooling=pooling, risk_set=risk_set, seed=0
    )


def peer_epoch(bags: MadeBags, batch: int, *, device: str = "cpu", half: bool = False) -> None:
    """One patient at a time, a step a batch.

    Args:
        bags: One epoch of them.
        batch: Patients whose gradients are added up for a step.
        device: Where it computes.
        half: Whether the forward pass is in bfloat16, where PyTorch deems it safe.
    """
    net: SurvivalNet = new_task(bags.width, "self_attention").net.to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for position in range(len(bags)):
        seen = move_data_to_device(collate([bags[position]]), torch.device(device))
        with torch.autocast(device, torch.bfloat16, enabled=half):
            log_hazard = net(seen)
        log_hazard.sum().backward()
        if (position + 1) % batch == 0 or position + 1 == len(bags):
            optimiser.step()
            optimiser.zero_grad()


def bare_epoch(bags: MadeBags, batch: int, pooling: PoolingName = "self_attention") -> None:
    """The trainer's batches and loss in plain PyTorch."""
    task = new_task(bags.width, pooling)
    optimiser = torch.optim.AdamW(task.net.parameters(), lr=1e-3)
    for start in range(0, len(bags), batch):
        seen = collate([bags[i] for i in range(start, min(start + batch, len(bags)))])
        optimiser.zero_grad()
        task.loss(log_hazard=task.net(seen), event=seen.event, time=seen.time_days).backward()
        optimiser.step()


def our_epoch(
    bags: MadeBags,
    batch: int,
    pooling: PoolingName = "self_attention",
    risk_set: RiskSet = "batch",
    *,
    device: str = "cpu",
    half: bool = False,
) -> None:
    """As `experiments.run` trains: the task, by Lightning's trainer."""
    quiet()
    trainer = Trainer(
        max_epochs=1,
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if half else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    task = new_task(bags.width, pooling, risk_set)
    loader: Any = DataLoader(bags, batch_size=batch, collate_fn=collate)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*no `val_dataloader`.*")
        trainer.fit(task, loader)
