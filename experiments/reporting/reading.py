"""What the numbers do and do not support, in plain language, by rules.

Each rule says one thing or nothing; none says more than its numbers. The thresholds are named here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from experiments.reporting.facts import Facts, known, shown
from experiments.reporting.style import p_text

ALPHA = 0.05
FEW_EVENTS = 10
# Fewer make an evaluation uncertain: Collins et al. 2016, doi:10.1002/sim.6787.
ENOUGH_EVENTS = 100
WIDE_SPREAD = 0.05
TESTS = {
    "corrected t": "differences by fold, corrected for shared training patients",
    "bootstrap": "bootstrap of the patients, the fitted models as given",
    "": "no test",
}

Rule = Callable[[Facts], str]


class Sentence(NamedTuple):
    """What a rule says of a model."""

    rule: str
    text: str


def reading(facts: Facts) -> list[Sentence]:
    """Sentences on one model, the important ones first."""
    said = (Sentence(rule.__name__, rule(facts)) for rule in RULES)
    return [sentence for sentence in said if sentence.text]


def who(f: Facts) -> str:
    """Patients, events and protocol stand before any number."""
    draws = f"{f.folds} folds" if f.folds > 1 else "one fold"
    times = f", drawn {f.repeats} times" if f.repeats > 1 else ""
    return (
        f"{f.patients} patients, {f.events} events and {f.pairs} comparable pairs in "
        f"{draws}{times}; protocol {f.protocol}."
    )


def simulated(f: Facts) -> str:
    """A simulated cohort proves that software works, and nothing else."""
    return "The patients are simulated: nothing here is about patients." if f.simulated else ""


def optimism(f: Facts) -> str:
    """Whether the reported patients had a part in training."""
    if f.protocol == "paper":
        told = "The fold that is reported also chose the epoch, so these numbers are too good. "
        if not known(f.gap):
            return f"{told}A run under protocol nested says by how much."
        told += f"C-index less that under protocol nested, same patients: {shown(f.gap)}"
        if f.gap.lower > 0:
            return f"{told}."
        return f"{told}, which so few folds do not tell apart from 0."
    if f.protocol == "nested":
        return ""
    return (
        "How the model was trained is not known here: whether the reported patients had any part "
        "in it must be asked of its makers."
    )


def chance(f: Facts) -> str:
    """Whether patients are ranked better than by chance."""
    c = f.c_index
    if not known(c):
        return f"Whether it ranks patients better than chance cannot be said: {c.reason}."
    told = f"C-index {shown(c)}"
    if c.upper < 0.5:
        return (
            f"It ranks patients the wrong way round ({told}): a higher log hazard must mean a "
            "higher risk; is the sign exchanged?"
        )
    if c.value > f.null_upper and c.lower > 0.5:
        return (
            f"It ranks patients better than chance: {told}; chance stays below {f.null_upper:.3f}."
        )
    return (
        f"That it ranks patients better than chance is not shown: {told}; rankings without "
        f"information reach {f.null_upper:.3f}."
    )


def classical(f: Facts) -> str:
    """Whether a network is worth it beside classical models of the same folds."""
    others = [a for a in f.against if a.kind == "classical" and known(a.difference)]
    if f.kind != "network":
        return ""
    if not others:
        return (
            "No classical model was compared with it in the same folds: whether it is worth its "
            "complexity cannot be said."
        )
    better = [a for a in others if a.difference.lower > 0 and a.p_holm < ALPHA]
    worse = [a for a in others if a.difference.upper < 0 and a.p_holm < ALPHA]
    hardest = min(others, key=lambda a: a.difference.value)
    told = f"Beside {len(others)} classical models in the same folds it is better than "
    told += f"{len(better) or 'none'} and worse than {len(worse) or 'none'}. "
    if len(better) + len(worse) < len(others):
        told += "Where neither is said, no difference is shown. "
    return (
        f"{told}Against the strongest, {hardest.other}, the difference in C-index is "
        f"{shown(hardest.difference)}, p {p_text(hardest.p_holm)} after Holm "
        f"({TESTS[hardest.test]})."
    )


def groups(f: Facts) -> str:
    """Whether the two risk groups differ in survival."""
    if f.permutation_p != f.permutation_p:
        return ""
    p = f"permutation p {p_text(f.permutation_p)}"
    if f.permutation_p < ALPHA:
        return f"High and low risk differ in survival ({p})."
    told = f"That high and low risk differ in survival is not shown ({p})."
    if f.logrank_p < ALPHA:
        told += (
            f" The plain log-rank test would say otherwise (p {p_text(f.logrank_p)}); it takes the "
            "out-of-fold groups for independent, which they are not."
        )
    return told


def added(f: Facts) -> str:
    """Whether the risk group adds to what a clinician knows anyway."""
    if not known(f.added):
        return ""
    names = ", ".join(f.beside)
    told = f"hazard ratio {shown(f.added, 2)}, likelihood-ratio p {p_text(f.added_p)}"
    if f.added.lower > 1 and f.added_p < ALPHA:
        return f"Beside {names} the risk group still tells something: {told}."
    return f"That the risk group adds to {names} is not shown: {told}."


def calibration(f: Facts) -> str:
    """Whether predicted risks are as far apart as observed ones."""
    s = f.slope
    if not known(s):
        return ""
    if s.upper < 1:
        return f"Predicted risks are too extreme: calibration slope {shown(s, 2)}, 1 being right."
    if s.lower > 1:
        return (
            f"Predicted risks are too much alike: calibration slope {shown(s, 2)}, 1 being right."
        )
    return f"The calibration slope gives no sign of wrong spread: {shown(s, 2)}, 1 being right."


def accuracy(f: Facts) -> str:
    """Whether predicted risks beat giving everybody the same one."""
    told = []
    for horizon, ipa in f.ipa.items():
        if not known(ipa):
            continue
        lower = ipa.lower if ipa.lower == ipa.lower else ipa.value
        if lower > 0:
            told.append(f"at {horizon:g} years better (IPA {shown(ipa, 2)})")
        else:
            told.append(f"at {horizon:g} years not shown to be better (IPA {shown(ipa, 2)})")
    if not told:
        return ""
    return (
        "Against one Kaplan–Meier risk for everybody, predicted risks are " + ", ".join(told) + "."
    )


def few_events(f: Facts) -> str:
    """Where numbers are mostly chance."""
    told = []
    if f.few_events:
        named = ", ".join(map(str, f.few_events))
        folds = "Fold" if len(f.few_events) == 1 else "Folds"
        has = "has" if len(f.few_events) == 1 else "have"
        told.append(f"{folds} {named} {has} fewer than {FEW_EVENTS} events: mostly chance.")
    if f.events < ENOUGH_EVENTS:
        told.append(
            f"{f.events} events are few for an evaluation; {ENOUGH_EVENTS} are a common least."
        )
    return " ".join(told)


def spread(f: Facts) -> str:
    """Whether folds agree."""
    if f.c_sd > WIDE_SPREAD:
        return (
            f"Folds disagree (sd of the C-index {f.c_sd:.3f}): no single fold speaks for the model."
        )
    return ""


def draws(f: Facts) -> str:
    """One draw of folds is one draw."""
    if f.kind == "foreign" or f.repeats > 1 or f.folds < 2:
        return ""
    return "The folds were drawn once; another draw would give other numbers."


def elsewhere(f: Facts) -> str:
    """Cross-validation says nothing of other hospitals."""
    if f.folds < 2:
        return ""
    told = "All patients are of one cohort: nothing here says how the model does elsewhere."
    if f.site_shared > 0.5:
        told += (
            f" {f.site_shared:.0%} of the held-out patients come from a site that also gave "
            "training patients."
        )
    return told


def use(f: Facts) -> str:
    """What no retrospective number supports."""
    return (
        "No treatment should follow from these numbers: no cut was tested for benefit, and nobody "
        "was treated by it."
    )


RULES: tuple[Rule, ...] = (
    who, simulated, optimism, chance, classical, groups, added, calibration, accuracy, few_events,
    spread, draws, elsewhere, use,
)  # fmt: skip
