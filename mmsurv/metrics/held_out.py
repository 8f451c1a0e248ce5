"""The whole metric set of held-out patients, for many resamples of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mmsurv.metrics.functional.accuracy import null_survival
from mmsurv.metrics.functional.brier import brier_terms
from mmsurv.metrics.functional.censoring import ipcw, legal_end
from mmsurv.metrics.functional.resampled_cox import resampled_coefficient
from mmsurv.metrics.functional.resampled_curves import resampled_curve
from mmsurv.metrics.functional.resampled_pairs import PairSums, pair_sums

Array = np.ndarray


class HeldOut(NamedTuple):
    """The held-out patients of one fold, and what is known of its training patients.

    Attributes:
        patient_id: Who they are; the same name in another repeat is the same patient.
        log_hazard: eta; its origin is that of the fold.
        event: True = it happened.
        time: Days, positive.
        survival: S(t given x), predicted, at the times of the grid.
        high: Predicted to be of high risk, cut on the training patients.
        train_event: Of the patients outside the fold.
        train_time: Of the patients outside the fold, days.
        repeat: Of the cross-validation, 0 without repeats.
    """

    patient_id: Sequence[str]
    log_hazard: Float[Array, " n"]
    event: Bool[Array, " n"]
    time: Float[Array, " n"]
    survival: Float[Array, "n T"]
    high: Bool[Array, " n"]
    train_event: Bool[Array, " m"]
    train_time: Float[Array, " m"]
    repeat: int = 0


class FoldDraws(NamedTuple):
    """Metrics of one fold in every resample.

    Attributes:
        metrics: Name to one number a resample; NaN where it cannot be computed.
        pairs: What the C-indices were divided from, for pooling over folds.
    """

    metrics: dict[str, Float[Array, " R"]]
    pairs: PairSums


def fold_draws(
    fold: HeldOut,
    *,
    counts: Float[Array, "R n"],
    grid_days: Float[Array, " T"],
    horizons: Mapping[str, float],
) -> FoldDraws:
    """C-indices, AUC, Brier scores, accuracy and calibration of one fold, in every resample.

    The training patients, and with them the censoring weights, are the same in every resample.

    Args:
        fold: Its held-out patients.
        counts: How often each patient occurs in each resample.
        grid_days: Times of `fold.survival`, with every horizon among them.
        horizons: Suffix of the name, such as "5y", to days.

    Raises:
        ValueError: Input that is not usable.
    """
    known = {"train_event": fold.train_event, "train_time": fold.train_time}
    of = {"event": fold.event, "time": fold.time}
    days = np.array(list(horizons.values()), dtype=np.float64)
    end = legal_end(train_time=fold.train_time, test_time=fold.time)
    pairs = pair_sums(
        log_hazard=fold.log_hazard,
        **of,
        weight=ipcw(**known, at=fold.time),
        counts=counts,
        at_days=days,
    )
    metrics = {"c_index": _ratio(pairs.concordant, pairs.comparable)}
    own = brier_terms(survival=fold.survival, **of, **known, at_days=grid_days)
    null = brier_terms(
        survival=null_survival(**known, at_days=grid_days, patients=len(fold.time)),
        **of,
        **known,
        at_days=grid_days,
    )
    total = counts.sum(axis=1)
    for h, (name, at) in enumerate(horizons.items()):
        last = _place(grid_days, at)
        mean, null_mean = (_ratio(counts @ terms[:, last], total) for terms in (own, null))
        area, null_area = (
            _ratio(counts @ _integral(terms, grid_days, last), total) for terms in (own, null)
        )
        uno = _ratio(pairs.uno_concordant[:, h], pairs.uno_comparable[:, h])
        auc = _ratio(pairs.auc_concordant[:, h], pairs.auc_pairs[:, h])
        followed = np.minimum(fold.time, at)
        within = fold.event & (fold.time <= at)
        observed = 1.0 - resampled_curve(**of, counts=counts, until=at).survival
        metrics |= {
            f"c_uno_{name}": uno if at <= end else np.full(len(counts), np.nan),
            f"auc_{name}": auc if at < end else np.full(len(counts), np.nan),
            f"brier_{name}": mean,
            f"ibs_{name}": area,
            f"ipa_{name}": 1.0 - _ratio(mean, null_mean),
            f"integrated_ipa_{name}": 1.0 - _ratio(area, null_area),
            f"calibration_slope_{name}": resampled_coefficient(
                covariate=fold.log_hazard, event=within, time=followed, counts=counts
            ),
            f"observed_expected_{name}": _ratio(
                observed * total, counts @ (1.0 - fold.survival[:, last])
            ),
        }
    return FoldDraws(metrics, pairs)


def pooled_draws(
    folds: Sequence[HeldOut],
    *,
    counts: Sequence[Float[Array, "R _"]],
    horizons: Mapping[str, float],
) -> dict[str, Float[Array, " R"]]:
    """What is computed of the risk groups of all folds together, in every resample.

    Risk groups were cut within each fold and may be pooled, where log hazards may not.

    Args:
        folds: Of one repeat.
        counts: Of the patients of each fold.
        horizons: Suffix of the name to days.

    Returns:
        log_hazard_ratio of high over low risk, and rmst_difference_<horizon>: days, low minus high.

    Raises:
        ValueError: Input that is not usable.
    """
    event = np.concatenate([fold.event for fold in folds])
    time = np.concatenate([fold.time for fold in folds])
    high = np.concatenate([fold.high for fold in folds])
    drawn = np.concatenate(list(counts), axis=1)
    draws = {
        "log_hazard_ratio": resampled_coefficient(
            covariate=high.astype(np.float64), event=event, time=time, counts=drawn
        )
    }
    for name, at in horizons.items():
        low, of_high = (
            resampled_curve(
                event=event[rows], time=time[rows], counts=drawn[:, rows], until=at
            ).restricted_mean
            for rows in (~high, high)
        )
        draws[f"rmst_difference_{name}"] = low - of_high
    return draws


def _place(grid_days: Float[Array, " T"], at: float) -> int:
    place = np.flatnonzero(np.isclose(grid_days, at, rtol=1e-5, atol=0.0))
    if not len(place):
        raise ValueError(f"horizon {at:g} is not in grid_days: predict survival there too")
    return int(place[0])


def _integral(
    terms: Float[Array, "n T"], grid_days: Float[Array, " T"], last: int
) -> Float[Array, " n"]:
    """Mean from 0 to a time of the grid, by trapezoids; 0 at 0."""
    upto = np.append(0.0, grid_days[: last + 1])
    curve = np.concatenate([np.zeros((len(terms), 1)), terms[:, : last + 1]], axis=1)
    area: Array = np.trapezoid(curve, upto, axis=1) / upto[-1]
    return area


def _ratio(above: Float[Array, " R"], below: Float[Array, " R"]) -> Float[Array, " R"]:
    ratio: Array = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
