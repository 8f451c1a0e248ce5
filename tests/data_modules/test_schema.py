from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import yaml

from data_modules.problems import Problems
from data_modules.schema import build


@dataclass(frozen=True)
class Inner:
    number: float
    word: str = "none"


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    inners: tuple[Inner, ...] = ()
    named: dict[str, bool] | None = None
    count: int = 1


def test_nested_content_becomes_dataclasses() -> None:
    problems = Problems()
    content = {"kind": "a", "inners": [{"number": 1}], "named": {1: True}, "count": 3}
    built = build(Outer, content, "f", "", problems)
    assert not problems.found
    assert built == Outer("a", (Inner(1.0),), {"1": True}, 3)


def test_each_misfit_is_reported_at_its_place() -> None:
    problems = Problems()
    content = {"kind": "c", "inners": [{"number": "x", "wort": 1}, 7], "named": {"n": 1},
               "count": True}  # fmt: skip
    build(Outer, content, "f", "top", problems)
    places = {p.column: p.message for p in problems.found}
    assert places["top.kind"].startswith("'c' is not one of a, b")
    assert places["top.inners[1].number"] == "is a number, found 'x'"
    assert places["top.inners[1].wort"] == "unknown key; did you mean word?"
    assert places["top.inners[2]"].startswith("is a mapping of")
    assert places["top.inners[2].number"] == "is missing"
    assert places["top.named.n"] == "is true or false, found 1"
    assert places["top.count"] == "is a whole number, found True"


def test_words_that_yaml_turns_into_booleans_must_be_quoted() -> None:
    problems = Problems()
    content = {"kind": "a", "named": yaml.safe_load("{yes: true, 'no': false}")}
    build(Outer, content, "f", "", problems)
    (problem,) = problems.found
    assert problem.column == "named"
    assert "reads an unquoted yes, no, true, false, on or off as True" in problem.message


def test_a_number_must_be_finite() -> None:
    problems = Problems()
    build(Inner, {"number": float("nan")}, "f", "", problems)
    assert [str(problem) for problem in problems.found] == [
        "f, column number: is a number, found nan"
    ]
