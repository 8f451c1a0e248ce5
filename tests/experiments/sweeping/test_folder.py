from __future__ import annotations

import pytest

from data_modules.problems import BadInput
from experiments.sweeping.folder import configurations, open_folder
from experiments.sweeping.sweep_file import read_sweep

WIDE = {"optim.lr": {"min": 0.1, "max": 0.2}}


@pytest.mark.parametrize(
    ("changed", "count", "found"),
    [
        ({}, 0, 4),
        ({}, 3, 3),
        ({}, 9, 4),
        ({"run_cap": 2}, 0, 2),
        ({"method": "random", "parameters": WIDE, "run_cap": 7}, 0, 7),
        ({"method": "bayes", "parameters": WIDE, "run_cap": 7}, 9, 9),
    ],
)
def test_how_many_configurations_there_are(tiny_sweep, changed, count, found) -> None:
    path = tiny_sweep(**changed)
    assert configurations(path, read_sweep(path), count) == found


def test_a_search_without_an_end_is_refused(tiny_sweep) -> None:
    path = tiny_sweep(method="random", parameters=WIDE)
    with pytest.raises(BadInput, match="add run_cap, or --count"):
        configurations(path, read_sweep(path), 0)
    with pytest.raises(BadInput, match="-1 is less than one"):
        configurations(path, read_sweep(path), -1)


def test_a_sweep_goes_on_only_as_it_was_started(order, tiny_sweep) -> None:
    made = order()
    path = made.folder / "sweep.yaml"
    open_folder(made, path)
    open_folder(made._replace(total=2), path)
    with pytest.raises(BadInput, match="column flags: the sweep was started with"):
        open_folder(made._replace(flags=("--folds=3",)), path)
    with pytest.raises(BadInput, match="column search_seed"):
        open_folder(made._replace(seed=3), path)
    with pytest.raises(BadInput, match="column method"):
        open_folder(made._replace(sweep=read_sweep(tiny_sweep(method="random"))), path)


def test_a_folder_of_something_else_is_left_alone(order, tmp_path) -> None:
    made = order()
    path = made.folder / "sweep.yaml"
    other = made._replace(folder=tmp_path / "thesis")
    with pytest.raises(BadInput, match="no such sweep has run"):
        open_folder(other, path, must_exist=True)
    other.folder.mkdir()
    (other.folder / "chapter1.tex").write_text("In the beginning")
    with pytest.raises(BadInput, match="is not empty and holds no sweep"):
        open_folder(other, path)
    assert [file.name for file in other.folder.iterdir()] == ["chapter1.tex"]
