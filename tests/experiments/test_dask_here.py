from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from typing import Any

import dask
import pytest
from distributed import LocalCluster, Nanny
from distributed.core import Status
from distributed.process import AsyncProcess

from experiments import dask_here, over_dask
from experiments.attempts import LostTask
from experiments.dask_here import OneStartNanny, all_gone, cluster_here
from experiments.fan_out import fan_out

pytestmark = [
    # Closed sockets of a cluster that was just stopped.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_worker_that_dies_before_it_was_seen_to_start_has_a_successor(
    errands, tmp_path, monkeypatch
) -> None:
    """Dask's own nanny waits for it for ever, and its cluster never closes."""
    known: list[bool] = []
    close = LocalCluster.close

    def seen(cluster: LocalCluster, timeout: float) -> object:
        (nanny,) = cluster.workers.values()
        until = time.monotonic() + 30
        while nanny.process.status != Status.running and time.monotonic() < until:
            time.sleep(0.05)
        known.append(nanny.process.status == Status.running)
        if not known[-1]:  # both waits end with the process: the test fails and does not hang
            os.kill(nanny.process.pid, signal.SIGKILL)
        return close(cluster, timeout)

    monkeypatch.setattr(LocalCluster, "close", seen)
    # The nanny looks so seldom that a worker is up and dead between two looks.
    monkeypatch.setattr("distributed.nanny.WorkerProcess._init_msg_interval", 1.5)
    tasks = [(tmp_path / "a", 9)]
    ((_, lost),) = fan_out(errands.die_at_first, tasks, jobs=1, cluster="local", retries=1)
    assert isinstance(lost, LostTask)
    assert known == [True]


def test_a_cluster_is_closed_while_a_worker_starts(errands, tmp_path) -> None:
    tasks = [(tmp_path / "a", 9)]
    ((_, lost),) = fan_out(errands.die_at_first, tasks, jobs=1, cluster="local", retries=0)
    assert isinstance(lost, LostTask)


def test_starts_take_turns_and_none_follows_the_close(monkeypatch) -> None:
    under_way = most = starts = 0

    async def slow(nanny: Nanny) -> Status:
        nonlocal under_way, most, starts
        under_way, starts = under_way + 1, starts + 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return Status.running

    async def three_starts() -> list[Status]:
        nanny = OneStartNanny("tcp://127.0.0.1:1")
        begun = [asyncio.create_task(nanny.instantiate()) for _ in range(3)]
        await begun[0]
        nanny.status = Status.closing
        found = [await start for start in begun]
        assert await nanny.instantiate() == Status.closing
        nanny.status = Status.closed
        return found

    monkeypatch.setattr(Nanny, "instantiate", slow)
    assert asyncio.run(three_starts()) == [Status.running, Status.running, Status.closing]
    assert (most, starts) == (1, 2)


def test_workers_that_cannot_be_started_again_are_not_waited_for(
    errands, tmp_path, monkeypatch, capsys
) -> None:
    def once(process: AsyncProcess) -> Any:
        if not starts:
            starts.append(process)
            return start(process)
        none: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        none.set_exception(OSError(errno.ENOMEM, "Cannot allocate memory"))
        return none

    starts: list[AsyncProcess] = []
    start = AsyncProcess.start
    monkeypatch.setattr(AsyncProcess, "start", once)
    monkeypatch.setattr(over_dask, "SECONDS", 0.1)
    # Dask waits for ever for the end of a nanny whose process never began.
    monkeypatch.setattr(dask_here, "CLOSE", 0.5)
    tasks = [(tmp_path / "a", 9), (tmp_path / "b", 0)]
    lost = dict(fan_out(errands.die_at_first, tasks, jobs=1, cluster="local", retries=1))
    assert sorted(lost) == [0, 1]
    for outcome in lost.values():
        assert isinstance(outcome, LostTask)
        assert "could start no other" in str(outcome)
    assert "did not end within 0.5 s; they end with this process" in capsys.readouterr().err


def test_workers_share_out_the_threads_and_have_what_tasks_need() -> None:
    before = dask.config.get("distributed.deploy.lost-worker-timeout")
    with cluster_here(1, {"GPU": 2}) as made:
        (worker,) = made.scheduler_info["workers"].values()
        assert (worker["nthreads"], worker["resources"]) == (1, {"GPU": 2})
        assert not all_gone(made)
        # A worker that a busy machine is long to start is not given up.
        assert dask.config.get("distributed.deploy.lost-worker-timeout") != before
    assert all_gone(made)
    assert dask.config.get("distributed.deploy.lost-worker-timeout") == before
