from __future__ import annotations

import json

import pytest

from experiments.dashboard import main


def test_a_report_is_built_offline(tmp_path, capsys) -> None:
    path, picture = tmp_path / "report.json", tmp_path / "report.svg"
    assert main(["--json", str(path), "--picture", str(picture)]) == 0
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["project"]["name"] == "mmsurv"
    assert picture.stat().st_size > 1000
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--json", "x.json", "--arm", "fusoin"], "did you mean fusion?"),
        (["--json", "x.json", "--folds", "0"], "--folds: 0"),
        (["--json", "x.json", "--sweep", "nowhere.yaml"], "nowhere.yaml"),
        (["--entity", "team"], "no API key: `wandb login`"),
        ([], "--entity: is empty"),
    ],
)
def test_what_cannot_be_built_is_refused(flags, told, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert main(flags) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
