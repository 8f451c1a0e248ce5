"""Cells of expression tables as numbers."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from data_modules.sources.table import MISSING

DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


def to_floats(cells: Sequence[str]) -> tuple[np.ndarray, int | None]:
    """Numbers, NaN where missing, and the position of the first cell that is neither.

    Example:
        >>> to_floats(["1.5", "NA", "2"])
        (array([1.5, nan, 2. ]), None)
        >>> to_floats(["1", "inf", "x"])[1]
        1
    """
    try:
        # Python reads 1_000 as a number, tables do not.
        if any("_" in cell for cell in cells):
            raise ValueError
        numbers = np.array(cells, dtype=float)
        wrong = ~np.isfinite(numbers)
        wrong[wrong] = [cells[i] not in MISSING for i in np.flatnonzero(wrong).tolist()]
    except ValueError:
        text = pd.Series(cells, dtype=object)
        absent = text.isin(MISSING)
        numbers = pd.to_numeric(text.where(~absent), errors="coerce").to_numpy(dtype=float)
        wrong = ~absent.to_numpy() & ~np.isfinite(numbers)
    return numbers, int(np.flatnonzero(wrong)[0]) if wrong.any() else None


def not_finite(cell: str, sample: str) -> str:
    """What is told of a cell that is no number.

    Example:
        >>> not_finite("1,5", "P1")
        "'1,5' of sample P1 is not a finite number; decimals are written with a point: save it so"
    """
    way_out = ""
    if DECIMAL_COMMA.fullmatch(cell):
        way_out = "; decimals are written with a point: save it so"
    return f"{cell!r} of sample {sample} is not a finite number{way_out}"


def split(line: bytes, separator: str) -> list[str]:
    """Cells of a line, without the quotes and blanks around them.

    Example:
        >>> split(b'"ESR1", 3 ,', ",")
        ['ESR1', '3', '']

    Raises:
        UnicodeDecodeError: The line is no UTF-8.
    """
    text = line.decode().rstrip("\r\n")
    if '"' not in text:
        return [cell.strip() for cell in text.split(separator)]
    if len(text) < csv.field_size_limit():
        cells = next(csv.reader([text], delimiter=separator), [])
    else:
        cells = text.split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def duplicates(names: Sequence[str]) -> list[str]:
    """Names that stand more than once, in their order.

    Example:
        >>> duplicates(["a", "b", "a", "c", "b"])
        ['a', 'b']
    """
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in names:
        if name in seen:
            twice[name] = None
        seen.add(name)
    return list(twice)


def whole_numbers(cells: bytes, separator: str, count: int) -> np.ndarray | None:
    """Whole numbers between separators, quickly; None where some cell is something else.

    Example:
        >>> whole_numbers(b"3,4,5", ",", 3).tolist(), whole_numbers(b"3,,5", ",", 3)
        ([3, 4, 5], None)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            numbers = np.fromstring(cells, dtype=np.int64, sep=separator)
        except (ValueError, DeprecationWarning):
            return None
    return numbers if len(numbers) == count else None
