"""Parameters of a sweep: W&B's distributions, and how a value becomes a flag."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Keys that must stand in a parameter of each kind, and those that may, with their defaults.
KINDS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "constant": (("value",), {}),
    "categorical": (("values",), {}),
    "categorical_w_probabilities": (("values", "probabilities"), {}),
    "int_uniform": (("min", "max"), {}),
    "uniform": (("min", "max"), {}),
    "q_uniform": (("min", "max"), {"q": 1.0}),
    "log_uniform_values": (("min", "max"), {}),
    "q_log_uniform_values": (("min", "max"), {"q": 1.0}),
    "inv_log_uniform_values": (("min", "max"), {}),
    "normal": ((), {"mu": 0.0, "sigma": 1.0}),
    "q_normal": ((), {"mu": 0.0, "sigma": 1.0, "q": 1.0}),
    "log_normal": ((), {"mu": 0.0, "sigma": 1.0}),
    "q_log_normal": ((), {"mu": 0.0, "sigma": 1.0, "q": 1.0}),
    "beta": ((), {"a": 1.0, "b": 1.0}),
    "q_beta": ((), {"a": 1.0, "b": 1.0, "q": 1.0}),
}
# Those whose own scale an optimiser can search; the others are searched by their quantiles.
ON_ITS_OWN_SCALE = {"int_uniform", "uniform", "q_uniform", "log_uniform_values"}
ON_ITS_OWN_SCALE |= {"q_log_uniform_values"}
CHOICES = {"constant", "categorical", "categorical_w_probabilities"}
# The tails of a normal distribution are cut here.
TAIL = 1e-4


@dataclass(frozen=True)
class Parameter:
    """One flag that a sweep varies.

    Attributes:
        name: Of the flag, with dots.
        kind: A key of `KINDS`.
        values: Of the categorical kinds; of a constant, its only one.
        numbers: Of the others: min, max, q, mu, sigma, a, b, whichever belong to the kind.
        probabilities: Of the values, where they are given.
    """

    name: str
    kind: str
    values: tuple[Any, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    probabilities: tuple[float, ...] = ()

    def distribution(self) -> BaseDistribution:
        """What Optuna searches: the texts of the values, numbers, or a share from 0 to 1."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self.values:
            return CategoricalDistribution([str(value) for value in self.values])
        if self.kind not in ON_ITS_OWN_SCALE:
            return FloatDistribution(TAIL, 1 - TAIL)
        number = dict(self.numbers)
        if self.kind == "int_uniform":
            return IntDistribution(int(number["min"]), int(number["max"]))
        return FloatDistribution(number["min"], number["max"], log="log" in self.kind)

    def raw_at(self, share: float) -> Any:
        """What Optuna stores for the value below which a share of the distribution lies.

        Example:
            >>> Parameter("risk_set", "categorical", ("batch", "cohort")).raw_at(0.7)
            'cohort'
            >>> rate = Parameter("lr", "log_uniform_values", numbers=(("min", 1e-4), ("max", 1e-2)))
            >>> round(rate.raw_at(0.5), 6)
            0.001
        """
        if self.values:
            reached = itertools.accumulate(
                self.probabilities or [1 / len(self.values)] * len(self.values)
            )
            place = sum(share >= total - 1e-12 for total in reached)
            return str(self.values[min(place, len(self.values) - 1)])
        if self.kind not in ON_ITS_OWN_SCALE:
            return min(max(share, TAIL), 1 - TAIL)
        number = dict(self.numbers)
        low, high = number["min"], number["max"]
        if self.kind == "int_uniform":
            return int(min(low + math.floor(share * (high - low + 1)), high))
        if "log" in self.kind:
            return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)

    def value_of(self, raw: Any) -> Any:
        """The value of the flag for what Optuna stores; quantised where the kind is.

        Example:
            >>> Parameter("modalities", "categorical", (["image"], ["genes"])).value_of("['genes']")
            ['genes']
            >>> q = (("min", 0.0), ("max", 0.5), ("q", 0.05))
            >>> Parameter("model.dropout", "q_uniform", numbers=q).value_of(0.14)
            0.15
        """
        if self.values:
            return next(value for value in self.values if str(value) == raw)
        number = dict(self.numbers)
        value = raw if self.kind in ON_ITS_OWN_SCALE else _quantile(self.kind, number, raw)
        if "q" not in number:
            return value
        steps = round(value / number["q"])
        # A whole step makes whole numbers: a flag for those takes no 2.0.
        whole = float(number["q"]).is_integer()
        return int(steps * number["q"]) if whole else round(steps * number["q"], 12)

    def examples(self) -> list[Any]:
        """Every value there is, or the lowest, the median and the highest."""
        if self.values:
            return list(self.values)
        return [self.value_of(self.raw_at(share)) for share in (0.0, 0.5, 1.0)]

    def grid(self) -> list[Any]:
        """What Optuna stores for every value; empty where there is no end of them."""
        if self.values:
            return [str(value) for value in self.values]
        number = dict(self.numbers)
        if self.kind == "int_uniform":
            return list(range(int(number["min"]), int(number["max"]) + 1))
        if self.kind == "q_uniform":
            steps = math.floor((number["max"] - number["min"]) / number["q"] + 1e-9)
            return [number["min"] + step * number["q"] for step in range(steps + 1)]
        return []


def flag(name: str, value: Any) -> str:
    """The word that W&B's agent writes for a value: Python's own text of it.

    Example:
        >>> flag("optim.lr", 3e-5), flag("modalities", ["image", "genes"]), flag("resume", False)
        ('--optim.lr=3e-05', "--modalities=['image', 'genes']", '--resume=False')
    """
    return f"--{name}={value}"


def _quantile(kind: str, number: dict[str, float], share: float) -> float:
    from scipy import stats

    if kind == "inv_log_uniform_values":
        low, high = math.log(1 / number["max"]), math.log(1 / number["min"])
        return 1 / math.exp(high + share * (low - high))
    if "beta" in kind:
        return float(stats.beta.ppf(share, number["a"], number["b"]))
    normal = float(stats.norm.ppf(share, number["mu"], number["sigma"]))
    return math.exp(normal) if "log" in kind else normal
