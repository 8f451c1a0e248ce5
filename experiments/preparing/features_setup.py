"""Everything that is looked at before the first slide is opened."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem, Problems
from data_modules.wsi.find import ANNOTATIONS, COORDS, belonging, find_slides
from data_modules.wsi.recipe import Header, Recipe, SlideTask, identity
from data_modules.wsi.regions import read_classes, unknown_classes
from data_modules.wsi.stain import check_target
from data_modules.wsi.tiles import Grid
from experiments.preparing.features_progress import overviews
from experiments.preparing.features_work import Settings, encoder_of

RECIPE = "recipe.json"
TILE_MPP = 0.25
# Names shown of files that belong to nobody.
SHOWN = 5


class Setup(NamedTuple):
    """What is to be done.

    Attributes:
        tasks: One a slide, the largest first: no process ends long after the others.
        recipe: What decides the features.
        settings: What does not.
        header: The recipe as every bag tells it.
        width: Of the features.
        jobs: Processes.
        cluster: Where they run.
        needs: Dask's resources of a slide.
        notes: What a reader should know.
    """

    tasks: list[SlideTask]
    recipe: Recipe
    settings: Settings
    header: Header
    width: int
    jobs: int
    cluster: str
    needs: dict[str, float]
    notes: list[str]


def set_up(options: argparse.Namespace) -> Setup:
    """Checks the flags, finds the slides and loads the encoder once.

    Raises:
        BadInput: With everything that cannot be used.
    """
    problems = Problems()
    _check_numbers(options, problems)
    needs = read_needs(options.resources, options.cluster, problems)
    tasks, notes = gather(options, problems)
    _check_classes(options, problems)
    _check_target(options, problems)
    problems.raise_if_any()
    recipe = Recipe(
        encoder=options.encoder,
        weights=_absolute(options.encoder_weights),
        random_weights=options.random_weights,
        precision=options.precision,
        grid=Grid(
            options.tile_px, options.tile_mpp or TILE_MPP, options.min_region, options.min_tissue
        ),
        mpp=options.mpp,
        stain=options.stain,
        stain_target=_absolute(options.stain_target),
        tissue=options.tissue,
        include=tuple(options.include),
        exclude=tuple(options.exclude),
        coords=options.coords is not None,
    )
    alone = options.jobs == 1 and not options.cluster
    settings = Settings(options.device, options.batch_size, options.workers)
    # Elsewhere there may be a GPU that this machine lacks; the weights are what is checked here.
    encoder = encoder_of(recipe, settings if alone else settings._replace(device="cpu"))
    side = options.tile_px or encoder.tile_px
    recipe = replace(recipe, grid=replace(recipe.grid, tile_px=side))
    if side != encoder.tile_px:
        notes.append(f"{options.encoder} resamples tiles of {side} px to {encoder.tile_px} px")
    return Setup(
        tasks, recipe, settings, recipe.header(encoder.header()), encoder.width,
        options.jobs, options.cluster, needs, notes,
    )  # fmt: skip


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def gather(options: argparse.Namespace, problems: Problems) -> tuple[list[SlideTask], list[str]]:
    """Slides with their files, and what a reader should know of them."""
    out: Path = options.out.absolute()
    if out.exists() and not out.is_dir():
        problems.add(out, "is no folder: choose another --out")
    slides = find_slides(options.slides.absolute(), problems)
    notes: list[str] = []

    def files(folder: Path | None, endings: tuple[str, ...], what: str) -> dict[str, Path]:
        if folder is None:
            return {}
        # A worker of a cluster starts elsewhere.
        folder = folder.absolute()
        found, strangers = belonging(folder, slides, endings, problems)
        if strangers and slides and not found:
            problems.add(
                folder, f"none of its {len(strangers)} {what} is named like a slide "
                f"({strangers[0].name}, {next(iter(slides))})"
            )  # fmt: skip
        if strangers:
            names = ", ".join(path.name for path in strangers[:SHOWN])
            notes.append(f"{len(strangers)} {what} belong to no slide: {names}")
        lacking = [name for name in slides if name not in found]
        if lacking:
            named = ", ".join(lacking[:SHOWN])
            notes.append(f"{len(lacking)} slides have no {what}: {named}")
        return found

    annotations = files(options.annotations, ANNOTATIONS, "annotations")
    coords = files(options.coords, COORDS, "coordinates")
    for flag in ("include", "exclude"):
        if getattr(options, flag) and options.annotations is None:
            problems.add(f"--{flag}", "names annotated classes: give --annotations as well")
    if options.annotations is not None and options.coords is not None:
        problems.add("--coords", "says where tiles lie, and so does --annotations: drop one")
    tasks = [
        SlideTask(
            name, path, annotations.get(name), coords.get(name),
            out / f"{name}.h5", overviews(out) / f"{name}.png",
        )
        for name, path in sorted(slides.items(), key=lambda pair: -pair[1].stat().st_size)
    ]  # fmt: skip
    return tasks, notes


def read_needs(given: list[str], cluster: str, problems: Problems) -> dict[str, float]:
    """Resources by name.

    Example:
        >>> read_needs(["GPU=1"], "local", Problems())
        {'GPU': 1.0}
    """
    needs = {}
    for text in given:
        name, equals, amount = text.partition("=")
        try:
            needs[name] = float(amount)
            fits = bool(name and equals) and needs[name] > 0
        except ValueError:
            fits = False
        if not fits:
            problems.add("--resources", f"{text!r} is no NAME=AMOUNT, such as GPU=1")
    if given and not cluster:
        problems.add("--resources", "are those of a cluster's workers: give --cluster as well")
    return needs


def open_folder(out: Path, setup: Setup) -> None:
    """Writes the recipe into a new folder; one that is there must be of the same recipe.

    Raises:
        BadInput: The folder's slides were made otherwise.
        OSError: It cannot be written.
    """
    stored = out / RECIPE
    if stored.is_file():
        before: Mapping[str, Any] = identity(json.loads(stored.read_text(encoding="utf-8")))
        now = identity(setup.header)
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if changed:
            raise BadInput(
                Problem(
                    str(stored), None, name,
                    f"was {before.get(name)!r}, is now {now.get(name)!r}: a folder holds "
                    "features of one making; choose another --out",
                )
                for name in changed
            )  # fmt: skip
        return
    out.mkdir(parents=True, exist_ok=True)
    with write_aside(stored) as aside:
        aside.write_text(json.dumps(setup.header, indent=2) + "\n", encoding="utf-8")


def _check_numbers(options: argparse.Namespace, problems: Problems) -> None:
    for name, least in (("batch_size", 1), ("workers", 0), ("jobs", 1), ("tile_px", 0)):
        value = getattr(options, name)
        if value < least:
            problems.add(f"--{name}", f"{value} is less than {least}")
    for name in ("min_region", "min_tissue"):
        value = getattr(options, name)
        if not 0 <= value <= 1:
            problems.add(f"--{name}", f"{value:g} is no share: from 0 to 1")
    for name in ("tile_mpp", "mpp"):
        value = getattr(options, name)
        if not (0.05 <= value <= 20 or value == 0):
            problems.add(f"--{name}", f"{value:g} is no µm per pixel: from 0.05 to 20")
    for name in ("tile_px", "tile_mpp"):
        if getattr(options, name) and options.coords is not None:
            problems.add(f"--{name}", "is what the files of --coords say: drop one")


def _check_classes(options: argparse.Namespace, problems: Problems) -> None:
    """A class that no slide has is misspelt: to leave it out would tile what it names."""
    folder: Path | None = options.annotations
    wanted = [*options.include, *options.exclude]
    if folder is None or not folder.is_dir() or not wanted:
        return
    names: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ANNOTATIONS and not path.name.startswith("."):
            names |= read_classes(path)
    for flag in ("include", "exclude"):
        for message in unknown_classes(getattr(options, flag), names):
            problems.add(f"--{flag}", message)


def _check_target(options: argparse.Namespace, problems: Problems) -> None:
    if options.stain_target is not None:
        try:
            check_target(options.stain_target, options.stain)
        except BadInput as error:
            problems.found.extend(error.problems)
