"""TRIPOD+AI, item by item: what the files of a run answer, and what its authors must.

Source: Collins et al., TRIPOD+AI statement, 2024, doi:10.1136/bmj-2023-078378. The wording of the
items here is a summary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from experiments.reporting.sources import Source

AUTHORS = "for the authors to say"


class Item(NamedTuple):
    """One item: its number, what it asks for, and the answer; empty where the files have none."""

    number: str
    asks: str
    answer: str

    @property
    def filled(self) -> bool:
        """Whether the files answer it."""
        return bool(self.answer)


def tripod(source: Source, numbers: str) -> list[Item]:
    """All items for one run.

    Args:
        source: The run, or foreign predictions: those answer little.
        numbers: Patients and events in words.
    """
    answers = _answers(source, numbers)
    return [Item(number, asks, answers.get(number, "")) for number, asks in ASKED.items()]


def _answers(source: Source, numbers: str) -> dict[str, str]:
    """By item, from configuration, environment and cohort; nothing is guessed."""
    config, cohort = source.config, source.cohort
    found = {
        "12e": "C-index, AUC(t), Brier score and its index of prediction accuracy, calibration "
        "slope and plot, survival of the risk groups; tables of this report",
        "20a": numbers,
        "21": f"{numbers}; by fold under Folds",
        "23a": "with 95 % intervals and by subgroup in this report",
    }
    if cohort is not None:
        found |= {
            "6b": "; ".join(f"{step}: {left}" for step, left in cohort.flow),
            "8a": f"endpoint {cohort.endpoint}, the definition being that of the cohort's table",
            "9b": "; ".join(_described(name, kind) for name, kind in cohort.kinds.items()),
        }
    if config:
        found |= _of_config(config, source)
    if source.environment:
        environment = source.environment
        packages = ", ".join(f"{n} {v}" for n, v in environment.get("versions", {}).items())
        found["18f"] = f"code at commit {environment.get('commit', 'unknown')}; {packages}"
    if source.audit is not None and source.audit["site_shared"].notna().all():
        shared = float(source.audit["site_shared"].mean())
        found["12d"] = f"{shared:.0%} of held-out patients come from a site that also trained"
    return {number: answer for number, answer in found.items() if answer}


def _of_config(config: dict[str, Any], source: Source) -> dict[str, str]:
    modalities = ", ".join(config["modalities"])
    held = f"{config['folds']} folds, split {config['split']}, drawn {config['repeats']} times"
    start = "the final layer starts at the ridge Cox solution of the clinical variables"
    clinical = "clinical" in config["modalities"] and config["model"]["clinical_start"] == "cox"
    years = " and ".join(f"{h:g}" for h in config["horizons"])
    stop = (
        "an inner split of the training patients stops the training"
        if config["protocol"] == "nested"
        else "the held-out fold stops the training and is reported, as published"
    )
    return {
        "1": f"development and internal validation by cross-validation, cohort {config['cohort']}",
        "9a": f"all variables of {modalities} named in the manifest; none was selected by outcome",
        "11": "missing values are filled with what the training patients of the fold show; "
        "patients may lack a modality",
        "12a": f"{held}; protocol {config['protocol']}: {stop}",
        "12b": "numbers standardised on the training patients of the fold, counts and sizes by "
        "their logarithm where the manifest says so",
        "12c": f"neural network, fusion {config['fusion']}, pooling {config['pooling']}, loss "
        f"{config['loss']}, {config['ensemble']} network(s) a fold"
        + (f"; {start}" if clinical else ""),
        "12g": "log hazard of the network, survival by Breslow's baseline of the training "
        "patients; predictions.csv holds every prediction",
        "15": f"log hazard, survival at {years} years, and a risk group cut at the training median",
        "16": "held-out patients come from the same cohort as training patients",
        "22": f"checkpoints and config.yaml in {source.name}",
    }


def _described(name: str, kind: dict[str, Any]) -> str:
    levels = f" ({', '.join(map(str, kind['levels']))})" if kind["levels"] else ""
    unit = f" in {kind['unit']}" if kind["unit"] else ""
    return f"{name}: {kind['kind']}{unit}{levels}"


ASKED: dict[str, str] = {
    "1": "title: development or evaluation, population, outcome",
    "2": "abstract, by TRIPOD+AI for abstracts",
    "3a": "healthcare context and rationale",
    "3b": "target population, purpose and users in the care pathway",
    "3c": "known health inequalities between groups",
    "4": "objectives",
    "5a": "sources of data, and whether they represent the target population",
    "5b": "dates of accrual and end of follow-up",
    "6a": "setting, number and location of centres",
    "6b": "eligibility",
    "6c": "treatments received",
    "7": "data preparation and quality checks, alike across groups",
    "8a": "outcome, horizon, and how it was assessed",
    "8b": "who assessed a subjective outcome",
    "8c": "blinding of the outcome's assessment",
    "9a": "how predictors were chosen before modelling",
    "9b": "definition of all predictors",
    "9c": "who assessed subjective predictors",
    "10": "sample size and its justification",
    "11": "missing data",
    "12a": "how data were used and partitioned",
    "12b": "handling of predictors: form, rescaling",
    "12c": "type of model, building steps, tuning, internal validation",
    "12d": "heterogeneity between clusters",
    "12e": "measures and plots of performance",
    "12f": "updating after evaluation",
    "12g": "how predictions were calculated",
    "13": "methods against class imbalance, and recalibration after them",
    "14": "approaches to fairness",
    "15": "output of the model and thresholds",
    "16": "differences between development and evaluation data",
    "17": "ethical approval and consent",
    "18a": "funding",
    "18b": "conflicts of interest",
    "18c": "where the protocol is",
    "18d": "registration",
    "18e": "availability of data",
    "18f": "availability of code",
    "19": "involvement of patients and public",
    "20a": "flow of participants, numbers with and without the outcome",
    "20b": "characteristics of participants and missing data",
    "20c": "development against evaluation data, for external evaluation",
    "21": "participants and events in each analysis",
    "22": "the full model, so that others can predict with it",
    "23a": "performance with intervals, and in key subgroups",
    "23b": "heterogeneity of performance across clusters",
    "24": "results of updating",
    "25": "interpretation, fairness in view of objectives and earlier studies",
    "26": "limitations",
    "27a": "handling of poor or missing inputs when used",
    "27b": "interaction and expertise that use demands",
    "27c": "next steps, applicability and generalisability",
}
