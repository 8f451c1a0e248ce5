"""One network trained by several processes of this machine, a device each.

Lightning's own launchers do not fit a fold loop: one runs the whole command once more for every
device, the other sends the trainer with all its loggers to another process. Here the processes are
those of `experiments.spawned`, which begin by themselves what they work on; Lightning finds them
met already.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import distributed

from data_modules.problems import BadInput, Problem
from experiments.config import RunConfig
from experiments.spawned import in_processes

Task = TypeVar("Task")
Result = TypeVar("Result")


class Seat(NamedTuple):
    """Of one process among those that work together.

    Attributes:
        work: What all of them do.
        task: On what.
        rank: Of the process, from 0.
        world: How many there are.
        meeting: A file that no other group uses, through which they find each other.
        gpu: Whether each has a GPU.
    """

    work: Callable[[Any], Any]
    task: Any
    rank: int
    world: int
    meeting: str
    gpu: bool


def on_gpu(config: RunConfig) -> bool:
    """Whether the processes of a training on several devices have a GPU each."""
    kind = config.trainer.accelerator
    return kind == "gpu" or (kind == "auto" and torch.cuda.is_available())


def check_devices(config: RunConfig) -> None:
    """Refuses more GPUs than there are, and a precision that is theirs where there is none.

    A CPU has room for any number of processes.

    What the machines of a cluster have is not known here.

    Raises:
        BadInput: There are fewer than asked for.
    """
    asked, there = config.trainer.devices, torch.cuda.device_count()
    if config.here and asked == 1 and config.trainer.accelerator == "gpu" and not _any_gpu():
        text = "PyTorch finds no GPU on this machine; set --trainer.accelerator auto or cpu"
        raise BadInput([Problem("--trainer.accelerator=gpu", None, None, text)])
    if config.here and config.trainer.precision == "16-mixed" and not _any_gpu():
        text = "PyTorch finds no GPU on this machine, and a CPU has bf16-mixed alone"
        raise BadInput([Problem("--trainer.precision=16-mixed", None, None, text)])
    if asked > 1 and on_gpu(config) and there < asked:
        text = (
            f"{asked} GPUs are asked for and {there} {'is' if there == 1 else 'are'} there; "
            "lower it, or set --trainer.accelerator cpu"
        )
        raise BadInput([Problem("--trainer.devices", None, None, text)])


def _any_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def in_company(
    work: Callable[[Task], Result], task: Task, *, devices: int, gpu: bool = False
) -> Result:
    """Calls `work(task)` in several new processes, which reach each other by torch.distributed.

    Args:
        work: A function of a module; it asks `mmsurv.ranks.rank_and_world` who it is.
        task: Picklable.
        devices: Number of processes.
        gpu: Give each a GPU, and let them talk by NCCL; else they talk by gloo.

    Returns:
        What the first of them returned.

    Raises:
        Exception: What the first to fail raised; the others are ended.
    """
    with tempfile.TemporaryDirectory(prefix="mmsurv-") as folder:
        meeting = str(Path(folder) / "meeting")
        seats = [Seat(work, task, rank, devices, meeting, gpu) for rank in range(devices)]
        outcomes = cast(
            Generator[tuple[int, Result | Exception]],
            in_processes(take_seat, seats, jobs=devices, retries=0),
        )
        results: dict[int, Result] = {}
        with closing(outcomes):
            for rank, outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
                results[rank] = outcome
    return results[0]


def take_seat(seat: Seat) -> Any:
    """What each process does: it meets the others, works, and leaves when all are done."""
    # Lightning takes this as a sign that the processes of a training are started already.
    os.environ["LOCAL_RANK"] = str(seat.rank)
    if seat.gpu:
        torch.cuda.set_device(seat.rank)
    # A file, as a free port may be taken by another before all have met.
    distributed.init_process_group(
        "nccl" if seat.gpu else "gloo",
        store=distributed.FileStore(seat.meeting, seat.world),  # type: ignore[attr-defined]
        rank=seat.rank,
        world_size=seat.world,
    )
    # After an error the group stays as it is: the others wait, and are ended, instead of telling
    # that somebody has gone before it is told why.
    result = seat.work(seat.task)
    distributed.barrier()
    distributed.destroy_process_group()
    return result
