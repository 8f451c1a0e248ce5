from __future__ import annotations

import torch
from torch import nn

from mmsurv.batch import Ragged
from mmsurv.models.encoders import GeneEncoder, GeneNet, PatchEncoder, normed_linear


def test_a_gene_token_is_its_embedding_moved_by_its_expression() -> None:
    encoder = GeneEncoder(3, 4, 0.0)
    expression = torch.tensor([[0.0, 2.0, 5.0]])
    tokens = encoder(expression, torch.tensor([[True, True, False]]))
    assert tokens.counts == (2,)
    torch.testing.assert_close(tokens.tokens[0], encoder.identity[0])
    torch.testing.assert_close(tokens.tokens[1], encoder.identity[1] + 2.0 * encoder.direction[1])


def test_patch_tokens_do_not_depend_on_the_scale_of_an_encoder() -> None:
    encoder = PatchEncoder(6, 4, 0.0).eval()
    patches = torch.randn(5, 6)
    small = encoder(Ragged(patches, (5,))).tokens
    torch.testing.assert_close(encoder(Ragged(patches * 50, (5,))).tokens, small, atol=1e-3, rtol=0)


def test_a_normed_linear_map_and_its_gradients_are_those_of_norm_then_linear() -> None:
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(6).double(), nn.Linear(6, 4).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    of = [x, *norm.parameters(), *linear.parameters()]
    outputs = normed_linear(x, norm, linear), linear(norm(x))
    torch.testing.assert_close(*outputs)
    cotangent = torch.randn(5, 4, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad(out, of, cotangent) for out in outputs)
    torch.testing.assert_close(ours, theirs)


def test_a_normed_linear_map_rounds_as_norm_then_linear_under_autocast() -> None:
    torch.manual_seed(0)
    norm, linear, x = nn.LayerNorm(64), nn.Linear(64, 8), torch.randn(50, 64) + 3
    nn.init.normal_(norm.bias)
    exact = linear(norm(x))
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = normed_linear(x, norm, linear), linear(norm(x))
    assert ours.dtype == theirs.dtype == torch.bfloat16
    errors = [(rounded.float() - exact).abs().mean() for rounded in (ours, theirs)]
    assert errors[0] < 1.2 * errors[1]


def test_nothing_is_differentiated_by_the_features_of_patches() -> None:
    encoder = PatchEncoder(6, 4, 0.0)
    seen = []

    def note(node: torch.autograd.graph.Node) -> None:
        if node is not None and node not in seen:
            seen.append(node)
            for before, _ in node.next_functions:
                note(before)

    note(encoder(Ragged(torch.randn(5, 6), (5,))).tokens.grad_fn)
    assert not [node for node in seen if "LayerNorm" in node.name()]


def test_a_small_network_on_genes_ignores_what_was_not_measured() -> None:
    torch.manual_seed(0)
    net = GeneNet(4, 8, 0.5, 1.0).eval()
    mask = torch.tensor([[True, True, False, True], [False] * 4])
    one = net(torch.tensor([[1.0, -2.0, 99.0, 0.5], [7.0] * 4]), mask)
    two = net(torch.tensor([[1.0, -2.0, float("nan"), 0.5], [0.0] * 4]), mask)
    assert torch.equal(one, two)
    assert one[1] == net.absent
    assert one[0] != net(torch.tensor([[1.5, -2.0, 0.0, 0.5]]), mask[:1])[0]
