from __future__ import annotations

import pytest

from data_modules.manifest import code, load_manifest
from data_modules.problems import BadInput


def test_a_manifest_reads_and_its_paths_are_relative_to_it(load, folder) -> None:
    load()
    manifest = load_manifest(folder / "cohort.yaml")
    assert manifest.resolve("../x.csv") == folder.parent / "x.csv"
    assert manifest.endpoints["OS"].codes == {"1": True, "0": False}
    assert manifest.covariates["grade"].levels == ("1", "2", "3")


def test_every_unknown_missing_or_mistyped_key_is_in_one_report(load) -> None:
    with pytest.raises(BadInput) as error:
        load(
            patient={"path": "x"},
            endpoints={"OS": {"time": "t", "unit": "weeks", "event": "e"}},
            genes={"path": "g", "format": "xena", "scale": "log2_rsem", "sample_sufix": "-01"},
            include="everybody",
            covariates={"age": {"column": "age", "kind": "numeric", "log": "yes"}},
        )
    report = str(error.value)
    for words in (
        "column patient: unknown key; did you mean patients?",
        "column endpoints.OS.unit: 'weeks' is not one of days, months, years",
        "column endpoints.OS.codes: is missing",
        "column genes.sample_sufix: unknown key; did you mean sample_suffix?",
        "column include: is a list, found 'everybody'",
        "column covariates.age.log: is true or false, found 'yes'",
    ):
        assert words in report


def _codes(codes: dict[str | int, bool]) -> dict[str, dict[str, object]]:
    return {"OS": {"time": "months", "unit": "days", "event": "dead", "codes": codes}}


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"endpoints": {}}, "at least one endpoint"),
        ({"endpoint": "PFI"}, "column endpoint: 'PFI' is not among"),
        ({"encoder": "x"}, "column encoder: 'x' is not among"),
        ({"include": [{"column": "age"}]}, r"include\[1\]: a rule has"),
        ({"include": [{"has": ["image"], "column": "a", "above": 1}]}, r"include\[1\]: a rule"),
        (
            {"features": {}, "include": [{"has": ["image"]}]},
            r"include\[1\]: asks for image, which the manifest does not describe",
        ),
        ({"covariates": {"g": {"column": "g", "kind": "ordinal"}}}, "ordinal needs levels"),
        (
            {"covariates": {"g": {"column": "g", "kind": "ordinal", "levels": [1, "1.0"]}}},
            "covariates.g: a level stands twice",
        ),
        (
            {"covariates": {"g": {"column": "g", "kind": "ordinal", "levels": [1], "log": True}}},
            "covariates.g: ordinal has no log",
        ),
        (
            {"covariates": {"time_days": {"column": "age", "kind": "numeric"}}},
            "covariates.time_days: give it another name",
        ),
        ({"endpoints": _codes({"1.0": True, 1: False})}, "OS.codes: a code stands twice"),
        ({"endpoints": _codes({"1": True, 1: False})}, "OS.codes: a key stands twice"),
        (
            {"features": {"enc": {"format": "bags", "path": "x", "width": -1}}},
            "enc.width: a width is positive",
        ),
        (
            {"features": {"enc": {"format": "bags", "path": "x", "mpp": 250}}},
            "enc.mpp: 250 is no µm per px; 40x is about 0.25",
        ),
        ({"features": {"enc": {"format": "table", "path": "x"}}}, "needs id"),
    ],
)
def test_rules_between_keys(write, replaced, message) -> None:
    path = write(**replaced)
    with pytest.raises(BadInput, match=message):
        load_manifest(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "cannot be read as YAML"),
        (b"name: x\nsite: a\nname: y", "the key 'name' stands twice"),
        (b"covariates:\n  age: {column: a}\n  age: {column: b}", "the key 'age' stands twice"),
        (b"- a", "mapping of keys"),
        (b"\xff", "as YAML"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, content, message) -> None:
    (tmp_path / "m.yaml").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        load_manifest(tmp_path / "m.yaml")
    with pytest.raises(BadInput, match="does not exist"):
        load_manifest(tmp_path / "none.yaml")


def test_a_manifest_may_carry_a_byte_order_mark_and_repeat_itself_by_anchors(write) -> None:
    plain = write()
    text = plain.read_text().replace("OS:", "OS: &os", 1)
    text = text.replace("covariates:", "  again: {<<: *os, unit: days}\ncovariates:", 1)
    plain.write_bytes(b"\xef\xbb\xbf" + text.encode())
    manifest = load_manifest(plain)
    assert manifest.endpoints["again"].unit == "days"
    assert manifest.endpoints["again"].codes == manifest.endpoints["OS"].codes


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("2.0", "2", True), ("-1.0", "-1", True), ("v2.0", "v2", False), ("2.5", "2", False)],
)
def test_whole_numbers_are_one_code_however_they_are_written(one, other, same) -> None:
    assert (code(one) == code(other)) is same
