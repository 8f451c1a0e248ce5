from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import dask
import dask_jobqueue  # noqa: F401 - its defaults come first
import pytest

from data_modules.problems import BadInput
from experiments import cluster_watch, over_dask
from experiments.attempts import LostClusterError, LostTask
from experiments.dask_here import ANY_PORT
from experiments.fan_out import fan_out
from experiments.over_dask import check_cluster

pytestmark = [
    # Closed sockets of a cluster that was just stopped.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


QUICKLY = {"distributed.comm.timeouts.connect": "1 s"}


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A scheduler with two workers, one of which has a GPU."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None,
        resources={"GPU": 1}, scheduler_kwargs=ANY_PORT,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def test_a_cluster_of_this_machine_does_the_tasks_of_dead_workers_again(errands, tmp_path) -> None:
    tasks = [(tmp_path / "a", 0), (tmp_path / "b", 1), "bad", (tmp_path / "c", 9)]
    outcomes = dict(
        fan_out(errands.die_at_first, tasks, jobs=2, cluster="local", retries=1, needs={"GPU": 1})
    )
    assert (outcomes[0], outcomes[1]) == ("done", "done")
    assert isinstance(outcomes[2], ValueError)
    assert isinstance(outcomes[3], LostTask)


def test_two_clusters_on_one_machine_do_not_want_one_port() -> None:
    with socket.socket() as taken:
        with suppress(OSError):  # another has it: as good
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        assert dict(fan_out(int, ["1"], jobs=1, cluster="local")) == {0: 1}


def test_the_workers_of_a_scheduler_do_one_task_at_a_time(errands, scheduler) -> None:
    spans = [span for _, span in fan_out(errands.span, [0.2] * 3, cluster=scheduler)]
    spans.sort()
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_what_no_worker_has_is_refused(scheduler) -> None:
    outcomes = fan_out(int, ["1"], cluster=scheduler, needs={"GPU": 2})
    for ask in (lambda: next(outcomes), lambda: check_cluster(scheduler, {"GPU": 2})):
        with pytest.raises(BadInput, match=r"none of the 1 workers has GPU=2.*dask worker tcp"):
            ask()
    check_cluster(scheduler, {"GPU": 1})
    assert list(fan_out(int, ["1"], cluster=scheduler, needs={"GPU": 1})) == [(0, 1)]


def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(over_dask, "TIMEOUT", 0.3)
    outcomes = fan_out(int, ["1"], cluster="tcp://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"no scheduler answers at tcp://127.0.0.1:9 within 0.3 s"):
        next(outcomes)


def test_a_scheduler_without_workers_is_refused(monkeypatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(over_dask, "TIMEOUT", 1.0)
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address=None,
        scheduler_kwargs=ANY_PORT,
    ) as made:  # fmt: skip
        outcomes = fan_out(int, ["1"], cluster=made.scheduler_address)
        with pytest.raises(BadInput, match=r"has no workers: start some with `dask worker tcp"):
            next(outcomes)


def test_workers_that_go_away_are_told_and_waited_for(monkeypatch, capsys) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(over_dask, "SECONDS", 0.1)
    monkeypatch.setattr(cluster_watch, "PATIENCE", 0.3)
    how = {"processes": False, "protocol": "tcp", "dashboard_address": None}
    with LocalCluster(n_workers=1, threads_per_worker=1, scheduler_kwargs=ANY_PORT, **how) as made:
        outcomes = fan_out(int, ["1", "2"], cluster=made.scheduler_address)
        assert next(outcomes) == (0, 1)
        made.scale(0)
        threading.Timer(2.0, made.scale, [1]).start()
        assert next(outcomes) == (1, 2)
        assert list(outcomes) == []
    told = capsys.readouterr().err
    assert told.count(f"--cluster {made.scheduler_address}: no worker since") == 1
    assert "--resume" in told


def test_what_a_stopped_command_leaves_under_way_is_told(errands, scheduler, capsys) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    with pytest.raises(KeyboardInterrupt):
        list(fan_out(errands.span, [3.0], cluster=scheduler))
    signal.signal(signal.SIGALRM, previous)
    assert "its workers go on with what was under way (tasks: 1)" in capsys.readouterr().err


def test_tasks_read_bags_by_processes(errands) -> None:
    """Dask's workers may start none, unless they are told so."""
    assert dict(fan_out(errands.loaded, [5, 6], jobs=1, cluster="local")) == {0: 10, 1: 15}


@pytest.mark.parametrize("when", ["between tasks", "under way"])
def test_a_scheduler_that_ends_is_told(errands, monkeypatch, when) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(over_dask, "SECONDS", 0.1 if when == "between tasks" else 5.0)
    monkeypatch.setattr(over_dask, "TIMEOUT", 1.0)
    with (
        dask.config.set(QUICKLY),
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp",
            dashboard_address=None, scheduler_kwargs=ANY_PORT,
        ) as made,
    ):  # fmt: skip
        outcomes = fan_out(errands.span, [0.0, 3.0], cluster=made.scheduler_address)
        next(outcomes)
        if when == "between tasks":
            made.close()
        else:
            threading.Timer(0.5, made.close).start()
        with pytest.raises(LostClusterError, match=r"the scheduler of tcp://.* is lost"):
            list(outcomes)


def test_a_missing_library_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(BadInput, match=r"pip install 'mmsurv\[cluster\]'"):
        fan_out(int, ["1"], cluster="slurm")
