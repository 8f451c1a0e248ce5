from __future__ import annotations

import math
from dataclasses import replace

import pytest

from data_modules.problems import BadInput
from experiments.benchmarks import large
from experiments.benchmarks import report as report_module
from experiments.benchmarks.__main__ import main
from experiments.benchmarks.large import NOT_RUN, Settings, measure, measure_beside, with_bags
from experiments.benchmarks.report import machine, write_report

TINY = Settings(
    bags=4, patches=(3, 6), width=8, batch=2, some=2, long=40, many=(2, 4), many_patches=5,
    many_times=1, memory_bags=2, jobs_patients=60, protocol_patients=60, protocol_patches=3,
    protocol_epochs=1,
    threads=1, repetitions=1,
)  # fmt: skip


def test_every_bar_has_a_row(monkeypatch) -> None:
    asked: list[str] = []

    def alone(what: str, settings: dict, **more: int) -> dict[str, float]:
        asked.append(what)
        grown = 2e9 if what == "our_memory" else 1e9
        return {"grown": grown, "early": 8e8, "peak": 3e9, "seconds": more.get("patients", 1)}

    def row(*sizes: int, **more: int) -> dict[str, object]:
        return {
            "measure": f"run {sizes} {more}",
            "value": 1.0,
            "unit": "x",
            "bar": ">= 1",
            "holds": "yes",
        }

    monkeypatch.setattr(large, "alone", alone)
    monkeypatch.setattr(large, "jobs_row", row)
    monkeypatch.setattr(large, "protocol_row", row)
    monkeypatch.setattr(large, "table_row", row)
    told: list[int] = []
    report = measure(TINY, lambda so_far, line: told.append(len(so_far.rows)))
    assert told == sorted(told)
    assert (len(told), told[-1]) == (8, len(report.rows))
    rows = {str(r["measure"]): r for r in report.rows}
    assert len(rows) == 20
    grown = rows["memory of an epoch of 2 bags, batches of 2 bags, growth"]
    assert (grown["value"], grown["holds"]) == (2.0, "no")
    whole = rows["memory of an epoch of 2 bags, bag by bag, risk set cohort, whole process"]
    assert (whole["value"], whole["holds"]) == (1.0, "yes")
    assert rows["memory of one bag of 40 patches, latent, peak"]["holds"] == "yes"
    flat = rows["4 patients x 5, latent: memory, growth of all over that of the first 2"]
    assert (flat["value"], flat["holds"]) == (1.25, "no")
    assert rows["4 over 2 patients x 5, latent: time"]["value"] == pytest.approx(1.0)
    assert sorted(set(asked)) == [
        "cohort_memory", "long_bag", "many_bags", "our_memory", "peer_memory",
    ]  # fmt: skip
    timed = [r for name, r in rows.items() if name.startswith("epoch ")]
    assert all(r["value"] > 0 for r in timed if r["unit"] != NOT_RUN)
    gpu = [r for r in report.rows if r["unit"] == NOT_RUN]
    assert len(gpu) == 2
    assert all(math.isnan(r["value"]) for r in gpu)


def test_of_fewer_bags_more_epochs_are_timed() -> None:
    asked = [with_bags(bags) for bags in (24, 200, 400)]
    assert [(s.bags, s.memory_bags, s.repetitions) for s in asked] == [
        (24, 24, 8), (200, 48, 3), (400, 48, 3),
    ]  # fmt: skip


def test_parts_stand_beside_those_of_earlier_calls(tmp_path, monkeypatch, capsys) -> None:
    grown = 1e9
    monkeypatch.setattr(large, "alone", lambda *_, **__: {"grown": grown, "peak": 3e9})

    def keep(report, line: str) -> None:
        write_report(report, tmp_path)

    measure_beside(TINY, ["long"], tmp_path, done=keep)
    two = measure_beside(TINY, ["memory"], tmp_path, done=keep)
    assert [str(r["measure"]).split(",")[0] for r in two.rows] == [
        "memory of one bag of 40 patches", *["memory of an epoch of 2 bags"] * 4,
    ]  # fmt: skip
    grown = 2e9
    again = measure_beside(TINY, ["long"], tmp_path, done=keep)
    assert [r["value"] for r in again.rows] == [2.0, *(r["value"] for r in two.rows[1:])]
    monkeypatch.setattr(report_module, "machine", lambda: {**machine(), "cpu": "another"})
    with pytest.raises(BadInput, match="and this is another; give another --out"):
        measure_beside(TINY, ["long"], tmp_path, done=keep)
    assert main(["large", "--parts", "long", "--out", str(tmp_path)]) == 2
    assert "large.json: was measured with cpu" in capsys.readouterr().err


def test_the_median_of_several_processes_counts(monkeypatch) -> None:
    grown = iter([10.0, 90.0, 11.0, 22.0, 21.0, 80.0])
    peak = iter([1.0, 7.0, 2.0, 3.0, 9.0, 3.0])

    def alone(*_: object, **__: object) -> dict[str, float]:
        return {"grown": next(grown), "early": 11.0, "peak": next(peak), "seconds": 2.0}

    monkeypatch.setattr(large, "alone", alone)
    settings = replace(TINY, many=(2, 4), many_times=3)
    assert [r["value"] for r in measure(settings, parts=["many"]).rows] == [2.0, 1.5, 0.5]
