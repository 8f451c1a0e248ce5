from __future__ import annotations

import numpy as np
import pytest

from data_modules.toy import oracle_c_index
from data_modules.toy_truth import ToyConfig, simulate


@pytest.mark.parametrize("patients", [400, 2000])
@pytest.mark.parametrize("seed", range(5))
def test_the_cohort_is_as_hard_as_a_real_one(patients, seed) -> None:
    c_index = oracle_c_index(simulate(ToyConfig(patients=patients, seed=seed)))
    assert 0.80 <= c_index["oracle"] <= 0.88
    for modality in ("image", "genes", "clinical"):
        assert 0.5 < c_index[modality] <= 0.72


def test_no_single_modality_sees_the_interaction() -> None:
    config = ToyConfig(patients=20_000)
    truth = simulate(config)
    additive = truth.image_term + truth.gene_term + truth.clinical_term
    interaction = truth.log_hazard - additive
    share = interaction.var() / truth.log_hazard.var()
    assert share > 0.4
    for seen in (truth.kind_a_share, truth.programme_p, truth.programme_q, truth.age_years):
        assert abs(np.corrcoef(interaction, seen)[0, 1]) < 0.03
    product = (truth.kind_a_share - 0.5) * truth.programme_p
    assert np.corrcoef(interaction, product)[0, 1] > 0.99


def test_without_signal_nothing_predicts() -> None:
    truth = simulate(ToyConfig(signal=0.0))
    assert np.ptp(truth.log_hazard) == 0
    assert oracle_c_index(truth)["oracle"] == 0.5


@pytest.mark.parametrize("censoring", [0.2, 0.5, 0.8])
def test_the_asked_share_is_censored(censoring) -> None:
    truth = simulate(ToyConfig(patients=2000, censoring=censoring))
    assert 1 - truth.event.mean() == pytest.approx(censoring, abs=0.02)
    assert truth.time_days.min() >= 1


def test_a_seed_is_a_cohort() -> None:
    one, same, other = (simulate(ToyConfig(patients=50, seed=s)) for s in (1, 1, 2))
    assert (one.time_days == same.time_days).all()
    assert (one.time_days != other.time_days).any()
