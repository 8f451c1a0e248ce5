"""Everything wrong with an input, gathered and reported at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
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

    def __reduce__(self) -> tuple[type[BadInput], tuple[tuple[Problem, ...]]]:
        """Pickled by its problems, not by the text that they make."""
        return BadInput, (self.problems,)


class Problems:
    """Gathers problems while reading goes on."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(
        self,
        file: str | Path,
        message: str,
        *,
        row: Hashable | None = None,
        column: Hashable | None = None,
    ) -> None:
        """Adds one; row and column may come as the labels of a table."""
        self.found.append(
            Problem(
                str(file),
                None if row is None else int(str(row)),
                None if column is None else str(column),
                message,
            )
        )

    def raise_if_any(self) -> None:
        """Ends reading where something was found.

        Raises:
            BadInput: With everything found so far.
        """
        if self.found:
            raise BadInput(self.found)


def report(problems: tuple[Problem, ...]) -> str:
    """One line a problem; long runs of a kind are cut and counted.

    Of a kind are rows of one column of one file, and files of one folder.

    Example:
        >>> print(report((Problem("a.csv", 2, "age", "'x' is not a number"),)))
        1 problem with the input:
          a.csv, row 2, column age: 'x' is not a number
    """
    lines = [f"{len(problems)} problem{'s' * (len(problems) > 1)} with the input:"]
    kinds = [_kind(problem) for problem in problems]
    counts: dict[str, int] = {}
    for problem, kind in zip(problems, kinds, strict=True):
        counts[kind] = counts.get(kind, 0) + 1
        if not kind or counts[kind] <= SHOWN:
            lines.append(f"  {problem}")
    for kind, count in counts.items():
        if kind and count > SHOWN:
            lines.append(f"  {kind.format(count - SHOWN)}")
    return "\n".join(lines)


def _kind(problem: Problem) -> str:
    """The line that stands for those not shown, {} being how many; empty where all are shown."""
    if problem.row is not None:
        where = (
            problem.file if problem.column is None else f"{problem.file}, column {problem.column}"
        )
        return _braces(where) + ": {} more rows like these"
    if problem.column is None:
        return _braces(str(Path(problem.file).parent)) + ": {} more files like these"
    return ""


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
