"""Everything wrong with an input, gathered and reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Of one kind of problem in one file and column, this many are shown; the rest are counted.
SHOWN = 8


class Problem(NamedTuple):
    """One thing that is wrong, and where.

    Attributes:
        file: Path as the user wrote it or as it was resolved.
        row: Line of the file, the header being 1; None where it is not about one row.
        column: Column, key or gene; None where it is not about one.
        message: The thing, the value found, and the way out.
    """

    file: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        """file, row 7, column age: message."""
        place = [self.file]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column}")
        return f"{', '.join(place)}: {self.message}"


class BadInput(ValueError):  # noqa: N818 - it names what it is: input that cannot be used
    """An input that cannot be used; carries all its problems.

    Args:
        problems: At least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(report(self.problems))


class Problems:
    """Gathers problems while reading goes on."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(
        self, file: str | Path, message: str, *, row: int | None = None, column: str | None = None
    ) -> None:
        """Adds one."""
        self.found.append(Problem(str(file), row, column, message))

    def raise_if_any(self) -> None:
        """Ends reading where something was found.

        Raises:
            BadInput: With everything found so far.
        """
        if self.found:
            raise BadInput(self.found)


def report(problems: tuple[Problem, ...]) -> str:
    """One line a problem; long runs in one column of one file are cut and counted.

    Example:
        >>> print(report((Problem("a.csv", 2, "age", "'x' is not a number"),)))
        1 problem with the input:
          a.csv, row 2, column age: 'x' is not a number
    """
    lines = [f"{len(problems)} problem{'s' * (len(problems) > 1)} with the input:"]
    shown: dict[tuple[str, str | None], int] = {}
    for problem in problems:
        key = (problem.file, problem.column)
        shown[key] = shown.get(key, 0) + 1
        if problem.row is None or shown[key] <= SHOWN:
            lines.append(f"  {problem}")
    for (file, column), count in shown.items():
        rows = sum(p.row is not None for p in problems if (p.file, p.column) == (file, column))
        if rows > SHOWN:
            where = file if column is None else f"{file}, column {column}"
            lines.append(f"  {where}: {count - SHOWN} more rows like these")
    return "\n".join(lines)
