"""One padded kernel or a loop over patients? Both ways of ragged attention at several bag sizes.

Justifies `PADDED_SCORES_LIMIT` in mmsurv/models/attention.py: forward and backward of a batch whose
bags differ up to threefold in length, self-attention (patches to patches) and cross-attention
(patches to genes).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor

from experiments.benchmarks.clock import interleaved, median_ratio
from experiments.benchmarks.report import Report, Row
from mmsurv.batch import Ragged
from mmsurv.models.attention import PADDED_SCORES_LIMIT, looped_attention, padded_attention

Kind = Literal["self", "genes"]
GENES = 50


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        longest: Patches of the longest bag of a batch.
        batch: Patients.
        width: d.
        heads: Of attention.
        repetitions: Of each way.
        threads: Of PyTorch.
    """

    longest: tuple[int, ...] = (16, 32, 48, 64, 96, 128, 256, 512, 1024)
    batch: int = 12
    width: int = 64
    heads: int = 4
    repetitions: int = 9
    threads: int = 1


def measure(settings: Settings) -> Report:
    """Times both ways in turns at every size."""
    torch.set_num_threads(settings.threads)
    kinds: tuple[Kind, ...] = ("self", "genes")
    rows = [_row(settings, longest, kind) for kind in kinds for longest in settings.longest]
    return Report(
        name="attention",
        title=f"forward and backward of ragged attention, batch {settings.batch}, "
        f"width {settings.width}",
        rows=rows,
        notes=[
            "scores: entries of the padded score matrix, which decide the way; "
            f"up to {PADDED_SCORES_LIMIT} is padded",
            "ratio: padded over looped; below 1 the padded kernel is faster",
        ],
        settings=asdict(settings),
    )


def _row(settings: Settings, longest: int, kind: Kind) -> Row:
    random = torch.Generator().manual_seed(longest)
    spread = torch.randint(max(longest // 3, 1), longest + 1, (settings.batch,), generator=random)
    counts = (longest, *spread.tolist()[1:])
    key_counts = counts if kind == "self" else (GENES,) * settings.batch
    tensors = [
        torch.randn(sum(n), settings.width, generator=random).requires_grad_()
        for n in (counts, key_counts, key_counts)
    ]
    query, key, value = tensors

    def way(attend: Callable[..., Tensor]) -> Callable[[], None]:
        def call() -> None:
            out = attend(
                Ragged(query, counts), Ragged(key, key_counts), value, heads=settings.heads
            )
            out.square().sum().backward()

        return call

    times = interleaved(
        {"padded": way(padded_attention), "looped": way(looped_attention)},
        repetitions=settings.repetitions,
    )
    return {
        "kind": kind,
        "longest": longest,
        "scores": settings.batch * longest * max(key_counts),
        "padded_ms": 1000 * statistics.median(times["padded"]),
        "looped_ms": 1000 * statistics.median(times["looped"]),
        "ratio": median_ratio(times["padded"], times["looped"]),
    }
