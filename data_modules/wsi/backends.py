"""Libraries that open slides: OpenSlide, and tiatoolbox for what OpenSlide does not know."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

Array = np.ndarray

# tiatoolbox reads files without a pyramid whole into memory: so many pixels at most.
MOST_PIXELS_IN_MEMORY = 100_000_000


class Backend(Protocol):
    """An open slide.

    Attributes:
        sizes_px: Width and height of every level, largest first.
        mpp: µm per px at level 0, x and y; None where the file does not say.
        objective: Magnification of the objective; None where the file does not say.
        vendor: Of the scanner or format; "" where the file does not say.
    """

    sizes_px: tuple[tuple[int, int], ...]
    mpp: tuple[float, float] | None
    objective: float | None
    vendor: str

    def read(self, level: int, corner_px: tuple[int, int], size_px: tuple[int, int]) -> Array:
        """Pixels of a level, in its own pixels, inside it; RGB, on white where transparent."""

    def close(self) -> None:
        """Closes the file."""


class WithOpenSlide:
    """Aperio, Hamamatsu, Leica, Mirax, Philips, Trestle, Ventana, DICOM, tiled TIFF.

    Args:
        path: Of the slide.

    Raises:
        Exception: OpenSlide does not know the format, or the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        import openslide

        self._slide = openslide.OpenSlide(str(path))
        about = self._slide.properties
        self.sizes_px = tuple((int(w), int(h)) for w, h in self._slide.level_dimensions)
        mpp = _number(about.get("openslide.mpp-x")), _number(about.get("openslide.mpp-y"))
        self.mpp = (mpp[0], mpp[1]) if mpp[0] is not None and mpp[1] is not None else None
        self.objective = _number(about.get("openslide.objective-power"))
        self.vendor = about.get("openslide.vendor") or ""

    def read(self, level: int, corner_px: tuple[int, int], size_px: tuple[int, int]) -> Array:
        """See `Backend.read`."""
        factors = (self.sizes_px[0][i] / self.sizes_px[level][i] for i in (0, 1))
        # OpenSlide takes corners in level-0 pixels, whichever level it reads.
        x, y = (round(c * f) for c, f in zip(corner_px, factors, strict=True))
        return _on_white(np.asarray(self._slide.read_region((x, y), level, size_px)))

    def close(self) -> None:
        """See `Backend.close`."""
        self._slide.close()


class WithTiatoolbox:
    """OME-TIFF and others; one thread at a time.

    Args:
        path: Of the slide.

    Raises:
        Exception: tiatoolbox does not know the format, or the file is damaged.
        ValueError: The file would have to be read whole, and is too large for that.
    """

    def __init__(self, path: Path) -> None:
        from PIL import Image
        from tiatoolbox.wsicore.wsireader import VirtualWSIReader, WSIReader

        Image.MAX_IMAGE_PIXELS = None
        self._reader: Any = WSIReader.open(path)
        info = self._reader.info
        self.sizes_px = tuple((int(w), int(h)) for w, h in info.level_dimensions)
        pixels = self.sizes_px[0][0] * self.sizes_px[0][1]
        if isinstance(self._reader, VirtualWSIReader) and pixels > MOST_PIXELS_IN_MEMORY:
            raise ValueError(f"{pixels:,} pixels without a pyramid: convert it to a pyramidal TIFF")
        self.mpp = None if info.mpp is None else (float(info.mpp[0]), float(info.mpp[1]))
        self.objective = None if info.objective_power is None else float(info.objective_power)
        self.vendor = str(info.vendor or "")
        self._lock = threading.Lock()

    def read(self, level: int, corner_px: tuple[int, int], size_px: tuple[int, int]) -> Array:
        """See `Backend.read`."""
        factors = (self.sizes_px[0][i] / self.sizes_px[level][i] for i in (0, 1))
        origin = tuple(round(c * f) for c, f in zip(corner_px, factors, strict=True))
        with self._lock:
            read = self._reader.read_rect(origin, size_px, resolution=level, units="level")
        return _on_white(np.asarray(read))

    def close(self) -> None:
        """See `Backend.close`; tiatoolbox has no way to, so what it opened is closed one by one."""
        for name in ("_zarr_store", "tiff"):
            opened = getattr(self._reader, name, None)
            if opened is not None:
                opened.close()
        self._reader = None


def open_backend(path: Path) -> Backend:
    """The first library that can open the file.

    Raises:
        ValueError: None can; with what each of them says.
    """
    said = []
    libraries: tuple[type[WithOpenSlide | WithTiatoolbox], ...] = (WithOpenSlide, WithTiatoolbox)
    for library in libraries:
        try:
            return library(path)
        except Exception as error:
            said.append(f"{library.__name__[4:]}: {error or type(error).__name__}")
    raise ValueError("; ".join(said))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _on_white(pixels: Array) -> UInt8[Array, "h w 3"]:
    if pixels.shape[2] == 3:
        return pixels
    opaque: Array = pixels[:, :, 3:].astype(np.uint16)
    if opaque.min() == 255:
        return np.ascontiguousarray(pixels[:, :, :3])
    white = 255 * (255 - opaque)
    mixed: Array = (pixels[:, :, :3] * opaque + white + 127) // 255
    return mixed.astype(np.uint8)
