"""What stands around the code: Makefile, lock, continuous integration, container."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def files() -> Iterator[Path]:
    """Files of the project, without what .gitignore names."""
    ignored = [".git", *(ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    for folder, subfolders, names in os.walk(ROOT):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if not is_ignored(here / name, ignored)]
        yield from (here / name for name in names if not is_ignored(here / name, ignored))


def is_ignored(path: Path, patterns: list[str]) -> bool:
    # A pattern that starts with a slash speaks of the top folder alone.
    candidates = [path.name, f"/{path.name}"] if path.parent == ROOT else [path.name]
    return any(fnmatch.fnmatch(c, p.rstrip("/")) for c in candidates for p in patterns)


# --- Makefile -----------------------------------------------------------------------------------


def make(*words: str) -> subprocess.CompletedProcess[str]:
    # A make that runs the tests must not hand its own flags on.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_test_that_hangs_ends_the_run_and_is_named(tmp_path) -> None:
    (tmp_path / "test_hanging.py").write_text(
        "import time\n\ndef test_hangs():\n    time.sleep(1000)\n\ndef test_next():\n    pass\n"
    )
    recipe = make("--dry-run", "test", "ARGS=").stdout.replace("\\\n", " ").splitlines()[-1]
    words = recipe.split(" -m pytest ")[1].split()
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    soon = ["-o", "faulthandler_timeout=2", "-p", "no:cacheprovider"]
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *settings, *soon, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert tests.returncode == 1
    assert re.search(r"FAILED .*test_hangs - worker 'gw\d' crashed", tests.stdout)
    assert tests.stderr.count("Timeout (0:00:02)!") == 1


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("words", [[], ["help"]])
def test_make_lists_every_target_and_does_nothing_else(words: list[str]) -> None:
    shown = make(*words).stdout
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", shown, re.MULTILINE))
    assert set(listed) == targets()
    assert {"help", "setup", "run", "test", "check", "bench", "lock", "smoke", "clean"} <= targets()


def test_no_target_is_mistaken_for_a_file() -> None:
    phony = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)
    assert set(" ".join(phony).split()) == targets()


def test_setup_explains_itself_where_no_python_will_do() -> None:
    # Another name for .venv keeps the real one out of it.
    told = make("VENV=no-such-folder/.venv", "PYTHON=no-such-python", "setup")
    assert told.returncode == 2
    assert "needs Python 3.11 or newer" in told.stderr
    assert "no-such-python: not found" in told.stderr


# --- Lock and dependencies ----------------------------------------------------------------------


def locked() -> dict[str, list[tuple[Requirement, list[str]]]]:
    """Entries of the lock by name; a package may have several, for several systems."""
    entries: dict[str, list[tuple[Requirement, list[str]]]] = {}
    joined = LOCK.replace("\\\n", " ")
    for line in filter(None, (text.split("#", 1)[0].strip() for text in joined.splitlines())):
        requirement = Requirement(line.split("--hash", 1)[0].strip())
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})(?!\S)", line)
        entries.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashes))
    return entries


def declared() -> list[Requirement]:
    project = tomllib.loads(PROJECT)
    lines = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        lines += extra
    requirements = [Requirement(line) for line in lines]
    return [r for r in requirements if r.name != project["project"]["name"]]


def test_every_locked_package_is_exact_and_hashed() -> None:
    entries = [entry for several in locked().values() for entry in several]
    assert len(entries) > 200
    for requirement, hashes in entries:
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), f"not exact: {requirement}"
        assert hashes, f"{requirement} has no hash: run make lock"


@pytest.mark.parametrize("requirement", declared(), ids=lambda r: r.name)
def test_the_lock_satisfies_the_project(requirement: Requirement) -> None:
    entries = locked().get(canonicalize_name(requirement.name), [])
    assert entries, f"{requirement.name} is not locked: run make lock"
    for entry, _ in entries:
        version = Version(str(entry.specifier).removeprefix("=="))
        assert version in requirement.specifier, f"{entry} against {requirement}: run make lock"


@pytest.mark.parametrize("name", ["uv", "setuptools"])
def test_make_finds_in_the_lock_what_installs_the_rest(name) -> None:
    # Makefile cuts the entry out by its first line, so it must stand alone and for every system.
    assert [str(requirement.marker) for requirement, _ in locked()[name]] == ["None"]
    assert re.search(rf"^{name}==", LOCK, re.MULTILINE)


def test_nothing_is_locked_that_needs_a_compiler() -> None:
    # Built from source where there is no wheel: ecos needs C, autograd-gamma is plain Python.
    [(ecos, _)] = locked()["ecos"]
    assert ecos.marker is not None
    assert ecos.marker.evaluate({"python_full_version": "3.12.9"})
    assert not ecos.marker.evaluate({"python_full_version": "3.13.0"})


def test_no_address_of_a_registry_is_written_down() -> None:
    places = [p for p in files() if p.name.startswith("requirements") or p.suffix == ".toml"]
    places += [
        p for p in files() if p.name in {"pip.conf", "Makefile", "Dockerfile", ".dockerignore"}
    ]
    address = re.compile(
        r"https?://|file://|^\s*-[if]\s|(?:^|\s)--(?:extra-)?index-url|(?:^|\s)--find-links"
    )
    found = [
        f"{path.relative_to(ROOT)}:{row}: {line.strip()}"
        for path in places
        for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if address.search(line)
    ]
    assert len(places) >= 4
    assert not found, "\n".join(found)


def test_every_dependency_says_why_it_is_there() -> None:
    silent, before = [], ""
    for line in PROJECT.split("[tool.", 1)[0].splitlines():
        names_one = re.match(r'\s+"[A-Za-z]|requires = |[a-z]+ = \["', line)
        if names_one and not line.startswith(("keywords", "authors")) and "::" not in line:
            explained = before.strip().startswith("#") or re.search(r'["\]],?\s+#', line)
            silent += [] if explained or "mmsurv[" in line else [line.strip()]
        before = line
    assert not silent, "say why above each of these in pyproject.toml:\n" + "\n".join(silent)


# --- Continuous integration and container -------------------------------------------------------


def test_the_ci_script_is_strict_and_goes_through_make() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert "exec </dev/null" in text
    assert re.search(r"^make -j 2 check test$", text, re.MULTILINE)
    assert re.search(r"^make smoke$", text, re.MULTILINE)
    subprocess.run(["bash", "-n", script], check=True)


def test_outside_contributors_get_the_same_checks() -> None:
    path = ROOT / ".github" / "workflows" / "ci.yml"
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    events = workflow[True]  # YAML 1.1 reads the key `on` as true
    assert {"push", "pull_request", "schedule"} <= set(events)
    assert all(entry["cron"].endswith("1-5") for entry in events["schedule"])
    assert workflow["permissions"] == {"contents": "read"}
    job = workflow["jobs"]["locked"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    for each in workflow["jobs"].values():
        assert ".ci/run" in [step.get("run") for step in each["steps"]]


def stages(dockerfile: str) -> dict[str, list[tuple[str, str]]]:
    """Instructions of each stage of a Dockerfile; those before the first stage under ''."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE))
    found: dict[str, list[tuple[str, str]]] = {"": []}
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [("FROM", base)]
        else:
            found[list(found)[-1]].append((word, rest))
    return found


def test_the_container_is_built_by_make_and_does_not_run_as_root() -> None:
    parts = stages((ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"))
    # CPU or CUDA by a build argument: the base of both the building and the running stage.
    assert ("ARG", "DEVICE=cpu") in parts[""]
    assert {"base-cpu", "base-cuda"} <= set(parts)
    assert parts["system"][0] == ("FROM", "base-${DEVICE}")
    assert parts["build"][0] == parts["final"][0] == ("FROM", "system")
    assert list(parts)[-1] == "final"
    assert any(w == "RUN" and rest.endswith("make setup") for w, rest in parts["build"])
    final = parts["final"]
    assert any(w == "COPY" and rest.startswith("--from=build") for w, rest in final)
    assert [rest for w, rest in final if w == "USER"] == ["mmsurv"]
    words = [w for w, _ in final]
    assert words.index("USER") > max(i for i, w in enumerate(words) if w in {"COPY", "RUN"})


def test_the_container_finds_everything_it_copies() -> None:
    parts = stages((ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"))
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    for word, rest in (line for part in parts.values() for line in part):
        if word == "COPY" and not rest.startswith("--"):
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), f"the Dockerfile copies {name}"
                assert f"!{name.split('/')[0]}" in allowed, f".dockerignore holds {name} back"


# --- Everything ---------------------------------------------------------------------------------


def test_no_path_of_one_machine_is_written_down() -> None:
    private = re.compile(r"(?<![\w.*)}-])/(?:work|root|tmp|home|Users|mnt|scratch)/[\w.]")
    found = [
        f"{path.relative_to(ROOT)}:{row}: {line.strip()}"
        for path in files()
        for row, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), start=1)
        if private.search(line)
    ]
    assert not found, "paths of one machine:\n" + "\n".join(found)
