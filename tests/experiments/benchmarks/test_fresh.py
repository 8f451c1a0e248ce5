from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from experiments.benchmarks.fresh import in_fresh_process


def told() -> None:
    found = {"pid": os.getpid(), "argv": sys.argv[1:], "said": os.environ["SAID"]}
    sys.stdout.write(f"not this line\n{json.dumps(found)}\n")


def fails() -> None:
    raise SystemExit(3)


@pytest.fixture(autouse=True)
def _found(monkeypatch) -> None:
    """The process finds the functions of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    for function in (told, fails):
        monkeypatch.setattr(function, "__module__", "test_fresh")


def test_what_a_process_of_its_own_printed_last() -> None:
    found = in_fresh_process(told, "a b", "2", variables={"SAID": "so"})
    assert found["pid"] != os.getpid()
    assert (found["argv"], found["said"]) == (["a b", "2"], "so")


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="test_fresh fails x ended with 3"):
        in_fresh_process(fails, "x", "y")
