"""Readers of tables, one file a format."""

from data_modules.sources.table import read_table, to_number
from data_modules.sources.xena import read_xena

__all__ = ["read_table", "read_xena", "to_number"]
