from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from itertools import pairwise

import pytest

from data_modules.toy_truth import ToyConfig
from experiments.config import RunConfig
from experiments.config_parts import (
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainerConfig,
    WandbConfig,
)

PARTS = (RunConfig, ModelConfig, OptimConfig, TrainerConfig, DataConfig, WandbConfig)


def test_the_defaults_are_the_settings_of_the_paper_and_have_no_problem() -> None:
    config = RunConfig()
    assert config.problems() == []
    assert (config.fusion, config.pooling, config.protocol) == (
        "dual_xattn", "self_attention", "nested",
    )  # fmt: skip
    assert (config.folds, config.data.batch_size, config.optim.lr) == (5, 12, 1e-3)
    assert (config.trainer.max_epochs, config.trainer.patience) == (150, 5)
    assert (config.loss, config.ties, config.horizons) == ("cox", "efron", (5.0, 10.0))


@pytest.mark.parametrize("part", PARTS)
def test_every_field_is_frozen_explained_and_never_optional(part) -> None:
    value = part()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(part)[0].name, None)
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(sys.modules[part.__module__])).body
        if isinstance(node, ast.ClassDef) and node.name == part.__name__
    )
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(after, ast.Expr), ast.unparse(field)
            assert str(ast.literal_eval(after.value)).strip().endswith(".")
            assert "None" not in ast.unparse(field.annotation)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modalities": ()}, "--modalities is empty"),
        ({"modalities": ("genes", "genes")}, "--modalities names one twice"),
        ({"risk_set": "cohort", "loss": "discrete"}, "only the Cox loss has risk sets"),
        (
            {
                "risk_set": "cohort",
                "trainer": TrainerConfig(
                    accelerator="gpu", precision="16-mixed", gradient_clip=1.0
                ),
            },
            "take bf16-mixed, or do not clip",
        ),
        ({"trainer": TrainerConfig(precision="16-mixed")}, "not on a CPU; take bf16-mixed"),
        ({"data": DataConfig(batch_size=1)}, "one teaches nothing; set --risk_set cohort"),
        ({"trainer": TrainerConfig(devices=0)}, "--trainer.devices=0: at least 1"),
        ({"trainer": TrainerConfig(devices=2), "jobs": 2}, "leave out --jobs and --cluster"),
        ({"trainer": TrainerConfig(devices=2), "cluster": "local"}, "leave out --jobs"),
        ({"trainer": TrainerConfig(devices=13)}, "--data.batch_size=12 has no patient for each"),
        ({"arms": ("image", "image")}, "--arms names one twice"),
        ({"arms": ("image", "slides")}, "neither modalities such as"),
        ({"arms": ("genes", "cox_clinical")}, "no arm does"),
        ({"protocols": ("paper", "paper")}, "--protocols names one twice"),
        ({"inner": "rotate"}, "one network has nothing to rotate; set --ensemble"),
        ({"folds": 1}, "--folds=1"),
        ({"only_folds": (5,)}, "folds count from 0 to 4"),
        ({"only_folds": (-1,)}, "folds count from 0 to 4"),
        ({"only_folds": (1, 1)}, "--only_folds names one twice"),
        ({"horizons": ()}, "--horizons=[]"),
        ({"horizons": (float("nan"),)}, "--horizons=[nan]"),
        ({"horizons": (5.0, 5.0)}, "--horizons names one twice"),
        ({"horizons": (1825.0,)}, "are these days?"),
        ({"horizons": (float("inf"),)}, "are these days?"),
        ({"ensemble": 0}, "--ensemble=0"),
        ({"seed": -1}, "--seed=-1"),
        ({"resume": True}, "--resume needs --out"),
        ({"model": ModelConfig(heads=0)}, "--model.heads=0"),
        ({"model": ModelConfig(width=0)}, "--model.width=0"),
        ({"model": ModelConfig(dropout=1.0)}, "--model.dropout=1.0"),
        ({"model": ModelConfig(gene_hidden=-1)}, "--model.gene_hidden=-1"),
        ({"model": ModelConfig(gene_programs=-1)}, "--model.gene_programs=-1"),
        ({"model": ModelConfig(program_start="reconstruction")}, "nor --model.gene_hidden"),
        (
            {"model": ModelConfig(linear="held", clinical_start="random")},
            "--model.clinical_start=random",
        ),
        ({"model": ModelConfig(head_start=0.0)}, "--model.head_start=0.0"),
        ({"optim": OptimConfig(lr=float("nan"))}, "--optim.lr=nan"),
        ({"optim": OptimConfig(weight_decay=-1)}, "--optim.weight_decay=-1"),
        ({"trainer": TrainerConfig(max_epochs=0)}, "--trainer.max_epochs=0"),
        ({"trainer": TrainerConfig(patience=0)}, "--trainer.patience=0"),
        ({"trainer": TrainerConfig(gradient_clip=-1.0)}, "--trainer.gradient_clip=-1.0"),
        ({"trainer": TrainerConfig(threads=-1)}, "--trainer.threads=-1"),
        ({"data": DataConfig(batch_size=0)}, "--data.batch_size=0"),
        ({"data": DataConfig(workers=-1)}, "--data.workers=-1"),
        ({"data": DataConfig(max_patches=-1)}, "--data.max_patches=-1"),
        ({"data": DataConfig(time_bins=1)}, "--data.time_bins=1"),
        ({"toy": ToyConfig(patients=0)}, "--toy.patients=0"),
        ({"toy": ToyConfig(seed=-1)}, "--toy.seed=-1"),
        ({"toy": ToyConfig(censoring=1.0)}, "--toy.censoring=1.0"),
        ({"toy": ToyConfig(lacking=1.0)}, "--toy.lacking=1.0"),
        ({"toy": ToyConfig(patches_min=9, patches_max=3)}, "--toy.patches_min=9"),
        ({"toy": ToyConfig(patches_min=0)}, "--toy.patches_min=0"),
        ({"toy": ToyConfig(patch_noise=-1.0)}, "--toy.patch_noise=-1.0"),
        ({"toy": ToyConfig(stain=-1.0)}, "--toy.stain=-1.0"),
    ],
)
def test_a_value_that_cannot_be_is_named_as_its_flag(change, words) -> None:
    (problem,) = dataclasses.replace(RunConfig(), **change).problems()
    assert words in problem


def test_all_problems_are_told_at_once() -> None:
    config = RunConfig(folds=1, seed=-1, ensemble=0, optim=OptimConfig(lr=0.0))
    assert len(config.problems()) == 4
