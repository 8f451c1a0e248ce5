"""Regions that a pathologist drew in QuPath, of every age of its GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from data_modules.genes import nearest
from data_modules.problems import Problems

GEOMETRIES = ("Polygon", "MultiPolygon", "GeometryCollection", "Point", "MultiPoint",
              "LineString", "MultiLineString")  # fmt: skip
# What QuPath detects is no region that somebody drew.
DETECTED = {"detection", "cell", "tile", "pathdetectionobject", "pathcellobject", "pathtileobject"}
# Of the annotated area, so much must lie on the slide.
LEAST_ON_SLIDE = 0.5


class Region(NamedTuple):
    """One annotation.

    Attributes:
        name: Of its class, sub-classes after ": "; "" where it has none.
        geometry: Polygons in level-0 px; empty where what was drawn has no area.
        repaired: Whether its outline crossed itself.
    """

    name: str
    geometry: BaseGeometry
    repaired: bool = False


def read_regions(path: Path, problems: Problems) -> list[Region]:
    """Annotated areas of a file.

    Reads a FeatureCollection, a list of features, one feature, or a bare geometry; classes in
    `classification.name`, `classification.names`, `name` or `label`; polygons, multi-polygons and
    holes. Points, lines and QuPath's own detections are no regions and are passed over.

    Args:
        path: Of the GeoJSON.
        problems: What cannot be read goes here.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problems.add(path, f"cannot be read: {error}")
        return []
    except ValueError as error:
        problems.add(path, f"not GeoJSON: {error}")
        return []
    found = []
    known = False
    for number, feature in enumerate(_features(content), start=1):
        known = True
        region = _region(feature, path, number, problems)
        if region is not None:
            found.append(region)
    if not known:
        problems.add(path, "not GeoJSON: neither features nor a geometry in it")
    elif all(region.geometry.is_empty for region in found) and not problems.found:
        lines = f" ({len(found)} annotations have no area)" if found else ""
        problems.add(path, f"no annotated area in it{lines}: export annotations, not detections")
        return []
    return found


def all_annotated(path: Path) -> BaseGeometry | None:
    """Everything that is annotated, wherever it lies; None where nothing can be read."""
    regions = read_regions(path, Problems())
    return shapely.union_all([region.geometry for region in regions]) if regions else None


def read_classes(path: Path) -> set[str]:
    """Classes of a file of annotations; none where it cannot be read."""
    return {region.name for region in read_regions(path, Problems())} - {""}


def unknown_classes(wanted: Sequence[str], names: Iterable[str]) -> list[str]:
    """What is to be told of classes that nobody annotated.

    Example:
        >>> unknown_classes(["tumor", "Nekrosis"], ["Tumor: vital", "Necrosis"])
        ['Nekrosis is annotated nowhere; did you mean Necrosis? There are Necrosis, Tumor: vital']
    """
    known = sorted(names)
    there = f"There are {', '.join(known)}" if known else "No annotation names a class"
    return [
        f"{one} is annotated nowhere{nearest(one, known) or '.'} {there}"
        for one in wanted
        if not any(_is_a(name, one) for name in known)
    ]


def _features(content: Any) -> Iterator[dict[str, Any]]:
    """Everything with a geometry, whatever it is wrapped in."""
    if isinstance(content, list):
        for part in content:
            yield from _features(part)
    elif isinstance(content, dict) and isinstance(content.get("features"), list):
        yield from _features(content["features"])
    elif isinstance(content, dict) and ("geometry" in content or content.get("type") == "Feature"):
        yield content
    elif isinstance(content, dict) and content.get("type") in GEOMETRIES:
        yield {"geometry": content}


def _region(feature: dict[str, Any], path: Path, number: int, problems: Problems) -> Region | None:
    about = feature.get("properties")
    about = about if isinstance(about, dict) else {}
    kind = about.get("objectType") or about.get("object_type") or feature.get("id") or ""
    if str(kind).lower() in DETECTED or feature.get("geometry") is None:
        return None
    where = f"feature {number}"
    try:
        geometry = shape(feature["geometry"])
    except Exception as error:
        problems.add(path, f"{where}: not a geometry: {error}")
        return None
    if geometry.geom_type not in {"Polygon", "MultiPolygon", "GeometryCollection"}:
        return None
    valid = geometry.is_valid
    areas = _areas(geometry if valid else shapely.make_valid(geometry))
    return Region(_name(about), areas, not valid)


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry; repairing may leave lines and points beside them."""
    parts = [p for p in shapely.get_parts(geometry, return_index=False) if p.area > 0]
    flat = [q for p in parts for q in (p.geoms if hasattr(p, "geoms") else [p]) if q.area > 0]
    return shapely.union_all(flat)


def _name(about: dict[str, Any]) -> str:
    given = about.get("classification")
    if isinstance(given, dict):
        names = given.get("names")
        given = ": ".join(map(str, names)) if isinstance(names, list) else given.get("name")
    for name in (given, about.get("name"), about.get("label")):
        if isinstance(name, str) and name.strip():
            return name.strip()
    return ""


def choose_region(
    regions: Sequence[Region],
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    size_px: tuple[int, int],
    problems: Problems,
    where: str = "the annotation",
) -> tuple[BaseGeometry, list[str]]:
    """The area that tiles may lie in: classes to include, less those to exclude.

    A class names its sub-classes too: "Tumor" is also "Tumor: vital". Upper and lower case are one.

    Args:
        regions: Of one slide.
        include: Classes; none takes all that are not excluded.
        exclude: Classes; these win.
        size_px: Of the slide at level 0.
        problems: No such class, or an annotation of another slide or level, goes here.
        where: Of the annotation, for problems.

    Returns:
        The area, clipped to the slide, and notes.

    Example:
        >>> square = Region("Tumor: vital", box(0, 0, 10, 10))
        >>> hole = Region("Necrosis", box(0, 0, 5, 10))
        >>> area, notes = choose_region([square, hole], include=["tumor"], exclude=["Necrosis"],
        ...                             size_px=(8, 10), problems=Problems())
        >>> area.area, notes
        (30.0, [])
    """
    drawn = [region for region in regions if not region.geometry.is_empty]
    notes = []
    if len(drawn) < len(regions):
        notes.append(f"{len(regions) - len(drawn)} annotations without area were dropped")
    regions = drawn
    names = sorted({region.name for region in regions} - {""})
    for wanted in (*include, *exclude):
        if not any(_is_a(name, wanted) for name in names):
            shown = f"has {', '.join(names)}" if names else "names no class"
            notes.append(
                f"no annotation of class {wanted}{nearest(wanted, names)}: {where} {shown}"
            )
    repaired = sum(region.repaired for region in regions)
    if repaired:
        notes.append(f"{repaired} annotations had outlines that cross themselves and were repaired")
    taken = [r for r in regions if not include or any(_is_a(r.name, name) for name in include)]
    if not taken:
        problems.add(where, "; ".join(notes) or "no annotation in it")
        return shapely.Polygon(), notes
    area = shapely.union_all([r.geometry for r in taken])
    _check_place(shapely.union_all([r.geometry for r in regions]), size_px, where, problems)
    left_out = [r.geometry for r in regions if any(_is_a(r.name, name) for name in exclude)]
    if left_out:
        area = area.difference(shapely.union_all(left_out))
    return _areas(area.intersection(box(0, 0, *size_px))), notes


def _is_a(name: str, wanted: str) -> bool:
    name, wanted = name.casefold(), wanted.strip().casefold()
    return name == wanted or name.startswith(f"{wanted}:")


def _check_place(
    area: BaseGeometry, size_px: tuple[int, int], where: str, problems: Problems
) -> None:
    on_slide = area.intersection(box(0, 0, *size_px)).area / area.area
    if on_slide < LEAST_ON_SLIDE:
        left, top, right, bottom = (round(edge) for edge in area.bounds)
        problems.add(
            where,
            f"{on_slide:.0%} of the annotated area lies on the slide: it reaches from "
            f"({left}, {top}) to ({right}, {bottom}), the slide from (0, 0) to "
            f"({size_px[0]}, {size_px[1]}) px; is it of another slide, offset or level?",
        )
