"""torch.save: a bare tensor, a dict of tensors, or a NumPy array, as TRIDENT saves it.

A pickle can run anything when it is read. torch.load(weights_only=True) admits tensors only; of
NumPy's constructors stand-ins are admitted that do nothing but keep what they are handed, and the
array is made here from what they kept.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_modules.features.readers.opened import (
    BARE,
    Array,
    Entry,
    Opened,
    Unreadable,
    nothing_missing,
)
from data_modules.features.readers.safetensors_file import widened

DTYPES = {f"{kind}{size}" for kind, sizes in {"f": "248", "i": "1248", "u": "1248"}.items()
          for size in sizes}  # fmt: skip


class _Dtype:
    """Stands for numpy.dtype."""

    def __init__(self, name: object = "", *rest: object) -> None:
        self.name = str(name)
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = {"|": "<", "=": "<"}.get(state[1], state[1])


class _Ndarray:
    """Stands for numpy.ndarray."""

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _reconstruct(*made_of: object) -> _Ndarray:
    return _Ndarray()


# NumPy 1 and 2 name their modules differently.
STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Dtype, "numpy.dtype"),
    (_Ndarray, "numpy.ndarray"),
    (_reconstruct, "numpy.core.multiarray._reconstruct"),
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
]


@contextmanager
def open_pt(path: Path) -> Iterator[Opened]:
    """Loads a file of torch.save; nothing in it is executed.

    Raises:
        Unreadable: It holds more than tensors and arrays.
    """
    try:
        with torch.serialization.safe_globals(STAND_INS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    # Foreign bytes make the unpickler fail in every way there is.
    except Exception as error:
        raise Unreadable(
            "holds something other than tensors and arrays, or is broken, and is not read because "
            "reading it could run code: where you trust it, load it yourself and save "
            "{'features': tensor, 'coords': tensor} with torch.save "
            f"({type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''})"
        ) from None
    arrays = _arrays(content)
    entries = {
        name: Entry(array.shape, array.dtype.str, None, {}) for name, array in arrays.items()
    }
    attributes = {
        str(name): value
        for name, value in (content.items() if isinstance(content, dict) else ())
        if isinstance(value, str | int | float)
    }
    yield Opened("pt", entries, attributes, arrays.__getitem__, nothing_missing)


def _arrays(content: object) -> dict[str, Array]:
    if isinstance(content, dict):
        return {
            str(name): _array(value)
            for name, value in content.items()
            if isinstance(value, torch.Tensor | _Ndarray)
        }
    if isinstance(content, torch.Tensor | _Ndarray):
        return {BARE: _array(content)}
    raise Unreadable(
        f"holds a {type(content).__name__}; what is read is a tensor (patches, width), or a dict "
        "of features and coords"
    )


def _array(value: torch.Tensor | _Ndarray) -> Array:
    if isinstance(value, _Ndarray):
        return _from_state(value.state)
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise Unreadable("holds a sparse, quantised or empty-shelled tensor: save a dense one")
    value = value.detach().resolve_conj().resolve_neg()
    if value.dtype == torch.bfloat16:
        return widened(value.contiguous().view(torch.int16).numpy().view(np.uint16))
    found: Array = value.numpy()
    return found


def _from_state(state: tuple[Any, ...]) -> Array:
    """The array of (version, shape, dtype, Fortran order, bytes)."""
    try:
        _, shape, dtype, fortran, values = state
        kind = dtype.name
        order = dtype.order
    except (ValueError, TypeError, AttributeError):
        raise Unreadable("holds a NumPy array that is broken") from None
    if kind not in DTYPES or order not in ("<", ">") or not isinstance(values, bytes):
        raise Unreadable(f"holds a NumPy array of {kind or 'objects'}: save floats")
    wanted = np.dtype(order + kind)
    if math.prod(shape) * wanted.itemsize != len(values):
        raise Unreadable(f"holds a NumPy array of shape {shape} in {len(values)} bytes")
    flat = np.frombuffer(values, dtype=wanted).astype(wanted.newbyteorder("="))
    return flat.reshape(shape, order="F" if fortran else "C")
