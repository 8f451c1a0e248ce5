from __future__ import annotations

import codecs
import gzip

import pytest

from data_modules.sources.text import open_text

TEXT = "id,note\r\nP1,naïve Grüße\n"
SAVED = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with mark": TEXT.encode("utf-8-sig"),
    "UTF-16 little": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "UTF-16 big": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-32 little": codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    "UTF-32 big": codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    "nothing": b"",
}


def read(path) -> str:
    with open_text(path) as file:
        return file.read()


@pytest.mark.parametrize("content", SAVED.values(), ids=SAVED.keys())
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_the_mark_tells_the_encoding(tmp_path, content, packed) -> None:
    path = tmp_path / ("a.csv.GZ" if packed else "a.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read(path) == (TEXT if content else "")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_another_encoding_is_refused_with_the_way_out(tmp_path, encoding) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    with pytest.raises(UnicodeDecodeError, match=r"save the file as UTF-8 \(it is now perhaps lat"):
        read(tmp_path / "a.csv")


def test_a_packed_file_that_is_cut_off_or_not_packed(tmp_path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(EOFError):
        read(path)
    path.write_bytes(TEXT.encode())
    with pytest.raises(OSError, match="Not a gzipped file"):
        read(path)
