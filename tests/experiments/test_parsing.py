from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from experiments.config import RunConfig
from experiments.config_parts import ModelConfig
from experiments.parsing import as_plain, parse_run, run_parser, to_yaml


def _refused(args: list[str], capsys) -> str:
    with pytest.raises(SystemExit) as exit_:
        parse_run(args)
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_no_flag_is_the_defaults() -> None:
    assert parse_run([]) == RunConfig()


@pytest.mark.parametrize(
    "words",
    [
        ["--modalities", "image", "genes"],
        ["--modalities=[image,genes]"],
        ["--modalities", "[image, genes]"],
        ["--modalities=['image', 'genes']"],
        ["--modalities", "(image,genes)"],
        ["--modalities", "image,genes"],
        ["--modalities=image,genes"],
    ],
)
def test_a_list_may_be_spelled_as_words_or_as_a_list(words) -> None:
    config = parse_run([*words, "--seed", "3"])
    assert config.modalities == ("image", "genes")
    assert config.seed == 3


@pytest.mark.parametrize(
    ("args", "field", "value"),
    [
        (["--horizons", "3"], "horizons", (3.0,)),
        (["--horizons=3"], "horizons", (3.0,)),
        (["--horizons", "1e-1", "-2"], "horizons", (0.1, -2.0)),
        (["--horizons", "(5.0, 10.0)"], "horizons", (5.0, 10.0)),
        (["--horizons", "(5.0,)"], "horizons", (5.0,)),
        (["--only_folds", "0", "2"], "only_folds", (0, 2)),
        (["--only_folds"], "only_folds", ()),
        (["--only_folds", "()"], "only_folds", ()),
        (["--only_folds=[]"], "only_folds", ()),
        (["--modalities", "clinical"], "modalities", ("clinical",)),
    ],
)
def test_lists_of_one_and_of_none(args, field, value) -> None:
    assert getattr(parse_run(args), field) == value


def test_resume_may_stand_alone_anywhere() -> None:
    for args in (["--resume", "--out", "x"], ["--out", "x", "--resume"], ["--resume=true"]):
        assert parse_run(args).resume is True
    assert parse_run(["--resume", "false"]).resume is False
    assert parse_run(["--resume=false"]).resume is False


def test_values_as_a_sweep_spells_them() -> None:
    config = parse_run(
        ["--model.heads=8", "--optim.lr=3e-05", "--data.cache=True", "--fusion=concat",
         "--only_folds=[0, 1]", "--model.dropout=0", "--wandb.tags=['a b', 'c']"]
    )  # fmt: skip
    assert config.model == ModelConfig(heads=8, dropout=0.0)
    assert config.optim.lr == 3e-05
    assert config.data.cache is True
    assert (config.fusion, config.only_folds) == ("concat", (0, 1))
    assert config.wandb.tags == ("a b", "c")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--model.head", "3"], "--model.head"),
        (["--fus", "concat"], "--fus"),
        (["--res"], "--res"),
        (["--modality", "image"], "--modality"),
        (["concat"], "concat"),
        (["--seed", "1.5"], "seed"),
        (["--seed"], "--seed"),
        (["--model.dropout", "much"], "model.dropout"),
        (["--modalities", "image", "sound"], "sound"),
        (["--only_folds", "one"], "one"),
        (["--resume", "perhaps"], "resume"),
    ],
)
def test_abbreviations_and_nonsense_are_refused_by_name(args, words, capsys) -> None:
    assert words in _refused(args, capsys)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("seed: 7\nmodel:\n  width: 32\nmodalities: [genes]\noptim.lr: 0.5\n")
    return path


def test_a_file_is_read_and_flags_after_it_win(file) -> None:
    config = parse_run(["--config", str(file)])
    assert (config.seed, config.model.width, config.modalities) == (7, 32, ("genes",))
    assert config.optim.lr == 0.5
    assert config.model.heads == ModelConfig().heads
    config = parse_run(["--config", str(file), "--seed", "8", "--modalities", "clinical"])
    assert (config.seed, config.model.width, config.modalities) == (8, 32, ("clinical",))


def test_of_two_files_the_later_wins(file, tmp_path) -> None:
    (tmp_path / "more.yaml").write_text("model.width: 48\n")
    config = parse_run(["--config", str(file), "--config", str(tmp_path / "more.yaml")])
    assert (config.seed, config.model.width) == (7, 48)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sed: 1\n", "sed"),
        ("model:\n  widht: 3\n", "widht"),
        ("model.widht: 3\n", "widht"),
        ("seed: many\n", "seed"),
        ("modalities: [sound]\n", "sound"),
        ("fusion: dual\n", "dual"),
    ],
)
def test_an_unknown_key_or_value_in_a_file_is_refused_by_name(
    text, words, tmp_path, capsys
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    assert words in _refused(["--config", str(tmp_path / "bad.yaml")], capsys)


def test_the_yaml_of_a_configuration_reads_back_as_itself(tmp_path) -> None:
    config = RunConfig(
        horizons=(0.5, 3.0), only_folds=(1,), model=ModelConfig(dropout=1e-05, head_start=0.1)
    )
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert parse_run(["--config", str(tmp_path / "config.yaml")]) == config
    plain = as_plain(config)
    assert yaml.safe_load(to_yaml(config)) == plain
    assert list(plain) == [field.name for field in dataclasses.fields(RunConfig)]


def test_resume_takes_the_flags_of_the_folder(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text(to_yaml(RunConfig(seed=5, fusion="gated")))
    config = parse_run(["--resume", "--out", str(tmp_path)])
    assert (config.seed, config.fusion, config.resume) == (5, "gated", True)
    assert config.out == str(tmp_path)
    assert parse_run(["--out", str(tmp_path)]).seed == 0
    assert parse_run(["--resume", "--out", str(tmp_path), "--seed", "6"]).seed == 6


def test_fields_that_become_no_flags_are_told_with_the_reason(monkeypatch) -> None:
    """jsonargparse looks into sources for them, and says nothing where it cannot."""

    def broken(*words: object) -> None:
        raise OSError("too many open files")

    resolvers = "jsonargparse._parameter_resolvers"
    for name in ("ast", "stubs", "by_assumptions"):
        get = f"get_parameters_{name}" if name.startswith("by") else f"get_parameters_from_{name}"
        monkeypatch.setattr(f"{resolvers}.{get}", broken)
    with pytest.raises(RuntimeError, match=r"(?s)'cohort'.*too many open files"):
        run_parser()
