"""Large bags: an epoch in several ways, against a loop that sees one patient at a time.

The peer loop is what published code does: one patient forward and backward, gradients accumulated
over a batch, then a step. It has the same network and the same patches, and no loss of its own: the
log hazard itself is differentiated, so that its arithmetic is the least that such a loop can have.
The bare loop has the batches and the Cox loss of the trainer in plain PyTorch. All ways take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from experiments.benchmarks.clock import interleaved, median_ratio
from experiments.benchmarks.large_alone import alone
from experiments.benchmarks.large_runs import jobs_row, protocol_row, table_row
from experiments.benchmarks.made_bags import MadeBags
from experiments.benchmarks.report import Report, Row, bar_row, beside_earlier
from experiments.benchmarks.ways import bare_epoch, our_epoch, peer_epoch

Done = Callable[[Report, str], None]
NOT_RUN = "not run: no GPU"
TOLD = {"grown": "growth", "peak": "whole process"}
PARTS = ("epochs", "memory", "long", "jobs", "many", "protocol", "table", "gpu")


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        bags: Patients of an epoch.
        patches: Fewest and most of a bag.
        width: Of a feature.
        batch: Patients a step.
        some: Patches a bag with subsampling.
        long: Patches of the one long bag.
        many: Sizes of the simulated cohorts, read out of a pack.
        many_patches: Patches of each of their bags.
        many_times: Processes that each size is measured in; the median counts, as holes in the
            heap differ from one to the next.
        memory_bags: Patients of an epoch whose memory is measured.
        jobs_patients: Size of the toy cohort that is cross-validated in one and in two processes.
        protocol_patients: Size of the cohort of the paper's protocol.
        protocol_patches: Of each of its patients.
        protocol_epochs: At most, a fold.
        repetitions: Epochs a way.
        threads: Of PyTorch.
    """

    bags: int = 200
    patches: tuple[int, int] = (500, 4000)
    width: int = 512
    batch: int = 12
    some: int = 1024
    long: int = 50_000
    many: tuple[int, int] = (500, 10_000)
    many_patches: int = 2000
    many_times: int = 3
    memory_bags: int = 48
    jobs_patients: int = 400
    protocol_patients: int = 250
    protocol_patches: int = 2000
    protocol_epochs: int = 150
    repetitions: int = 3
    threads: int = 2


def with_bags(bags: int) -> Settings:
    """Epochs of another number of patients; of fewer, more of them are timed."""
    return Settings(
        bags=bags,
        memory_bags=min(bags, Settings.memory_bags),
        repetitions=max(Settings.repetitions, Settings.bags // bags),
    )


def measure(settings: Settings, done: Done | None = None, parts: Sequence[str] = PARTS) -> Report:
    """Times and memory, each with the bar that it is held against.

    Args:
        settings: What is measured.
        done: Told the report so far and a line after every part: all of them take half an hour.
        parts: Of `PARTS`, in any order.
    """
    torch.set_num_threads(settings.threads)
    rows: list[Row] = []
    for name, part in _parts(settings).items():
        if name not in parts:
            continue
        found = part()
        rows += found
        if done is not None:
            done(_report(settings, rows), "; ".join(f"{r['measure']}: {r['value']}" for r in found))
    return _report(settings, rows)


def measure_beside(settings: Settings, parts: Sequence[str], out: Path, *, done: Done) -> Report:
    """`measure` of some parts, beside the rows that earlier calls left in `out`.

    Raises:
        BadInput: Those are of another machine; told before anything is measured.
    """

    def whole(report: Report) -> Report:
        return beside_earlier(report, out)

    whole(_report(settings, []))
    return whole(measure(settings, lambda report, line: done(whole(report), line), parts))


def _parts(settings: Settings) -> dict[str, Callable[[], list[Row]]]:
    kept = asdict(settings)
    size = settings.protocol_patients, settings.protocol_patches, settings.width
    ways: list[Callable[[], list[Row]]] = [
        lambda: _epochs(settings),
        lambda: _memory(kept),
        lambda: [_long(settings.long, kept)],
        lambda: [jobs_row(settings.jobs_patients), jobs_row(settings.jobs_patients, repeats=2)],
        lambda: _many(settings, kept),
        lambda: [protocol_row(*size, settings.protocol_epochs)],
        lambda: [table_row(settings.protocol_epochs)],
        lambda: _gpu(settings),
    ]
    return dict(zip(PARTS, ways, strict=True))


def _report(settings: Settings, rows: list[Row]) -> Report:
    return Report(
        name="large",
        title=f"bags of {settings.patches[0]} to {settings.patches[1]} patches x "
        f"{settings.width}, dual_xattn",
        rows=list(rows),
        notes=[
            "peer: one patient at a time, gradients accumulated; the same network and patches",
            "memory: growth of the resident set in a process of its own",
        ],
        settings=asdict(settings),
    )


def _long(patches: int, kept: dict[str, Any]) -> Row:
    what = f"memory of one bag of {patches} patches, latent, peak"
    return bar_row(what, alone("long_bag", kept)["grown"] / 1e9, "GB", 3.0, most=True)


def _epochs(settings: Settings) -> list[Row]:
    bags = MadeBags(settings.bags, settings.patches, settings.width)
    some = MadeBags(settings.bags, settings.patches, settings.width, most=settings.some)
    ways: dict[str, Callable[[], object]] = {
        "peer": lambda: peer_epoch(bags, settings.batch),
        "bare": lambda: bare_epoch(bags, settings.batch),
        "ours": lambda: our_epoch(bags, settings.batch),
        "latent": lambda: our_epoch(bags, settings.batch, pooling="latent"),
        "latent bare": lambda: bare_epoch(bags, settings.batch, pooling="latent"),
        "latent cohort": lambda: our_epoch(
            bags, settings.batch, pooling="latent", risk_set="cohort"
        ),
        "some": lambda: our_epoch(some, settings.batch),
    }
    times = interleaved(ways, repetitions=settings.repetitions)
    ours = times["ours"]
    epoch = f"epoch of {settings.bags} bags"
    return [
        bar_row(f"{epoch}, self_attention", median_ratio(times["peer"], ours), "x peer", 1.0),
        bar_row(f"{epoch}, latent", median_ratio(times["peer"], times["latent"]), "x peer", 8.0),
        bar_row(
            f"{epoch}, {settings.some} patches drawn",
            median_ratio(times["peer"], times["some"]),
            "x peer",
            8.0,
        ),
        bar_row(
            f"{epoch} over bare PyTorch, self_attention",
            median_ratio(ours, times["bare"]),
            "x bare",
            1.1,
            most=True,
        ),
        bar_row(
            f"{epoch} over bare PyTorch, latent",
            median_ratio(times["latent"], times["latent bare"]),
            "x bare",
            1.1,
            most=True,
        ),
        bar_row(
            f"{epoch}, risk set cohort over batch, latent",
            median_ratio(times["latent cohort"], times["latent"]),
            "x batch",
            1.6,
            most=True,
        ),
    ]


def _memory(kept: dict[str, Any]) -> list[Row]:
    """Of a batch risk set, which needs the graphs of a batch at once, and of the cohort's."""
    peer = alone("peer_memory", kept)
    rows = []
    for what, name in (
        (f"batches of {kept['batch']} bags", "our_memory"),
        ("bag by bag, risk set cohort", "cohort_memory"),
    ):
        ours = alone(name, kept)
        for measure in ("grown", "peak"):
            told = f"memory of an epoch of {kept['memory_bags']} bags, {what}, {TOLD[measure]}"
            rows.append(bar_row(told, ours[measure] / peer[measure], "x peer", 1.2, most=True))
    return rows


def _many(settings: Settings, kept: dict[str, Any]) -> list[Row]:
    """How memory and time grow from the smaller of two cohorts to the larger."""
    runs = [
        [alone("many_bags", kept, patients=n) for _ in range(settings.many_times)]
        for n in settings.many
    ]
    few, many = ({what: median(run[what] for run in of) for what in of[0]} for of in runs)
    small, large = settings.many
    each = f"patients x {settings.many_patches}, latent"
    name = f"{large} over {small} {each}"
    grown = f"{large} {each}: memory, growth of all over that of the first {small}"
    whole = f"{name}: memory, {TOLD['peak']}"
    linear = few["seconds"] * large / small
    return [
        bar_row(grown, many["grown"] / many["early"], "x", 1.2, most=True),
        bar_row(whole, many["peak"] / few["peak"], "x", 1.2, most=True),
        bar_row(f"{name}: time", many["seconds"] / linear, "x linear", 1.1, most=True),
    ]


def _gpu(settings: Settings) -> list[Row]:
    """The bars of a GPU, in bfloat16 with the bags on it; not run where there is none."""
    epoch = f"epoch of {settings.bags} bags, self_attention, GPU"
    protocol = "the paper's protocol, self_attention, GPU"
    if not torch.cuda.is_available():
        return [
            {"measure": what, "value": float("nan"), "unit": NOT_RUN, "bar": bar, "holds": "–"}
            for what, bar in ((epoch, ">= 5"), (protocol, "<= 1"))
        ]
    table = MadeBags(settings.bags, settings.patches, settings.width).table.cuda()
    bags = MadeBags(settings.bags, settings.patches, settings.width, table=table)
    times = interleaved(
        {
            "peer": lambda: peer_epoch(bags, settings.batch, device="cuda", half=True),
            "ours": lambda: our_epoch(bags, settings.batch, device="cuda", half=True),
        },
        repetitions=5,
    )
    return [
        bar_row(epoch, median_ratio(times["peer"], times["ours"]), "x peer", 5.0),
        protocol_row(settings.protocol_patients, settings.protocol_patches, settings.width,
                     settings.protocol_epochs, gpu=True),
    ]  # fmt: skip
