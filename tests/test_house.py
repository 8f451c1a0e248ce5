"""The house rules that a machine can check: the arrow, sizes, types, docstrings, mirrored tests."""

from __future__ import annotations

import ast
import statistics
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("mmsurv", "data_modules", "experiments")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "golden" not in path.parts)

# What a room may import of the others; a name covers everything below it.
ARROW = {
    "mmsurv": (),
    "data_modules": ("mmsurv.batch",),
    "experiments": ("data_modules", "mmsurv"),
}
WHOLE_SLIDE = ("tiatoolbox", "openslide", "timm")

# Source files that are tested elsewhere than at the mirrored path, and why.
TESTED_IN = {
    "experiments/config_parts.py": "experiments/test_config.py",  # with the whole configuration
    "mmsurv/metrics/functional/value.py": "mmsurv/metrics/functional/test_concordance.py",  # a pair
    "mmsurv/losses/cox.py": "mmsurv/losses/test_modules.py",  # shells of the pure functions
    "mmsurv/losses/discrete.py": "mmsurv/losses/test_modules.py",  # likewise
    "mmsurv/models/fusion/base.py": "mmsurv/models/test_net.py",  # abstract: seen in its fusions
    "mmsurv/models/fusion/concat.py": "mmsurv/models/test_net.py",  # parametrised over fusions
    "mmsurv/models/fusion/cross_attention.py": "mmsurv/models/test_net.py",  # likewise
    "mmsurv/models/fusion/gated.py": "mmsurv/models/test_net.py",  # likewise
    "data_modules/known_columns.py": "data_modules/test_proposal.py",  # names, seen in proposals
    # Seen in the page and in the figures of whole reports:
    "experiments/reporting/build.py": "experiments/test_report.py",
    "experiments/reporting/sections.py": "experiments/test_report.py",
    "experiments/reporting/model_section.py": "experiments/test_report.py",
    "experiments/reporting/facts.py": "experiments/reporting/test_reading.py",
    "experiments/reporting/schema.py": "experiments/reporting/test_write.py",
    "experiments/reporting/style.py": "experiments/reporting/test_figures.py",
    # One bag through every layout:
    "data_modules/features/readers/own.py": "data_modules/features/readers/test_read.py",
    "data_modules/features/readers/trident.py": "data_modules/features/readers/test_read.py",
    "data_modules/features/readers/clam.py": "data_modules/features/readers/test_read.py",
    "data_modules/features/readers/stamp.py": "data_modules/features/readers/test_read.py",
    "data_modules/features/readers/tiatoolbox.py": "data_modules/features/readers/test_read.py",
    "data_modules/features/readers/plain.py": "data_modules/features/readers/test_read.py",
}
# Tests of a promise that no single file keeps.
PROMISES = {
    "data_modules/test_fold_designs.py",  # folds by site, from a file, repeated
    "experiments/test_bad_input.py",  # a bad cohort through the whole command
    "experiments/test_fold_designs.py",  # likewise, through the whole command
    "experiments/test_honesty.py",  # noise in, 0.5 out
    "experiments/preparing/test_real_slides.py",  # real slides through the whole command
    "experiments/sweeping/test_agent_of_wandb.py",  # W&B's agent against a server on this machine
    "experiments/test_resume.py",  # a killed run ends with the same bytes
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; relative ones stay in their room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            base = str(node.module)
            # `from mmsurv import batch` names a module in its second half.
            whole = base in ROOMS
            yield from (f"{base}.{alias.name}" if whole else base for alias in node.names)


def imports_of(path: Path) -> set[str]:
    return set(imports(ast.parse(path.read_text(encoding="utf-8"))))


def under(name: str, *roots: str) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def against_the_arrow(room: str, names: set[str]) -> list[str]:
    others = [other for other in ROOMS if other != room]
    return sorted(n for n in names if under(n, *others) and not under(n, *ARROW[room]))


def test_imports_follow_the_arrow() -> None:
    up = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        for name in against_the_arrow(path.relative_to(ROOT).parts[0], imports_of(path))
    ]
    assert not up, "experiments -> data_modules -> mmsurv (only mmsurv.batch):\n" + "\n".join(up)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import mmsurv", ["mmsurv"]),
        ("from mmsurv import batch, survival", ["mmsurv.survival"]),
        ("def f():\n    from experiments.run import main", ["experiments.run"]),
        ("from .. import experiments\nfrom . import mmsurv", []),
        ("from mmsurv.batch import Batch\nimport mmsurv_other", []),
    ],
)
def test_the_arrow_is_seen_through_every_way_to_import(source: str, found: list[str]) -> None:
    assert against_the_arrow("data_modules", set(imports(ast.parse(source)))) == found


def test_whole_slide_libraries_stay_in_their_room() -> None:
    outside = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        for name in sorted(imports_of(path))
        if under(name, *WHOLE_SLIDE) and not name_of(path).startswith("data_modules/wsi/")
    ]
    assert not outside, "only data_modules/wsi/ may import these:\n" + "\n".join(outside)


def test_wandb_stays_where_experiments_are_logged() -> None:
    users = [name_of(p) for p in SOURCES if any(under(n, "wandb") for n in imports_of(p))]
    inside = [name for name in users if not name.startswith("experiments/")]
    assert len(inside) <= 1, f"at most one callback may import wandb: {inside}"
    assert all(name.startswith("mmsurv/callbacks/") for name in inside), inside


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    owners = packages_distributions()
    own = {*ROOMS, *sys.stdlib_module_names}
    undeclared = [
        f"{name_of(path)} imports {top}"
        for path in SOURCES
        for top in sorted({name.split(".")[0] for name in imports_of(path)} - own)
        if not declared & {canonicalize_name(owner) for owner in owners.get(top, [])}
    ]
    assert not undeclared, "add these to pyproject.toml:\n" + "\n".join(undeclared)


def test_files_are_small() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in [*SOURCES, *TESTS]
        if path.name != "__init__.py"
    }
    long = [f"{name_of(path)}: {n} lines" for path, n in lengths.items() if n > 300]
    assert not long, "split these, none may pass 300 lines:\n" + "\n".join(long)
    assert statistics.median(lengths.values()) <= 120


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: equations and examples are not what is counted."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    text = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - text


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {code_lines(function)} lines"
        for path in [*SOURCES, *TESTS]
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if code_lines(function) > 60
    ]
    assert not long, "split these, none may pass 60 lines:\n" + "\n".join(long)


def test_packages_hand_names_on_and_define_nothing() -> None:
    wrong = []
    for path in (p for p in SOURCES if p.name == "__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            wrong.append(f"{name_of(path)}: needs a one-line docstring")
        for node in tree.body[1:]:
            handed = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not (handed or isinstance(node, ast.Import | ast.ImportFrom)):
                wrong.append(f"{name_of(path)}:{node.lineno}: move this definition to a module")
    assert not wrong, "\n".join(wrong)


def public(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Public classes, functions and methods, with the constructor of a public class."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_") and node.name not in {"__init__", "__call__"}:
                continue
            yield f"{owner}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{owner}{node.name}.")


def unannotated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    spec = function.args
    arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    arguments += [argument for argument in (spec.vararg, spec.kwarg) if argument]
    bare = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
    return [*bare, *([] if function.returns else ["return"])]


def test_everything_public_is_typed_and_documented() -> None:
    wrong = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            wrong.append(f"{name_of(path)}: no docstring")
        for name, node in public(tree.body):
            where = f"{name_of(path)}:{node.lineno} {name}"  # type: ignore[attr-defined]
            if "__" not in name and not ast.get_docstring(node):  # type: ignore[arg-type]
                wrong.append(f"{where}: no docstring")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and unannotated(node):
                wrong.append(f"{where}: no type for {', '.join(unannotated(node))}")
    assert not wrong, "\n".join(wrong)


def test_pure_functions_show_an_example() -> None:
    silent = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in SOURCES
        if "functional" in path.parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if ">>>" not in (ast.get_docstring(node) or "")
    ]
    assert not silent, "these need a doctest:\n" + "\n".join(silent)


def has_code(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)


def mirror_name(path: Path) -> str:
    return f"test_{path.name.replace('__', '')}"  # __main__.py is tested in test_main.py


def test_tests_mirror_the_source() -> None:
    missing = []
    for path in (p for p in SOURCES if p.name != "__init__.py" and has_code(p)):
        mirrored = path.relative_to(ROOT).with_name(mirror_name(path)).as_posix()
        expected = TESTED_IN.get(name_of(path), mirrored)
        if not (ROOT / "tests" / expected).is_file():
            missing.append(f"{name_of(path)}: no tests/{expected}")
    assert not missing, "write these, or say in TESTED_IN where and why:\n" + "\n".join(missing)


def test_the_exceptions_of_the_mirror_are_still_needed() -> None:
    gone = [name for name in TESTED_IN if not (ROOT / name).is_file()]
    gone += [name for name in PROMISES if not (ROOT / "tests" / name).is_file()]
    twice = [
        n for n in TESTED_IN if (ROOT / "tests" / Path(n).with_name(mirror_name(Path(n)))).is_file()
    ]
    assert not gone, f"no longer there: {gone}"
    assert not twice, f"these have a test of their own now: {twice}"


def test_no_test_file_has_lost_its_source() -> None:
    mirrored = [
        path.relative_to(ROOT / "tests")
        for path in TESTS
        if path.name.startswith("test_") and path.parent != ROOT / "tests"
        if path.relative_to(ROOT / "tests").as_posix() not in {*TESTED_IN.values(), *PROMISES}
    ]
    lost = [
        f"tests/{path.as_posix()}"
        for path in mirrored
        if not (ROOT / path.with_name(path.name.removeprefix("test_"))).is_file()
        and not (ROOT / path.with_name(path.stem.removeprefix("test_"))).is_dir()
        and not (path.name == "test_main.py" and (ROOT / path.with_name("__main__.py")).is_file())
    ]
    assert not lost, (
        "the source of these is gone; move them, or name them in PROMISES:\n" + "\n".join(lost)
    )
