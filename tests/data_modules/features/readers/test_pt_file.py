from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from data_modules.features.readers import Unreadable, read_raw
from data_modules.features.readers.pt_file import open_pt


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("wrap", [lambda h: h, lambda h: {"features": torch.ones(2, 2), "x": h}])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_does_not_run(tmp_path, wrap, zipped) -> None:
    proof, path = tmp_path / "ran", tmp_path / "P.pt"
    torch.save(wrap(Hostile(proof)), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(Unreadable, match="reading it could run code: where you trust it"):
        read_raw(path)
    assert not proof.exists()
    torch.load(path, weights_only=False)
    assert proof.exists(), "the file was harmless: this test proves nothing"


def test_numpy_arrays_of_objects_are_refused_and_nothing_in_them_runs(tmp_path) -> None:
    proof, path = tmp_path / "ran", tmp_path / "P.pt"
    array = np.empty(2, dtype=object)
    array[:] = [Hostile(proof), 1]
    torch.save(array, path)
    with pytest.raises(Unreadable, match="could run code"):
        read_raw(path)
    torch.save(np.array([None, 1], dtype=object), path)
    with pytest.raises(Unreadable, match="NumPy array of"):
        read_raw(path)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_arrays_of_numpy_1_and_2_are_read(tmp_path, name) -> None:
    array = np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3))
    content = pickle.dumps(array, protocol=2).replace(b"numpy._core.multiarray", name.encode())
    assert name.encode() in content
    with (tmp_path / "P.pt").open("wb") as file:
        # The format before torch 1.6: magic number, version, machine, the object, storages.
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(part, file, protocol=2)
        file.write(content)
        pickle.dump([], file, protocol=2)
    with open_pt(tmp_path / "P.pt") as opened:
        (key,) = opened.entries
        assert opened.load(key).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([torch.ones(2, 2)], "holds a list; what is read is a tensor"),
        (None, "holds a NoneType"),
        ({"embedding": torch.ones(2, 2)}, r"no known layout: it holds \['embedding'\]"),
        (torch.ones(2, 2).to_sparse(), "sparse"),
        (torch.ones(2, 2, dtype=torch.complex64), "must be floats, found <c8"),
        (torch.ones(2, 2, dtype=torch.int8), "must be floats, found |i1"),
        (np.ones((2, 2), dtype=np.complex64), "a NumPy array of c8: save floats"),
        (np.array([["a", "b"]]), "a NumPy array of U1: save floats"),
    ],
)
def test_what_is_no_bag_is_told(tmp_path, content, told) -> None:
    torch.save(content, tmp_path / "P.pt")
    with pytest.raises(Unreadable, match=told):
        read_raw(tmp_path / "P.pt")


def test_tensors_that_need_gradients_or_are_views_are_read(tmp_path) -> None:
    whole = torch.arange(12.0).reshape(4, 3)
    torch.save(whole.T.requires_grad_(), tmp_path / "P.pt")
    assert read_raw(tmp_path / "P.pt").features.tolist() == whole.T.tolist()
