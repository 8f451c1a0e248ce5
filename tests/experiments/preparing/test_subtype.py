from __future__ import annotations

import json

import pandas as pd
import pytest

from data_modules.genes import PAM50
from experiments.prepare import main


@pytest.fixture
def centroids(tmp_path) -> str:
    """Two subtypes that are each other's opposite."""
    path = tmp_path / "centroids.txt"
    rows = [f"{gene}\t{i % 10 + i / 100}\t{-(i % 10) - i / 100}" for i, gene in enumerate(PAM50)]
    path.write_text("\n".join(["\tLumA\tLumB", *rows]) + "\n")
    return str(path)


def test_calls_are_printed_and_written(toy_manifest, centroids, tmp_path, capsys) -> None:
    out = tmp_path / "new" / "calls.csv"
    args = ["subtype", str(toy_manifest), "--centroids", centroids, "--out", str(out)]
    assert main(args) == 0
    printed = capsys.readouterr().out
    found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    calls = pd.read_csv(out, index_col="patient_id")
    assert found["called"] == calls["subtype"].notna().sum() == len(calls)
    assert set(calls["subtype"]) == {"LumA", "LumB"}
    assert (calls["margin"] >= 0).all()
    same = (calls["subtype"] == calls["table_subtype"]).mean()
    assert found["agreement"] == pytest.approx(same)
    assert f"agreement {same:.1%} of {len(calls)} patients" in printed
    assert found["centre"] == "median, every patient weighing the same"


def test_groups_may_weigh_the_same(toy_manifest, centroids, capsys) -> None:
    args = ["subtype", str(toy_manifest), "--centroids", centroids]
    assert main([*args, "--balance", "subtype", "LumA", "LumB"]) == 0
    assert "LumA and LumB of subtype weighing the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ([], "has no `call_subtype`; give --centroids"),
        (["--centroids", "none.txt"], "none.txt: the file does not exist"),
        (["--centroids", "none.txt", "--out", "calls.xlsx"], "--out is a file ending in .csv"),
        (["--centroids", "none.txt", "--balance", "er", "+", "-"], "no such column, named by cal"),
    ],
)
def test_what_cannot_be_called_is_refused(toy_manifest, extra, told, capsys) -> None:
    assert main(["subtype", str(toy_manifest), *extra]) == 2
    assert told in capsys.readouterr().err


def test_without_subtypes_in_the_table_the_calls_are_counted(
    toy_manifest, centroids, tmp_path, capsys
) -> None:
    text = toy_manifest.read_text(encoding="utf-8").replace("subtype: subtype\n", "")
    text = text.replace("path: ", f"path: {toy_manifest.parent}/")
    copy = tmp_path / "cohort.yaml"
    copy.write_text(f"{text}\ncall_subtype: {{centroids: {centroids}}}\n", encoding="utf-8")
    assert main(["subtype", str(copy)]) == 0
    assert "agreement" not in capsys.readouterr().out
