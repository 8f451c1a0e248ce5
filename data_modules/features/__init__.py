"""Bags of features: where they lie and how they are read."""

from data_modules.features.bag import Bag, FeatureStore, empty_bag
from data_modules.features.packed import PackedStore
from data_modules.features.packing import open_packed, packed_folder
from data_modules.features.provenance import Provenance
from data_modules.features.report import SlideReport, duplicates
from data_modules.features.resident import ResidentStore
from data_modules.features.store import BagStore
from data_modules.features.table import TableStore
from data_modules.features.write import write_bag

__all__ = [
    "Bag",
    "BagStore",
    "FeatureStore",
    "PackedStore",
    "Provenance",
    "ResidentStore",
    "SlideReport",
    "TableStore",
    "duplicates",
    "empty_bag",
    "open_packed",
    "packed_folder",
    "write_bag",
]
