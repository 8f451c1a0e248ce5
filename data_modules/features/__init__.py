"""Bags of features: where they lie and how they are read."""

from data_modules.features.bag import Bag, FeatureStore, empty_bag
from data_modules.features.provenance import Provenance
from data_modules.features.report import SlideReport, duplicates
from data_modules.features.store import BagStore
from data_modules.features.table import TableStore
from data_modules.features.write import write_bag

__all__ = [
    "Bag",
    "BagStore",
    "FeatureStore",
    "Provenance",
    "SlideReport",
    "TableStore",
    "duplicates",
    "empty_bag",
    "write_bag",
]
