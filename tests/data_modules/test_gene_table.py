from __future__ import annotations

import pytest

from data_modules.manifest import load_manifest
from data_modules.problems import BadInput

GENES = {"path": "genes.tsv", "format": "xena", "scale": "log2_rsem"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"genes": {**GENES, "genes_in": "columns"}}, "genes.genes_in: belongs to `format: table`"),
        ({"genes": {**GENES, "id": "gene"}}, "genes.id: belongs to `format: table`"),
        ({"genes": {**GENES, "drop": ["a"]}}, "genes.drop: belongs to `format: table`"),
        ({"genes": {**GENES, "scale": "log2_rpm"}}, "'log2_rpm' is not one of rsem, log2_rsem, tp"),
        ({"genes": None, "call_subtype": {"centroids": "c.txt"}}, "subtypes are called from genes"),
        (
            {"call_subtype": {"centroids": "c", "balance": {"column": "er", "values": ["+"]}}},
            "call_subtype.balance.values: names two values",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(write, keys, told) -> None:
    with pytest.raises(BadInput, match="problem") as error:
        load_manifest(write(**keys))
    assert told in str(error.value)


def test_a_table_has_all_keys(write) -> None:
    keys = {"format": "table", "genes_in": "columns", "id": "patient", "drop": ["note"]}
    table = load_manifest(write(genes={**GENES, **keys})).genes
    assert table is not None
    assert (table.genes_in, table.id, table.drop) == ("columns", "patient", ("note",))
