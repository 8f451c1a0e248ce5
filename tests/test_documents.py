"""What the documents say exists: files, make targets, flags, keys of a manifest."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from data_modules import manifest
from data_modules.manifest import load_manifest
from experiments import dashboard, sweep
from experiments.benchmarks import __main__ as benchmarks
from experiments.config import RunConfig
from experiments.parsing import parse_run
from experiments.prepare import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
COHORTS = ROOT / "docs" / "cohorts.md"

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def blocks(path: Path, language: str) -> list[str]:
    """Fenced blocks of a language, continued lines joined; '' is a plain one."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    # All of them in turn, so that no closing fence is taken for an opening one.
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for of, block in found if of == language]


@each_document
def test_links_lead_to_files(path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not broken


@each_document
def test_no_number_is_still_to_be_filled_in(path) -> None:
    assert not re.findall(r"\bMEASURED|\bTODO|\bTBD\b|@\w+@", path.read_text(encoding="utf-8"))


def test_the_readme_shows_the_speed_that_was_kept() -> None:
    kept = (ROOT / "experiments/benchmarks/RESULTS.md").read_text(encoding="utf-8")
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Speed\n")[1]
    tables = [
        re.findall(r"(?:^\|.*\n)+", text, re.M)[0]
        for text in (shown, kept.split("\n## large\n")[1])
    ]
    assert tables[0] == tables[1]
    assert len(tables[0].splitlines()) > 15


@each_document
def test_files_that_are_named_exist(path) -> None:
    rooms = "mmsurv|data_modules|experiments|tests|docs|docker"
    named = re.findall(rf"`((?:{rooms})/[\w./]+)`", path.read_text(encoding="utf-8"))
    assert not [name for name in named if not (ROOT / name).exists()]


def test_documents_that_the_source_names_exist() -> None:
    sources = [
        p for room in ("mmsurv", "data_modules", "experiments") for p in (ROOT / room).rglob("*")
    ]
    sources += [ROOT / "pyproject.toml", ROOT / "Makefile"]
    gone = {
        f"{source.relative_to(ROOT)}: {name}"
        for source in sources
        if source.suffix in {".py", ".toml", ".yaml", ""} and source.is_file()
        for name in re.findall(r"docs/\w+\.md", source.read_text(encoding="utf-8"))
        if not (ROOT / name).is_file()
    }
    assert not gone


@each_document
def test_make_targets_exist(path) -> None:
    told = re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(told) <= set(re.findall(r"^([a-z]+):(?!=)", makefile, re.MULTILINE))


def prepare_flags() -> set[str]:
    """Of all commands of experiments.prepare."""
    flags: set[str] = set()
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        import_module(f"experiments.preparing.{name}").add_flags(parser)
        flags |= {flag.removeprefix("--") for flag in parser._option_string_actions}
    return flags


@each_document
def test_flags_that_are_named_exist(path) -> None:
    names = {f.name for f in dataclasses.fields(RunConfig)} | {"config", "help"} | prepare_flags()
    for command in (sweep, dashboard, benchmarks):
        names |= {word[2:] for word in command.parser()._option_string_actions}
    # Flags of other programs stand in lines that name them.
    other = re.compile(
        r"experiments\.(?:benchmarks|prepare|report)|make bench|make lock|docker |dask |gres"
    )
    lines = [t for t in path.read_text(encoding="utf-8").splitlines() if not other.search(t)]
    told = re.findall(r"(?<![\w-])--([a-z_]+)", "\n".join(lines))
    assert not set(told) - names


@each_document
def test_commands_can_be_typed(path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    for block in blocks(path, ""):
        for line in re.findall(r"^python -m experiments\.run (.*)$", block, re.MULTILINE):
            assert parse_run(shlex.split(line)).problems() == []


@each_document
def test_manifests_that_are_shown_can_be_read(path, tmp_path) -> None:
    for number, block in enumerate(blocks(path, "yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, encoding="utf-8")
        load_manifest(file)


def test_every_key_of_a_manifest_is_explained_and_shown() -> None:
    kinds = [kind for kind in vars(manifest).values() if dataclasses.is_dataclass(kind)]
    keys = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    text = COHORTS.read_text(encoding="utf-8")
    missing = {key for key in keys - {"file"} if not re.search(rf"`{key}\b", text)}
    assert len(keys) > 25
    assert not missing
    assert len(blocks(COHORTS, "yaml")) == 1
