"""Settings and helpers shared by all tests."""

from __future__ import annotations

import os
import sys

# Two cores: several test processes must not each start a thread per core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")
# A cache that cannot be written remembers nothing: no test depends on what was checked before.
os.environ["MMSURV_CACHE"] = os.devnull

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from experiments.forking import begin_template
from experiments.surroundings import threads_each
from mmsurv.batch import Patient

settings.register_profile("ci", max_examples=40, deadline=None, derandomize=True)
settings.load_profile("ci")

# Scripts that made reference numbers, with packages of their own.
collect_ignore_glob = ["golden/*"]

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_open_wandb_run() -> Iterator[None]:
    """A W&B run that a test leaves open changes what the client says to the tests after it."""
    yield
    client = sys.modules.get("wandb")
    left = getattr(client, "run", None)
    if left is not None:
        client.teardown()
        pytest.fail("a W&B run was left open")


@pytest.fixture
def real_data() -> Path:
    """Folder of the real TCGA-BRCA tables; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real TCGA-BRCA tables are not beside this checkout")
    return SHARED_DATA


Forking = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def forking() -> Forking:
    """`with forking():` the processes of `experiments.spawned` begin with the libraries imported.

    Whatever their number of threads. What begins from nothing is tested where this is not used.
    """

    @contextmanager
    def forked() -> Iterator[None]:
        begin_template(threads_each(2))
        with pytest.MonkeyPatch.context() as patch:
            forkserver = multiprocessing.get_context("forkserver")
            patch.setattr("experiments.spawned.start_method", lambda _: forkserver)
            yield

    return forked


MakePatients = Callable[..., list[Patient]]


@pytest.fixture
def make_patients() -> MakePatients:
    """Random patients: `make_patients(counts, width=6, genes=5, covariates=3, seed=0)`."""

    def make(
        counts: Sequence[int],
        *,
        width: int = 6,
        genes: int = 5,
        covariates: int = 3,
        seed: int = 0,
    ) -> list[Patient]:
        random = torch.Generator().manual_seed(seed)
        return [
            Patient(
                patient_id=f"P{i}",
                patches=torch.randn(n, width, generator=random),
                coords=torch.randint(0, 1000, (n, 2), generator=random),
                slide=torch.zeros(n, dtype=torch.int64),
                expression=torch.randn(genes, generator=random),
                gene_mask=torch.ones(genes, dtype=torch.bool),
                covariates=torch.randn(covariates, generator=random),
                has_clinical=True,
                time_days=float(torch.randint(1, 4000, (1,), generator=random)),
                event=bool(torch.rand(1, generator=random) < 0.6),
            )
            for i, n in enumerate(counts)
        ]

    return make
