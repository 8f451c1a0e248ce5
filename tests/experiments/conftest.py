"""A small toy cohort, built once a test process, and the real command run in-process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments.run import main

SMALL = ToyConfig(patients=60, patches_min=4, patches_max=8, censoring=0.3)


@pytest.fixture(scope="session")
def toy_manifest(tmp_path_factory) -> Path:
    """cohort.yaml of 60 patients."""
    return build_toy(SMALL, tmp_path_factory.mktemp("toy"))


Run = Callable[..., int]


@pytest.fixture
def run(toy_manifest, tmp_path, monkeypatch) -> Run:
    """`run("--fusion", "concat", out="x")`: the command on the small cohort, two epochs, CSV."""
    monkeypatch.chdir(tmp_path)

    def call(*flags: str, out: str = "run", logger: str = "csv", cohort: Path | None = None) -> int:
        return main(
            [
                "--cohort", str(cohort or toy_manifest), "--out", out, "--logger", logger,
                "--trainer.max_epochs", "2", "--model.width", "16", "--model.heads", "2",
                "--folds", "2", "--trainer.threads", "1", *flags,
            ]
        )  # fmt: skip

    return call
