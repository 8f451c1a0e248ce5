from __future__ import annotations

import torch

from mmsurv.batch import Ragged
from mmsurv.models.encoders import GeneEncoder, GeneNet, PatchEncoder


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


def test_a_small_network_on_genes_ignores_what_was_not_measured() -> None:
    torch.manual_seed(0)
    net = GeneNet(4, 8, 0.5, 1.0).eval()
    mask = torch.tensor([[True, True, False, True], [False] * 4])
    one = net(torch.tensor([[1.0, -2.0, 99.0, 0.5], [7.0] * 4]), mask)
    two = net(torch.tensor([[1.0, -2.0, float("nan"), 0.5], [0.0] * 4]), mask)
    assert torch.equal(one, two)
    assert one[1] == net.absent
    assert one[0] != net(torch.tensor([[1.5, -2.0, 0.0, 0.5]]), mask[:1])[0]
