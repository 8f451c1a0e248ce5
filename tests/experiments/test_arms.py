from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.arms import (
    CLASSICAL,
    arm_checks,
    arms_of,
    parse_arm,
    source_of,
    with_baselines,
)
from experiments.config import RunConfig


def _parsed(*names: str) -> list:
    return [parse_arm(name) for name in names]


def _messages(config: RunConfig) -> list[str]:
    return [message for fine, message in arm_checks(config) if not fine]


def test_words_may_stand_in_any_order() -> None:
    assert parse_arm("clinical+image@maxvit").modalities == ("image", "clinical")
    assert parse_arm("clinical+image@maxvit").encoder == "maxvit"
    assert parse_arm("genes").encoder == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image@", "no encoder behind the @"),
        ("genes@maxvit", "an encoder but no image"),
        ("image+image", "each once"),
        ("image+", "each once"),
        ("", "each once"),
        ("slides", "a classical model such as cox_clinical"),
    ],
)
def test_what_is_no_arm_is_refused(text, words) -> None:
    with pytest.raises(ValueError, match=words):
        parse_arm(text)


def test_folders_of_different_arms_differ() -> None:
    names = ["image@a", "image@b", "image+genes@a", "image", *CLASSICAL]
    folders = {arm.folder for arm in _parsed(*names)}
    assert len(folders) == len(names)
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in folders)


def test_classical_models_are_fitted_once_an_encoder() -> None:
    arms = _parsed("image+genes+clinical@a", "image+genes@a", "image@b", "clinical", "genes+image")
    assert [with_baselines(arm, arms) for arm in arms] == [True, False, True, False, True]


def test_a_classical_arm_comes_from_the_first_that_sees_as_much() -> None:
    arms = _parsed("image@a", "genes+image@b", "clinical+genes", "ridge_image", "ridge_image@b")
    assert source_of(arms[3], arms) == arms[0]
    assert source_of(arms[4], arms) == arms[1]
    assert source_of(parse_arm("cox_clinical"), arms) == arms[2]
    assert source_of(parse_arm("forest_clinical@b"), arms) is None


def test_without_arms_the_modalities_are_the_only_one() -> None:
    (arm,) = arms_of(RunConfig(modalities=("genes", "image"), encoder="maxvit"))
    assert (arm.modalities, arm.encoder) == (("image", "genes"), "maxvit")
    (arm,) = arms_of(RunConfig(modalities=("genes",), encoder="maxvit"))
    assert (arm.name, arm.encoder) == ("genes", "")


def test_everything_wrong_is_told_at_once() -> None:
    assert len(_messages(RunConfig(arms=("a", "b")))) == 2
    assert _messages(RunConfig(arms=("clinical", "cox_clinical"))) == []
    off = RunConfig(arms=("clinical", "cox_clinical"), baselines=False)
    assert _messages(off) == ["--arms names a classical model, but --baselines is false"]


def test_nothing_heavy_is_imported_for_the_flags() -> None:
    code = (
        "import experiments.arms, sys; assert not {'torch', 'pandas', 'numpy'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
