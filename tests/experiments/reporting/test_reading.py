from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.reporting.facts import NAN, Against, Facts, known, shown
from experiments.reporting.reading import RULES, reading
from mmsurv.metrics.functional import Estimate

FACTS = Facts(
    name="A",
    kind="network",
    protocol="nested",
    patients=300,
    events=120,
    pairs=5000,
    folds=5,
    repeats=2,
    c_index=Estimate(0.70, 0.65, 0.75),
    c_sd=0.03,
    null_upper=0.55,
    permutation_p=0.001,
    logrank_p=0.0001,
    slope=Estimate(1.0, 0.8, 1.2),
    ipa={5.0: Estimate(0.10, 0.02, 0.18)},
    added=Estimate(2.0, 1.3, 3.1),
    added_p=0.002,
    beside=("age", "grade"),
    against=(Against("ridge", "classical", Estimate(0.04, 0.01, 0.07), 0.01, "corrected t"),),
    site_shared=0.2,
)


def said(**changes) -> dict[str, str]:
    return dict(reading(replace(FACTS, **changes)))


def test_the_rules_speak_of_a_good_model() -> None:
    assert list(said()) == [
        "who", "chance", "classical", "groups", "added", "calibration", "accuracy", "elsewhere",
        "use",
    ]  # fmt: skip
    assert said()["who"] == (
        "300 patients, 120 events and 5000 comparable pairs in 5 folds, drawn 2 times; protocol "
        "nested."
    )


def test_every_rule_is_named_once() -> None:
    names = [rule.__name__ for rule in RULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("rule", "changes", "text"),
    [
        ("who", {"folds": 1, "repeats": 1}, "comparable pairs in one fold; protocol"),
        ("simulated", {"simulated": True}, "nothing here is about patients"),
        ("optimism", {"protocol": "paper"}, "these numbers are too good"),
        ("optimism", {"protocol": "paper"}, "A run under protocol nested says by how much."),
        (
            "optimism",
            {"protocol": "paper", "gap": Estimate(0.05, 0.01, 0.09)},
            "C-index less that under protocol nested, same patients: 0.050 (0.010 to 0.090).",
        ),
        (
            "optimism",
            {"protocol": "paper", "gap": Estimate(0.05, -0.01, 0.11)},
            "(-0.010 to 0.110), which so few folds do not tell apart from 0.",
        ),
        ("optimism", {"protocol": "not known"}, "must be asked of its makers"),
        ("chance", {}, "It ranks patients better than chance: C-index 0.700 (0.650 to 0.750)"),
        ("chance", {"c_index": Estimate(0.54, 0.49, 0.6)}, "better than chance is not shown"),
        ("chance", {"c_index": Estimate(0.58, 0.49, 0.7)}, "better than chance is not shown"),
        ("chance", {"null_upper": 0.71}, "better than chance is not shown"),
        ("chance", {"c_index": Estimate(0.3, 0.25, 0.35)}, "is the sign exchanged?"),
        ("chance", {"c_index": Estimate.missing("no event")}, "cannot be said: no event."),
        ("classical", {}, "it is better than 1 and worse than none. Against"),
        ("classical", {}, "ridge, the difference in C-index is 0.040 (0.010 to 0.070), p = 0.010"),
        (
            "classical",
            {},
            "after Holm (differences by fold, corrected for shared training patients)",
        ),
        ("classical", {"against": ()}, "whether it is worth its complexity cannot be said"),
        ("groups", {}, "High and low risk differ in survival (permutation p = 0.001)"),
        ("groups", {"permutation_p": 0.2}, "is not shown (permutation p = 0.200)."),
        ("groups", {"permutation_p": 0.2}, "The plain log-rank test would say otherwise"),
        ("added", {}, "Beside age, grade the risk group still tells something: hazard ratio 2.00"),
        ("added", {"added": Estimate(1.2, 0.9, 1.6)}, "adds to age, grade is not shown"),
        ("added", {"added_p": 0.3}, "adds to age, grade is not shown"),
        ("calibration", {}, "no sign of wrong spread"),
        ("calibration", {"slope": Estimate(0.6, 0.4, 0.8)}, "too extreme"),
        ("calibration", {"slope": Estimate(1.6, 1.2, 2.0)}, "too much alike"),
        ("accuracy", {}, "at 5 years better (IPA 0.10 (0.02 to 0.18))."),
        ("accuracy", {"ipa": {5.0: Estimate(0.1, -0.1, 0.3)}}, "at 5 years not shown to be better"),
        ("few_events", {"few_events": (1,)}, "Fold 1 has fewer than 10 events: mostly chance."),
        ("few_events", {"few_events": (1, 3)}, "Folds 1, 3 have fewer than 10 events"),
        ("few_events", {"events": 60}, "60 events are few for an evaluation"),
        ("spread", {"c_sd": 0.09}, "sd of the C-index 0.090"),
        ("draws", {"repeats": 1}, "The folds were drawn once"),
        ("elsewhere", {}, "nothing here says how the model does elsewhere."),
        ("elsewhere", {"site_shared": 0.9}, "90% of the held-out patients"),
        ("use", {}, "No treatment should follow"),
    ],
)
def test_a_rule_says_what_its_numbers_say(rule, changes, text) -> None:
    assert text in said(**changes)[rule]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("simulated", {}),
        ("optimism", {}),
        ("classical", {"kind": "foreign"}),
        ("groups", {"permutation_p": NAN}),
        ("added", {"added": Estimate.missing("no clinical variables")}),
        ("calibration", {"slope": Estimate.missing("no survival")}),
        ("accuracy", {"ipa": {5.0: Estimate.missing("beyond follow-up")}}),
        ("few_events", {}),
        ("spread", {"c_sd": NAN}),
        ("draws", {"kind": "foreign", "repeats": 1}),
        ("elsewhere", {"folds": 1}),
    ],
)
def test_a_rule_without_its_numbers_says_nothing(rule, changes) -> None:
    assert rule not in said(**changes)


def test_the_plain_logrank_is_not_mentioned_where_it_agrees() -> None:
    assert "log-rank" not in said(permutation_p=0.2, logrank_p=0.4)["groups"]


def test_a_gain_that_holm_does_not_leave_is_no_gain() -> None:
    against = (
        Against("ridge", "classical", Estimate(0.04, 0.01, 0.07), 0.2, "corrected t"),
        Against("forest", "classical", Estimate(-0.05, -0.08, -0.02), 0.01, "bootstrap"),
        Against("other", "network", Estimate(-0.2, -0.3, -0.1), 0.01, "corrected t"),
    )
    told = said(against=against)["classical"]
    assert "Beside 2 classical models" in told
    assert "better than none and worse than 1. Where neither is said" in told
    assert "Against the strongest, forest," in told


def test_numbers_are_shown_with_their_interval() -> None:
    assert shown(Estimate(0.5, NAN, NAN), 2) == "0.50"
    assert not known(Estimate.missing("no event"))
