"""Parquet as text, written as Python writes it, so that no format depends on the reader."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from data_modules.problems import Problems


def read_parquet(path: Path, problems: Problems) -> pd.DataFrame | None:
    """Every column as text, None where missing; what was saved as row names is a column again.

    Args:
        path: The file; reading it needs the package pyarrow.
        problems: A missing or broken file, repeated columns and text that is no UTF-8 go here.

    Returns:
        The table, its rows counting from 2, or None. Columns without a name are left out.
    """
    try:
        content = path.read_bytes()
        table = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except FileNotFoundError:
        problems.add(path, "the file does not exist")
        return None
    except ImportError:
        problems.add(path, "needs the package pyarrow: install it, or save the table as CSV")
        return None
    except Exception as error:
        problems.add(path, f"cannot be read as Parquet: {error}")
        return None
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    names = [str(name).strip() for name in table.columns]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    for name in repeated:
        problems.add(path, "the table has this column twice", column=name)
    if repeated:
        return None
    try:
        cells = {
            name: pd.Series([_text(value) for value in table.iloc[:, i]], dtype=object)
            for i, name in enumerate(names)
            if name
        }
    except UnicodeDecodeError as error:
        problems.add(path, f"text that is no UTF-8: {error}")
        return None
    return pd.DataFrame(cells, dtype=object).set_axis(range(2, len(table) + 2), axis=0)


def _text(value: object) -> str | None:
    """Text of a cell; some writers store text as bytes, and cells may hold lists."""
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if pd.api.types.is_scalar(value) and pd.isna(value):  # type: ignore[call-overload]
        return None
    return str(value).strip()
