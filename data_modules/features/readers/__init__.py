"""Readers of feature files: formats (`*_file`, `*_folder`) and whose layout lies in them."""

from data_modules.features.readers.opened import Unit, Unreadable
from data_modules.features.readers.read import FORMATS, Place, Raw, load_array, read_raw

__all__ = ["FORMATS", "Place", "Raw", "Unit", "Unreadable", "load_array", "read_raw"]
