from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from data_modules.folds import Folds
from experiments import cells
from experiments.baselines.fold import run_fold_baselines
from experiments.config import RunConfig
from experiments.context import RunContext
from experiments.shared_classical import sources_of


def test_classical_models_are_fitted_once_for_both_protocols(run, tmp_path, monkeypatch) -> None:
    fitted = []

    def counted(*args: Any, **options: Any) -> float:
        fitted.append(args[4].parent.as_posix())
        return run_fold_baselines(*args, **options)

    monkeypatch.setattr(cells, "run_fold_baselines", counted)
    flags = ("--trainer.max_epochs", "1", "--arms", "genes", "clinical", "--baselines", "true")
    assert run(*flags, "--protocols", "paper", "nested") == 0
    assert fitted == ["run/paper/genes"] * 2 + ["run/paper/clinical"] * 2
    for name in ("fold0/baselines.csv", "baselines/ridge_genes.csv"):
        one, other = (tmp_path / "run" / p / "genes" / name for p in ("paper", "nested"))
        assert one.read_bytes() == other.read_bytes()


@pytest.fixture
def contexts(tmp_path) -> list[RunContext]:
    roles = {"role0": ["test", "val", "train"], "role1": ["train", "test", "test"]}
    table = pd.DataFrame({"patient_id": list("abc"), "fold": [0, 1, 1], **roles})
    paper = table.replace("val", "train")
    return [
        RunContext(
            replace(RunConfig(), protocol=protocol, baselines=True, out=protocol),
            tmp_path / protocol,
            None,  # type: ignore[arg-type]
            Folds(rows, protocol),
        )
        for protocol, rows in (("nested", table), ("paper", paper))
    ]


def test_the_same_patients_and_settings_have_one_source(contexts) -> None:
    assert sources_of(contexts) == {contexts[1].folder: contexts[0]}


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"modalities": ("genes",)}, {"encoder": "resnet50"}, {"horizons": (3.0,)}],
)
def test_other_settings_are_fitted_again(contexts, other) -> None:
    first, second = contexts
    assert not sources_of([first, replace(second, config=replace(second.config, **other))])


def test_other_folds_are_fitted_again(contexts) -> None:
    first, second = contexts
    table = second.folds.table.assign(role0=["train", "test", "train"])
    assert not sources_of([first, replace(second, folds=Folds(table, "paper"))])


def test_a_run_without_classical_models_takes_none_and_gives_none(contexts) -> None:
    first, second = contexts
    without = replace(first, config=replace(first.config, baselines=False))
    assert not sources_of([without, second])
