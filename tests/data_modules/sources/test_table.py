from __future__ import annotations

import csv
import gzip
import io

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_modules.problems import Problems
from data_modules.sources import FORMATS
from data_modules.sources.table import MISSING, TABLE, TableFormat, read_table, to_number


def read(
    path, content: str | bytes, form: TableFormat = TABLE
) -> tuple[pd.DataFrame | None, list[str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    table = read_table(path, problems, form)
    return table, [str(problem).replace(f"{path}", path.name) for problem in problems.found]


@pytest.mark.parametrize(
    "content",
    [
        "id,age\nP1,50\nP2,\n",
        "\ufeffid,age\nP1,50\nP2,\n",
        "id,age\r\nP1,50\r\nP2,\r\n",
        '"id","age"\n"P1","50"\n"P2",""\n',
        " id , age\nP1 , 50\nP2, NA",
        ",id,age\n1,P1,50\n2,P2,\n",
    ],
    ids=["plain", "byte order mark", "CRLF", "quoted", "spaces, no last newline", "row names"],
)
def test_the_same_table_however_it_was_saved(tmp_path, content) -> None:
    table, problems = read(tmp_path / "a.csv", content)
    assert problems == []
    assert list(table.columns) == ["id", "age"]
    assert table.to_numpy().tolist() == [["P1", "50"], ["P2", None]]
    assert table.index.tolist() == [2, 3]


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".TSV"])
def test_tabs_by_suffix(tmp_path, suffix) -> None:
    table, problems = read(tmp_path / f"a{suffix}", "id\tnote\nP1\ta, b\n")
    assert problems == []
    assert table.loc[2, "note"] == "a, b"


def test_rows_are_lines_of_the_file(tmp_path) -> None:
    content = 'id,note\n\nP1,"two\nlines, and a comma"\n,\nP2,x\n\n'
    table, problems = read(tmp_path / "a.csv", content)
    assert problems == []
    assert table["id"].to_dict() == {3: "P1", 6: "P2"}
    assert table.loc[3, "note"] == "two\nlines, and a comma"


@pytest.mark.parametrize("word", ["", "NA", "NaN", "null", "--", "[Not Available]", " N/A "])
def test_what_counts_as_missing(tmp_path, word) -> None:
    table, _ = read(tmp_path / "a.csv", f"id,age\nP1,{word}\n")
    assert table.loc[2, "age"] is None


def test_text_is_not_turned_into_numbers(tmp_path) -> None:
    table, _ = read(tmp_path / "a.csv", "id,code\n007,1.0\nTrue,1e3\n")
    assert table.to_numpy().tolist() == [["007", "1.0"], ["True", "1e3"]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", ["a.csv: the file is empty"]),
        ("id,age\n", ["a.csv: the table has a header and no rows"]),
        ("\nid,age\nP1,3\n", ["a.csv, row 1: the first row is empty; it must name the columns"]),
        ("a,b,a,b\n1,2,3,4\n", ["column a: the header names this", "column b: the header names"]),
        (
            "id,age\nP1,50,3\n\nP2\nP3,4\n",
            ["a.csv, row 2: 3 cells, the header has 2", "a.csv, row 4: 1 cells, the header has 2"],
        ),
        ('id,age\nP1,3\n"P2,4\n', ["a.csv, row 3: cannot be read as a table"]),
        (b"id,age\nP\xe9,3\n", ["save the file as UTF-8 (it is now perhaps latin-1)"]),
        ("id,age\nP1,3\n".encode("utf-16-le"), ["a.csv, row 1: holds NUL characters: save the"]),
        ("id;age\nP1;3\n", ["row 1: cells are separated by ';', not by commas: save it with com"]),
        ("id\tage\nP1\t3\n", ["separated by '\\t', not by commas: name the file .tsv"]),
    ],
)
def test_what_cannot_be_read_is_told_with_its_row(tmp_path, content, told) -> None:
    table, problems = read(tmp_path / "a.csv", content)
    assert table is None
    assert len(problems) == len(told)
    for problem, words in zip(problems, told, strict=True):
        assert words in problem


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path) -> None:
    problems = Problems()
    assert read_table(tmp_path / "none.csv", problems) is None
    assert read_table(tmp_path, problems) is None
    assert [p.message[:22] for p in problems.found] == [
        "the file does not exis", "cannot be read as a ta"
    ]  # fmt: skip


def test_numbers_and_what_is_none(tmp_path) -> None:
    words = ["1.5", None, "old", "inf", "-2", "1,5", "1e400", "0x1F"]
    column = pd.Series(words, index=range(2, 10), dtype=object)
    problems = Problems()
    numbers = to_number(column, tmp_path / "a.csv", problems, name="age", what="an age")
    assert numbers[[2, 6]].tolist() == [1.5, -2.0]
    assert [(p.row, p.column) for p in problems.found] == [(r, "age") for r in (4, 5, 7, 8, 9)]
    assert problems.found[0].message == "'old' is not an age"
    assert pd.isna(numbers[3])


def test_a_file_of_tabs_that_has_none(tmp_path) -> None:
    _, [problem] = read(tmp_path / "a.tsv", "id,age\nP1,3\n")
    assert problem == "a.tsv, row 1: cells are separated by ',', not by tabs: name the file .csv"
    _, [problem] = read(tmp_path / "a.tsv", "id;age\nP1;3\n")
    assert problem.endswith("separated by ';', not by tabs: save it with tabs")


STUDY = """#Patient Identifier\tAge
#Identifier of "a patient\t"Age, in years
#STRING\tNUMBER
"#1"\t1
PATIENT_ID\tNOTE\tAGE
P1\t"two
lines"\t50
#P2\t\t[Not Available]
"""


def test_lines_before_the_header_of_a_study_may_hold_any_quotes(tmp_path) -> None:
    table, problems = read(tmp_path / "a.txt", STUDY, FORMATS["cbioportal"])
    assert problems == []
    assert table["PATIENT_ID"].to_dict() == {6: "P1", 8: "#P2"}
    assert table["AGE"].tolist() == ["50", None]
    bare, problems = read(
        tmp_path / "a.txt", STUDY.partition('"#1"\t1\n')[2], FORMATS["cbioportal"]
    )
    assert problems == []
    assert bare.index.tolist() == [2, 4]
    assert bare.to_numpy().tolist() == table.to_numpy().tolist()


def test_a_study_of_comments_alone_is_empty(tmp_path) -> None:
    _, problems = read(tmp_path / "a.txt", "#Patient\n#STRING", FORMATS["cbioportal"])
    assert problems == ["a.txt: the file is empty"]
    _, problems = read(tmp_path / "a.txt", '#a\nPATIENT_ID\tAGE\nP1\t"5', FORMATS["cbioportal"])
    assert problems[0].startswith("a.txt, row 3: cannot be read as a table")


def test_columns_of_one_name_are_numbered_where_an_export_repeats_names(tmp_path) -> None:
    content = "Patient ID\tStage\tStage\t\t\nP1\tI\tII\t\t\n"
    table, problems = read(tmp_path / "a.tsv", content, FORMATS["cbioportal_download"])
    assert problems == []
    assert table.to_dict("records") == [{"Patient ID": "P1", "Stage (1)": "I", "Stage (2)": "II"}]


def test_words_that_a_format_counts_as_missing(tmp_path) -> None:
    content = "submitter_id\tgrade\nP1\tNot Reported\nP2\tG2\n"
    table, _ = read(tmp_path / "a.tsv", content, FORMATS["gdc"])
    assert table["grade"].tolist() == [None, "G2"]
    assert read(tmp_path / "a.tsv", content)[0]["grade"].tolist() == ["Not Reported", "G2"]


# Carriage returns would make lines of their own; NUL has a test above.
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=6)
HEADERS = st.lists(st.text("abcdXYZ_", min_size=1), min_size=2, max_size=4, unique=True)
TABLES = HEADERS.flatmap(
    lambda header: st.tuples(
        st.just(header),
        st.lists(
            st.lists(CELLS, min_size=len(header), max_size=len(header)), min_size=1, max_size=4
        ),
    )
)
SAVED = {
    "utf-8": ("a.csv", ",", "\n"),
    "utf-8-sig": ("a.csv", ",", "\r\n"),
    "utf-16": ("a.tsv", "\t", "\n"),
    "utf-32": ("a.txt.gz", "\t", "\r\n"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):  # noqa: ANN201 - a folder
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("encoding", SAVED)
@given(table=TABLES)
@example((["a", "b"], [['"', "x\ny"], ["", " "], ["NA", "é;,\t"]]))
def test_what_was_written_is_read_whatever_stands_in_the_cells(home, encoding, table) -> None:
    name, separator, newline = SAVED[encoding]
    header, rows = table
    expected, line = {}, 1
    text = io.StringIO()
    for cells in [header, *rows]:
        if line > 1 and any(cell.strip() for cell in cells):
            stripped = [cell.strip() for cell in cells]
            expected[line] = [None if cell in MISSING else cell for cell in stripped]
        writer = csv.writer(text, delimiter=separator, lineterminator=newline)
        writer.writerow(cells)
        line = text.getvalue().count("\n") + 1
    content = text.getvalue().encode(encoding)
    found, problems = read(home / name, gzip.compress(content) if "gz" in name else content)
    if not expected:
        assert problems == [f"{name}: the table has a header and no rows"]
        return
    assert problems == []
    assert list(found) == header
    assert found.index.tolist() == list(expected)
    assert found.to_numpy().tolist() == list(expected.values())


@given(table=TABLES, data=st.data())
def test_the_order_of_columns_means_nothing(home, table, data) -> None:
    header, rows = table
    order = data.draw(st.permutations(range(len(header))))
    read_back = []
    for columns in (range(len(header)), order):
        text = io.StringIO()
        csv.writer(text).writerows([[cells[i] for i in columns] for cells in [header, *rows]])
        read_back.append(read(home / "a.csv", text.getvalue())[0])
    one, other = read_back
    if one is None:
        assert other is None
    else:
        pd.testing.assert_frame_equal(one[header], other[header])


STARTS = [
    b"",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\0\0",
    b"\xef\xbb\xbf",
    b"\x1f\x8b\x08\0",
    b"PAR1",
    b"#",
]
NAMES = ["a.csv", "a.tsv", "a.csv.gz", "a.parquet"]


@given(
    start=st.sampled_from(STARTS), content=st.binary(max_size=60), name=st.sampled_from(NAMES),
    form=st.sampled_from(list(FORMATS.values())), pack=st.booleans(),
)  # fmt: skip
@example(b"", b'a,"b\n', "a.csv", TABLE, False)
@example(b"\xff\xfe", b"a\0,\0\xd8", "a.csv", TABLE, False)
def test_any_bytes_are_read_or_told_to_be_wrong(home, start, content, name, form, pack) -> None:
    content = gzip.compress(start + content) if pack else start + content
    table, problems = read(home / name, content, form)
    assert (table is None) == bool(problems)
    if table is not None:
        assert not table.empty
        assert all(cell is None or isinstance(cell, str) for cell in table.to_numpy().ravel())


def test_a_packed_table_that_is_cut_off_anywhere_is_refused(home) -> None:
    content = gzip.compress(b"id,age\n" + b"".join(b"P%d,%d\n" % (i, i * i) for i in range(40)))
    assert len(read(home / "a.csv.gz", content)[0]) == 40
    for length in range(len(content)):
        table, [problem] = read(home / "a.csv.gz", content[:length])
        assert table is None
        assert "cannot be read as a table" in problem or length == 0


def test_a_comma_for_the_decimal_point_is_refused_with_the_way_out(tmp_path) -> None:
    table, problems = read(tmp_path / "a.csv", 'id,size\nP1,"2,5"\n')
    assert problems == []
    found = Problems()
    to_number(table["size"], tmp_path / "a.csv", found, name="size", what="a size")
    told = "'2,5' is not a size: write the decimal point as a point"
    assert [(p.row, p.message) for p in found.found] == [(2, told)]
