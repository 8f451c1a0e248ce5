from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from experiments.benchmarks import large_alone
from experiments.benchmarks.large import Settings

TINY = asdict(
    Settings(patches=(3, 6), width=8, batch=2, long=40, many_patches=5, memory_bags=2, threads=1)
)


@pytest.mark.parametrize("what", sorted(large_alone.MEASURES))
def test_every_measure_in_this_process(what, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["-c", what, json.dumps(TINY | {"patients": 4})])
    large_alone.child()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["grown"] >= 0
    assert ("seconds" in found) == (what == "many_bags")
    assert 0 <= found.get("early", 0) <= found["grown"]


def test_growth_is_read_when_the_first_patients_were_seen(monkeypatch) -> None:
    class Grows:
        """Grows by one with every look at it."""

        highest = looks = 0

        def __enter__(self) -> Grows:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        @property
        def grown(self) -> int:
            self.looks += 1
            return self.looks

    monkeypatch.setattr(large_alone, "Peak", Grows)
    found = large_alone.many_bags(TINY | {"patients": 7, "many": (4, 7)})
    assert (found["early"], found["grown"]) == (5, 8)
    with_few = large_alone.many_bags(TINY | {"patients": 4, "many": (4, 7)})
    assert with_few["early"] == with_few["grown"]


def test_a_pack_has_a_bag_for_everybody(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(large_alone, "PACK_BAGS", 3)
    store = large_alone.overlapping_pack(tmp_path, patients=7, count=5, width=4)
    bags = large_alone.PackedBags(store, 7, (5, 5), 4)
    assert [tuple(bags[i].patches.shape) for i in range(7)] == [(5, 4)] * 7
    assert torch.equal(bags[2].patches, store.read("P2").features)
    assert len({float(bags[i].patches[0, 0]) for i in range(7)}) > 3


def test_a_process_of_its_own_is_told_what_to_do(monkeypatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        large_alone, "in_fresh_process", lambda child, *told, **_: asked.extend((child, *told))
    )
    large_alone.alone("many_bags", {"patches": 1}, patients=3)
    assert asked == [large_alone.child, "many_bags", '{"patches": 1, "patients": 3}']


def test_a_process_that_fails_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="large_alone child long_bag ended with 1:\nTraceback"):
        large_alone.alone("long_bag", {})
