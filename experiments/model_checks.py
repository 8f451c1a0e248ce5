"""What values of `--model` exclude."""

from __future__ import annotations

from collections.abc import Collection

from experiments.config_parts import ModelConfig
from mmsurv.names import Modality


def model_checks(model: ModelConfig, modalities: Collection[Modality]) -> list[tuple[bool, str]]:
    """Whether each value is fine, and what to say where it is not.

    Args:
        model: The values.
        modalities: What the network reads.

    Example:
        >>> [told for fine, told in model_checks(ModelConfig(heads=3), ["genes"]) if not fine]
        ['--model.heads=3 does not divide --model.width=64']
    """
    return [
        (model.width >= 1, f"--model.width={model.width}: at least 1"),
        (
            model.heads >= 1 and model.width % max(model.heads, 1) == 0,
            f"--model.heads={model.heads} does not divide --model.width={model.width}",
        ),
        (
            0 <= model.dropout < 1,
            f"--model.dropout={model.dropout}: from 0 to below 1",
        ),
        (
            model.gene_hidden >= 0,
            f"--model.gene_hidden={model.gene_hidden}: at least 0",
        ),
        (
            model.gene_programs >= 0,
            f"--model.gene_programs={model.gene_programs}: at least 0",
        ),
        (
            "image" in modalities
            or "genes" not in modalities
            or 0 in (model.gene_programs, model.gene_hidden),
            f"--model.gene_programs={model.gene_programs}: without image, "
            f"--model.gene_hidden={model.gene_hidden} stands for tokens of genes; "
            "leave out one of the two",
        ),
        (
            model.program_start == "random" or model.gene_programs > 0 or model.gene_hidden > 0,
            "--model.program_start=reconstruction: neither --model.gene_programs nor "
            "--model.gene_hidden is there to start",
        ),
        (
            model.linear == "learned" or model.clinical_start == "cox",
            "--model.linear=held: --model.clinical_start=random is nothing to hold",
        ),
        (model.head_start > 0, f"--model.head_start={model.head_start}: must be > 0"),
    ]
