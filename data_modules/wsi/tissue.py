"""Where the tissue is: glass, ink and scanner padding are not."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import shapely
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from data_modules.wsi.slide import Slide

Array = np.ndarray
TissueName = Literal["otsu", "morphological"]

# Coarse enough for a whole slide, fine enough for a biopsy: a tile of 56 µm is seven of its pixels.
MASK_UM = 8.0
LEAST_PX, MOST_PX = 64, 4096
# Grey levels between tissue and glass; less is noise of glass alone, or of tissue alone.
LEAST_CONTRAST = 12.0
GLASS_GREY, GLASS_COLOUR = 205.0, 18.0
# Smaller specks are dust, smaller holes are fat cells and vessels.
SPECK_UM2, HOLE_UM2 = 20_000.0, 40_000.0
CLOSING_UM = 24.0


class Tissue(NamedTuple):
    """What is tissue on a slide.

    Attributes:
        mask: True = tissue.
        px: Level-0 px per pixel of the mask, in x and y.
        notes: What a reader should know.
    """

    mask: Bool[Array, "h w"]
    px: tuple[float, float]
    notes: tuple[str, ...] = ()


def tissue_mask(slide: Slide, method: TissueName) -> Tissue:
    """Tissue of a slide, from a thumbnail of 8 µm a pixel.

    Args:
        slide: Open.
        method: "otsu" is a threshold between tissue and glass; "morphological" also closes gaps,
            fills holes and removes specks.
    """
    longest = max(size * mpp for size, mpp in zip(slide.size_px, slide.mpp, strict=True)) / MASK_UM
    thumbnail = slide.thumbnail(int(min(max(longest, LEAST_PX), MOST_PX)))
    px = (slide.size_px[0] / thumbnail.shape[1], slide.size_px[1] / thumbnail.shape[0])
    mask, notes = find_tissue(thumbnail)
    if method == "morphological":
        mask = _smoothed(mask, um=px[0] * slide.mpp[0])
    return Tissue(mask, px, notes)


def find_tissue(
    pixels: UInt8[Array, "h w 3"],
) -> tuple[Bool[Array, "h w"], tuple[str, ...]]:
    """Tissue by Otsu's threshold on grey, among what is neither ink nor black.

    Black padding and pen marks are left out before the threshold is looked for, as they would draw
    it to 0. Where tissue and glass cannot be told apart, the picture is all of one of them, and its
    brightness and colour say which.

    Source: Otsu, A threshold selection method from gray-level histograms, 1979,
    doi:10.1109/TSMC.1979.4310076.

    Example:
        >>> slide = np.full((8, 8, 3), 240, np.uint8)
        >>> slide[2:5, 2:5] = (190, 120, 180)
        >>> int(find_tissue(slide)[0].sum())
        9
    """
    from skimage.filters import threshold_otsu

    ink = ink_mask(pixels)
    notes = (f"{ink.mean():.1%} of the slide is ink or black",) if ink.mean() > 0.001 else ()
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    seen = grey[~ink]
    if len(seen) == 0:
        return np.zeros(grey.shape, bool), (*notes, "nothing but ink or black")
    cut = float(threshold_otsu(seen)) if seen.max() > seen.min() else float(seen[0])
    dark, light = seen[seen <= cut], seen[seen > cut]
    if len(light) and light.mean() - dark.mean() >= LEAST_CONTRAST:
        return (grey <= cut) & ~ink, notes
    colour = np.ptp(pixels[~ink], axis=1).mean()
    if seen.mean() >= GLASS_GREY and colour < GLASS_COLOUR:
        return np.zeros(grey.shape, bool), (*notes, "nothing but glass")
    return ~ink, (*notes, "no glass: all is taken as tissue")


def ink_mask(pixels: UInt8[Array, "h w 3"]) -> Bool[Array, "h w"]:
    """Pen marks and black: colours that haematoxylin and eosin do not have.

    Green and blue ink by hue; red ink by a saturation that eosin does not reach; black, which is
    also scanner padding, by the brightest channel.

    Example:
        >>> colours = [(30, 160, 70), (20, 60, 200), (0, 0, 0), (190, 120, 180), (240, 240, 240)]
        >>> ink_mask(np.array([colours], np.uint8))[0].tolist()
        [True, True, True, False, False]
    """
    values = pixels.astype(np.float32)
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    most, least = values.max(-1), values.min(-1)
    saturation = (most - least) / np.maximum(most, 1)
    is_green = (green >= most) & (green > red + 25) & (saturation > 0.2)
    is_blue = (blue >= most) & (blue > red + 60) & (green > red + 10) & (saturation > 0.35)
    is_red = (red >= most) & (saturation > 0.8) & (np.abs(green - blue) < 40) & (red > 120)
    found: Array = is_green | is_blue | is_red | (most < 45)
    return found


def _smoothed(mask: Bool[Array, "h w"], *, um: float) -> Bool[Array, "h w"]:
    from scipy import ndimage
    from skimage.morphology import disk, remove_small_holes, remove_small_objects

    radius = max(1, round(CLOSING_UM / um))
    padded = np.pad(mask, radius)
    closed = ndimage.binary_closing(padded, disk(radius))[radius:-radius, radius:-radius]
    area = um * um
    filled = remove_small_holes(closed, max_size=max(1, int(HOLE_UM2 / area)))
    kept: Array = remove_small_objects(filled, max_size=max(1, int(SPECK_UM2 / area)))
    return kept


def covered(tissue: Tissue, corners: Float[Array, "n 2"], extent_px: tuple[float, float]) -> Array:
    """Share of every rectangle that is tissue, exact for the mask's own pixels.

    Args:
        tissue: Of the slide.
        corners: In level-0 px.
        extent_px: Of all rectangles, in level-0 px.

    Example:
        >>> half = Tissue(np.array([[True, False]]), (10.0, 10.0))
        >>> covered(half, np.array([[0.0, 0.0], [5.0, 0.0]]), (10.0, 10.0)).tolist()
        [1.0, 0.5]
    """
    height, width = tissue.mask.shape
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = tissue.mask.cumsum(0).cumsum(1)

    def below(x: Array, y: Array) -> Array:
        """Tissue above and left of a point: linear between the corners of pixels."""
        x, y = np.clip(x / tissue.px[0], 0, width), np.clip(y / tissue.px[1], 0, height)
        i, j = np.minimum(x.astype(int), width - 1), np.minimum(y.astype(int), height - 1)
        u, v = x - i, y - j
        upper = total[j, i] * (1 - u) + total[j, i + 1] * u
        lower = total[j + 1, i] * (1 - u) + total[j + 1, i + 1] * u
        sums: Array = upper * (1 - v) + lower * v
        return sums

    x0, y0 = corners[:, 0].astype(float), corners[:, 1].astype(float)
    x1, y1 = x0 + extent_px[0], y0 + extent_px[1]
    inside = below(x1, y1) - below(x0, y1) - below(x1, y0) + below(x0, y0)
    share: Array = inside * tissue.px[0] * tissue.px[1] / (extent_px[0] * extent_px[1])
    share.clip(0.0, 1.0, out=share)
    return share


def tissue_share(tissue: Tissue, region: BaseGeometry) -> float:
    """Share of a region that is tissue, to a pixel of the mask; NaN of nothing.

    Args:
        tissue: Of the slide.
        region: Polygons in level-0 px.

    Example:
        >>> half = Tissue(np.arange(20) < np.full((20, 1), 10), (1.0, 1.0))
        >>> tissue_share(half, shapely.box(12, 2, 18, 18)), tissue_share(half, shapely.Polygon())
        (0.0, nan)
    """
    canvas = Image.new("L", (tissue.mask.shape[1], tissue.mask.shape[0]))
    pen = ImageDraw.Draw(canvas)
    # What lies in the hole of a larger part is drawn after that hole.
    parts = [part for part in shapely.get_parts(region) if not part.is_empty]
    for part in sorted(parts, key=shapely.area, reverse=True):
        for number, ring in enumerate((part.exterior, *part.interiors)):
            line = np.asarray(ring.coords)[:, :2] / tissue.px - 0.5
            pen.polygon([(x, y) for x, y in line], fill=int(number == 0))
    inside = np.asarray(canvas) > 0
    return float(tissue.mask[inside].mean()) if inside.any() else float("nan")
