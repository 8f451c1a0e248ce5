"""From `--cohort` to a loaded cohort."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from rich.console import Console

from data_modules.cohort import Cohort, load_cohort
from data_modules.draw import draw
from data_modules.manifest import load_manifest
from data_modules.toy import build_toy, toy_folder
from experiments.config import RunConfig
from experiments.device import run_attention
from experiments.fast_bags import KeptBags, with_fast_bags

TOY_ROOT = Path("data")


def open_cohort(config: RunConfig, console: Console, kept: KeptBags | None = None) -> Cohort:
    """Loads the cohort, building the toy one on first use, and says who is in it.

    Args:
        config: Of the run.
        console: Where to print.
        kept: Bags that this process keeps already; they are not read again.

    Raises:
        BadInput: Everything wrong with the manifest and what it points to, or bags that are to be
            kept in memory and do not fit.
    """
    manifest_path = Path(config.cohort)
    if config.cohort == "toy":
        if not (toy_folder(config.toy, TOY_ROOT) / "cohort.yaml").is_file():
            console.print(f"building the toy cohort of {config.toy.patients} patients")
        manifest_path = build_toy(config.toy, TOY_ROOT)
    cohort = load_cohort(
        load_manifest(manifest_path),
        endpoint=config.endpoint or None,
        modalities=config.modalities,
        encoder=config.encoder or None,
    )
    if config.draw:
        cohort = draw(cohort, config.draw, config.seed)
    if config.data.eval_patches and cohort.features is not None:
        cohort = dataclasses.replace(cohort, notes=(*cohort.notes, part_note(config)))
    cohort, how = with_fast_bags(config, cohort, kept, console)
    console.print(f"cohort: {manifest_path}")
    for step, left in cohort.flow:
        console.print(f"  {left:6d} patients  {step}")
    for note in cohort.notes:
        console.print(f"  note: {note}")
    for line in (*how, f"attention: {run_attention(config)}, {config.trainer.precision}"):
        console.print(f"  {line}")
    if config.cohort == "toy":
        oracle = json.loads((manifest_path.parent / "oracle.json").read_text(encoding="utf-8"))
        console.print(
            "  C-index of the true log hazard: {oracle:.3f}; best of image alone {image:.3f}, "
            "genes alone {genes:.3f}, clinical alone {clinical:.3f}".format(**oracle["c_index"])
        )
    return cohort


def part_note(config: RunConfig) -> str:
    """What a reader of the scores must know where evaluation does not see all patches.

    Example:
        >>> from experiments.config_parts import DataConfig
        >>> part_note(RunConfig(data=DataConfig(eval_patches=500)))
        'evaluation sees at most 500 patches a patient, the same ones in every run'
    """
    return (
        f"evaluation sees at most {config.data.eval_patches} patches a patient, the same ones in "
        "every run"
    )
