"""Cox regression of a few covariates, and the hazard ratio of two groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm

from mmsurv.checks import check_finite, check_follow_up
from mmsurv.metrics.functional.value import Estimate

Array = np.ndarray

_STEPS = 50
_TOLERANCE = 1e-9
# Beyond this change of the log hazard over one standard deviation the likelihood has no maximum.
_LARGEST = 10.0


class CoxFit(NamedTuple):
    """A fitted Cox model.

    Attributes:
        coefficient: Log hazard ratio of one unit of each covariate.
        covariance: Of the coefficients, from the observed information.
        log_likelihood: Partial, at the coefficients.
        null_log_likelihood: Partial, at 0.
        reason: Why the coefficients are NaN; empty where they are not.
    """

    coefficient: Float[Array, " p"]
    covariance: Float[Array, "p p"]
    log_likelihood: float
    null_log_likelihood: float
    reason: str = ""

    def estimate(self, column: int, *, ratio: bool = True, hypothesis: float = 0.0) -> Estimate:
        """A coefficient with its 95 % Wald interval and p value.

        Args:
            column: Of the covariates.
            ratio: As a hazard ratio, exp of the coefficient.
            hypothesis: The coefficient that p is about.
        """
        if self.reason:
            return Estimate.missing(self.reason)
        value, spread = (
            float(self.coefficient[column]),
            float(self.covariance[column, column]) ** 0.5,
        )
        half = float(norm.ppf(0.975)) * spread
        p = float(2 * norm.sf(abs(value - hypothesis) / spread))
        lower, upper = value - half, value + half
        if ratio:
            value, lower, upper = np.exp([value, lower, upper]).tolist()
        return Estimate(value, lower, upper, p)


def cox_regression(
    *, covariates: Float[Array, "n p"], event: Bool[Array, " n"], time: Float[Array, " n"]
) -> CoxFit:
    r"""Maximum of Cox's partial likelihood with Efron's treatment of ties, by Newton's method.

    .. math:: \ell(\beta) = \sum_k \Big( \sum_{i \in D_k} x_i^\top \beta
              - \sum_{l=0}^{d_k-1} \log \big( \sum_{j: t_j \ge t_k} e^{x_j^\top \beta}
              - \tfrac{l}{d_k} \sum_{j \in D_k} e^{x_j^\top \beta} \big) \Big)

    with D_k the d_k events at time t_k. For a few covariates: it does not penalise.

    Args:
        covariates: One row a patient.
        event: True = it happened.
        time: Positive, in any unit.

    Returns:
        The fit; NaN with a reason where there is no event, a covariate is constant or a combination
        of others, or the likelihood has no maximum, as when no patient of a group has the event.

    Raises:
        ValueError: Input that is not usable.

    Source: Efron, The efficiency of Cox's likelihood function for censored data, 1977,
    doi:10.1080/01621459.1977.10480613.

    Example:
        >>> fit = cox_regression(covariates=np.array([[1.0], [0.0], [1.0], [0.0]]),
        ...                      event=np.ones(4, bool), time=np.array([1.0, 2.0, 3.0, 4.0]))
        >>> fit.coefficient.round(4).tolist()
        [0.9406]
    """
    check_follow_up(event=event, time=time)
    check_finite("covariates", covariates, len(time))
    if covariates.ndim != 2:
        raise ValueError(f"covariates must be patients by columns, got shape {covariates.shape}")
    width = covariates.shape[1]
    if not event.any():
        return _missing(width, "no event among the patients")
    x = covariates.astype(np.float64)
    spread = x.std(axis=0)
    if (spread == 0).any():
        return _missing(width, f"covariate {int(np.argmin(spread))} is the same for everybody")
    x = (x - x.mean(axis=0)) / spread
    order = np.argsort(-time, kind="stable")
    terms = _Ties(x[order], event[order], time[order])
    beta = np.zeros(width)
    null = likelihood = terms.at(beta)[0]
    for _ in range(_STEPS):
        _, gradient, information = terms.at(beta)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return _missing(width, "the covariates do not tell their effects apart")
        tried = terms.at(beta + step)[0]
        while not tried >= likelihood - 1e-9 * abs(likelihood) and np.abs(step).max() > 1e-12:
            step = step / 2
            tried = terms.at(beta + step)[0]
        beta, likelihood = beta + step, tried
        if np.abs(beta).max() > _LARGEST:
            break
        if np.abs(step).max() < _TOLERANCE:
            covariance = np.linalg.inv(terms.at(beta)[2]) / np.outer(spread, spread)
            if not (np.diag(covariance) > 0).all() or np.linalg.cond(information) > 1e12:
                return _missing(width, "the covariates do not tell their effects apart")
            return CoxFit(beta / spread, covariance, float(likelihood), float(null))
    return _missing(width, "the likelihood has no maximum: a covariate parts all events")


def hazard_ratio(
    *, event: Bool[Array, " n"], time: Float[Array, " n"], group: Bool[Array, " n"]
) -> Estimate:
    """Hazard of those in the group over that of the others, by Cox regression.

    One number for the whole follow-up: where the curves cross it describes neither part.

    Args:
        event: True = it happened.
        time: Positive, in any unit.
        group: Which of two groups, such as high risk.

    Returns:
        The ratio, its 95 % Wald interval and the p value of a ratio of 1; NaN where a group is
        empty, or one of them has no event, when the ratio is 0 or infinite.

    Raises:
        ValueError: Input that is not usable.

    Source: Cox, Regression models and life-tables, 1972, doi:10.1111/j.2517-6161.1972.tb00899.x.

    Example:
        >>> ratio = hazard_ratio(event=np.ones(4, bool), time=np.array([1.0, 2.0, 3.0, 4.0]),
        ...                      group=np.array([True, False, True, False]))
        >>> round(ratio.value, 4)
        2.5616
    """
    check_follow_up(event=event, time=time)
    if group.dtype != np.bool_ or group.shape != time.shape:
        raise ValueError(
            f"group must be {len(time)} bools, got {group.dtype} of shape {group.shape}"
        )
    if not group.any() or group.all():
        return Estimate.missing("one of the two groups is empty")
    if not event[group].any() or not event[~group].any():
        return Estimate.missing("one of the two groups has no event")
    return cox_regression(covariates=group[:, None].astype(float), event=event, time=time).estimate(
        0
    )


def _missing(width: int, reason: str) -> CoxFit:
    nan = float("nan")
    return CoxFit(np.full(width, nan), np.full((width, width), nan), nan, nan, reason)


class _Ties:
    """The likelihood and its derivatives; patients by falling time."""

    def __init__(
        self, x: Float[Array, "n p"], event: Bool[Array, " n"], time: Float[Array, " n"]
    ) -> None:
        self.x, self.event = x, event
        # The risk set of an event ends with the last patient of its time.
        self.last = np.searchsorted(-time, -time[event], side="right") - 1
        _, self.group, deaths = np.unique(time[event], return_inverse=True, return_counts=True)
        self.first = np.searchsorted(self.group.max() - self.group, np.arange(len(deaths)))[::-1]
        within = np.arange(len(self.group)) - self.first[self.group]
        self.share = within / deaths[self.group]

    def at(self, beta: Float[Array, " p"]) -> tuple[float, Float[Array, " p"], Float[Array, "p p"]]:
        """Log-likelihood, gradient and information."""
        eta = self.x @ beta
        top = float(eta.max())
        weight = np.exp(eta - top)
        first = weight[:, None] * self.x
        second = first[:, :, None] * self.x[:, None, :]
        s0, s1, s2 = (self._sums(part) for part in (weight, first, second))
        mean = s1 / s0[:, None]
        value = eta[self.event].sum() - (np.log(s0) + top).sum()
        gradient = self.x[self.event].sum(axis=0) - mean.sum(axis=0)
        information = (s2 / s0[:, None, None]).sum(axis=0) - mean.T @ mean
        return float(value), gradient, information

    def _sums(self, part: Float[Array, " n *rest"]) -> Float[Array, " e *rest"]:
        """Sum over the risk set of each event, less Efron's share of the tied."""
        tied = np.zeros((int(self.group.max()) + 1, *part.shape[1:]))
        np.add.at(tied, self.group, part[self.event])
        share = self.share.reshape(-1, *[1] * (part.ndim - 1))
        at_risk: Array = part.cumsum(axis=0)[self.last] - share * tied[self.group]
        return at_risk
