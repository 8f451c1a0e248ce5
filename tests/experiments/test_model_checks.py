from __future__ import annotations

import pytest

from experiments.config_parts import ModelConfig
from experiments.model_checks import model_checks


def told(model: ModelConfig, *modalities: str) -> list[str]:
    return [message for fine, message in model_checks(model, modalities) if not fine]


def test_programs_that_no_network_would_read() -> None:
    both = ModelConfig(gene_programs=4, gene_hidden=8)
    assert told(both, "genes", "clinical") == [
        "--model.gene_programs=4: without image, --model.gene_hidden=8 stands for tokens of genes; "
        "leave out one of the two"
    ]
    assert not told(both, "image", "genes")
    assert not told(both, "image", "clinical")
    assert not told(both, "clinical")


@pytest.mark.parametrize("alone", [ModelConfig(gene_programs=4), ModelConfig(gene_hidden=8)])
def test_one_of_the_two_has_a_meaning_without_image(alone) -> None:
    assert not told(alone, "genes")


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = ModelConfig(width=0, dropout=1.0, head_start=0.0, program_start="reconstruction")
    assert [message.split("=")[0] for message in told(wrong, "genes")] == [
        "--model.width", "--model.dropout", "--model.program_start", "--model.head_start",
    ]  # fmt: skip
