"""Plain YAML into frozen dataclasses, with every unknown, missing or mistyped key reported."""

from __future__ import annotations

import dataclasses
import math
import types
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from data_modules.genes import nearest
from data_modules.problems import Problems

T = TypeVar("T")


def build(
    kind: type[T],
    content: Any,
    file: str,
    place: str,
    problems: Problems,
    *,
    skip: tuple[str, ...] = (),
) -> T:
    """Builds a dataclass from a mapping.

    Args:
        kind: The dataclass; its annotations are the schema.
        content: What YAML held.
        file: For the report.
        place: Dotted name of the mapping within the file.
        problems: Where problems go; the result is only meaningful if none were added.
        skip: Fields that do not come from the file.
    """
    fields = {f.name: f for f in dataclasses.fields(kind) if f.name not in skip}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    if not isinstance(content, dict):
        problems.add(file, f"is a mapping of {', '.join(fields)}, found {content!r}", column=place)
        content = {}
    for key in content:
        if key not in fields:
            problems.add(
                file, f"unknown key{nearest(str(key), fields)}", column=_dotted(place, str(key))
            )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in content:
            values[name] = convert(hints[name], content[name], file, _dotted(place, name), problems)
        elif field.default is dataclasses.MISSING and (
            field.default_factory is dataclasses.MISSING
        ):
            problems.add(file, "is missing", column=_dotted(place, name))
            values[name] = None
    return kind(**values)


def convert(hint: Any, value: Any, file: str, place: str, problems: Problems) -> Any:
    """One value into the type of its field; reports what does not fit."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else convert(inner[0], value, file, place, problems)
    if origin is Literal:
        if value not in inner:
            choices = ", ".join(str(choice) for choice in inner if choice)
            hint_text = nearest(str(value), [str(i) for i in inner])
            problems.add(file, f"{value!r} is not one of {choices}{hint_text}", column=place)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            problems.add(file, f"is a list, found {value!r}", column=place)
            return ()
        return tuple(
            convert(inner[0], item, file, f"{place}[{i}]", problems)
            for i, item in enumerate(value, start=1)
        )
    if origin is dict:
        if not isinstance(value, dict):
            problems.add(file, f"is a mapping, found {value!r}", column=place)
            return {}
        for key in value:
            if isinstance(key, bool):
                problems.add(
                    file,
                    f"YAML reads an unquoted yes, no, true, false, on or off as {key}: write it in "
                    "quotes",
                    column=place,
                )
        if len({str(key) for key in value}) < len(value):
            problems.add(file, f"a key stands twice: {list(value)}", column=place)
        return {
            str(key): convert(inner[1], item, file, _dotted(place, str(key)), problems)
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        return build(hint, value, file, place, problems)  # type: ignore[arg-type]
    return _scalar(hint, value, file, place, problems)


def _scalar(hint: type, value: Any, file: str, place: str, problems: Problems) -> Any:
    fits = {
        str: isinstance(value, str | int | float) and not isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value),
        bool: isinstance(value, bool),
    }
    if not fits[hint]:
        words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        problems.add(file, f"is {words[hint]}, found {value!r}", column=place)
        return hint()
    return hint(value)


def _dotted(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
