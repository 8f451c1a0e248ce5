"""Where does an epoch go? Self time by operation, of the trainer's epoch on bags of `large`'s kind.

The profiler slows small operations more than large ones: shares say where to look, times are those
of the other benchmarks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from experiments.benchmarks.made_bags import MadeBags
from experiments.benchmarks.report import Report, Row
from experiments.benchmarks.ways import our_epoch
from mmsurv.names import PoolingName, RiskSet


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        bags: Patients of an epoch.
        patches: Fewest and most of a bag.
        width: Of a feature.
        batch: Patients a step.
        ways: Pooling and risk set of each profile.
        most: Operations that are told of each.
        threads: Of PyTorch.
    """

    bags: int = 48
    patches: tuple[int, int] = (500, 4000)
    width: int = 512
    batch: int = 12
    ways: tuple[tuple[PoolingName, RiskSet], ...] = (
        ("self_attention", "batch"),
        ("latent", "batch"),
        ("latent", "cohort"),
    )
    most: int = 8
    threads: int = 2


def measure(settings: Settings) -> Report:
    """Profiles one epoch of every way on the CPU, and on a GPU where there is one."""
    torch.set_num_threads(settings.threads)
    bags = MadeBags(settings.bags, settings.patches, settings.width)
    rows: list[Row] = []
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        for pooling, risk_set in settings.ways:
            rows += _rows(bags, settings, pooling, risk_set, device)
    return Report(
        name="profile",
        title=f"self time of an epoch, {settings.bags} bags of {settings.patches[0]} to "
        f"{settings.patches[1]} patches x {settings.width}, dual_xattn",
        rows=rows,
        notes=[
            f"the {settings.most} operations that take most, and all others together",
            *([] if torch.cuda.is_available() else ["GPU: not run, there is none"]),
        ],
        settings=asdict(settings),
    )


def _rows(
    bags: MadeBags, settings: Settings, pooling: PoolingName, risk_set: RiskSet, device: str
) -> list[Row]:
    def epoch() -> None:
        our_epoch(bags, settings.batch, pooling=pooling, risk_set=risk_set, device=device)

    epoch()  # the first one allocates
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
    with profile(activities=activities, acc_events=True) as profiled:
        epoch()
    clock = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    found = sorted(
        (
            (float(getattr(event, clock)), event.key, event.count)
            for event in profiled.key_averages()
        ),
        reverse=True,
    )
    total = sum(spent for spent, _, _ in found)
    told = [*found[: settings.most]]
    rest = found[settings.most :]
    told.append((sum(spent for spent, _, _ in rest), "all others", sum(n for _, _, n in rest)))
    return [
        {
            "device": device,
            "way": f"{pooling}, risk set {risk_set}",
            "operation": operation,
            "calls": calls,
            "share": spent / total,
        }
        for spent, operation, calls in told
    ]
