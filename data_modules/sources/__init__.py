"""Readers of tables, one file a format."""

from data_modules.sources.formats import FORMATS
from data_modules.sources.table import TableFormat, read_table, to_number

__all__ = ["FORMATS", "TableFormat", "read_table", "to_number"]
