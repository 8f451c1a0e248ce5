from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from data_modules.cohort import Cohort
from data_modules.datamodule import SurvivalDataModule
from experiments.checkpoints import read_checkpoint
from experiments.scoring import Member, log_hazards, score_fold, survival_years
from mmsurv.survival import DAYS_PER_YEAR
from mmsurv.task import SurvivalTask

HORIZONS = (1.0, 2.5)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fold") / "fold0"


@pytest.fixture(scope="module")
def trained(train_fold, home) -> tuple[SurvivalTask, SurvivalDataModule]:
    return train_fold(home)


def _score(members: list[SurvivalTask], data: SurvivalDataModule, home: Path) -> pd.DataFrame:
    return score_fold([Member(task, home, data) for task in members], fold=0, horizons=HORIZONS)


@pytest.fixture(scope="module")
def table(trained, home) -> pd.DataFrame:
    task, data = trained
    return _score([task], data, home)


def test_survival_is_breslow_by_hand(finished) -> None:
    predictions = pd.read_csv(finished / "predictions.csv")
    folds = pd.read_csv(finished / "folds.csv")
    for fold in (0, 1):
        eta = read_checkpoint(finished / f"fold{fold}" / "best.ckpt")["training_log_hazard"]
        known = folds[folds[f"role{fold}"] == "train"]
        center = float(eta.mean())
        patients = list(zip(eta.tolist(), known["time_days"], known["event"], strict=True))
        for row in predictions[predictions["fold"] == fold].head(5).itertuples():
            for year in (0.25, 5.0, 10.0):
                hazard = sum(
                    1 / sum(math.exp(e - center) for e, t, _ in patients if t >= died)
                    for _, died, event in patients
                    if event and died <= year * DAYS_PER_YEAR
                )
                expected = math.exp(-hazard * math.exp(row.log_hazard - center))
                found = predictions.loc[row.Index, f"survival_{year:g}y"]
                assert found == pytest.approx(expected, rel=1e-9)


def test_rows_are_the_held_out_patients_in_order_with_every_column(trained, table) -> None:
    known = trained[1].role_table("test")
    assert table["patient_id"].tolist() == known.index.tolist()
    assert table["time_days"].tolist() == known["time_days"].tolist()
    assert table["event"].tolist() == known["event"].astype(int).tolist()
    years = [f"survival_{year:g}y" for year in survival_years(HORIZONS)]
    first = ["patient_id", "fold", "time_days", "event", "log_hazard"]
    assert list(table.columns) == [*first, *years, "risk_group"]
    assert years[-1] == "survival_2.5y"


def test_one_network_is_an_ensemble_that_changes_nothing(trained, table) -> None:
    task, data = trained
    assert table["log_hazard"].tolist() == log_hazards(task, data, "test").tolist()


def test_members_are_averaged_on_the_scale_of_their_training_patients(trained, table, home) -> None:
    task, data = trained
    # Twins say what one of them says, up to the origin.
    twins = _score([task, task], data, home)
    survival = [c for c in table.columns if c.startswith("survival_")]
    np.testing.assert_allclose(twins[survival], table[survival], rtol=1e-9)
    assert twins["risk_group"].tolist() == table["risk_group"].tolist()
    # A member that shouts is not heard more: 10 times the scale, the same ranking.
    other = SurvivalTask(**dict(task.hparams)).eval()
    loud = SurvivalTask(**dict(task.hparams)).eval()
    loud.load_state_dict(other.state_dict())
    with torch.no_grad():
        for last in (loud.net.head[1], loud.net.clinical):
            last.weight.mul_(10)
    both = [_score([task, member], data, home)["log_hazard"] for member in (other, loud)]
    assert np.corrcoef(*both)[0, 1] == pytest.approx(1.0)
    train, test = (
        [log_hazards(m, data, role) for m in (task, other)] for role in ("train", "test")
    )
    standard = [(p - t.mean()) / t.std() for p, t in zip(test, train, strict=True)]
    expected = np.mean(standard, axis=0) * np.mean([t.std() for t in train])
    np.testing.assert_allclose(both[0], expected)


def test_the_cut_is_the_median_of_the_training_patients(trained, table, home) -> None:
    task, data = trained
    _score([task], data, home)
    content = read_checkpoint(home / "best.ckpt")
    cut = float(np.median(log_hazards(task, data, "train")))
    assert content["risk_cut"] == cut
    assert (table["risk_group"] == "high").tolist() == (table["log_hazard"] > cut).tolist()
    assert content["training_log_hazard"].tolist() == log_hazards(task, data, "train").tolist()
    assert content["transforms"]["fitted_on"] == data.transforms_state()["fitted_on"]


def _edited(cohort: Cohort, patients: list[str], change: Callable[[Any], Any]) -> Cohort:
    """The cohort with other follow-up, covariates and genes of some patients."""
    table = cohort.table.copy()
    table.loc[patients, "time_days"] = change(table.loc[patients, "time_days"].to_numpy())
    table.loc[patients, "event"] = ~table.loc[patients, "event"].to_numpy(dtype=bool)
    for name in ("age", "size"):
        table.loc[patients, name] = change(table.loc[patients, name].to_numpy())
    assert cohort.expression is not None
    genes = cohort.expression.copy()
    genes.loc[genes.index.isin(patients)] *= 1.7
    return dataclasses.replace(cohort, table=table, expression=genes)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def _kept(home: Path) -> dict[str, Any]:
    content = read_checkpoint(home / "best.ckpt")
    # Callbacks name the folder; what they saw of the validation patients is in history.csv.
    del content["callbacks"]
    return content


def test_editing_held_out_rows_changes_nothing_that_is_kept(
    train_fold, trained, table, cohort, home, tmp_path
) -> None:
    task, data = trained
    _score([task], data, home)
    expected = _kept(home)
    assert {"state_dict", "optimizer_states", "baseline", "risk_cut", "transforms"} <= set(expected)
    for role, same in (("test", True), ("train", False)):
        patients = data.folds.patients(0, role)
        other, changed = train_fold(
            tmp_path / role, cohort=_edited(cohort, patients, lambda x: x * 0.5 + 3)
        )
        edited = _score([other], changed, tmp_path / role)
        assert edited["time_days"].equals(table["time_days"]) is not same
        found = _kept(tmp_path / role)
        for name in ("state_dict", "baseline", "risk_cut", "transforms", "training_log_hazard"):
            assert _same(found[name], expected[name]) is same, (role, name)
        assert _same(found, expected) is same
        curves = [(folder / "history.csv").read_text() for folder in (home, tmp_path / role)]
        assert (curves[0] == curves[1]) is same
