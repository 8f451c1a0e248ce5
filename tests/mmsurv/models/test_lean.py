"""Layers that keep less give the values and gradients of those that keep all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmsurv.batch import Sizes, collate
from mmsurv.models import SurvivalNet, lean
from mmsurv.models.lean import Dropout, FeedForward, lean_linear, normed

ROWS = 300


@pytest.fixture(autouse=True)
def _few(monkeypatch) -> None:
    """So many rows are many here."""
    monkeypatch.setattr(lean, "LEAST_ROWS", ROWS)


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
    assert torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1:], expected[1:], rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_finite_differences(monkeypatch) -> None:
    monkeypatch.setattr(lean, "LEAST_ROWS", 5)
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(4).double(), nn.Linear(4, 3).double()
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return lean_linear(
            lambda x, w, b: nn.functional.layer_norm(x, (4,), w, b), (x, scale, shift), weight, bias
        )

    assert torch.autograd.gradcheck(call, (x, *norm.parameters(), *linear.parameters()))


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
    assert torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1:], expected[1:], rtol=0.02, atol=0.02)


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
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1:], found[1][1:], rtol=1e-4, atol=1e-5)


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


def test_a_feed_forward_layer_keeps_less_than_half() -> None:
    torch.manual_seed(0)
    ours = FeedForward(64, 0.1)
    rows = 30 * ROWS  # so many that weights do not count
    x = torch.randn(rows, 64, requires_grad=True)
    # Input and hidden layer as they are, and a byte for every mask.
    floats = 64 + 2 * 64 + (2 * 64 + 64) / 4
    assert kept_bytes(lambda: ours(x)) == pytest.approx(4 * rows * floats, rel=0.05)
    assert kept_bytes(lambda: ours(x)) < 0.5 * kept_bytes(lambda: plain_feed_forward(ours)(x))


def test_nothing_is_differentiated_by_what_is_frozen() -> None:
    linear = nn.Linear(4, 2)
    out = lean_linear(torch.tanh, (torch.randn(ROWS, 4),), linear.weight, linear.bias)
    out.sum().backward()
    assert linear.weight.grad is not None
    assert out.grad_fn is not None
    assert [node for node, _ in out.grad_fn.next_functions if node is not None] == [
        torch.autograd.graph.get_gradient_edge(w).node for w in linear.parameters()
    ]


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_masks_are_those_of_the_library_from_the_same_state(p: float) -> None:
    x = torch.randn(1000, 7)
    found = []
    for layer in (Dropout(p), nn.Dropout(p)):
        torch.manual_seed(3)
        found.append((layer(x), torch.rand(1)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_dropout_leaves_its_input_alone_where_nothing_is_dropped() -> None:
    x = torch.randn(3)
    assert Dropout(0.0)(x) is x
    assert Dropout(0.5).eval()(x) is x
