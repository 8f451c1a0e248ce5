from __future__ import annotations

import json
import pickle
import sys

import numpy as np
import pytest

from data_modules.features.readers import Unreadable, read_raw

zarr = pytest.importorskip("zarr")


def _group(path, features: np.ndarray, **layout: object) -> None:
    group = zarr.open_group(str(path), mode="w", zarr_format=layout.pop("zarr_format", 3))
    group.create_array("features", data=features, **layout)
    boxes = np.tile(np.arange(4), (len(features), 1)) + 1
    group.create_array("coordinates", data=boxes)


@pytest.mark.parametrize(
    "layout", [{}, {"chunks": (2, 3)}, {"chunks": (2, 3), "shards": (4, 3)}, {"zarr_format": 2}]
)
def test_every_layout_of_the_format_reads_the_same(tmp_path, layout) -> None:
    features = np.random.default_rng(0).random((7, 3)).astype(np.float16)
    _group(tmp_path / "P.zarr", features, **layout)
    raw = read_raw(tmp_path / "P.zarr")
    assert raw.features.tobytes() == features.tobytes()
    assert raw.coords is not None
    assert raw.coords.tolist() == [[1, 2]] * 7


def test_lost_chunks_are_not_read_as_zeros(tmp_path) -> None:
    _group(tmp_path / "P.zarr", np.ones((7, 3)), chunks=(2, 3))
    (tmp_path / "P.zarr" / "features" / "c" / "1" / "0").unlink()
    with pytest.raises(Unreadable, match="1 of 4 chunks of features were never written, or are l"):
        read_raw(tmp_path / "P.zarr")


@pytest.mark.parametrize("compressors", ["auto", None])
def test_truncated_chunks_are_refused(tmp_path, compressors) -> None:
    _group(tmp_path / "P.zarr", np.random.default_rng(0).random((40, 3)), compressors=compressors)
    chunk = tmp_path / "P.zarr" / "features" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:50])
    with pytest.raises(Unreadable, match="cannot be read as zarr"):
        read_raw(tmp_path / "P.zarr")


class Hostile:
    """Writes a file when it is unpickled."""

    def __init__(self, proof: str) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.proof, "w")


@pytest.mark.parametrize(
    ("codecs", "told"),
    [
        ({"compressor": {"id": "pickle"}}, "pickle"),
        ({"filters": [{"id": "base64"}]}, "features needs the codec base64, which is not trusted"),
        ({"compressor": {"id": "zlib"}, "filters": [{"id": "pickle"}]}, "pickle"),
    ],
)
def test_a_codec_that_unpickles_is_refused_and_does_not_run(tmp_path, codecs, told) -> None:
    _group(tmp_path / "P.zarr", np.ones((2, 3)), zarr_format=2, compressors=None)
    about = tmp_path / "P.zarr" / "features" / ".zarray"
    content = json.loads(about.read_text())
    about.write_text(json.dumps({**content, **codecs}))
    proof = tmp_path / "ran"
    (tmp_path / "P.zarr" / "features" / "0.0").write_bytes(pickle.dumps(Hostile(str(proof))))
    with pytest.raises(Unreadable, match=told):
        read_raw(tmp_path / "P.zarr")
    assert not proof.exists()


def test_without_zarr_the_way_out_is_told(tmp_path, monkeypatch) -> None:
    _group(tmp_path / "P.zarr", np.ones((2, 3)))
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(Unreadable, match=r'pip install "mmsurv\[wsi\]"'):
        read_raw(tmp_path / "P.zarr")


def test_a_folder_that_is_no_group_is_refused(tmp_path) -> None:
    (tmp_path / "P.zarr").mkdir()
    with pytest.raises(Unreadable, match="cannot be read as zarr"):
        read_raw(tmp_path / "P.zarr")
