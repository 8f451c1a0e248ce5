"""A whole-slide image: its size, its scale, and pixels of any place at any scale."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from data_modules.problems import BadInput, Problem
from data_modules.wsi.backends import Backend, open_backend

Array = np.ndarray

# µm per px: finer is no light microscope, coarser no tissue can be told in.
FINEST_MPP, COARSEST_MPP = 0.05, 20.0
MOST_ANISOTROPY = 1.5
# A level may be coarser than what is asked for by so much: 0.2525 serves for 0.25.
LEVEL_TOLERANCE = 1.02
# Pixels of the result around what is resampled, for the filter's reach.
MARGIN_PX = 3
# Source pixels read at a time for a thumbnail.
BLOCK_PX = 16_000_000
ROUNDING_PX = 1e-6
BLOCK_BYTES, BLOCKS = 1 << 16, 64


class Slide:
    """An open slide. Reading is safe from several threads.

    Args:
        path: Of the file.
        backend: That opened it.
        mpp: µm per px at level 0, x and y.
        digest: Of its content.
        notes: Why the scale is not the file's own; () where it is.

    Attributes:
        mpp_given: Whether the scale is not the file's own.
        size_px: Width and height at level 0.
        downsamples: Of every level, from 1.
        objective: Magnification of the objective, where the file says it.
        vendor: Of scanner or format, where the file says it.
    """

    def __init__(
        self,
        path: Path,
        backend: Backend,
        mpp: tuple[float, float],
        digest: str,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.mpp = mpp
        self.digest = digest
        self.notes = notes
        self.mpp_given = bool(notes)
        self._backend = backend
        self.size_px: tuple[int, int] = backend.sizes_px[0]
        self.downsamples = tuple(self.size_px[0] / width for width, _ in backend.sizes_px)
        self.objective = backend.objective
        self.vendor = backend.vendor

    def __enter__(self) -> Slide:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._backend.close()

    def read(
        self, corner_px: tuple[int, int], extent_px: tuple[float, float], out_px: int
    ) -> UInt8[Array, "out out 3"]:
        """A square of pixels, read from the best level and resampled at most once (bicubic).

        Args:
            corner_px: Upper left corner in level-0 px.
            extent_px: Width and height in level-0 px.
            out_px: Pixels on a side of the result. What lies outside the slide is white.

        Raises:
            BadInput: The place cannot be read.
        """
        return self._resampled(corner_px, extent_px, (out_px, out_px))

    def thumbnail(self, longest_px: int) -> UInt8[Array, "h w 3"]:
        """The whole slide, its longer side of so many pixels or fewer; read in blocks.

        Raises:
            BadInput: Some place cannot be read.
        """
        width, height = self.size_px
        factor = max(1.0, max(width, height) / longest_px)
        out = (max(1, round(width / factor)), max(1, round(height / factor)))
        level = self._level(width / out[0])
        scale = width / out[0] / self.downsamples[level]
        rows = max(1, int(BLOCK_PX / (out[0] * scale * scale)))
        step = height / out[1]
        return np.concatenate(
            [
                self._resampled(
                    (0, first * step),
                    (width, min(rows, out[1] - first) * step),
                    (out[0], min(rows, out[1] - first)),
                )
                for first in range(0, out[1], rows)
            ]
        )

    def _level(self, factor: float) -> int:
        """The coarsest level that is not coarser than asked for."""
        fine = [i for i, d in enumerate(self.downsamples) if d <= factor * LEVEL_TOLERANCE]
        return fine[-1] if fine else 0

    def _resampled(
        self,
        corner_px: tuple[float, float],
        extent_px: tuple[float, float],
        out: tuple[int, int],
    ) -> UInt8[Array, "h w 3"]:
        level = self._level(min(extent_px[0] / out[0], extent_px[1] / out[1]))
        limits = self._backend.sizes_px[level]
        factor = tuple(self.size_px[i] / limits[i] for i in (0, 1))
        start = [corner_px[i] / factor[i] for i in (0, 1)]
        stop = [(corner_px[i] + extent_px[i]) / factor[i] for i in (0, 1)]
        reach = [MARGIN_PX * max(1.0, (stop[i] - start[i]) / out[i]) for i in (0, 1)]
        # The filter ends where the slide ends: the white beyond must not run into its last pixels.
        low = [max(math.floor(start[i] - reach[i]), min(0, math.floor(start[i]))) for i in (0, 1)]
        high = [
            min(math.ceil(stop[i] + reach[i]), max(limits[i], math.ceil(stop[i] - ROUNDING_PX)))
            for i in (0, 1)
        ]
        pixels = self._inside(level, low, high, limits)
        ends = [min(stop[i], high[i]) - low[i] for i in (0, 1)]
        box = (start[0] - low[0], start[1] - low[1], ends[0], ends[1])
        whole = tuple(round(edge) for edge in box)
        if (whole[2] - whole[0], whole[3] - whole[1]) == out and np.allclose(box, whole, atol=1e-6):
            return np.ascontiguousarray(pixels[whole[1] : whole[3], whole[0] : whole[2]])
        image = Image.fromarray(pixels).resize(out, Image.Resampling.BICUBIC, box=box)
        return np.asarray(image)

    def _inside(
        self, level: int, low: list[int], high: list[int], limits: tuple[int, int]
    ) -> UInt8[Array, "h w 3"]:
        """Pixels from low to high of a level, white where it has none."""
        first = [min(max(low[i], 0), limits[i]) for i in (0, 1)]
        last = [min(max(high[i], first[i]), limits[i]) for i in (0, 1)]
        size = (last[0] - first[0], last[1] - first[1])
        canvas = np.full((high[1] - low[1], high[0] - low[0], 3), 255, np.uint8)
        if min(size) == 0:
            return canvas
        try:
            read = self._backend.read(level, (first[0], first[1]), size)
        except Exception as error:
            text = f"level {level} cannot be read at {tuple(first)}: {error}; copy the slide again"
            raise BadInput([Problem(str(self.path), None, None, text)]) from error
        top, left = first[1] - low[1], first[0] - low[0]
        canvas[top : top + size[1], left : left + size[0]] = read
        return canvas


def open_slide(path: Path, *, mpp: float | None = None) -> Slide:
    """Opens a slide and makes sure of its scale.

    Args:
        path: Of the file.
        mpp: µm per px at level 0 where the file does not say it, or says nonsense; what it says
            otherwise counts.

    Raises:
        BadInput: The file is missing, cannot be opened, or its scale is not known or impossible.
    """

    def refuse(text: str) -> BadInput:
        return BadInput([Problem(str(path), None, None, text)])

    if not path.is_file():
        raise refuse("no such file")
    if path.stat().st_size == 0:
        raise refuse("the file is empty")
    try:
        backend = open_backend(path)
    except ValueError as error:
        raise refuse(f"not a slide that can be opened: {error}") from error
    wrong = _wrong_scale(backend.mpp)
    if wrong and mpp:
        notes = (f"{wrong}: --mpp {mpp:g} is taken",)
        wrong = _wrong_scale((mpp, mpp))
        if not wrong:
            return Slide(path, backend, (mpp, mpp), content_digest(path), notes)
    if wrong or backend.mpp is None:
        backend.close()
        raise refuse(f"{wrong}: give it with --mpp")
    return Slide(path, backend, backend.mpp, content_digest(path))


def _wrong_scale(mpp: tuple[float, float] | None) -> str:
    """Why a slide cannot have this scale; "" where it can."""
    if mpp is None:
        return "the file does not say how many µm a pixel is"
    if not all(FINEST_MPP <= value <= COARSEST_MPP for value in mpp):
        return f"{mpp[0]:g} × {mpp[1]:g} µm per pixel cannot be"
    if max(mpp) / min(mpp) > MOST_ANISOTROPY:
        return f"pixels of {mpp[0]:g} × {mpp[1]:g} µm cannot be"
    return ""


def content_digest(path: Path) -> str:
    """A key of a file's content, from its size and blocks spread over it: cheap for gigabytes.

    A replaced slide has another key; a few bytes changed in the middle of a large one may not.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    last = max(0, size - BLOCK_BYTES)
    with path.open("rb") as file:
        for place in sorted({last * i // (BLOCKS - 1) for i in range(BLOCKS)}):
            file.seek(place)
            digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()
