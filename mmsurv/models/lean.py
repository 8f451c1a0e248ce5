"""Layers that keep less for the backward pass, and give the same values to the bit.

Of a batch of very large bags, what autograd keeps is most of the memory, and a third of that is
rows that are cheap to make again: normalised, activated, dropped out. Linear maps keep them for the
gradient of their weights; here, they are made a second time when that gradient is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

# Below, a batch takes less than 3 GB, and memory is not worth the time: on a CPU, an epoch takes
# 1.05 to 1.1 times as long with self-attention, and 1.15 to 1.4 times with latent pooling.
LEAST_ROWS = 200_000


def lean_linear(
    make: Callable[..., Float[Tensor, "T d"]],
    inputs: tuple[Tensor, ...],
    weight: Float[Tensor, "out d"],
    bias: Float[Tensor, " out"],
) -> Float[Tensor, "T out"]:
    """A linear map of `make(*inputs)`, which keeps the inputs and not what is made of them.

    Args:
        make: Cheap, and the same whenever it is called with the same: it draws no random number.
        inputs: Of `make`; the first has the T rows. All that a gradient is wanted for.
        weight: Of the map.
        bias: Of the map.

    Example:
        >>> linear, x = nn.Linear(4, 2), torch.randn(3, 4)
        >>> ours = lean_linear(torch.tanh, (x,), linear.weight, linear.bias)
        >>> torch.equal(ours, linear(torch.tanh(x)))
        True
    """
    if not _lean(inputs[0]):
        return functional.linear(make(*inputs), weight, bias)
    made: Tensor = _LeanLinear.apply(make, weight, bias, *inputs)  # type: ignore[no-untyped-call]
    return made


def normed(
    x: Float[Tensor, "T d"], norm: nn.LayerNorm, *linear: nn.Linear
) -> tuple[Float[Tensor, "T _"], ...]:
    """Linear maps of `norm(x)`, which keep x and not the normalised rows.

    Args:
        x: Rows.
        norm: With weight and bias.
        *linear: With biases.
    """
    if not _lean(x):
        rows = norm(x)
        return tuple(one(rows) for one in linear)
    make, inputs = partial(layer_norm, eps=norm.eps), (x, norm.weight, norm.bias)
    return tuple(lean_linear(make, inputs, one.weight, one.bias) for one in linear)


def _lean(x: Tensor) -> bool:
    # The compiler decides by itself what is kept.
    return len(x) >= LEAST_ROWS and not torch.compiler.is_compiling()


def layer_norm(
    x: Float[Tensor, "T d"],
    weight: Float[Tensor, " d"] | None = None,
    bias: Float[Tensor, " d"] | None = None,
    *,
    eps: float,
) -> Float[Tensor, "T d"]:
    """Each row with mean 0 and spread 1, then scaled and shifted where weight and bias are given.

    Example:
        >>> layer_norm(torch.tensor([[1.0, 3.0]]), eps=0.0).tolist()
        [[-1.0, 1.0]]
    """
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


class Dropout(nn.Dropout):
    """`nn.Dropout` that keeps a byte an element on a CPU, where PyTorch's keeps a float.

    On a CPU, masks are those of `nn.Dropout` from the same state of the generator.

    Example:
        >>> x = torch.ones(3, 4)
        >>> _ = torch.manual_seed(0); ours = Dropout(0.5)(x)
        >>> _ = torch.manual_seed(0); torch.equal(ours, nn.Dropout(0.5)(x))
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drops and scales in training; the input itself otherwise."""
        return self.dropped(input, self.mask(input))

    def mask(self, x: Tensor) -> Bool[Tensor, ...] | None:
        """True = kept; None where nothing is dropped."""
        if not self.training or self.p == 0:
            return None
        return torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - self.p)

    def dropped(self, x: Tensor, mask: Bool[Tensor, ...] | None = None) -> Tensor:
        """What the mask leaves, scaled so that the expectation stays; without one, all of it."""
        if mask is None:
            return x
        return x * mask * (1 / (1 - self.p) if self.p < 1 else 0.0)


class FeedForward(nn.Sequential):
    r"""Norm, linear map, GELU, dropout, linear map, dropout; token by token.

    .. math:: W_2 \, \mathrm{dropout}(\mathrm{GELU}(W_1 \, \mathrm{LN}(x) + b_1)) + b_2

    Args:
        width: d of a token; the hidden layer has 2 d.
        dropout: On the hidden layer and on the result.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(2 * width, width),
            Dropout(dropout),
        )

    def forward(self, x: Float[Tensor, "T d"]) -> Float[Tensor, "T d"]:
        """Row by row."""
        norm, widen, activation, inner, narrow, last = self
        assert isinstance(norm, nn.LayerNorm)
        assert isinstance(widen, nn.Linear)
        assert isinstance(narrow, nn.Linear)
        assert isinstance(inner, Dropout)
        (hidden,) = normed(x, norm, widen)
        mask = inner.mask(hidden)
        out = lean_linear(
            lambda x, *kept: inner.dropped(activation(x), *kept),
            (hidden,) if mask is None else (hidden, mask),
            narrow.weight,
            narrow.bias,
        )
        result: Tensor = last(out)
        return result


class _LeanLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, make: Callable[..., Tensor], weight: Tensor, bias: Tensor, *inputs: Tensor
    ) -> Tensor:
        device = weight.device.type
        ctx.make = make
        ctx.autocast = torch.autocast(
            device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        )
        ctx.save_for_backward(weight, *inputs)
        return functional.linear(make(*inputs), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, *inputs = ctx.saved_tensors
        with torch.enable_grad(), ctx.autocast:
            leaves = [
                x.detach().requires_grad_(needed)
                for x, needed in zip(inputs, ctx.needs_input_grad[3:], strict=True)
            ]
            rows = ctx.make(*leaves)
        if rows.requires_grad:
            rows.backward((grad @ weight.to(grad.dtype)).to(rows.dtype))
        by_weight = grad.T @ rows.detach().to(grad.dtype)
        return None, by_weight, grad.sum(0), *(leaf.grad for leaf in leaves)
