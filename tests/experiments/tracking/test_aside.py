from __future__ import annotations

import threading
import time

from experiments.tracking.aside import Aside


def test_jobs_are_done_in_order_and_nobody_waits_for_them() -> None:
    go, done = threading.Event(), []
    aside = Aside("log", lambda line: None)
    aside.do("slow", lambda: go.wait(5))
    for i in range(3):
        aside.do("quick", lambda i=i: done.append(i))
    assert not done
    go.set()
    assert aside.close(5)
    assert done == [0, 1, 2]


def test_a_failure_is_told_once_and_costs_no_other_job() -> None:
    told, done = [], []
    aside = Aside("log", told.append)
    for _ in range(2):
        aside.do("division", lambda: 1 / 0)
    aside.do("other", lambda: done.append(1))
    assert aside.close(5)
    assert told == ["log: division: division by zero; the run goes on"]
    assert len(aside.failures) == 2
    assert done == [1]


def test_behind_a_vital_failure_nothing_is_tried() -> None:
    done = []
    aside = Aside("log", lambda line: None)
    aside.do("start", lambda: 1 / 0, vital=True)
    aside.do("other", lambda: done.append(1))
    assert aside.close(5)
    assert not done


def test_a_job_that_hangs_is_left_in_time() -> None:
    told, over = [], threading.Event()
    aside = Aside("log", told.append)
    aside.do("hangs", lambda: over.wait(30))
    started = time.monotonic()
    assert not aside.close(0.1)
    assert time.monotonic() - started < 2
    assert told == ["log: no answer within 0.1 s; the run goes on"]
    over.set()


def test_of_two_lines_for_one_thing_the_first_failure_is_told() -> None:
    told: list[str] = []
    first = Aside("log", told.append)
    second = Aside("log", told.append, first)
    for aside in (first, second):
        aside.do("division", lambda: 1 / 0)
        aside.close(5)
    assert len(told) == 1
