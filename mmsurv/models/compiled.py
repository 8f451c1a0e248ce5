"""Compiles what is the same for every token: layers whose input has no ragged structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mmsurv.models.attention import AttentionBlock
from mmsurv.models.encoders import PatchEncoder


def token_layers(net: nn.Module) -> list[nn.Sequential]:
    """Layers of a network that see one token at a time: projections and feed-forward layers.

    Example:
        >>> from mmsurv.batch import Sizes
        >>> from mmsurv.models import SurvivalNet
        >>> len(token_layers(SurvivalNet(Sizes(4, 3, 2), width=8, heads=2)))
        4
    """
    found: list[nn.Sequential] = []
    for module in net.modules():
        if isinstance(module, PatchEncoder):
            found.append(module.project)
        elif isinstance(module, AttentionBlock):
            found.append(module.feed_forward)
    return found


def compile_token_layers(net: nn.Module) -> None:
    """Compiles them in place, once for any number of tokens; names of weights stay.

    The whole network is not compiled: the counts of a batch are part of its shape, so every batch
    is traced anew, for minutes.
    """
    for layer in token_layers(net):
        layer.forward = torch.compile(_called(layer.forward), dynamic=True)  # type: ignore[method-assign, arg-type]


def _called(forward: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    # torch.compile passes by a function of its own library, as this forward is.
    def call(tokens: Tensor) -> Tensor:
        return forward(tokens)

    return call
