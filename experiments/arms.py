"""Arms of a comparison as flags spell them. Imports nothing heavy, so that --help is quick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, get_args

from experiments.baselines.names import ORDER, baselines_for
from mmsurv.names import Modality

if TYPE_CHECKING:
    from experiments.config import RunConfig

CLASSICAL = tuple(b.name for b in baselines_for(ORDER))


class Arm(NamedTuple):
    """One column of the table.

    Attributes:
        name: As the flag spells it.
        modalities: What a network sees; empty where the arm is a classical model.
        encoder: Of the image; empty takes the run's.
        classical: Name of a classical model; empty where the arm is a network.
    """

    name: str
    modalities: tuple[Modality, ...]
    encoder: str
    classical: str = ""

    @property
    def folder(self) -> str:
        """Name of its run folder.

        Example:
            >>> parse_arm("image+genes@maxvit").folder
            'image-genes-maxvit'
        """
        return self.name.replace("+", "-").replace("@", "-")


def parse_arm(text: str) -> Arm:
    """Modalities joined by +, or the name of a classical model; then @ and an encoder, or nothing.

    Raises:
        ValueError: Neither.

    Example:
        >>> parse_arm("image+genes@resnet50").modalities
        ('image', 'genes')
        >>> parse_arm("cox_clinical").classical
        'cox_clinical'
    """
    what, at, encoder = text.partition("@")
    if at and not encoder:
        raise ValueError(f"--arms: {text!r} names no encoder behind the @")
    if what in CLASSICAL:
        return Arm(text, (), encoder, what)
    words = what.split("+")
    known: tuple[Modality, ...] = get_args(Modality)
    wrong = [word for word in words if word not in known]
    if wrong or len(set(words)) != len(words):
        raise ValueError(
            f"--arms: {text!r} is neither modalities such as image+genes+clinical, each once, nor "
            f"a classical model such as {CLASSICAL[0]}"
        )
    chosen = tuple(modality for modality in known if modality in words)
    if encoder and "image" not in chosen:
        raise ValueError(f"--arms: {text!r} names an encoder but no image")
    return Arm(text, chosen, encoder)


def with_baselines(arm: Arm, arms: Sequence[Arm]) -> bool:
    """Whether the classical models are fitted in this arm: no other arm's would hold them all."""
    return not any(
        set(arm.modalities) < set(other.modalities)
        and ("image" not in arm.modalities or arm.encoder == other.encoder)
        for other in arms
    )


def source_of(classical: Arm, arms: Sequence[Arm]) -> Arm | None:
    """The arm of a network in whose folds a classical model is fitted; None where there is none."""
    for arm in arms:
        if arm.classical or not with_baselines(arm, arms):
            continue
        if classical.encoder in ("", arm.encoder) and classical.classical in {
            b.name for b in baselines_for(arm.modalities)
        }:
            return arm
    return None


def arms_of(config: RunConfig) -> list[Arm]:
    """The arms that the flags ask for; without --arms, --modalities alone.

    Raises:
        ValueError: An arm that is none.
    """
    if config.arms:
        return [parse_arm(text) for text in config.arms]
    at = f"@{config.encoder}" if config.encoder and "image" in config.modalities else ""
    return [parse_arm("+".join(config.modalities) + at)]


def arm_checks(config: RunConfig) -> list[tuple[bool, str]]:
    """Whether --arms and --protocols can be run, and what to say where they cannot."""
    checks = [
        (
            len(set(names)) == len(names),
            f"{flag} names one twice: {list(names)}",
        )
        for flag, names in (("--arms", config.arms), ("--protocols", config.protocols))
    ]
    if not config.arms:
        return checks
    arms, messages = [], []
    for text in config.arms:
        try:
            arms.append(parse_arm(text))
        except ValueError as error:
            messages.append(str(error))
    if not messages:
        messages += [
            f"--arms: {arm.name} is fitted beside a network that sees as much, and no arm does"
            for arm in arms
            if arm.classical and source_of(arm, arms) is None
        ]
        if not config.baselines and any(arm.classical for arm in arms):
            messages.append("--arms names a classical model, but --baselines is false")
    return [*checks, *((False, message) for message in messages)]
