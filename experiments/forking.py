"""Workers that begin with their libraries imported.

A process that begins from nothing imports for seconds, and several at once on the same cores for
longer. A template, which has imported what workers need and has done nothing else, forks into a
worker in a moment. It imports while the command that asks for it does.
"""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from experiments.surroundings import thread_variables, variables

# What workers of a run, a study or a sweep import.
IMPORTED = ("experiments.cells", "experiments.cross_validation")
# Where the drivers of GPUs say that there are some (NVIDIA, AMD).
DRIVERS = ("nvidiactl", "kfd")

_begun_with: dict[str, str] = {}


def begin_template(threads: int) -> None:
    """Starts the template and returns at once; where forking is not safe, does nothing.

    Args:
        threads: That each worker may use; libraries ask for it when they are imported.
    """
    if _begun_with or not forking_is_safe():
        return
    multiprocessing.set_forkserver_preload(list(IMPORTED))
    _begun_with.update(thread_variables(threads))
    with variables(_begun_with):
        forkserver.ensure_running()


def start_method(threads: int) -> ForkServerContext | SpawnContext:
    """How a worker with so many threads begins: by a fork of the template, if there is one."""
    if _begun_with == thread_variables(threads):
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def forking_is_safe(devices: Path = Path("/dev")) -> bool:
    """Whether what libraries do when they are imported survives a fork.

    A driver of a GPU does not, and a library may ask it how many there are; nor do those of other
    systems than Linux.
    """
    return sys.platform == "linux" and not any((devices / name).exists() for name in DRIVERS)
