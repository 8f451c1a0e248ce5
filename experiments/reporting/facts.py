"""What the reading of a model is made from: numbers, each with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mmsurv.metrics.functional.value import Estimate

NAN = float("nan")
NOTHING = Estimate(NAN, NAN, NAN)


def known(estimate: Estimate) -> bool:
    """Whether there is a number.

    Example:
        >>> known(Estimate(0.7, 0.6, 0.8)), known(NOTHING)
        (True, False)
    """
    return estimate.value == estimate.value


def shown(estimate: Estimate, digits: int = 3) -> str:
    """A number and its interval as a reader expects them.

    Example:
        >>> shown(Estimate(0.71, 0.6, 0.8)), shown(Estimate(0.71, NAN, NAN), 2), shown(NOTHING)
        ('0.710 (0.600 to 0.800)', '0.71', '–')
    """
    if not known(estimate):
        return "–"
    text = f"{estimate.value:.{digits}f}"
    if estimate.lower != estimate.lower:
        return text
    return f"{text} ({estimate.lower:.{digits}f} to {estimate.upper:.{digits}f})"


def band(lower: float, upper: float) -> str:
    """Both ends of a band; a dash where there is none.

    Example:
        >>> band(0.4, 0.6), band(NAN, NAN)
        ('0.400 to 0.600', '–')
    """
    return "–" if lower != lower else f"{lower:.3f} to {upper:.3f}"


class Against(NamedTuple):
    """A paired comparison with another model.

    Attributes:
        other: Its name.
        kind: network, classical, foreign.
        difference: In C-index, positive is better, with the interval of the test.
        p_holm: Of the test, after Holm.
        test: Its name, as in the table of comparisons.
    """

    other: str
    kind: str
    difference: Estimate
    p_holm: float
    test: str


@dataclass(frozen=True)
class Facts:
    """What is known of one model.

    Attributes:
        name: Of the arm.
        kind: network, classical, foreign.
        protocol: nested, paper, not known.
        patients: Held out.
        events: Among them.
        pairs: Comparable pairs within folds.
        folds: Of one repeat.
        repeats: Of the whole cross-validation.
        few_events: Folds with fewer than ten events.
        c_index: Pair-weighted over folds.
        c_sd: Standard deviation over folds.
        null_upper: Upper end of the band in which 95 % of uninformed rankings fall.
        permutation_p: Of the risk groups.
        logrank_p: Of the pooled risk groups, not valid.
        slope: Calibration slope.
        ipa: Index of prediction accuracy by horizon.
        added: Hazard ratio of the risk group beside the clinical variables.
        added_p: Likelihood-ratio test of the same.
        beside: Names of those variables.
        against: Paired comparisons.
        gap: Its C-index less that of the same run under protocol nested.
        simulated: Whether the patients are.
        site_shared: Share of held-out patients whose site also trained; NaN where not known.
    """

    name: str
    kind: str
    protocol: str
    patients: int
    events: int
    pairs: int
    folds: int
    repeats: int
    few_events: tuple[int, ...] = ()
    c_index: Estimate = NOTHING
    c_sd: float = NAN
    null_upper: float = NAN
    permutation_p: float = NAN
    logrank_p: float = NAN
    slope: Estimate = NOTHING
    ipa: dict[float, Estimate] = field(default_factory=dict)
    added: Estimate = NOTHING
    added_p: float = NAN
    beside: tuple[str, ...] = ()
    against: tuple[Against, ...] = ()
    gap: Estimate = NOTHING
    simulated: bool = False
    site_shared: float = NAN
