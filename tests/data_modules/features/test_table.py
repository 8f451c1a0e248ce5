from __future__ import annotations

import pandas as pd

from data_modules.features import TableStore


def test_a_row_is_a_bag_of_one_token_that_nobody_else_can_change() -> None:
    store = TableStore(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=["P", "Q"]))
    assert store.width == 2
    bag = store.read("Q")
    assert bag.features.tolist() == [[2.0, 4.0]]
    bag.features.zero_()
    assert store.read("Q").features.tolist() == [[2.0, 4.0]]


def test_the_fingerprint_sees_every_value_and_name() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0]}, index=["P", "Q"])
    prints = {
        TableStore(t).fingerprint()
        for t in (table, table + 1, table.rename(columns={"a": "b"}), table.iloc[:1])
    }
    assert len(prints) == 4
