"""`prepare features --slides DIR --out OUT`: whole slides into the bags that a run reads.

What is in OUT already is not done again, so that an extraction that was stopped goes on, tile by
tile; slides that cannot be used are listed in OUT/quarantine.tsv, and the exit code is 2.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

    from data_modules.wsi.extract import Extracted
    from data_modules.wsi.recipe import SlideTask
    from experiments.preparing.features_setup import Setup

QUARANTINE = "quarantine.tsv"
STAINS = ("macenko", "vahadane", "reinhard", "none")
TISSUES = ("otsu", "morphological", "none")
PRECISIONS = ("fp32", "bf16", "fp16")


class Tally(NamedTuple):
    """What became of the slides.

    Attributes:
        done: Slides with a bag.
        refused: Slides without, and why.
    """

    done: list[Extracted]
    refused: list[tuple[SlideTask, Exception]]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the command; two words may also be joined by a hyphen."""

    def flag(name: str, **about: object) -> None:
        names = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
        parser.add_argument(*names, **about)  # type: ignore[arg-type]

    flag("slides", type=Path, required=True, help="folder of slides, or one; folders below too")
    flag("out", type=Path, required=True, help="where the bags are written")
    flag("annotations", type=Path, help="folder of QuPath's GeoJSON, named like the slides")
    flag("include", nargs="+", default=[], metavar="CLASS", help="annotated classes to take")
    flag("exclude", nargs="+", default=[], metavar="CLASS", help="classes to leave out; these win")
    flag("coords", type=Path, help="folder of TRIDENT or CLAM coordinates, instead of a grid")
    flag("encoder", default="maxvit", help="maxvit, resnet50 or any name that timm knows")
    flag("encoder_weights", type=Path, help="the encoder's weights: .safetensors, .pth")
    flag("random_weights", action="store_true", help="no weights: for tests; bags say so")
    flag("mpp", type=float, default=0.0, help="µm per pixel of slides that say none or nonsense")
    flag(
        "tile_px",
        type=int,
        default=0,
        help="side of a tile in pixels; 0: as the encoder takes them",
    )
    flag("tile_mpp", type=float, default=0.0, help="µm per pixel of a tile; 0: 0.25")
    flag("min_region", type=float, default=0.5, help="least share of a tile in the region")
    flag("min_tissue", type=float, default=0.5, help="least share of a tile that is tissue")
    flag("tissue", choices=TISSUES, default="otsu", help="how tissue is found")
    flag("stain", choices=STAINS, default="macenko", help="normalisation, fitted once a slide")
    flag("stain_target", type=Path, help="image whose colours tiles take; else one is shipped")
    flag("device", default="auto", help="auto, cpu, cuda, cuda:1 …; processes share out the GPUs")
    flag("precision", choices=PRECISIONS, default="fp32", help="of the encoder's arithmetic")
    flag("batch_size", type=int, default=32, help="tiles encoded together")
    flag("workers", type=int, default=2, help="threads a process that read tiles ahead")
    flag("jobs", type=int, default=1, help="slides at a time: processes, or jobs of a queue")
    flag("cluster", default="", help="through Dask: local, tcp://host:port, slurm, pbs")
    flag("resources", nargs="+", default=[], metavar="NAME=AMOUNT",
         help="Dask's resources that a slide takes, such as GPU=1")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Extracts a folder.

    Returns:
        0 when every slide has a bag, 2 when some were refused, 130 when Ctrl-C stopped it.

    Raises:
        BadInput: Flags, folders or the encoder cannot be used, or the disk is full.
    """
    from experiments.surroundings import PAGES, WAITING, settle

    settle(WAITING, PAGES)
    from rich.console import Console

    from data_modules.problems import BadInput, Problem
    from experiments.attempts import LostClusterError
    from experiments.fan_out import check_fan_out
    from experiments.preparing.features_setup import open_folder, set_up

    console = Console(soft_wrap=True)
    setup = set_up(options)
    for note in setup.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    try:
        check_fan_out(jobs=setup.jobs, cluster=setup.cluster, needs=setup.needs)
        open_folder(options.out, setup)
        tally = _extract(setup, console)
        _write(options.out, setup, tally)
    except KeyboardInterrupt:
        console.print("stopped; run the same command again to go on")
        return 130
    except LostClusterError as error:
        console.print(f"{error}; what is done is kept: run again to go on")
        return 1
    except OSError as error:
        message = f"cannot be written: {error}; free some space, and run again to go on"
        raise BadInput([Problem(str(options.out), None, None, message)]) from error
    _tell(console, tally, options.out)
    return 2 if tally.refused else 0


def _extract(setup: Setup, console: Console) -> Tally:
    """All slides, each a task.

    Raises:
        OSError: The disk is full, say: no other slide could be written either.
    """
    from experiments.fan_out import fan_out
    from experiments.preparing.features_progress import SlideProgress
    from experiments.preparing.features_work import extract_one, forget_encoder

    tally = Tally([], [])
    work = partial(extract_one, setup.recipe, setup.settings)
    outcomes = fan_out(work, setup.tasks, jobs=setup.jobs, cluster=setup.cluster, needs=setup.needs)
    try:
        with closing(outcomes), SlideProgress(console, setup.tasks) as progress:
            for index, result in outcomes:
                task = setup.tasks[index]
                if isinstance(result, OSError):
                    raise result
                progress.finish(task, result)
                if isinstance(result, Exception):
                    tally.refused.append((task, result))
                else:
                    tally.done.append(result)
    finally:
        forget_encoder()
    return tally


def _write(out: Path, setup: Setup, tally: Tally) -> None:
    """Quarantine and index."""
    from data_modules.files import write_aside
    from data_modules.wsi.index import write_index
    from experiments.preparing.features_progress import reason

    write_index(out, setup.recipe.encoder, setup.width, tally.done)
    if not tally.refused:
        (out / QUARANTINE).unlink(missing_ok=True)
        return
    lines = ["slide\tfile\treason"]
    for task, error in sorted(tally.refused, key=lambda pair: pair[0].name):
        old = "; the bag of an earlier slide is still there" if task.target.exists() else ""
        lines.append(f"{task.name}\t{task.path}\t{reason(error)}{old}")
    with write_aside(out / QUARANTINE) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tell(console: Console, tally: Tally, out: Path) -> None:
    """What was done and what was refused."""
    from data_modules.wsi.index import MANIFEST
    from experiments.preparing.features_progress import overviews, reason

    there = sum(one.outcome == "was there" for one in tally.done)
    tiles = sum(one.tiles for one in tally.done)
    console.print(
        f"{len(tally.done) - there} slides written, {there} were there already, "
        f"{len(tally.refused)} refused; {tiles} tiles: {out}"
    )
    for task, error in tally.refused:
        console.print(f"  {task.path}: {reason(error)}", markup=False, highlight=False)
    if tally.refused:
        console.print(f"they are listed in {out / QUARANTINE}")
    if tally.done:
        console.print(
            f"look at the pictures in {overviews(out)}; lines for a manifest are in "
            f"{out / MANIFEST}"
        )
