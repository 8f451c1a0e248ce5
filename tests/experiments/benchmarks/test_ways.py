from __future__ import annotations

import pytest
import torch

from experiments.benchmarks import ways
from experiments.benchmarks.made_bags import MadeBags
from mmsurv.batch import Batch


def test_the_peer_sees_every_patch_and_the_trainer_every_patient(monkeypatch) -> None:
    bags = MadeBags(5, (2, 6), 8)
    seen: list[int] = []
    forward = ways.SurvivalNet.forward

    def counted(net: ways.SurvivalNet, batch: Batch, trace: object = None) -> object:
        seen.append(sum(batch.patches.counts))
        return forward(net, batch, trace)

    monkeypatch.setattr(ways.SurvivalNet, "forward", counted)
    ways.peer_epoch(bags, 2)
    peer, seen[:] = list(seen), []
    ways.our_epoch(bags, 2)
    assert (len(peer), len(seen)) == (5, 3)
    assert sum(peer) == sum(seen) == sum(bags.counts)


@pytest.mark.parametrize("epoch", [ways.peer_epoch, ways.our_epoch])
def test_in_half_precision_the_network_is_called_under_autocast(monkeypatch, epoch) -> None:
    seen: list[bool] = []
    forward = ways.SurvivalNet.forward

    def watched(net: ways.SurvivalNet, batch: Batch, trace: object = None) -> object:
        seen.append(torch.is_autocast_enabled("cpu"))
        return forward(net, batch, trace)

    monkeypatch.setattr(ways.SurvivalNet, "forward", watched)
    epoch(MadeBags(3, (2, 4), 8), 2, half=True)
    assert seen
    assert all(seen)
