from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from experiments.prepare import main


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir())}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def source(tmp_path) -> Path:
    """A folder of three tools."""
    folder = tmp_path / "source"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(6):
        features = random.normal(size=(50, 8)).astype(np.float32)
        if i < 4:
            with h5py.File(folder / f"P{i}.h5", "w") as file:
                file.create_dataset("features", data=features, chunks=(1, 8))
                file.create_dataset("coords", data=np.zeros((50, 2), int), chunks=(1, 2))
        else:
            torch.save(torch.from_numpy(features), folder / f"P{i}.pt")
    return folder


def test_a_folder_is_converted_and_its_source_left_alone(tmp_path, source, capsys) -> None:
    before = _state(source)
    assert main(["convert", str(source), "--out", str(tmp_path / "out")]) == 0
    assert _state(source) == before
    assert _names(tmp_path / "out") == [f"P{i}.h5" for i in range(6)]
    told = capsys.readouterr().out
    assert "6 files written, 0 were there already, 0 could not be read" in told
    assert re.search(r"size: \d+\.\d MB before, 0\.\d MB after", told)
    assert re.search(r"reading one file: \d+\.\d\d ms before, \d+\.\d\d ms after \(\d+\.\d times",
                     told)  # fmt: skip


def test_a_conversion_that_was_stopped_goes_on(tmp_path, source, capsys) -> None:
    out = tmp_path / "out"
    main(["convert", str(source), "--out", str(out)])
    (out / "P1.h5").unlink()
    (out / "P2.h5").write_bytes((out / "P2.h5").read_bytes()[:900])
    (out / ".P3.h5.partial").write_bytes(b"killed here")
    kept = (out / "P0.h5").stat().st_mtime_ns
    assert main(["convert", str(source), "--out", str(out)]) == 0
    assert "2 files written, 4 were there already" in capsys.readouterr().out
    assert (out / "P0.h5").stat().st_mtime_ns == kept


def test_unreadable_files_are_listed_and_the_rest_is_done(tmp_path, source, capsys) -> None:
    out = tmp_path / "out"
    (source / "P1.h5").write_bytes(b"nothing")
    torch.save([1], source / "P4.pt")
    torch.save(torch.ones(2, 8), source / "P0.pt")
    assert main(["convert", str(source), "--out", str(out)]) == 2
    assert _names(out) == ["P2.h5", "P3.h5", "P5.h5", "quarantine.tsv"]
    rows = [line.split("\t") for line in (out / "quarantine.tsv").read_text().splitlines()]
    assert [Path(row[0]).name for row in rows] == ["file", "P0.h5", "P0.pt", "P1.h5", "P4.pt"]
    assert "stored under two endings" in rows[1][1]
    assert "cannot be read as HDF5" in rows[3][1]
    told = capsys.readouterr().out
    assert "3 files written, 0 were there already, 4 could not be read" in told
    assert f"{source / 'P4.pt'}: holds a list" in told
    for name in ("P0.pt", "P1.h5", "P4.pt"):
        (source / name).unlink()
    assert main(["convert", str(source), "--out", str(out)]) == 0
    assert not (out / "quarantine.tsv").exists()


@pytest.mark.parametrize("out", ["source", "source/inside", "source/../source"])
def test_the_source_is_no_place_to_write(tmp_path, source, out, capsys) -> None:
    before = _state(source)
    assert main(["convert", str(source), "--out", str(tmp_path / out)]) == 2
    assert "which must stay as it is: choose another --out" in capsys.readouterr().err
    assert _state(source) == before


def test_a_link_into_the_source_is_no_place_either(tmp_path, source, capsys) -> None:
    (tmp_path / "link").symlink_to(source)
    assert main(["convert", str(source), "--out", str(tmp_path / "link" / "out")]) == 2
    assert "choose another --out" in capsys.readouterr().err


def test_folders_that_cannot_be_used_are_told(tmp_path, source, capsys) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["convert", str(tmp_path / "nowhere"), *out]) == 2
    assert "the folder of features does not exist" in capsys.readouterr().err
    (tmp_path / "all").mkdir()
    source.rename(tmp_path / "all" / "source")
    assert main(["convert", str(tmp_path / "all"), *out]) == 2
    assert "holds no feature files (.h5, .zarr, .safetensors, .pt); its folders ['source'] do" in (
        capsys.readouterr().err
    )
    (tmp_path / "taken").write_text("")
    assert (
        main(["convert", str(tmp_path / "all" / "source"), "--out", str(tmp_path / "taken")]) == 2
    )
    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
