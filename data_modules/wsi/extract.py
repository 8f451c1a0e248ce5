"""One slide into one bag: tiles are read, normalised and encoded, and nothing is kept in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from data_modules.features.write import write_bag
from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem
from data_modules.wsi.encoder import Encoder
from data_modules.wsi.overview import draw_overview
from data_modules.wsi.plan import plan_slide
from data_modules.wsi.recipe import (
    Header,
    Recipe,
    SlideTask,
    digest_of,
    digest_of_settings,
    identity,
)
from data_modules.wsi.rows import Rows
from data_modules.wsi.slide import Slide, open_slide
from data_modules.wsi.stain import Stain, Target, fit_stain, read_target
from data_modules.wsi.tiles import Tiles, read_tiles

Array = np.ndarray
Outcome = Literal["written", "was there", "anew"]

# Batches that are read ahead of the encoder, beside those being read.
AHEAD = 2
# Tiles from all over the slide that its stain is fitted on.
STAIN_TILES = 64


class Extracted(NamedTuple):
    """What became of a slide.

    Attributes:
        name: Of the slide.
        outcome: Written; there already; or written because what was there is of another slide or
            another annotation.
        tiles: How many.
        computed: Those of them that were encoded now.
        seconds: That it took.
        header: What the bag says of itself.
        notes: What a reader should know.
    """

    name: str
    outcome: Outcome
    tiles: int
    computed: int
    seconds: float
    header: Header
    notes: tuple[str, ...]


def extract(
    task: SlideTask,
    recipe: Recipe,
    encoder: Encoder,
    *,
    batch_size: int = 16,
    workers: int = 1,
) -> Extracted:
    """Writes the bag and the overview of one slide, unless they are there.

    What a killed extraction of the same slide computed is not computed again. In memory are a few
    batches of tiles, whatever the slide.

    Args:
        task: The slide and its files.
        recipe: How.
        encoder: Loaded by the recipe.
        batch_size: Tiles encoded together.
        workers: Threads that read and normalise tiles while others are encoded.

    Raises:
        BadInput: The slide or a file of it cannot be used, or no tile is left.
        OSError: The bag cannot be written.
    """
    begun = time.perf_counter()
    settings = recipe.header(encoder.header())
    state = _state(task.path)
    slide, made_of = _opened(task, recipe, settings)
    with slide:
        before = _there(task, made_of)
        if isinstance(before, Extracted) and task.overview.exists():
            return before
        plan = plan_slide(task, recipe, slide, encoder.tile_px)
        _write_overview(task.overview, draw_overview(slide, plan.region, plan.tiles))
        if isinstance(before, Extracted):
            return before
        stain = _stain(recipe, slide, plan.tiles)
        with Rows(
            task.target,
            {**made_of, "tiles": sha256(plan.tiles.coords.tobytes()).hexdigest()},
            count=len(plan.tiles.coords), width=encoder.width, batch=batch_size,
        ) as rows:  # fmt: skip
            kept = rows.done
            for batch in batches(
                slide, plan.tiles, stain, first=rows.done, size=batch_size, workers=workers
            ):
                rows.add(encoder.encode(batch))
            _check_unchanged(task.path, state)
            header = {**settings, **made_of, **_geometry(slide, plan.tiles), **stain.header()}
            write_bag(task.target, rows.read(), plan.tiles.coords, header)
            rows.remove()
    notes = plan.notes
    if kept:
        notes = (*notes, f"went on after {kept} tiles")
    if before or rows.threw:
        notes = (*notes, before or "tiles of an earlier state of the slide were thrown away")
    return Extracted(
        task.name,
        "anew" if before else "written",
        rows.count,
        rows.count - kept,
        time.perf_counter() - begun,
        header,
        notes,
    )


def batches(
    slide: Slide, tiles: Tiles, stain: Stain, *, first: int, size: int, workers: int
) -> Iterator[UInt8[Array, "n t t 3"]]:
    """Normalised tiles in order, read ahead by threads.

    Args:
        slide: Open; may be read by several threads.
        tiles: Where.
        stain: What is done to them.
        first: Tile to begin with.
        size: Of a batch.
        workers: Threads; 0 reads when asked.
    """

    def read(start: int) -> UInt8[Array, "n t t 3"]:
        return stain.apply(read_tiles(slide, tiles, start, min(start + size, len(tiles.coords))))

    starts = range(first, len(tiles.coords), size)
    if not workers:
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="tiles") as pool:
        waiting: deque[Future[Array]] = deque()
        try:
            for start in starts:
                waiting.append(pool.submit(read, start))
                if len(waiting) >= workers + AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _stain(recipe: Recipe, slide: Slide, tiles: Tiles) -> Stain:
    """Fitted on pixels of tiles from all over the slide; the same ones whenever it is asked."""
    target = Target() if recipe.stain_target is None else read_target(recipe.stain_target)
    if recipe.stain == "none":
        return fit_stain(np.zeros((0, 3), np.uint8), "none", target)
    chosen = np.unique(np.linspace(0, len(tiles.coords) - 1, STAIN_TILES).round().astype(int))
    pixels = [read_tiles(slide, tiles, i, i + 1)[0, ::2, ::2].reshape(-1, 3) for i in chosen]
    return fit_stain(np.concatenate(pixels), recipe.stain, target)


def _opened(task: SlideTask, recipe: Recipe, settings: Header) -> tuple[Slide, dict[str, str]]:
    """The slide, and what its bag will be made of.

    Raises:
        BadInput: It cannot be opened, or a file of it not be read: that is no fault of the disk
            that is written to.
    """
    try:
        slide = open_slide(task.path, mpp=recipe.mpp or None)
        return slide, _made_of(task, slide, settings)
    except OSError as error:
        message = f"cannot be read: {error}"
        raise BadInput([Problem(str(task.path), None, None, message)]) from error


def _made_of(task: SlideTask, slide: Slide, settings: Header) -> dict[str, str]:
    """What tells this bag from one of another slide, annotation or recipe."""
    made = {"slide_digest": slide.digest, "recipe": digest_of_settings(identity(settings))}
    for name, path in (("annotation", task.annotation), ("coordinates", task.coords)):
        if path is not None:
            made[f"{name}_digest"] = digest_of(path)
    return made


def _there(task: SlideTask, made_of: Mapping[str, str]) -> Extracted | str:
    """A bag of the same making; or why the one that is there is not; "" where none is."""
    if not task.target.exists():
        return ""
    try:
        with h5py.File(task.target, "r") as file:
            header: dict[str, Any] = {name: _plain(value) for name, value in file.attrs.items()}
            count = len(file["features"])
    except (OSError, KeyError):
        return "the bag that was there could not be read"
    names = ("slide_digest", "annotation_digest", "coordinates_digest", "recipe")
    changed = [name for name in names if header.get(name) != made_of.get(name)]
    if changed:
        what = changed[0].removesuffix("_digest")
        return f"the {what} has changed since the bag was written"
    return Extracted(task.name, "was there", count, 0, 0.0, header, ())


def _state(path: Path) -> tuple[int, int] | None:
    """Of the file; None where there is none, which opening it tells better."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _check_unchanged(path: Path, state: tuple[int, int] | None) -> None:
    """Half of the tiles of one slide and half of another make no bag.

    Raises:
        BadInput: The file was replaced while it was read.
    """
    if _state(path) != state:
        message = "the slide was replaced while it was read: run again"
        raise BadInput([Problem(str(path), None, None, message)])


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _geometry(slide: Slide, tiles: Tiles) -> Header:
    """Sizes under the names that readers of bags know."""
    objective = slide.objective or round(10 / slide.mpp[0])
    return {
        "tool": "mmsurv",
        "mpp": (slide.mpp[0] + slide.mpp[1]) / 2,
        "mpp_x": slide.mpp[0],
        "mpp_y": slide.mpp[1],
        "patch_px": tiles.tile_px,
        "patch_px_level0": tiles.extent_px[0],
        "patch_um": tiles.tile_px * tiles.mpp,
        "magnification": 10 / tiles.mpp,
        "level0_magnification": objective,
        "overlap_px": 0,
        "slide": slide.path.name,
        "vendor": slide.vendor,
    }


def _write_overview(path: Path, picture: UInt8[Array, "h w 3"]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path) as aside:
        Image.fromarray(picture).save(aside, format="PNG")
