from __future__ import annotations

import os
from contextlib import suppress

import pytest

from experiments import surroundings
from experiments.surroundings import THREADS, settle, thread_variables, threads_each, variables


@pytest.mark.parametrize(("processes", "threads"), [(1, 6), (2, 3), (4, 1), (7, 1)])
def test_processes_share_the_cores(processes, threads, monkeypatch) -> None:
    monkeypatch.setattr(surroundings, "cores", lambda: 6)
    assert threads_each(processes) == threads


def test_there_are_cores() -> None:
    assert 1 <= surroundings.cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(("had", "wanted"), [("1", "1"), ("8", "3"), ("many", "3")])
def test_no_process_gets_more_threads_than_were_asked_for(had, wanted, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", had)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    found = thread_variables(3)
    assert set(found) == set(THREADS)
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == (wanted, "3")


def test_variables_are_as_before_afterwards(monkeypatch) -> None:
    monkeypatch.setenv("HAD", "before")
    monkeypatch.delenv("HAD_NOT", raising=False)
    with suppress(ValueError), variables({"HAD": "1", "HAD_NOT": "2"}):
        assert (os.environ["HAD"], os.environ["HAD_NOT"]) == ("1", "2")
        raise ValueError
    assert os.environ["HAD"] == "before"
    assert "HAD_NOT" not in os.environ


def test_what_a_user_set_is_left(monkeypatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setenv("ELSE", "")
    monkeypatch.delenv("ELSE")
    settle({"OMP_WAIT_POLICY": "PASSIVE"}, {"ELSE": "1"})
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["ELSE"]) == ("ACTIVE", "1")
