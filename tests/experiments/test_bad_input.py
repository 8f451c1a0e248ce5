from __future__ import annotations

import pytest

from experiments.run import main


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--model.head", "3"), "--model.head"),
        (("--fusion", "dual"), "dual_xattn"),
        (("--optim.lr", "fast"), "optim.lr"),
        (("--modalities", "image", "radiology"), "radiology"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_a_flag_that_is_not_one_is_refused_by_name(capsys, flags, message) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(list(flags))
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_all_bad_values_are_reported_at_once_and_nothing_is_written(
    capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--folds", "1", "--model.heads", "3", "--optim.lr", "0", "--horizons", "-1"]
    assert main(flags) == 2
    printed = capsys.readouterr().err
    for words in ("--folds=1", "--model.heads=3", "--optim.lr=0", "--horizons=[-1"):
        assert words in printed
    assert not list(tmp_path.iterdir())


def test_a_missing_manifest_is_refused_before_anything_is_written(run, capsys, tmp_path) -> None:
    assert run(cohort=tmp_path / "none.yaml") == 2
    assert "none.yaml" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_bad_tables_are_refused_before_anything_is_written(
    run, capsys, tmp_path, toy_manifest
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for path in toy_manifest.parent.iterdir():
        if path.is_file():
            (bad / path.name).write_text(path.read_text())
    (bad / "features").symlink_to(toy_manifest.parent / "features")
    table = (bad / "clinical.csv").read_text().splitlines()
    cells = table[3].split(",")
    cells[3], cells[5] = "-4", "old"
    table[3] = ",".join(cells)
    (bad / "clinical.csv").write_text("\n".join([*table, table[1]]))
    assert run(cohort=bad / "cohort.yaml") == 2
    printed = capsys.readouterr().err
    assert "row 4, column os_days: the time -4 is not positive" in printed
    assert "row 4, column age: 'old' is not a number" in printed
    assert "patient 'TOY-0000' has two rows" in printed
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--endpoint", "OSS"), "--endpoint=OSS: there are ['OS']; did you mean OS?"),
        (("--encoder", "maxvt"), "did you mean maxvit?"),
        (("--folds", "60"), "use fewer --folds"),
    ],
)
def test_a_request_that_the_cohort_cannot_meet_is_refused(
    run, capsys, tmp_path, flags, message
) -> None:
    assert run(*flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_folder_in_use_is_refused(run, capsys, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "something").write_text("mine")
    assert run() == 2
    assert "--resume" in capsys.readouterr().err
    assert (tmp_path / "run" / "something").read_text() == "mine"
