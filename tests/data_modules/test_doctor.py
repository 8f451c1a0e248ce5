from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from data_modules.doctor import SEEN_TCGA, examine, follow_up_median
from data_modules.features import write_bag
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig

CONFIG = ToyConfig(patients=40, patches_min=3, patches_max=5, censoring=0.3, lacking=0.1)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build_toy(CONFIG, tmp_path_factory.mktemp("toy"))


@pytest.fixture
def manifest(built, tmp_path, monkeypatch) -> Path:
    """A copy to break, whose scans are remembered nowhere else."""
    monkeypatch.setenv("MMSURV_CACHE", str(tmp_path / "cache"))
    shutil.copytree(built.parent, tmp_path / "cohort")
    return tmp_path / "cohort" / "cohort.yaml"


def _edit(manifest: Path, **changes: object) -> None:
    content = yaml.safe_load(manifest.read_text())
    manifest.write_text(yaml.safe_dump(content | changes, sort_keys=False))


def test_a_sound_cohort_is_described_and_would_run(manifest) -> None:
    found = examine(manifest)
    assert found.problems == ()
    facts = found.facts
    assert facts["flow"][-1]["patients"] == 40
    assert sum(row["patients"] for row in facts["overlap"]) == 40
    truth = pd.read_csv(manifest.parent / "clinical.csv")
    assert facts["endpoints"]["OS"]["events"] == truth["os_event"].sum()
    assert facts["missing"]["age"] == pytest.approx(truth["age"].isna().mean())
    features = facts["features"]
    assert features["width"] == 64
    assert 3 <= features["patches_fewest"] <= features["patches_most"] <= 10
    assert features["zero_patches"] == 0
    assert facts["expression"]["genes"] == 50


def test_overlap_counts_every_patient_by_what_is_there(manifest) -> None:
    found = examine(manifest)
    assert found.cohort is not None
    image = found.cohort.features.patients()
    counted = sum(row["patients"] for row in found.facts["overlap"] if "image" in row["modalities"])
    assert counted == len(image) < 40


def test_problems_come_instead_of_facts(manifest) -> None:
    table = manifest.parent / "clinical.csv"
    table.write_text(table.read_text().replace("TOY-0000,", "TOY-0001,", 1))
    found = examine(manifest)
    assert found.cohort is None
    assert "two rows" in found.problems[0].message


def test_folds_that_cannot_be_drawn_are_a_problem_of_a_cohort_that_can_be_read(manifest) -> None:
    table = pd.read_csv(manifest.parent / "clinical.csv")
    table["os_event"] = [1, 1, *([0] * 38)]
    table.to_csv(manifest.parent / "clinical.csv", index=False)
    found = examine(manifest)
    assert found.problems
    assert found.cohort is not None
    assert any("OS has 2 events" in warning for warning in found.warnings)


def test_equal_slides_and_hollow_patches_are_told(manifest) -> None:
    slides = sorted((manifest.parent / "features" / "maxvit").glob("*.h5"))
    shutil.copy(slides[0], slides[1])
    write_bag(slides[2], np.zeros((3, 64), np.float32), np.zeros((3, 2), int), {})
    told = "\n".join(examine(manifest).warnings)
    assert f"the same features to the byte: {slides[0].name}, {slides[1].name}" in told
    assert f"3 patches of 1 slides are all zero: {slides[2].name}" in told


@pytest.mark.parametrize(("prefix", "warned"), [("TCGA-A1-", True), ("OWN-A1-", False)])
def test_encoders_that_have_seen_the_patients_are_told(manifest, prefix, warned) -> None:
    folder = manifest.parent
    for name in ("clinical.csv", "expression.tsv", "slides.csv"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("TOY-", prefix))
    features = folder / "features" / "maxvit"
    for path in list(features.glob("*.h5")):
        path.rename(features / path.name.replace("TOY-", prefix))
    content = yaml.safe_load(manifest.read_text())
    content["features"]["ctranspath"] = content["features"].pop("maxvit")
    _edit(manifest, features=content["features"], encoder="ctranspath")
    found = examine(manifest)
    assert found.problems == ()
    told = [w for w in found.warnings if "trained on slides of TCGA" in w]
    assert bool(told) == warned
    assert not warned or SEEN_TCGA["ctranspath"] in told[0]


def test_a_second_look_reads_no_file_again(manifest, monkeypatch) -> None:
    first = examine(manifest)
    from data_modules.features import scan

    monkeypatch.setattr(scan, "inspect", lambda path: pytest.fail(f"{path} was read again"))
    assert examine(manifest).facts == first.facts


def test_progress_is_told(manifest) -> None:
    seen: list[tuple[int, int]] = []
    examine(manifest, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25))
def test_follow_up_is_the_reverse_kaplan_meier_of_lifelines(patients) -> None:
    times = np.array([float(time) for time, _ in patients])
    event = np.array([happened for _, happened in patients])
    # lifelines takes events before censorings of the same day; here being censored is the event,
    # and who died on that day must have left before.
    shifted = times + np.where(event, 0.0, 0.25)
    fitted = KaplanMeierFitter().fit(shifted, ~event).median_survival_time_
    ours = follow_up_median(times, event)
    if np.isinf(fitted):
        assert np.isnan(ours)
    else:
        assert ours == fitted - 0.25
