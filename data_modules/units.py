"""Units that tables of patients are in, and how they are brought to each other."""

from __future__ import annotations

# By what they measure, each in the smallest of them.
KINDS = {
    "time": {"days": 1.0, "months": 365.25 / 12, "years": 365.25},
    "length": {"mm": 1.0, "cm": 10.0},
}
# As people write them behind a number.
SPELLINGS = {
    "d": "days", "day": "days", "mo": "months", "mos": "months", "month": "months",
    "y": "years", "yr": "years", "yrs": "years", "year": "years",
}  # fmt: skip


def kind_of(unit: str) -> str:
    """What a unit measures; nothing where it is none of ours.

    Example:
        >>> kind_of("cm"), kind_of("years"), kind_of("")
        ('length', 'time', '')
    """
    return next((kind for kind, sizes in KINDS.items() if unit in sizes), "")


def converted(number: float, written: str, wanted: str) -> float:
    """A number in the unit wanted.

    Args:
        number: As it was found.
        written: Its unit, in any spelling.
        wanted: A unit of `KINDS`, or nothing where numbers have none.

    Raises:
        ValueError: The one cannot be brought to the other.

    Example:
        >>> converted(2.5, "cm", "mm"), converted(2, "yrs", "months")
        (25.0, 24.0)
    """
    unit = SPELLINGS.get(written, written)
    if unit == wanted:
        return number
    if not unit:
        raise ValueError(f"has no unit, and {wanted} are wanted: declare `unit`")
    kind = kind_of(unit)
    if not kind or kind_of(wanted) != kind:
        aim = wanted or "a number without a unit: declare `to`"
        raise ValueError(f"is in {unit}, which cannot be brought to {aim}")
    return number * KINDS[kind][unit] / KINDS[kind][wanted]
