"""Does reading, normalising and writing hide behind the encoder, and in how much memory?

One slide goes through the extraction and the bare network, in a process of its own, and through
tiatoolbox's own extractor, in another: a network is quicker in a process that has given memory back
before. Then a slide of 100 000 × 100 000 pixels goes through the extraction.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from data_modules.wsi.encoder import Encoder, load_encoder
from data_modules.wsi.extract import extract
from data_modules.wsi.recipe import Recipe, SlideTask
from data_modules.wsi.reference import bare_forward, tiatoolbox_extractor
from data_modules.wsi.slide import open_slide
from data_modules.wsi.tissue import tissue_mask
from experiments.benchmarks.clock import Moment, now
from experiments.benchmarks.fresh import ROOT, in_fresh_process
from experiments.benchmarks.pyramid import write_pyramid
from experiments.benchmarks.report import Report, Row
from experiments.preparing.features_work import device_of
from experiments.surroundings import PAGES, WAITING

REAL = ROOT.parent / "shared" / "data" / "slides" / "CMU-1-Small-Region.svs"
MIB = 1024**2
LEAST_OF_FORWARD, LEAST_OF_TIATOOLBOX, MOST_MIB = 0.9, 1.3, 4096
# Batches of the large slide that the real network encodes; for the others its width is enough.
ENCODED = 3
# Batches of the bare forward before the extraction, and as many after it.
HALF = 5
# Of the cohort whose cost is told; a resection has about so many tiles of 56 µm.
SLIDES, TILES = 1000, 15_000


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        slide: Of the speeds; a generated one where it does not exist.
        encoder: With random weights: speed does not depend on them.
        precisions: Of the encoder; tiatoolbox knows fp32 alone. None takes what the device is made
            for: fp32, on a GPU bf16 too.
        device: Where it computes; "auto" is a GPU where there is one.
        batch: Tiles encoded together.
        tiatoolbox_batch: Tiles that tiatoolbox encodes together; its own default.
        workers: Threads that read.
        generated: Pixels of the slide that stands for a missing one.
        rounds: Times that everything is measured.
        side: Pixels of the large slide.
    """

    slide: str = str(REAL)
    encoder: str = "maxvit"
    precisions: tuple[str, ...] = ()
    device: str = "auto"
    batch: int = 32
    tiatoolbox_batch: int = 8
    workers: int = 1
    generated: int = 3000
    rounds: int = 2
    side: int = 100_000


def measure(settings: Settings) -> Report:
    """Speeds first, then memory."""
    device = device_of(settings.device)
    usual = ("fp32", "bf16") if device.startswith("cuda") else ("fp32",)
    settings = replace(settings, device=device, precisions=settings.precisions or usual)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = Path(settings.slide)
        if not path.is_file():
            path = folder / "generated.svs"
            write_pyramid(path, settings.generated, radius=0.4, mpp=0.5, downsamples=(1, 4, 16))
        measured = [
            one for i in range(settings.rounds) for one in _round(settings, path, folder / f"{i}")
        ]
        rows = _speeds(settings, measured)
        rows.append(_memory(settings, folder))
    return Report(
        name="slides",
        title=f"{settings.encoder} on {path.name}, {settings.device}",
        rows=rows,
        notes=[
            "end to end: open, find tissue, fit and apply Macenko, read, encode, write, draw",
            "bare forward: the network alone, same precision and layout, on tiles in memory",
            "tiatoolbox: DeepFeatureExtractor, same network, no stain normalisation, fp32, "
            f"batches of {settings.tiatoolbox_batch}",
            "in cpu time: the same ratio of the seconds that processors worked for this process",
            *_costs(settings, measured),
        ],
        settings=asdict(settings),
        measurements=measured,
    )


def _round(settings: Settings, path: Path, folder: Path) -> list[Row]:
    """Tiles a second of everything, once, each in a process as its users would start it."""
    folder.mkdir()
    how = [str(path), str(folder), json.dumps(asdict(settings))]
    rows: list[Row] = []
    for precision in settings.precisions:
        rows += in_fresh_process(ours, *how, precision, variables=WAITING | PAGES)
    rows += in_fresh_process(theirs, *how)
    return rows


def ours() -> None:
    """What a process does: the bare forward, in halves, before and after the extraction."""
    path, folder, settings = _given()
    precision = sys.argv[4]
    bare = bare_forward(
        settings.encoder, settings.batch, device=settings.device, precision=precision
    )
    encoder = _encoder(settings, precision)
    bare()
    spans = [_span(bare) for _ in range(HALF)]
    task, recipe = _task(path, folder / precision), _recipe(settings, precision)
    begun = now()
    done = extract(task, recipe, encoder, batch_size=settings.batch, workers=settings.workers)
    span = begun.until(now())
    spans += [_span(bare) for _ in range(HALF)]
    alone = Moment(*(sum(clock) for clock in zip(*spans, strict=True)))
    rows = [
        _speed("bare forward", precision, 2 * HALF * settings.batch, alone),
        _speed("end to end", precision, done.tiles, span),
    ]
    print(json.dumps(rows))


def theirs() -> None:
    """What a process does: tiatoolbox's extractor."""
    path, folder, settings = _given()
    with open_slide(path) as slide:
        mask = tissue_mask(slide, "otsu").mask.astype(np.uint8)
    run = tiatoolbox_extractor(
        settings.encoder, batch=settings.tiatoolbox_batch, device=settings.device
    )
    begun = now()
    features, _ = run(path, mask, folder)
    print(json.dumps([_speed("tiatoolbox", "fp32", len(features), begun.until(now()))]))


def _given() -> tuple[Path, Path, Settings]:
    """Slide, folder and settings that a process was started with."""
    settings = json.loads(sys.argv[3])
    return Path(sys.argv[1]), Path(sys.argv[2]), Settings(**settings)


def _span(call: Callable[[], None]) -> Moment:
    begun = now()
    call()
    return begun.until(now())


def _speed(way: str, precision: str, tiles: int, span: Moment) -> Row:
    return {
        "way": way, "precision": precision, "tiles": tiles,
        "tiles_s": tiles / span.wall, "tiles_cpu_s": tiles / span.cpu,
    }  # fmt: skip


def _mean(measured: list[Row], way: str, precision: str, clock: str = "tiles_s") -> float:
    rates: list[float] = [
        row[clock] for row in measured if (row["way"], row["precision"]) == (way, precision)
    ]
    return statistics.mean(rates)


def _speeds(settings: Settings, measured: list[Row]) -> list[Row]:
    rows: list[Row] = []
    for precision in settings.precisions:
        for way, kind, bar in (
            ("bare forward", precision, LEAST_OF_FORWARD),
            ("tiatoolbox", "fp32", LEAST_OF_TIATOOLBOX),
        ):
            wall, cpu = (
                (_mean(measured, "end to end", precision, clock), _mean(measured, way, kind, clock))
                for clock in ("tiles_s", "tiles_cpu_s")
            )
            what = f"{precision}: end to end {wall[0]:.2f} tiles/s over {way} {wall[1]:.2f}"
            rows.append(_row(what, wall[0] / wall[1], ">=", bar, cpu=cpu[0] / cpu[1]))
    return rows


def _costs(settings: Settings, measured: list[Row]) -> list[str]:
    """What a cohort takes at the measured speeds."""
    lines = []
    for precision in settings.precisions:
        rate = _mean(measured, "end to end", precision)
        hours = SLIDES * TILES / rate / 3600
        lines.append(
            f"{precision}: {SLIDES} slides of {TILES} tiles take {hours:.0f} h ({rate:.1f} tiles/s)"
        )
    return lines


def _row(what: str, figure: float, sign: str, bar: float, *, cpu: float | str = "") -> Row:
    met = figure >= bar if sign == ">=" else figure < bar
    return {
        "what": what, "figure": figure, "bar": f"{sign} {bar:g}", "met": "yes" if met else "NO",
        "in cpu time": cpu,
    }  # fmt: skip


def _memory(settings: Settings, folder: Path) -> Row:
    """Peak of a fresh process.

    Raises:
        RuntimeError: The process failed.
    """
    path = folder / "large.svs"
    write_pyramid(path, settings.side)
    found = in_fresh_process(child, str(path), json.dumps(asdict(settings)))
    what = f"peak MiB, {settings.side} × {settings.side} px, {found['tiles']} tiles"
    return _row(what, found["peak"] / MIB, "<", MOST_MIB)


def child() -> None:
    """What the fresh process does: the whole extraction of the large slide, and a print."""
    path, settings = Path(sys.argv[1]), Settings(**json.loads(sys.argv[2]))
    precision = settings.precisions[0]
    done = extract(
        _task(path, path.parent / "large"),
        _recipe(settings, precision),
        Hasty(_encoder(settings, precision)),  # type: ignore[arg-type]
        batch_size=settings.batch,
        workers=settings.workers,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tiles": done.tiles, "peak": peak}))


class Hasty:
    """An encoder that does the first batches, and after them only pretends to.

    Args:
        encoder: The real one.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name, self.width, self.tile_px = encoder.name, encoder.width, encoder.tile_px
        self.batches = 0

    def header(self) -> dict[str, str | int]:
        """Of the real one."""
        return dict(self.encoder.header())

    def encode(self, tiles: np.ndarray) -> np.ndarray:
        """Features, or as many numbers."""
        self.batches += 1
        if self.batches <= ENCODED:
            return self.encoder.encode(tiles)
        means = tiles.mean((1, 2, 3), dtype=np.float32)
        return np.repeat(means[:, None], self.width, axis=1)


def _task(path: Path, folder: Path) -> SlideTask:
    folder.mkdir()
    return SlideTask(path.stem, path, None, None, folder / "bag.h5", folder / "overview.png")


def _recipe(settings: Settings, precision: str) -> Recipe:
    return Recipe(settings.encoder, random_weights=True, precision=precision)


def _encoder(settings: Settings, precision: str) -> Encoder:
    return load_encoder(
        settings.encoder,
        weights=None,
        random_weights=True,
        device=settings.device,
        precision=precision,
    )
