"""A part of a cohort, drawn by subtype: so many of these, so many of those."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_modules.cohort import Cohort
from data_modules.genes import nearest
from data_modules.problems import Problems


def draw(cohort: Cohort, wanted: Sequence[str], seed: int) -> Cohort:
    """Draws patients at random within subtype, events in the share that they have there.

    Args:
        cohort: To draw from.
        wanted: Such as ["LumA=149", "LumB=100"].
        seed: The same seed draws the same patients.

    Raises:
        BadInput: A subtype that nobody has, fewer patients than are wanted, or words of another
            form; all of them in one report.
    """
    problems = Problems()
    subtype = cohort.table["subtype"].astype(object)
    counts: dict[str, int] = {}
    for word in wanted:
        name, _, text = word.partition("=")
        if not text.isdecimal() or int(text) < 1:
            problems.add("--draw", f"{word!r} is not a subtype and a number, such as LumA=149")
            continue
        counts[name] = int(text)
        there = int((subtype == name).sum())
        if there < counts[name]:
            hint = nearest(name, {str(s) for s in subtype.dropna()} - {name}) if not there else ""
            problems.add("--draw", f"{word}: the cohort has {there} patients of {name}{hint}")
    problems.raise_if_any()
    rng = np.random.default_rng([seed, 13])
    event = cohort.table["event"].to_numpy(bool)
    chosen: list[int] = []
    for name, number in counts.items():
        members = np.flatnonzero((subtype == name).to_numpy())
        happened = members[event[members]]
        events = round(number * len(happened) / len(members))
        rest = members[~event[members]]
        chosen += rng.permutation(happened)[:events].tolist()
        chosen += rng.permutation(rest)[: number - events].tolist()
    kept = cohort.table.iloc[sorted(chosen)]
    expression = cohort.expression
    if expression is not None:
        expression = expression.loc[kept.index.intersection(expression.index, sort=False)]
    drawn = " and ".join(f"{number} {name}" for name, number in counts.items())
    digest = hashlib.sha256("\n".join([cohort.data_hash, *kept.index]).encode())
    return replace(
        cohort,
        table=kept,
        expression=expression,
        flow=(*cohort.flow, (f"drawn: {drawn}", len(kept))),
        data_hash=digest.hexdigest(),
    )
