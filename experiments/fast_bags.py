"""How bags reach a run: from files or a pack, kept in memory or read anew; never other bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from data_modules.cohort import Cohort
from data_modules.features import BagStore, PackedStore, ResidentStore, open_packed, packed_folder
from data_modules.problems import BadInput, Problem
from experiments.config import RunConfig
from experiments.device import free_bytes, run_device

# Of the memory that is free, what --data.resident auto takes at most.
SHARE = 0.5


def with_fast_bags(config: RunConfig, cohort: Cohort) -> tuple[Cohort, list[str]]:
    """The cohort with its bags as --data.store and --data.resident ask, and a line on each.

    A table of slide-level features lies in memory already.

    Raises:
        BadInput: Bags that are to be kept do not fit.
    """
    store, told = cohort.features, []
    if not isinstance(store, BagStore):
        return cohort, []
    files: BagStore | PackedStore = store
    if config.data.store == "packed":
        home = Path(config.data.packed_in) if config.data.packed_in else packed_folder(store)
        if home is not None:
            files, line = open_packed(store, home)
            told.append(line)
    device = run_device(config)
    mode = "on" if config.data.cache else config.data.resident
    keep, line = decide(
        mode,
        needed=files.nbytes(),
        free=None if mode == "off" else free_bytes(device),
        jobs=config.jobs,
        where="GPU memory" if device.type == "cuda" else "memory",
    )
    told.append(line)
    if not keep:
        return replace(cohort, features=files), told
    return replace(cohort, features=ResidentStore(files, device)), told


def decide(
    mode: Literal["auto", "on", "off"], *, needed: int, free: int | None, jobs: int, where: str
) -> tuple[bool, str]:
    """Whether bags are kept, and why, in a line.

    Args:
        mode: As --data.resident.
        needed: Bytes of all bags.
        free: Bytes; None where the system does not say.
        jobs: Processes that would keep them, each for itself.
        where: What kind of memory.

    Raises:
        BadInput: They are to be kept and do not fit.

    Example:
        >>> decide("auto", needed=2_000_000_000, free=8_000_000_000, jobs=1, where="memory")
        (True, 'bags are kept in memory: 2.00 GB of 8.00 GB that are free')
        >>> decide("auto", needed=5_000_000_000, free=8_000_000_000, jobs=1, where="memory")[1]
        'bags are read anew every epoch: 5.00 GB are more than half of 8.00 GB that are free'
    """
    if mode == "off":
        return False, "bags are read anew every epoch: --data.resident off"
    each = f" in each of {jobs} processes" if jobs > 1 else ""
    size = f"{needed / 1e9:.2f} GB{each}"
    if free is None:
        if mode == "on":
            return True, f"bags are kept in {where}: {size}; how much is free is not known"
        why = f"the system does not say how much {where} is free"
        return False, f"bags are read anew every epoch: {why}"
    left = f"{free / 1e9:.2f} GB that are free"
    if mode == "on" and needed * jobs > free:
        text = (
            f"the bags of the cohort take {size} of {where}, more than {left}: choose "
            "--data.resident auto, fewer --jobs, or --data.store packed, whose pages the system "
            "lets go when it needs them"
        )
        raise BadInput([Problem("--data.resident=on", None, None, text)])
    if mode == "on" or needed * jobs <= SHARE * free:
        return True, f"bags are kept in {where}: {size} of {left}"
    return False, f"bags are read anew every epoch: {size} are more than half of {left}"
