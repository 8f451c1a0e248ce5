from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import forking as forking_module
from experiments.fan_out import fan_out
from experiments.forking import begin_template, forking_is_safe, start_method
from experiments.surroundings import threads_each

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="workers fork on Linux alone")


@pytest.mark.parametrize("driver", ["", *forking_module.DRIVERS])
def test_nothing_forks_where_a_driver_of_gpus_is(tmp_path, driver) -> None:
    (tmp_path / (driver or "null")).touch()
    assert forking_is_safe(tmp_path) == (sys.platform == "linux" and not driver)


def test_where_forking_is_not_safe_workers_begin_from_nothing(monkeypatch) -> None:
    monkeypatch.setattr(forking_module, "_begun_with", {})
    monkeypatch.setattr(forking_module, "forking_is_safe", lambda: False)
    monkeypatch.setattr(forking_module.forkserver, "ensure_running", lambda: pytest.fail("begun"))
    begin_template(1)
    assert start_method(1).get_start_method() == "spawn"


@LINUX
def test_workers_with_other_threads_than_the_template_begin_from_nothing(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(forking_module, "_begun_with", forking_module.thread_variables(3))
    assert start_method(3).get_start_method() == "forkserver"
    assert start_method(2).get_start_method() == "spawn"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert start_method(3).get_start_method() == "spawn"


@LINUX
def test_a_fork_has_its_libraries_and_the_environment_of_today(
    errands, forking, monkeypatch
) -> None:
    with forking():
        monkeypatch.setenv("MMSURV_SAID", "after the template began")
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        names = ["MMSURV_SAID", "MMSURV_WORKER", "OMP_NUM_THREADS"]
        (_, (found, imported)), *_ = fan_out(errands.begun, [names, names], jobs=2)
    assert found[:1] == ["after the template began"]
    assert found[1] in {"0", "1"}
    assert found[2] == str(threads_each(2))
    assert imported >= {"torch", "lightning", "pandas", "experiments.cells"}


# A template imports what the commands that begin one need, and leaves nothing that a fork loses.
TEMPLATE = """
import os, sys
from pathlib import Path
for name in sys.argv[1:]:
    __import__(name)
import torch
tasks = [Path(f"/proc/self/task/{task}/comm").read_text() for task in os.listdir("/proc/self/task")]
print(torch.cuda.is_initialized(), *tasks)
"""
# Of pyarrow's allocator, which begins it again in a fork by itself.
SURVIVES = {"jemalloc_bg_thd"}


@LINUX
def test_a_template_has_no_thread_that_a_fork_would_miss_and_no_gpu() -> None:
    """Threads of a library would be missing from a fork, and a lock that they hold never given."""
    done = subprocess.run(
        [sys.executable, "-c", TEMPLATE, *forking_module.IMPORTED],
        env=os.environ | forking_module.thread_variables(1) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    initialised, *threads = done.stdout.split()
    assert initialised == "False"
    assert len([name for name in threads if name not in SURVIVES]) == 1, threads


@LINUX
def test_a_template_begins_once(monkeypatch) -> None:
    begun: list[None] = []
    monkeypatch.setattr(forking_module, "_begun_with", {})
    monkeypatch.setattr(forking_module, "forking_is_safe", lambda: True)
    monkeypatch.setattr(forking_module.forkserver, "ensure_running", lambda: begun.append(None))
    for _ in range(2):
        begin_template(1)
    assert len(begun) == 1
    assert isinstance(start_method(1), type(multiprocessing.get_context("forkserver")))
