"""Bags of features: where they lie and how they are read."""

from data_modules.features.bag import Bag, FeatureStore, empty_bag
from data_modules.features.h5 import H5Store, write_bag
from data_modules.features.table import TableStore

__all__ = ["Bag", "FeatureStore", "H5Store", "TableStore", "empty_bag", "write_bag"]
