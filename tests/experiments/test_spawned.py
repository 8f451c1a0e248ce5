from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_modules.problems import BadInput
from experiments import spawned
from experiments.attempts import LostTask
from experiments.fan_out import fan_out


@pytest.fixture(autouse=True, params=["from nothing", "as a fork"])
def _beginning(request, forking, monkeypatch) -> Iterator[None]:
    """Both ways in which a worker begins."""
    if request.param == "from nothing":
        spawn = multiprocessing.get_context("spawn")
        monkeypatch.setattr("experiments.spawned.start_method", lambda _: spawn)
        yield
        return
    with forking():
        yield


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_every_task_is_done_and_errors_are_handed_back(errands) -> None:
    outcomes = dict(fan_out(errands.double, [1, "bad", 3], jobs=2))
    assert {outcomes[0], outcomes[2]} == {2, 6}
    assert isinstance(outcomes[1], BadInput)
    assert str(outcomes[1]).endswith("bad: is no number")


def test_the_cores_are_shared_out(errands, monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("experiments.surroundings.cores", lambda: 6)
    outcomes = [outcome for _, outcome in fan_out(errands.surroundings, [0.3, 0.3], jobs=2)]
    assert {threads for _, threads, _ in outcomes} == {"3"}
    assert {place for _, _, place in outcomes} == {0, 1}
    assert os.getpid() not in {pid for pid, _, _ in outcomes}
    assert "OMP_NUM_THREADS" not in os.environ


def test_fewer_tasks_than_processes_begin_by_the_same_template(errands, monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("experiments.surroundings.cores", lambda: 6)
    ((_, (_, threads, _)),) = fan_out(errands.surroundings, [0], jobs=2)
    assert threads == "3"


def test_no_process_gets_more_threads_than_were_asked_for(errands, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("experiments.surroundings.cores", lambda: 6)
    outcomes = [outcome for _, outcome in fan_out(errands.surroundings, [0, 0], jobs=2)]
    assert {threads for _, threads, _ in outcomes} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_the_task_of_a_process_that_died_is_done_again(errands, tmp_path) -> None:
    tasks = [(tmp_path / f"{n}", n) for n in (0, 2, 0)]
    assert dict(fan_out(errands.die_at_first, tasks, jobs=2)) == {0: "done", 1: "done", 2: "done"}


def test_a_task_that_always_kills_is_given_up_and_the_others_are_done(errands, tmp_path) -> None:
    tasks = [(tmp_path / f"{i}", n) for i, n in enumerate((9, 0, 0))]
    outcomes = dict(fan_out(errands.die_at_first, tasks, jobs=2, retries=1))
    assert isinstance(outcomes[0], LostTask)
    assert "SIGKILL, perhaps because the machine ran out of memory, 2 times" in str(outcomes[0])
    assert (outcomes[1], outcomes[2]) == ("done", "done")


def test_a_task_that_cannot_be_sent_is_handed_back(errands) -> None:
    outcomes = dict(fan_out(errands.double, [lambda: 1, 2], jobs=2))
    assert "pickle" in str(outcomes[0]).lower()
    assert outcomes[1] == 4


@pytest.mark.parametrize("how", ["close", "interrupt"])
def test_whoever_stops_ends_the_processes(errands, tmp_path, how) -> None:
    outcomes = fan_out(errands.write_and_wait, [tmp_path / "a", tmp_path / "b"], jobs=2)
    if how == "close":
        outcomes = fan_out(errands.write_and_wait, [tmp_path / "a", None], jobs=2)
        assert next(outcomes) == (1, None)
        # It is there before its number is in it.
        while not (tmp_path / "a").exists() or not (tmp_path / "a").read_text():
            time.sleep(0.01)
        outcomes.close()  # type: ignore[attr-defined]
    else:
        previous = signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 3)
        with pytest.raises(KeyboardInterrupt):
            list(outcomes)
        signal.signal(signal.SIGALRM, previous)
    pids = [int(file.read_text()) for file in tmp_path.iterdir()]
    assert pids
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_readers_of_a_worker_end_with_it(errands, tmp_path, how) -> None:
    path = tmp_path / "reader"
    outcomes = fan_out(errands.read_elsewhere, [path, None], jobs=2)
    assert next(outcomes) == (1, None)
    while not path.exists() or not path.read_text():
        time.sleep(0.01)
    reader = int(path.read_text())
    if how == "killed":
        os.kill(parent_of(reader), signal.SIGKILL)
    outcomes.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 20  # torch's readers look every five seconds
    while alive(reader) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(reader)


def test_what_a_worker_starts_begins_as_in_a_run_without_workers(errands) -> None:
    here = multiprocessing.get_start_method()
    assert dict(fan_out(errands.start_method, [0, 1], jobs=2)) == {0: here, 1: here}


def test_processes_are_ended_together_and_not_one_after_the_other() -> None:
    """Where each takes seconds, as one that trains in company does."""
    said: list[str] = []

    class Process:
        def __init__(self, name: str, ends: str) -> None:
            self.name, self.ends, self.over = name, ends, False

        def is_alive(self) -> bool:
            return not self.over

        def join(self, seconds: float) -> None:
            said.append(f"join {self.name}")

        def _told(self, how: str) -> None:
            said.append(f"{how} {self.name}")
            self.over = how == self.ends

        terminate, kill = partialmethod(_told, "terminate"), partialmethod(_told, "kill")

    def worker(name: str, ends: str) -> SimpleNamespace:
        connection = SimpleNamespace(close=lambda: said.append(f"close {name}"))
        return SimpleNamespace(process=Process(name, ends), connection=connection)

    spawned._stop([worker("a", "kill"), worker("b", "terminate")], at_once=True)  # type: ignore[list-item]
    assert said == [
        "terminate a", "terminate b", "join a", "join b", "kill a", "join a", "close a", "close b",
    ]  # fmt: skip


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
