from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from experiments.spawned import in_processes
from mmsurv.batch import Patient
from mmsurv.ranks import gathered, rank_and_world, together
from mmsurv.replay import Seen

pytestmark = [
    pytest.mark.slow,
    # Lightning's advice, which `experiments.training` does not show either.
    *(
        pytest.mark.filterwarnings(f"ignore:{words}")
        for words in (
            ".*does not have many workers",
            ".*smaller than the logging interval",
            ".*treespec, LeafSpec",
        )
    ),
]

WAYS = ("efron", "in order", "clipped", "discrete", "cohort", "cohort clipped", "float32")


@pytest.fixture(scope="module")
def over_ranks() -> Any:
    """The module that other processes import too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2])
        patch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("over_ranks")


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    """14 patients in batches of 4: a last batch of two, or one, a second one without an event, tied
    times, patients without image or genes."""
    random = torch.Generator().manual_seed(5)
    counts = [3, 0, 2, 5, 1, 4, 2, 0, 1, 2, 6, 2, 3, 2]
    events = {0, 2, 9, 11, 12, 13}
    return [
        Patient(
            patient_id=f"P{i}",
            patches=torch.randn(n, 6, generator=random),
            coords=torch.zeros(n, 2, dtype=torch.int64),
            slide=torch.zeros(n, dtype=torch.int64),
            expression=torch.randn(5, generator=random),
            gene_mask=torch.full((5,), i != 3),
            covariates=torch.randn(3, generator=random),
            has_clinical=True,
            time_days=float(400 * torch.randint(1, 7, (1,), generator=random)),
            event=i in events,
        )
        for i, n in enumerate(counts)
    ]


@pytest.fixture(scope="module")
def found(over_ranks: ModuleType, patients, tmp_path_factory, forking) -> list[dict[str, Any]]:
    """Of every rank what it found, in company."""
    folder = str(tmp_path_factory.mktemp("meeting"))
    places = [over_ranks.Place(rank, folder, patients) for rank in range(4)]
    outcomes: dict[int, Any] = {}
    with forking():
        for rank, outcome in in_processes(over_ranks.take_part, places, jobs=4, retries=0):
            if isinstance(outcome, Exception):
                raise outcome
            outcomes[rank] = outcome
    return [outcomes[rank] for rank in range(4)]


@pytest.fixture(scope="module")
def alone(over_ranks: ModuleType, patients) -> dict[str, Any]:
    """What one process finds."""
    return {name: over_ranks.trained(patients, **way) for name, way in over_ranks.WAYS.items()}


def _of(found: list[dict[str, Any]], name: str) -> list[Any]:
    """Of every rank that trained so: four, and two."""
    return [f[world][name] for world in ("four", "two") for f in found if name in f[world]]


def test_alone_nothing_is_gathered_and_nothing_changes() -> None:
    seen = Seen(torch.zeros(2, requires_grad=True), torch.ones(2) > 0, torch.ones(2))
    assert rank_and_world() == (0, 1)
    assert together(seen) is seen
    whole, rows = gathered(seen)
    assert (rows, whole.log_hazard.requires_grad) == (slice(0, 2), False)


def test_the_ways_are_those_of_the_other_processes(over_ranks) -> None:
    assert tuple(over_ranks.WAYS) == WAYS


def test_everybody_is_gathered_in_order_whatever_the_lengths(over_ranks, found) -> None:
    for number, counts in enumerate(over_ranks.COUNTS):
        parts = [over_ranks.message(rank, count) for rank, count in enumerate(counts)]
        expected = [torch.cat(column) for column in zip(*parts, strict=True)]
        for rank in range(4):
            whole, rows, alive = found[rank]["exchange"][f"gathered {number}"]
            assert not alive
            for got, wanted in zip(whole, expected, strict=True):
                assert torch.equal(got, wanted)
                assert got.dtype == wanted.dtype
            assert torch.equal(whole.log_hazard[rows], parts[rank].log_hazard)


def test_only_own_log_hazards_are_alive_and_their_gradient_is_times_the_ranks(
    over_ranks, found
) -> None:
    for number, counts in enumerate(over_ranks.COUNTS):
        parts = [over_ranks.message(rank, n).log_hazard for rank, n in enumerate(counts)]
        for rank in range(4):
            alive, gradient = found[rank]["exchange"][f"alive {number}"]
            assert torch.equal(alive, torch.cat(parts))
            torch.testing.assert_close(gradient, 4 * 2 * parts[rank])


@pytest.mark.parametrize("name", WAYS)
def test_every_gradient_of_every_step_is_that_of_one_process(alone, found, name) -> None:
    expected = alone[name]
    # AdamW divides by the size of a gradient: in float32, later steps see its rounding.
    steps, relative, least = (1, 1e-5, 1e-7) if name == "float32" else (None, 1e-9, 1e-12)
    ranks = _of(found, name)
    assert len(ranks) == 6
    for rank in ranks:
        assert len(rank.gradients) == len(expected.gradients)
        pairs = zip(rank.gradients[:steps], expected.gradients[:steps], strict=True)
        for got, wanted in pairs:
            assert got.keys() == wanted.keys()
            for weight, gradient in wanted.items():
                assert (got[weight] is None) == (gradient is None), weight
                if gradient is not None:
                    # An entry that is a small difference of large ones is rounded as these are.
                    most = max(least, relative * float(gradient.abs().max()))
                    apart = float((got[weight] - gradient).abs().max())
                    assert apart <= most, weight
    assert any(g is not None and g.abs().max() > 1e-3 for g in expected.gradients[0].values())


@pytest.mark.parametrize("name", WAYS)
def test_every_metric_and_weight_is_that_of_one_process(alone, found, name) -> None:
    expected, tolerance = alone[name], 1e-5 if name == "float32" else 1e-6
    names = {"val/loss", "val/c_index", "val/auc_4", "val/ibs_4", "train/loss"}
    for rank in _of(found, name):
        assert rank.steps == expected.steps
        for got, wanted in zip(rank.metrics, expected.metrics, strict=True):
            assert {key.split(".")[0] for key in got} == names
            assert got == pytest.approx(wanted, rel=tolerance)
            assert all(map(math.isfinite, got.values()))
        if name == "float32":  # the bias of keys has no gradient but rounding, and moves by it
            continue
        for weight, value in expected.weights.items():
            torch.testing.assert_close(
                rank.weights[weight], value, rtol=tolerance, atol=tolerance, msg=weight
            )


def test_a_batch_that_teaches_nothing_is_skipped_by_all_ranks(alone, found) -> None:
    # Two epochs of four batches; in order, the second has no event, and the last one patient.
    assert len(alone["in order"].gradients) == 2 * 2
    assert [len(rank.gradients) for rank in _of(found, "in order")] == [2 * 2] * 6


@pytest.mark.parametrize("name", WAYS)
def test_all_ranks_end_with_the_same_bytes(found, name) -> None:
    for world, ranks in (("four", found), ("two", [f for f in found if name in f["two"]])):
        first = ranks[0][world][name]
        for other in ranks[1:]:
            assert other[world][name].metrics == first.metrics
            for weight, value in first.weights.items():
                assert torch.equal(other[world][name].weights[weight], value), weight
