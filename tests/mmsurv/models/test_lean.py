"""Layers that keep less give the values and gradients of those that keep all.

Products of matrices round by the number of rows: pieces and the whole agree to the last digits, and
half precision to its own.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmsurv.batch import Ragged, Sizes, collate
from mmsurv.models import SurvivalNet, lean
from mmsurv.models.attention import GatedAttentionPool
from mmsurv.models.lean import (
    FeedForward,
    layer_norm,
    lean_linear,
    normed,
    standard_rows,
)

ROWS = 300


@pytest.fixture(autouse=True)
def _few(monkeypatch) -> None:
    """So many rows are many here, and make three pieces, the last one shorter."""
    monkeypatch.setattr(lean, "LEAST_ROWS", ROWS)
    monkeypatch.setattr(lean, "PIECE_ROWS", 128)


def plain_feed_forward(layers: FeedForward) -> nn.Sequential:
    """The same weights in PyTorch's own layers."""
    p = layers[3].p
    return nn.Sequential(
        layers[0], layers[1], nn.GELU(), nn.Dropout(p), layers[4], nn.Dropout(p)
    ).train(layers.training)


def gradients(call: Callable[[Tensor], Tensor], x: Tensor, of: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(1)
    out = call(x)
    torch.manual_seed(2)
    return [out, *torch.autograd.grad(out, of, torch.randn_like(out))]


@pytest.mark.parametrize("rows", [5, ROWS])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_a_feed_forward_layer_has_the_values_and_gradients_of_plain_layers(
    rows: int, p: float, training: bool
) -> None:
    torch.manual_seed(0)
    ours = FeedForward(6, p).train(training)
    nn.init.normal_(ours[0].weight)
    x = torch.randn(rows, 6, requires_grad=True)
    of = [x, *ours.parameters()]
    found = gradients(ours, x, of)
    expected = gradients(plain_feed_forward(ours), x, of)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    if rows < ROWS:  # in one piece, nothing rounds otherwise
        assert torch.equal(found[0], expected[0])


def test_gradients_are_those_of_finite_differences(monkeypatch) -> None:
    monkeypatch.setattr(lean, "LEAST_ROWS", 5)
    monkeypatch.setattr(lean, "PIECE_ROWS", 2)
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(4).double(), nn.Linear(4, 3).double()
    second = nn.Linear(4, 2, bias=False).double()
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        scale, shift, weight, bias, other = weights
        return lean_linear(
            lambda x, w, b: nn.functional.layer_norm(x, (4,), w, b),
            (x,),
            (weight, bias),
            (other, None),
            shared=(scale, shift),
        )

    weights = [w for layer in (norm, linear, second) for w in layer.parameters()]
    assert torch.autograd.gradcheck(call, (x, *weights))


def test_half_precision_gives_what_plain_layers_give_in_it() -> None:
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(8), nn.Linear(8, 4)
    x = torch.randn(ROWS, 8, requires_grad=True)
    of = [x, *norm.parameters(), *linear.parameters()]

    def half(call: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def cast(x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return call(x)

        return cast

    found = gradients(half(lambda x: normed(x, norm, linear)[0]), x, of)
    expected = gradients(half(lambda x: linear(norm(x))), x, of)
    assert [g.dtype for g in found] == [torch.bfloat16, *[torch.float32] * 5]
    for ours, theirs in zip(found, expected, strict=True):
        # A few roundings to 8 bits of sums that are as large as the largest.
        assert (ours - theirs).abs().max() <= 0.01 * theirs.abs().max()


@pytest.mark.parametrize("rows", [5, ROWS])
def test_a_network_has_the_values_and_gradients_of_one_that_keeps_all(
    rows: int, make_patients, monkeypatch
) -> None:
    torch.manual_seed(0)
    net = SurvivalNet(Sizes(6, 5, 3), width=8, heads=2, dropout=0.2)
    batch = collate(make_patients([rows, 3, 0]))
    found = []
    for least in (0, 10**9):
        monkeypatch.setattr(lean, "LEAST_ROWS", least)
        net.zero_grad()
        torch.manual_seed(1)
        log_hazard = net(batch)
        log_hazard.sum().backward()
        found.append([log_hazard, *(w.grad for w in net.parameters())])
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_pooling_keeps_its_tokens_and_what_the_gate_reads(monkeypatch) -> None:
    """And gives what it gives where all is kept."""
    torch.manual_seed(0)
    pool, counts = GatedAttentionPool(64, 32), (20 * ROWS, 10 * ROWS)
    x = torch.randn(sum(counts), 64, requires_grad=True)
    of = [x, *pool.parameters()]
    found, kept = [], []
    for least in (0, 10**9):
        monkeypatch.setattr(lean, "LEAST_ROWS", least)
        kept.append(kept_bytes(lambda: pool(Ragged(x, counts))) / (4 * len(x)))
        found.append(gradients(lambda x: pool(Ragged(x, counts)), x, of))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)
    # Normalised rows, and tanh, sigmoid and product in place of what they are made of.
    assert kept[1] - kept[0] == pytest.approx(64 + 3 * 32 - 2 * 32, rel=0.05)


@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_frozen_rows_are_normalised_as_the_library_does(mean: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(ROWS, 512) + mean
    x[0] = 1.0  # without spread
    ours, theirs = standard_rows(x, eps=1e-5), layer_norm(x, eps=1e-5)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert ours[0].tolist() == [0.0] * 512


def kept_bytes(call: Callable[[], Tensor]) -> int:
    """Of all that autograd keeps for the backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        call()
    return sum(kept.values())


def test_a_feed_forward_layer_keeps_less_than_a_fifth() -> None:
    torch.manual_seed(0)
    ours = FeedForward(64, 0.1)
    rows = 30 * ROWS  # so many that weights do not count
    x = torch.randn(rows, 64, requires_grad=True)
    # The input as it is, and a byte for every mask.
    floats = 64 + (2 * 64 + 64) / 4
    assert kept_bytes(lambda: ours(x)) == pytest.approx(4 * rows * floats, rel=0.05)
    assert kept_bytes(lambda: ours(x)) < 0.2 * kept_bytes(lambda: plain_feed_forward(ours)(x))


def test_nothing_is_differentiated_by_what_is_frozen() -> None:
    linear = nn.Linear(4, 2)
    (out,) = lean_linear(torch.tanh, (torch.randn(ROWS, 4),), (linear.weight, linear.bias))
    out.sum().backward()
    assert linear.weight.grad is not None
    assert out.grad_fn is not None
    assert [node for node, _ in out.grad_fn.next_functions if node is not None] == [
        torch.autograd.graph.get_gradient_edge(w).node for w in linear.parameters()
    ]
