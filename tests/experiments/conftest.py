"""A small toy cohort, built once a test process, and the real command run in-process."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imsave
from rich.console import Console

from data_modules.cohort import Cohort, load_cohort
from data_modules.datamodule import SurvivalDataModule
from data_modules.folds import make_folds
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy
from data_modules.toy_truth import ToyConfig
from experiments import cross_validation
from experiments.config import RunConfig
from experiments.config_parts import ModelConfig, TrainerConfig
from experiments.loggers import FolderLog
from experiments.progress import EpochProgress
from experiments.run import main
from experiments.training import train_member
from mmsurv.task import SurvivalTask

SMALL = ToyConfig(patients=60, patches_min=4, patches_max=8, censoring=0.3, lacking=0.1)


@pytest.fixture(scope="session")
def toy_manifest(tmp_path_factory) -> Path:
    """cohort.yaml of 60 patients, some without a modality."""
    return build_toy(SMALL, tmp_path_factory.mktemp("toy"))


Run = Callable[..., int]


@pytest.fixture(scope="session")
def command(toy_manifest) -> Run:
    """`command("--fusion", "concat", out=folder)`: a run of about a second, from anywhere."""

    def call(
        *flags: str, out: str | Path = "run", logger: str = "csv", cohort: Path | None = None
    ) -> int:
        return main(
            [
                "--cohort", str(cohort or toy_manifest), "--out", str(out), "--logger", logger,
                "--trainer.max_epochs", "2", "--model.width", "16", "--model.heads", "2",
                "--folds", "2", "--trainer.threads", "1", "--baselines", "false", *flags,
            ]
        )  # fmt: skip

    return call


def _save_one_pixel(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, [[0.0]])


@pytest.fixture
def unrendered(monkeypatch) -> None:
    """Figures are made but not rendered, which takes longer than the training.

    `finished` renders.
    """
    monkeypatch.setattr(cross_validation, "save_figure", _save_one_pixel)


@pytest.fixture
def run(command, tmp_path, monkeypatch, unrendered) -> Run:
    """`command` in an empty folder, where it leaves `run`."""
    monkeypatch.chdir(tmp_path)
    return command


@pytest.fixture(scope="session")
def finished(command, tmp_path_factory) -> Path:
    """A run folder, made once in a test process: copy it before you change it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert command(out=folder) == 0
    return folder


@pytest.fixture(scope="session")
def finished_paper(command, tmp_path_factory) -> Path:
    """Likewise, under protocol "paper": an ensemble of two, one fold, several epochs."""
    folder = tmp_path_factory.mktemp("paper") / "run"
    flags = ["--protocol", "paper", "--ensemble", "2", "--only_folds", "1"]
    flags += ["--trainer.max_epochs", "4", "--modalities", "genes", "clinical"]
    assert command(*flags, out=folder) == 0
    return folder


@pytest.fixture(scope="session")
def finished_classical(command, tmp_path_factory) -> Path:
    """Likewise, with the classical models of all three modalities."""
    folder = tmp_path_factory.mktemp("classical") / "run"
    assert command("--trainer.max_epochs", "1", "--baselines", "true", out=folder) == 0
    return folder


@pytest.fixture(scope="session")
def cohort(toy_manifest) -> Cohort:
    """The small cohort, without its images."""
    return load_cohort(load_manifest(toy_manifest), modalities=("genes", "clinical"))


@pytest.fixture
def quiet_console() -> Console:
    """Prints into a string, 80 characters wide."""
    return Console(file=io.StringIO(), width=80, soft_wrap=True)


ERRANDS = """
import os, signal, sys, time
from data_modules.problems import BadInput, Problem
from experiments.fan_out import place_number

def double(task):
    if task == "bad":
        raise BadInput([Problem("bad", None, None, "is no number")])
    return task * 2

def surroundings(seconds):
    time.sleep(seconds)
    return os.getpid(), os.environ["OMP_NUM_THREADS"], place_number()

def begun(names):
    return [os.environ.get(name) for name in names], set(sys.modules)

def threads(task):
    return os.environ["OMP_NUM_THREADS"]

def span(seconds):
    begun = time.monotonic()
    time.sleep(seconds)
    return begun, time.monotonic()

def die_at_first(task):
    marks, deaths = task
    before = len(marks.read_text()) if marks.exists() else 0
    if before < deaths:
        marks.write_text("x" * (before + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"

def who(task):
    import torch
    from mmsurv.ranks import rank_and_world
    ranks = torch.tensor([rank_and_world()[0] + 1])
    torch.distributed.all_reduce(ranks)
    return task, rank_and_world(), int(ranks), torch.distributed.get_backend()

def second_fails(how):
    import torch
    from mmsurv.ranks import rank_and_world
    if rank_and_world()[0] == 1:
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        raise BadInput([Problem("second", None, None, "is out of memory")])
    torch.distributed.barrier()

class Whoever:
    def __init__(self, path):
        self.path = path
    def __len__(self):
        return 99
    def __getitem__(self, index):
        self.path.write_text(str(os.getpid()))
        return index

def read_elsewhere(path):
    from torch.utils.data import DataLoader
    if path is not None:
        for _ in DataLoader(Whoever(path), num_workers=1):
            time.sleep(60)

def loaded(count):
    from torch.utils.data import DataLoader
    return sum(int(batch.sum()) for batch in DataLoader(range(count), num_workers=1))

def start_method(task):
    import multiprocessing
    return multiprocessing.get_start_method()

def write_and_wait(path):
    if path is not None:
        path.write_text(str(os.getpid()))
        time.sleep(60)
"""


@pytest.fixture
def errands(tmp_path_factory, monkeypatch) -> ModuleType:
    """Work that another process can import, wherever the tests were started."""
    folder = tmp_path_factory.mktemp("errands")
    (folder / "errands.py").write_text(ERRANDS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    monkeypatch.delitem(sys.modules, "errands", raising=False)
    return importlib.import_module("errands")


SMALLEST = RunConfig(
    modalities=("genes", "clinical"),
    folds=2,
    trainer=TrainerConfig(max_epochs=3, threads=1),
    model=ModelConfig(width=8, heads=2),
)


class TrainFold(Protocol):
    """See `train_fold`."""

    def __call__(
        self, home: Path, *, cohort: Cohort | None = None, config: RunConfig = SMALLEST
    ) -> tuple[SurvivalTask, SurvivalDataModule]: ...


@pytest.fixture(scope="session")
def train_fold(cohort) -> TrainFold:
    """`train_fold(home)`: fold 0 trained into `home`; the folds are always those of `cohort`."""
    folds = make_folds(cohort, n_folds=2, protocol="nested", seed=0)
    console = Console(file=io.StringIO())

    def call(
        home: Path, *, cohort: Cohort = cohort, config: RunConfig = SMALLEST
    ) -> tuple[SurvivalTask, SurvivalDataModule]:
        data = SurvivalDataModule(cohort, folds, fold=0, batch_size=12, seed=1)
        data.setup()
        task = train_member(
            config,
            data,
            home,
            seed=1,
            logger=FolderLog(home, []).fold_logger("fold0"),
            progress=EpochProgress(console, "fold0", config.trainer.patience),
        )
        return task, data

    return call
