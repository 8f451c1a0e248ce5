"""A slide of any size that takes a few megabytes: equal tiles of a TIFF share their bytes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

Array = np.ndarray

TILE = 512
PINK, PURPLE, WHITE = (226, 170, 205), (95, 60, 140), (244, 243, 245)
# What a small level shows of pink and purple.
MIXED = (214, 160, 199)
# Tiles of tissue that differ.
KINDS = 8
SHORT, LONG, ASCII, LONG8 = 3, 4, 2, 16


class Tag(NamedTuple):
    """An entry of a TIFF directory: its number, the kind of its values, and these packed."""

    number: int
    kind: int
    length: int
    values: bytes


def write_pyramid(
    path: Path,
    side: int,
    *,
    radius: float = 0.2,
    mpp: float = 0.25,
    downsamples: Sequence[int] = (1, 16, 64),
) -> None:
    """An Aperio slide with a round piece of tissue in its middle.

    Args:
        path: The .svs file.
        side: Pixels at level 0, in both directions.
        radius: Of the tissue, as a share of the side.
        mpp: µm per pixel at level 0.
        downsamples: Of the levels.
    """
    rng = np.random.default_rng(0)
    about = f"Aperio Image Library {side}x{side}|AppMag = {10 / mpp:g}|MPP = {mpp:g}"
    with path.open("wb") as file:
        # BigTIFF; the place of the first directory follows.
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, 0))
        link = 8
        for level, down in enumerate(downsamples):
            pixels = max(1, side // down)
            kinds = _kinds(side, radius)
            if level == 0:
                blank = np.full((TILE, TILE, 3), WHITE, np.uint8)
                pictures: Iterable[Array] = [blank, *(_tissue(rng) for _ in range(KINDS))]
            else:
                pictures = _small(pixels, down, kinds, rng)
                kinds = np.arange((-(-pixels // TILE)) ** 2)
            places, lengths = _write_streams(file, pictures)
            tags = _tags(pixels, level, about, places[kinds.ravel()], lengths[kinds.ravel()])
            begin = _write_directory(file, tags)
            file.seek(link)
            file.write(struct.pack("<Q", begin))
            file.seek(0, io.SEEK_END)
            link = file.tell() - 8


def _write_streams(file: io.BufferedWriter, pictures: Iterable[Array]) -> tuple[Array, Array]:
    """Where every picture begins, and its bytes."""
    places, lengths = [], []
    for picture in pictures:
        stream = _jpeg(picture)
        places.append(file.tell())
        lengths.append(len(stream))
        file.write(stream)
    return np.asarray(places, "<u8"), np.asarray(lengths, "<u4")


def _small(pixels: int, down: int, kinds: Array, rng: np.random.Generator) -> Iterator[Array]:
    """Tiles of a smaller level: the same outline, without the nuclei."""
    count = -(-pixels // TILE)
    for row, column in np.ndindex(count, count):
        across, along = (
            (np.arange(i * TILE, (i + 1) * TILE) * down // TILE).clip(0, len(kinds) - 1)
            for i in (row, column)
        )
        inside = kinds[np.ix_(across, along)] > 0
        picture = np.where(inside[..., None], np.array(MIXED, np.int16), np.array(WHITE, np.int16))
        picture[inside] += rng.integers(-25, 26, (inside.sum(), 3), dtype=np.int16)
        yield picture.clip(0, 255).astype(np.uint8)


def _tissue(rng: np.random.Generator) -> Array:
    """Nuclei on eosin."""
    picture = np.full((TILE, TILE, 3), PINK, np.int16)
    for row, column, radius in zip(
        *rng.integers(12, TILE - 12, (2, 120)), rng.integers(4, 12, 120), strict=True
    ):
        y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        block = picture[row - radius : row + radius + 1, column - radius : column + radius + 1]
        block[y**2 + x**2 < radius**2] = PURPLE
    picture += rng.integers(-12, 13, picture.shape, dtype=np.int16)
    return picture.clip(0, 255).astype(np.uint8)


def _jpeg(picture: Array) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=80, subsampling="4:2:0")
    return stream.getvalue()


def _kinds(side: int, radius: float) -> Array:
    """Which picture every tile of level 0 is; 0 is blank."""
    count = -(-side // TILE)
    middle = (np.arange(count) + 0.5) * TILE / side - 0.5
    inside = middle[:, None] ** 2 + middle[None, :] ** 2 < radius**2
    many = 1 + np.arange(count**2).reshape(count, count) * 7 % KINDS
    return np.where(inside, many, 0)


def _tags(pixels: int, level: int, about: str, offsets: Array, counts: Array) -> list[Tag]:
    text = about.encode() + b"\0"

    def shorts(number: int, *values: int) -> Tag:
        return Tag(number, SHORT, len(values), struct.pack(f"<{len(values)}H", *values))

    def long(number: int, value: int) -> Tag:
        return Tag(number, LONG, 1, struct.pack("<I", value))

    return [
        long(254, int(level > 0)),  # a reduced picture
        long(256, pixels),
        long(257, pixels),
        shorts(258, 8, 8, 8),
        shorts(259, 7),  # JPEG
        shorts(262, 6),  # YCbCr
        Tag(270, ASCII, len(text), text),
        shorts(277, 3),
        shorts(284, 1),
        shorts(322, TILE),
        shorts(323, TILE),
        Tag(324, LONG8, len(offsets), offsets.tobytes()),
        Tag(325, LONG, len(counts), counts.tobytes()),
        shorts(530, 2, 2),
    ]


def _write_directory(file: io.BufferedWriter, tags: Sequence[Tag]) -> int:
    """Writes long values, then the directory with no next one; returns where it begins."""
    cells = []
    for tag in tags:
        cell = tag.values
        if len(cell) > 8:
            cell = struct.pack("<Q", file.tell())
            file.write(tag.values)
        cells.append(cell.ljust(8, b"\0"))
    begin = file.tell()
    file.write(struct.pack("<Q", len(tags)))
    for tag, cell in zip(tags, cells, strict=True):
        file.write(struct.pack("<HHQ", tag.number, tag.kind, tag.length) + cell)
    file.write(struct.pack("<Q", 0))
    return begin
