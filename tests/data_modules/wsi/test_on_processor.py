from __future__ import annotations

import copy

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.layers.activations import GELUTanh
from torch import nn
from torch.nn import functional

from data_modules.wsi.on_processor import Pointwise, SigmoidGelu, for_processor, sigmoid_gelu


@given(st.floats(-(2.0**100), 2.0**100, width=32), st.booleans())
def test_a_gelu_by_sigmoid_is_the_gelu_by_tanh(value, flat) -> None:
    x = torch.tensor([value]) if flat else torch.full((2, 3, 1), value)
    kept = x.clone()
    expected = functional.gelu(x, approximate="tanh")
    torch.testing.assert_close(sigmoid_gelu(x), expected, rtol=2e-6, atol=1e-6)
    assert torch.equal(x, kept)


def test_every_value_near_zero_has_its_gelu() -> None:
    x = torch.linspace(-12, 12, 100_001)
    exact = functional.gelu(x.double(), approximate="tanh")
    assert (sigmoid_gelu(x) - exact).abs().max() < 2e-6


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_pytorchs(kind) -> None:
    x = torch.linspace(-5, 5, 101, dtype=kind)
    assert torch.equal(sigmoid_gelu(x), functional.gelu(x, approximate="tanh"))


@pytest.mark.parametrize(
    ("name", "exchanged", "attentions"),
    [
        ("maxvit_rmlp_pico_rw_256", {Pointwise}, True),
        ("maxvit_tiny_tf_224", {SigmoidGelu, Pointwise}, True),
        ("resnet50", {Pointwise}, False),
        ("test_vit.r160_in1k", set(), False),
    ],
)
def test_a_network_of_quicker_layers_has_the_same_features(name, exchanged, attentions) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    weights = copy.deepcopy(network.state_dict())
    size = network.pretrained_cfg["input_size"]
    tiles = torch.randn(1, *size).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = network(tiles)
        found = for_processor(network)(tiles)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
    assert {type(m) for m in network.modules()} & {SigmoidGelu, Pointwise} == exchanged
    assert not any(isinstance(m, GELUTanh) for m in network.modules())
    assert any(getattr(m, "fused_attn", None) is False for m in network.modules()) == attentions
    state = network.state_dict()
    assert state.keys() == weights.keys()
    assert all(torch.equal(state[n], w) for n, w in weights.items())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_of_single_pixels_is_a_linear_map(layout, bias) -> None:
    convolution = nn.Conv2d(5, 3, 1, bias=bias)
    x = torch.randn(2, 5, 4, 6).to(memory_format=layout)
    layer = nn.Sequential(convolution)
    expected = layer(x)
    torch.testing.assert_close(for_processor(layer)(x), expected)
    assert isinstance(layer[0], Pointwise)
    assert layer[0].weight is convolution.weight


@pytest.mark.parametrize(
    "options", [{"stride": 2}, {"groups": 4}, {"padding": 1}, {"kernel_size": 3}]
)
def test_other_convolutions_are_left(options) -> None:
    layer = nn.Sequential(nn.Conv2d(4, 4, **{"kernel_size": 1} | options))
    assert isinstance(for_processor(layer)[0], nn.Conv2d)


def test_other_gelus_are_left() -> None:
    network = nn.Sequential(nn.GELU(), nn.Sequential(nn.GELU(approximate="tanh")))
    for_processor(network)
    assert isinstance(network[0], nn.GELU)
    assert isinstance(network[1][0], SigmoidGelu)
