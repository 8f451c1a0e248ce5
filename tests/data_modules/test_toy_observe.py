from __future__ import annotations

import numpy as np

from data_modules.genes import PAM50
from data_modules.toy_observe import TUMOUR_A, TUMOUR_B, expression, luminal_subtype, patient_slides
from data_modules.toy_truth import (
    PROGRAMME_BASAL,
    PROGRAMME_HER2,
    PROGRAMME_P,
    PROGRAMME_Q,
    ToyConfig,
    simulate,
)

CONFIG = ToyConfig(patients=300)
TRUTH = simulate(CONFIG)


def test_programmes_are_pam50_genes_and_share_none() -> None:
    programmes = (*PROGRAMME_P, *PROGRAMME_Q, *PROGRAMME_BASAL, *PROGRAMME_HER2)
    assert len(set(programmes)) == len(programmes)
    assert set(programmes) <= set(PAM50)


def test_the_genes_of_a_programme_follow_its_activity() -> None:
    values = expression(CONFIG, TRUTH)
    assert values.shape == (300, 50)
    assert values.min() >= 0
    for programme, activity in ((PROGRAMME_P, TRUTH.programme_p), (PROGRAMME_Q, TRUTH.programme_q)):
        columns = values[:, [PAM50.index(gene) for gene in programme]]
        for column in columns.T:
            assert np.corrcoef(column, activity)[0, 1] > 0.65


def test_a_minority_of_patches_is_tumour_and_carries_the_share_of_kind_a() -> None:
    shares = []
    for slides in patient_slides(CONFIG, TRUTH, "maxvit", 8):
        kind = np.concatenate([slide.kind for slide in slides])
        a, b = (kind == TUMOUR_A).sum(), (kind == TUMOUR_B).sum()
        assert 0.1 < (a + b) / len(kind) < 0.5
        shares.append(a / (a + b))
    assert np.abs(np.array(shares) - TRUTH.kind_a_share).max() < 0.2
    assert np.corrcoef(shares, TRUTH.kind_a_share)[0, 1] > 0.99


def test_two_encoders_see_the_same_slides_and_no_patch_twice() -> None:
    one = next(patient_slides(CONFIG, TRUTH, "maxvit", 8))
    other = next(patient_slides(CONFIG, TRUTH, "resnet50", 12))
    for a, b in zip(one, other, strict=True):
        assert (a.coords == b.coords).all()
        assert (a.kind == b.kind).all()
        assert a.features.shape[1] == 8
        assert b.features.shape[1] == 12
        assert len(np.unique(a.coords, axis=0)) == len(a.coords)


def test_luminal_b_proliferates_more() -> None:
    subtype = np.array(luminal_subtype(CONFIG, TRUTH))
    assert (subtype == "LumB").mean() == 0.4
    means = [TRUTH.programme_q[subtype == name].mean() for name in ("LumB", "LumA")]
    assert means[0] > means[1] + 1


def test_large_slides_have_a_place_for_every_patch() -> None:
    config = ToyConfig(patients=3, patches_min=300, patches_max=300)
    for slides in patient_slides(config, simulate(config), "maxvit", 4):
        for slide in slides:
            assert slide.features.shape == (300, 4)
            assert len(np.unique(slide.coords, axis=0)) == 300
