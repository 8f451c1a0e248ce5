from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from data_modules.datamodule import SurvivalDataModule
from experiments import training
from experiments.checkpoints import AtomicCheckpointIO, read_checkpoint
from experiments.config import RunConfig
from experiments.config_parts import DataConfig, ModelConfig, OptimConfig, TrainerConfig
from experiments.scoring import log_hazards
from experiments.training import (
    TrainingDivergedError,
    _stopped,
    best_task,
    member_seed,
    new_task,
)
from mmsurv.linear import fit_ridge_cox
from mmsurv.losses import cox_neg_log_likelihood, event_time_edges
from mmsurv.programs import reconstruction_programs
from mmsurv.task import SurvivalTask

CONFIG = RunConfig(
    modalities=("genes", "clinical"),
    trainer=TrainerConfig(max_epochs=40, patience=2),
    optim=OptimConfig(lr=0.01),
    model=ModelConfig(width=8, heads=2),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("trained") / "fold0"


@pytest.fixture(scope="module")
def trained(train_fold, home) -> tuple[SurvivalTask, SurvivalDataModule]:
    """Stopped early: 40 epochs are allowed."""
    return train_fold(home, config=CONFIG)


def _follow_up(data: SurvivalDataModule, role: str) -> tuple[torch.Tensor, torch.Tensor]:
    table = data.role_table(role)  # type: ignore[arg-type]
    return torch.tensor(table["event"].to_numpy(bool)), torch.tensor(table["time_days"].to_numpy())


def test_every_network_has_a_seed_of_its_own() -> None:
    seeds = [member_seed(s, f, m) for s in range(3) for f in range(5) for m in range(5)]
    assert len(set(seeds)) == len(seeds)
    assert member_seed(0, 1, 2) == member_seed(0, 1, 2)


def test_a_new_task_is_a_function_of_its_seed(trained) -> None:
    data = trained[1]
    weights = []
    for seed, noise in ((1, 5), (1, 6), (2, 5)):
        torch.manual_seed(noise)
        weights.append(new_task(CONFIG, data, seed).net.head[1].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_clinical_weights_start_at_the_cox_solution_or_at_random(trained) -> None:
    data = trained[1]
    event, time = _follow_up(data, "train")
    cox = fit_ridge_cox(covariates=data.role_covariates("train"), event=event, time=time)
    started = new_task(CONFIG, data, 1).net.clinical.weight[0]
    torch.testing.assert_close(started, cox.float())
    random = dataclasses.replace(CONFIG, model=ModelConfig(8, 2, clinical_start="random"))
    assert not torch.allclose(new_task(random, data, 1).net.clinical.weight[0], cox.float())


def test_genes_start_at_a_ridge_regression_beside_the_clinical_one(trained) -> None:
    data = trained[1]
    model = dataclasses.replace(CONFIG.model, gene_start="ridge", gene_hidden=4, linear="held")
    net = new_task(dataclasses.replace(CONFIG, model=model), data, 1).net
    clinical = net.clinical(data.role_covariates("train"))[:, 0]
    genes = net.gene_linear(data.role_expression("train"))[:, 0]
    assert float(clinical.std()) == pytest.approx(float(genes.std()), rel=1e-3)
    assert not net.gene_linear.weight.requires_grad
    assert not hasattr(new_task(CONFIG, data, 1).net, "gene_linear")


@pytest.mark.parametrize("start", ["random", "reconstruction"])
def test_programs_and_hidden_units_start_where_they_rebuild_expression(trained, start) -> None:
    data = trained[1]
    model = dataclasses.replace(CONFIG.model, gene_programs=3, program_start=start)
    both = dataclasses.replace(model, gene_programs=0, gene_hidden=60)
    wanted = reconstruction_programs(data.role_expression("train"), 60)
    net = new_task(dataclasses.replace(CONFIG, model=model), data, 1).net
    assert torch.equal(net.gene_encoder.mix.weight, wanted[:3]) == (start == "reconstruction")
    hidden = new_task(dataclasses.replace(CONFIG, model=both), data, 1).net.gene_net.mix.weight
    assert hidden.shape[0] == 60 > len(wanted)
    assert torch.equal(hidden[: len(wanted)], wanted) == (start == "reconstruction")
    assert hidden[len(wanted) :].any()


def test_time_bins_are_those_of_the_training_events(trained) -> None:
    data = trained[1]
    config = dataclasses.replace(CONFIG, loss="discrete", data=DataConfig(time_bins=4))
    event, time = _follow_up(data, "train")
    expected = event_time_edges(event=event, time=time, bins=4)
    task = new_task(config, data, 1)
    assert task.hparams["edges_days"] == expected.tolist()
    torch.testing.assert_close(task.loss.edges, expected.float())


def test_the_kept_weights_are_those_of_the_lowest_validation_loss(trained, home) -> None:
    task, data = trained
    history = pd.read_csv(home / "history.csv")
    event, time = _follow_up(data, "val")
    log_hazard = torch.tensor(log_hazards(task, data, "val"))
    loss = cox_neg_log_likelihood(log_hazard=log_hazard, event=event, time=time).item()
    assert loss == pytest.approx(history["val/loss"].min(), rel=1e-5)
    assert read_checkpoint(home / "best.ckpt")["epoch"] == history["val/loss"].argmin()
    again = best_task(home)
    assert not again.training
    for name, weight in again.state_dict().items():
        assert torch.equal(weight, task.state_dict()[name])


def test_training_waits_for_patience_and_no_longer(trained, home) -> None:
    history = pd.read_csv(home / "history.csv")
    assert history["epoch"].tolist() == list(range(len(history)))
    assert len(history) == history["val/loss"].argmin() + 1 + CONFIG.trainer.patience < 40
    assert {"train/loss", "val/loss", "val/c_index", "val/ibs_5y", "val/auc_10y"} <= set(history)
    assert np.isfinite(history["train/loss"]).all()


def test_a_finished_network_is_not_trained_again(trained, home, train_fold) -> None:
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    task, _ = train_fold(home, config=CONFIG)
    assert {name: (home / name).read_bytes() for name in before} == before
    assert torch.equal(task.net.clinical.weight, trained[0].net.clinical.weight)


def test_a_network_that_diverges_is_an_error_with_the_way_out(train_fold, tmp_path) -> None:
    config = dataclasses.replace(CONFIG, optim=OptimConfig(lr=1e30))
    with pytest.raises(TrainingDivergedError, match=r"lower --optim\.lr"):
        train_fold(tmp_path, config=config)


def test_the_gradient_is_clipped_on_request(train_fold, tmp_path) -> None:
    moved = {}
    for clip in (0.0, 1e-12):
        config = dataclasses.replace(
            CONFIG,
            trainer=TrainerConfig(max_epochs=1, gradient_clip=clip),
            optim=OptimConfig(weight_decay=0.0),
        )
        task, data = train_fold(tmp_path / str(clip), config=config)
        start = new_task(config, data, 1).net.clinical.weight
        moved[clip] = float((task.net.clinical.weight - start).detach().abs().max())
    # AdamW divides by its own scale plus 1e-8: only a gradient far below that moves little.
    assert moved[1e-12] < 1e-5 < moved[0.0]


@pytest.mark.parametrize(
    ("wait_count", "stopped_epoch", "stopped"),
    [(0, 0, False), (4, 0, False), (5, 9, True), (5, 0, True), (1, 9, True)],
)
def test_a_killed_run_had_stopped_out_of_patience_or_at_a_loss_that_is_no_number(
    tmp_path, wait_count, stopped_epoch, stopped
) -> None:
    assert not _stopped(tmp_path / "none.ckpt", 5)
    state = {"wait_count": wait_count, "stopped_epoch": stopped_epoch}
    content = {"callbacks": {"EarlyStopping{'monitor': 'val/loss'}": state, "History": {}}}
    AtomicCheckpointIO().save_checkpoint(content, tmp_path / "last.ckpt")
    assert _stopped(tmp_path / "last.ckpt", 5) is stopped


@pytest.mark.parametrize(("gpus", "place", "devices"), [(0, 3, 1), (1, 3, 1), (2, 3, [1])])
def test_processes_take_the_gpus_in_turn(monkeypatch, gpus, place, devices) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(training, "place_number", lambda: place)
    config = RunConfig(trainer=TrainerConfig(accelerator="auto"))
    assert training._devices(config) == devices
    assert training._devices(RunConfig()) == 1
