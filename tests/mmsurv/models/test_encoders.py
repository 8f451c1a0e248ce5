from __future__ import annotations

import torch

from mmsurv.batch import Ragged
from mmsurv.models.encoders import GeneEncoder, PatchEncoder


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
