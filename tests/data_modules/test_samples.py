from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_modules.samples import choose_samples


@pytest.mark.parametrize(
    ("sample", "patient"),
    [
        ("TCGA-A1-A0SB", "TCGA-A1-A0SB"),
        ("TCGA-A1-A0SB-01", "TCGA-A1-A0SB"),
        ("TCGA-A1-A0SB-01A", "TCGA-A1-A0SB"),
        ("TCGA-A1-A0SB-01A-11R-A144-07", "TCGA-A1-A0SB"),
        ("TCGA.A1.A0SB.01A.11R", "TCGA-A1-A0SB"),
        ("TCGA-AB-2803-03A", "TCGA-AB-2803"),
        ("MB-0002", "MB-0002"),
        ("TCGA-like-01", "TCGA-like-01"),
    ],
)
def test_who_a_sample_is_of(sample, patient) -> None:
    assert choose_samples([sample]).patients == {patient: [0]}


@pytest.mark.parametrize("kind", ["11", "06", "02", "10", "11A-33R-A089-07"])
def test_normals_and_metastases_are_left_out_and_told(kind) -> None:
    choice = choose_samples([f"TCGA-A1-A0SB-{kind}", "TCGA-A1-A0SB-01"])
    assert choice.patients == {"TCGA-A1-A0SB": [1]}
    (note,) = choice.notes
    assert f"({kind[:2]}) not used: TCGA-A1-A0SB-{kind}" in note


def test_a_suffix_takes_the_samples_that_it_marks() -> None:
    choice = choose_samples(["TCGA-A1-A0SB-01", "TCGA-A1-A0SB-06", "P1-06"], "-06")
    assert choice.patients == {"TCGA-A1-A0SB": [1], "P1": [2]}
    assert choice.notes == ["1 samples that do not end in -06 not used: TCGA-A1-A0SB-01"]


def test_many_samples_are_counted() -> None:
    choice = choose_samples([f"TCGA-A1-A{i:03d}-11" for i in range(9)])
    assert choice.notes[0].startswith("9 samples of normal tissue (11) not used: TCGA-A1-A000-11,")
    assert choice.notes[0].endswith("and 5 more")


@given(st.lists(st.sampled_from(["01A", "01B", "11A", "06A"]), unique=True), st.randoms())
def test_the_order_of_columns_does_not_matter(kinds, random) -> None:
    names = [f"TCGA-A1-A0SB-{kind}" for kind in kinds]
    shuffled = list(names)
    random.shuffle(shuffled)
    first, second = choose_samples(names).patients, choose_samples(shuffled).patients
    assert {p: [names[i] for i in at] for p, at in first.items()} == {
        p: [shuffled[i] for i in at] for p, at in second.items()
    }
