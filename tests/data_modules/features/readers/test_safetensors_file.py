from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from data_modules.features.readers import Unreadable, read_raw


def _write(path, header, values: bytes) -> None:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


def _described(shape, begin, end, dtype="F32") -> dict[str, object]:
    return {"features": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def test_values_and_notes_of_the_library_are_read_where_they_lie(tmp_path) -> None:
    features = np.random.default_rng(0).random((5, 3)).astype(np.float16)
    values = {"features": features, "coords": np.ones((5, 2), int)}
    notes = {"encoder": "uni", "unit": "um", "mpp": "0.25"}
    save_file(values, tmp_path / "P.safetensors", metadata=notes)
    raw = read_raw(tmp_path / "P.safetensors")
    assert raw.features.tobytes() == values["features"].tobytes()
    assert raw.places[0].offset is not None
    assert raw.meaning.unit == "um"
    assert raw.meaning.provenance.attributes() == {"encoder": "uni", "mpp": 0.25}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (_described([2, 3], 0, 9999), "claims bytes 0 to 9999 of 24: the file is cut short"),
        (_described([999, 999], 0, 24), r"claims shape \(999, 999\) of F32 in 24 bytes"),
        (_described([2, 3], -24, 0), "claims bytes -24 to 0"),
        (_described([-2, -3], 0, 24), "claims bytes 0 to 24"),
        (_described([2, 3.0], 0, 24), "claims bytes"),
        (_described([2, 3], 0, 24, "I8"), "claims shape"),
        (_described([2, 3], 0, 24, "F8_E4M3"), "must be floats, found F8_E4M3"),
        (_described([2, 3], 0, 24, "I32"), "must be floats, found <i4"),
        ({"features": 3}, "cannot be read as safetensors"),
        ([1], "the header is no mapping"),
        (b"{nonsense", "cannot be read as safetensors"),
    ],
)
def test_a_lying_header_is_refused(tmp_path, header, told) -> None:
    _write(tmp_path / "P.safetensors", header, bytes(24))
    with pytest.raises(Unreadable, match=told):
        read_raw(tmp_path / "P.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 8, (2**62).to_bytes(8, "little")])
def test_a_header_longer_than_the_file_is_refused(tmp_path, content) -> None:
    (tmp_path / "P.safetensors").write_bytes(content)
    with pytest.raises(Unreadable, match="the header claims"):
        read_raw(tmp_path / "P.safetensors")
