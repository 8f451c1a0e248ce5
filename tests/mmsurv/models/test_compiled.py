from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from mmsurv.batch import Sizes, collate
from mmsurv.models import SurvivalNet
from mmsurv.models.compiled import compile_token_layers, token_layers


def _net(pooling: str) -> SurvivalNet:
    torch.manual_seed(0)
    fusion = "concat" if pooling == "mean" else "dual_xattn"
    return SurvivalNet(
        Sizes(6, 5, 3), fusion=fusion, pooling=pooling, width=16, heads=2, dropout=0.0
    )


@pytest.mark.filterwarnings("ignore")  # of the tracer, on whatever it finds in its own sources
def test_a_layer_is_compiled_once_for_any_number_of_tokens_and_computes_the_same(
    make_patients, monkeypatch
) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> Any:
        graphs.append(graph)
        return graph.forward  # traced, not translated to machine code, which takes a minute

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    plain, compiled = _net("mean"), _net("mean")
    compile_token_layers(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    for counts in ([4, 0, 7, 1], [2, 9], [30, 2, 2]):
        batch = collate(make_patients(counts))
        expected, got = plain(batch), compiled(batch)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
        weights = [list(net.patch_encoder.parameters()) for net in (plain, compiled)]
        one = torch.autograd.grad(expected.square().sum(), weights[0])
        other = torch.autograd.grad(got.square().sum(), weights[1])
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert len(graphs) == len(token_layers(compiled)) == 1


def test_every_layer_of_tokens_is_compiled(make_patients, monkeypatch) -> None:
    seen: list[dict[str, bool]] = []

    def compile_nothing(call: Any, **options: bool) -> Any:
        seen.append(options)
        return call

    monkeypatch.setattr(torch, "compile", compile_nothing)
    net = _net("latent")
    expected = net(batch := collate(make_patients([4, 3])))
    compile_token_layers(net)
    assert seen == [{"dynamic": True}] * len(token_layers(net))
    assert torch.equal(net(batch), expected)
