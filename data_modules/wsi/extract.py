"""One slide into one bag: tiles are read, normalised and encoded, and nothing is kept in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from shapely.geometry.base import BaseGeometry

from data_modules.features.write import write_bag
from data_modules.files import write_aside
from data_modules.problems import BadInput, Problem
from data_modules.wsi.encoder import Encoder
from data_modules.wsi.lock import slide_lock
from data_modules.wsi.making import (
    Found,
    check_unchanged,
    find_bag,
    geometry,
    made_of,
    state_of,
)
from data_modules.wsi.overview import draw_overview
from data_modules.wsi.plan import plan_slide
from data_modules.wsi.recipe import Header, Recipe, SlideTask
from data_modules.wsi.regions import all_annotated
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
# To draw a slide that is refused, any scale does.
ANY_MPP = 1.0
NO_TILES = Tiles(np.zeros((0, 2), np.int64), (1.0, 1.0), 1, ANY_MPP)


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
    batch_size: int = 32,
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
    state = state_of(task.path)
    try:
        slide, made = _opened(task, recipe, settings)
    except BadInput:
        _draw_refused(task)
        raise
    with slide, slide_lock(task.target):
        before = find_bag(task.target, made)
        if isinstance(before, Found) and task.overview.exists():
            return _was_there(task, before)
        try:
            plan = plan_slide(task, recipe, slide, encoder.tile_px)
        except BadInput:
            _draw_refused(task)
            raise
        _write_overview(task.overview, draw_overview(slide, plan.region, plan.tiles))
        if isinstance(before, Found):
            return _was_there(task, before)
        stain = _stain(recipe, slide, plan.tiles)
        with Rows(
            task.target,
            {**made, "tiles": sha256(plan.tiles.coords.tobytes()).hexdigest()},
            count=len(plan.tiles.coords), width=encoder.width, batch=batch_size,
        ) as rows:  # fmt: skip
            kept = rows.done
            for batch in batches(
                slide, plan.tiles, stain, first=rows.done, size=batch_size, workers=workers
            ):
                rows.add(encoder.encode(batch))
            check_unchanged(task.path, state)
            header = {**settings, **made, **geometry(slide, plan.tiles), **stain.header()}
            write_bag(task.target, rows.read(), plan.tiles.coords, header)
            rows.remove()
    notes = (*slide.notes, *plan.notes)
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


def _was_there(task: SlideTask, found: Found) -> Extracted:
    return Extracted(task.name, "was there", found.tiles, 0, 0.0, found.header, ())


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


def _opened(task: SlideTask, recipe: Recipe, settings: Header) -> tuple[Slide, Header]:
    """The slide, and what its bag will be made of.

    Raises:
        BadInput: It cannot be opened, or a file of it not be read: that is no fault of the disk
            that is written to.
    """
    try:
        slide = open_slide(task.path, mpp=recipe.mpp or None)
        return slide, made_of(task, slide, settings)
    except OSError as error:
        message = f"cannot be read: {error}"
        raise BadInput([Problem(str(task.path), None, None, message)]) from error


def _draw_refused(task: SlideTask) -> None:
    """The picture of a slide that is refused, with all that is annotated, where it can be read.

    The picture of an earlier slide stays with the bag of that slide.
    """
    if task.target.exists():
        return
    with suppress(BadInput, OSError), open_slide(task.path, mpp=ANY_MPP) as slide:
        region: BaseGeometry | None = None
        if task.annotation is not None:
            region = all_annotated(task.annotation)
        _write_overview(task.overview, draw_overview(slide, region, NO_TILES))


def _write_overview(path: Path, picture: UInt8[Array, "h w 3"]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path) as aside:
        Image.fromarray(picture).save(aside, format="PNG")
