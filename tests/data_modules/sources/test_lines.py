from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from data_modules.problems import Problems
from data_modules.sources.lines import open_lines, reading

TEXT = "sample\tMüller\nESR1\t1\n"


def read(path, content: bytes) -> tuple[list[bytes], list[str]]:
    path.write_bytes(content)
    problems = Problems()
    lines: list[bytes] = []
    with reading(path, problems) as place:
        for line in open_lines(path):
            place.row += 1
            line.decode()
            lines.append(line)
    return lines, [str(problem).removeprefix(f"{path}") for problem in problems.found]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode()),
        gzip.compress(TEXT.encode("utf-16")),
    ],
    ids=["plain", "mark", "UTF-16", "UTF-16 big endian", "gzip", "gzip of UTF-16"],
)
def test_a_text_is_read_whatever_it_is_saved_as(tmp_path, content) -> None:
    lines, problems = read(tmp_path / "m.tsv", content)
    assert problems == []
    assert b"".join(lines).decode() == TEXT


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m.tsv", TEXT)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.encode("latin-1"), ": byte 0xfc is no utf-8: save the file as UTF-8 (it is perhaps"),
        (TEXT.encode("utf-16-le"), "cannot be read as a matrix: it is UTF-16 without a byte order"),
        (TEXT.encode("utf-16")[:-1], "is no utf-16"),
        (gzip.compress(TEXT.encode())[:-9], "the gzip file is cut off or damaged"),
        (gzip.compress(TEXT.encode())[:15] + b"\xff" * 20, "the gzip file is cut off or damaged"),
        (b"\x1f\x8b\xff\xfe" * 9, "cannot be read as a matrix: "),
        (zipped(), "cannot be read as a matrix: it is a zip archive or an Excel workbook"),
    ],
    ids=["latin-1", "UTF-16", "cut UTF-16", "cut gzip", "broken gzip", "no gzip", "zip"],
)
def test_what_cannot_be_read_is_told(tmp_path, content, told) -> None:
    _, problems = read(tmp_path / "m.tsv", content)
    (problem,) = problems
    assert told in problem


def test_the_row_of_a_strange_byte_is_told(tmp_path) -> None:
    _, problems = read(tmp_path / "m.tsv", b"sample\tP1\nESR1\t1\nM\xfcller\t1\n")
    assert problems[0].startswith(", row 3: byte 0xfc")


def test_folders_and_absent_files(tmp_path) -> None:
    problems = Problems()
    for path in (tmp_path, tmp_path / "none.tsv"):
        with reading(path, problems):
            list(open_lines(path))
    assert [problem.message[:26] for problem in problems.found] == [
        "cannot be read as a matrix", "the file does not exist",
    ]  # fmt: skip
