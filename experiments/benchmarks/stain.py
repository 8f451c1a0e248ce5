"""What does one stain normalisation a slide cost beside one a tile, and are its colours the same?

The tiles of a slide go through our Macenko, fitted once on pooled pixels, and one by one through
tiatoolbox's, in turns. Then both are fitted on the same pooled pixels and colour them.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

import experiments
from data_modules.wsi.extract import STAIN_TILES
from data_modules.wsi.slide import open_slide
from data_modules.wsi.stain import Target, fit_stain
from data_modules.wsi.stain_matrix import tissue_pixels
from data_modules.wsi.stain_reference import tiatoolbox_macenko
from data_modules.wsi.tiles import Grid, plan_tiles, read_tiles
from data_modules.wsi.tissue import tissue_mask
from experiments.benchmarks.clock import interleaved, median_ratio
from experiments.benchmarks.report import Report, Row

Array = np.ndarray
ROOT = Path(experiments.__file__).resolve().parents[1]
SLIDES = ROOT.parent / "shared" / "data" / "slides"
REAL = ("CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1.svs")
LEAST_RATIO, MOST_LEVELS = 5.0, 1.0
# Two stains of the generated tiles, as optical densities.
STAINS = np.array([[0.55, 0.75, 0.36], [0.10, 0.93, 0.35]])


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        slides: Where there are none, only generated tiles are measured.
        tiles: That pass through; those of a slide are repeated.
        mpp: µm per pixel at level 0 of slides that do not say it.
        rounds: Times that everything is measured.
    """

    slides: tuple[str, ...] = tuple(str(SLIDES / name) for name in REAL)
    tiles: int = 500
    mpp: float = 0.5
    rounds: int = 3


def measure(settings: Settings) -> Report:
    """Generated tiles, then those of every slide that is there."""
    sources = {"generated": generated_tiles(STAIN_TILES)}
    for path in (Path(name) for name in settings.slides):
        if path.is_file():
            sources[path.name] = slide_tiles(path, settings.mpp)
    rows = [_row(name, tiles, settings) for name, tiles in sources.items()]
    return Report(
        name="stain",
        title=f"Macenko on {settings.tiles} tiles of 224 px, beside tile-wise tiatoolbox",
        rows=rows,
        notes=[
            "ours_ms, theirs_ms: a tile; ours with its share of the fit, fit_s, once a slide",
            "grey_levels: mean difference, both fitted on the same tissue pixels of the slide, "
            "towards pixels of the generated tiles",
            f"goals: ratio at least {LEAST_RATIO:g}, grey_levels at most {MOST_LEVELS:g}",
        ],
        settings=asdict(settings),
    )


def generated_tiles(count: int) -> UInt8[Array, "n 224 224 3"]:
    """Tiles of two stains in spots, with the noise of a camera.

    Example:
        >>> generated_tiles(2).shape
        (2, 224, 224, 3)
    """
    rng = np.random.default_rng(0)
    spots = rng.gamma(1.5, 0.4, (count, 28, 28, 2)).repeat(8, 1).repeat(8, 2)
    light = 255 * np.exp(-spots @ STAINS)
    tiles: Array = np.clip(light + rng.normal(0, 2, light.shape), 0, 255).astype(np.uint8)
    return tiles


def slide_tiles(path: Path, mpp: float) -> UInt8[Array, "n 224 224 3"]:
    """Tiles of tissue from all over a slide: those whose pixels an extraction pools."""
    with open_slide(path, mpp=mpp) as slide:
        planned = plan_tiles(slide, Grid(), None, tissue_mask(slide, "otsu"))
        last = len(planned.coords) - 1
        places = np.unique(np.linspace(0, last, STAIN_TILES).round().astype(int))
        return np.concatenate([read_tiles(slide, planned, i, i + 1) for i in places])


def _row(name: str, tiles: UInt8[Array, "n t t 3"], settings: Settings) -> Row:
    many = tiles[np.arange(settings.tiles) % len(tiles)]
    pool = tissue_pixels(tiles[:, ::2, ::2].reshape(-1, 3))
    target = tissue_pixels(generated_tiles(4).reshape(-1, 3))
    theirs = tiatoolbox_macenko(target)

    def once_a_slide() -> None:
        stain = fit_stain(pool, "macenko", Target(target))
        for start in range(0, len(many), 16):
            stain.apply(many[start : start + 16])

    def once_a_tile() -> None:
        for tile in many:
            theirs(tile)

    def fit() -> None:
        fit_stain(pool, "macenko", Target(target))

    times = interleaved(
        {"ours": once_a_slide, "theirs": once_a_tile, "fit": fit},
        repetitions=settings.rounds,
        warm_up=0,
    )
    stain = fit_stain(pool, "macenko", Target(target))
    ours = stain.apply(pool[None])[0]
    levels = float(np.abs(ours.astype(int) - theirs(pool[:, None])[:, 0]).mean())
    ratio = median_ratio(times["theirs"], times["ours"])
    return {
        "tiles": name,
        "ours_ms": 1e3 * statistics.median(times["ours"]) / len(many),
        "theirs_ms": 1e3 * statistics.median(times["theirs"]) / len(many),
        "fit_s": statistics.median(times["fit"]),
        "ratio": ratio,
        "grey_levels": levels,
        "met": "yes" if ratio >= LEAST_RATIO and levels <= MOST_LEVELS else "NO",
    }
