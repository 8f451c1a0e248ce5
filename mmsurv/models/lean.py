"""Layers that keep less for the backward pass, and make it again piece by piece.

Of a batch of large bags, what autograd keeps is most of the memory, and a third of that is rows
that are cheap to make again: normalised, widened, activated, dropped out. Here they are made a
second time when a gradient is asked for, a few thousand rows at once: such a piece stays in the
caches of a processor, where rows that were kept would have come back from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mmsurv.models.dropout import Dropout

# Below, nothing is made again: a batch is small, and its rows are in the caches as they are.
LEAST_ROWS = 8192
# Of a piece. Measured on a CPU with bags of 500 to 4000 patches: with pieces of 512 rows a step
# takes 1.1 times as long, with 1024 to 4096 what it takes where all is kept, or less.
PIECE_ROWS = 2048
# On other devices launching many kernels costs more; not measured.
LEAST_ROWS_GPU = 200_000
PIECE_ROWS_GPU = 65_536


Map = tuple[Tensor, Tensor | None]
"""Weight (out, d) and bias (out) of a linear map; None where it has no bias."""


def lean_linear(
    make: Callable[..., Float[Tensor, "T d"]],
    rows: tuple[Tensor, ...],
    *maps: Map,
    shared: tuple[Tensor, ...] = (),
) -> tuple[Float[Tensor, "T _"], ...]:
    """Linear maps of `make(*rows, *shared)`, which keep the rows and not what is made of them.

    Args:
        make: Row by row, and the same whenever it is called with the same: it draws no random
            number.
        rows: Of `make`, T rows each. What a gradient is wanted for is here, in `shared` or a map.
        *maps: Each gives one result.
        shared: Of `make`, the same for every row.

    Example:
        >>> linear, x = nn.Linear(4, 2), torch.randn(3, 4)
        >>> (ours,) = lean_linear(torch.tanh, (x,), (linear.weight, linear.bias))
        >>> torch.equal(ours, linear(torch.tanh(x)))
        True
    """
    if not made_again(rows[0]):
        made = make(*rows, *shared)
        return tuple(functional.linear(made, *one) for one in maps)
    flat = (tensor for one in maps for tensor in one)
    found: tuple[Tensor, ...] = _LeanLinear.apply(  # type: ignore[no-untyped-call]
        make, len(maps), len(rows), *flat, *rows, *shared
    )
    return found


def normed(
    x: Float[Tensor, "T d"], norm: nn.LayerNorm, *linear: nn.Linear
) -> tuple[Float[Tensor, "T _"], ...]:
    """Linear maps of `norm(x)`, which keep x and not the normalised rows.

    Args:
        x: Rows.
        norm: With weight and bias.
        *linear: With biases.
    """
    make, maps = partial(layer_norm, eps=norm.eps), ((one.weight, one.bias) for one in linear)
    return lean_linear(make, (x,), *maps, shared=(norm.weight, norm.bias))


def made_again(x: Tensor) -> bool:
    """Whether what is made of these rows is made a second time, and not kept."""
    # The compiler decides by itself what is kept.
    least = LEAST_ROWS if x.device.type == "cpu" else LEAST_ROWS_GPU
    return len(x) >= least and not torch.compiler.is_compiling()


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


def standard_rows(x: Float[Tensor, "T d"], *, eps: float) -> Float[Tensor, "T d"]:
    """`layer_norm` of rows that need no gradient, in half its time where T rows fit into a cache.

    Example:
        >>> standard_rows(torch.tensor([[1.0, 3.0]]), eps=0.0).round(decimals=6).tolist()
        [[-1.0, 1.0]]
    """
    centred = x - x.mean(-1, keepdim=True)
    spread = torch.linalg.vector_norm(centred, dim=-1, keepdim=True).square_()
    return centred.mul_((spread / x.shape[-1] + eps).rsqrt_())


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
        mask = inner.mask(x, width=widen.out_features)

        def hidden(x: Tensor, *more: Tensor) -> Tensor:
            *kept, scale, shift, weight, bias = more
            normal = layer_norm(x, scale, shift, eps=norm.eps)
            return inner.dropped(activation(functional.linear(normal, weight, bias)), *kept)

        (out,) = lean_linear(
            hidden,
            (x,) if mask is None else (x, mask),
            (narrow.weight, narrow.bias),
            shared=(norm.weight, norm.bias, widen.weight, widen.bias),
        )
        result: Tensor = last(out)
        return result


class _LeanLinear(torch.autograd.Function):
    """Inputs are the maps, then what `make` is called with: by row, then shared."""

    @staticmethod
    def forward(
        ctx: Any, make: Callable[..., Tensor], n_maps: int, n_rows: int, *inputs: Tensor
    ) -> tuple[Tensor, ...]:
        device = inputs[0].device.type
        ctx.make, ctx.n_maps, ctx.n_rows = make, n_maps, n_rows
        ctx.autocast = torch.autocast(
            device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        )
        ctx.save_for_backward(*inputs)
        maps, rows, shared = _parts(inputs, n_maps, n_rows)
        found: list[Tensor] = []
        for piece in _pieces(rows[0]):
            made = make(*(x[piece] for x in rows), *shared)
            mapped = [functional.linear(made, *one) for one in maps]
            found = found or [one.new_empty(len(rows[0]), one.shape[1]) for one in mapped]
            for whole, part in zip(found, mapped, strict=True):
                whole[piece] = part
        return tuple(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        maps, rows, shared = _parts(ctx.saved_tensors, ctx.n_maps, ctx.n_rows)
        wanted = ctx.needs_input_grad[3 + 2 * ctx.n_maps :]
        by_weight = [torch.zeros_like(weight) for weight, _ in maps]
        by_bias = [None if bias is None else torch.zeros_like(bias) for _, bias in maps]
        by_row = [torch.zeros_like(x) if w else None for x, w in zip(rows, wanted, strict=False)]
        leaves = [
            x.detach().requires_grad_(w) for x, w in zip(shared, wanted[len(rows) :], strict=True)
        ]
        for piece in _pieces(rows[0]):
            with torch.enable_grad(), ctx.autocast:
                parts = [
                    x[piece].detach().requires_grad_(w) for x, w in zip(rows, wanted, strict=False)
                ]
                made = ctx.make(*parts, *leaves)
            by_made = []
            for at, (whole, (weight, _)) in enumerate(zip(grads, maps, strict=True)):
                grad, bias = whole[piece], by_bias[at]
                by_weight[at] += grad.T @ made.detach().to(grad.dtype)
                if bias is not None:
                    bias += grad.sum(0)
                if made.requires_grad:
                    by_made.append((grad @ weight.to(grad.dtype)).to(made.dtype))
            if by_made:
                made.backward(reduce(torch.add, by_made))
            for into, part in zip(by_row, parts, strict=True):
                if into is not None and part.grad is not None:
                    into[piece] = part.grad
        by_map = (x for both in zip(by_weight, by_bias, strict=True) for x in both)
        return None, None, None, *by_map, *by_row, *(leaf.grad for leaf in leaves)


def _parts(
    inputs: tuple[Tensor, ...], n_maps: int, n_rows: int
) -> tuple[list[Map], tuple[Tensor, ...], tuple[Tensor, ...]]:
    maps: list[Map] = [(inputs[2 * at], inputs[2 * at + 1]) for at in range(n_maps)]
    start = 2 * n_maps
    return maps, inputs[start : start + n_rows], inputs[start + n_rows :]


def _pieces(rows: Tensor) -> list[slice]:
    size = PIECE_ROWS if rows.device.type == "cpu" else PIECE_ROWS_GPU
    return [slice(start, start + size) for start in range(0, len(rows), size)]
