"""How bags reach a run: from files or a pack, kept in memory or read anew; never other bytes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

import torch
from rich.console import Console

from data_modules.cohort import Cohort
from data_modules.features import BagStore, PackedStore, ResidentStore, open_packed, packed_folder
from data_modules.problems import BadInput, Problem
from experiments.cluster_watch import QUEUES
from experiments.config import RunConfig
from experiments.device import free_bytes, run_device

# Of the memory that is free, what --data.resident auto takes at most.
SHARE = 0.5

Resident = Literal["auto", "on", "off"]


class KeptBags:
    """What a process keeps in memory: the same bags once, for all arms that look at them.

    Args:
        at_once: Cohorts that a process holds at the same time; None: all that are opened. One that
            is let go of, as a worker does, need not be counted with the next.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self.at_once = at_once
        # Bags live as long as a cohort that has them.
        self._stores: WeakValueDictionary[tuple[str, ...], ResidentStore] = WeakValueDictionary()

    def get(self, files: BagStore | PackedStore, device: torch.device) -> ResidentStore | None:
        """The same bags on that device, where they are kept already."""
        return self._stores.get(_key(files, device))

    def add(self, store: ResidentStore, files: BagStore | PackedStore) -> None:
        """Knows of bags that are kept from now on."""
        self._stores[_key(files, store.device)] = store

    def promised(self, device: torch.device) -> int:
        """Bytes that the bags kept on a device will still take: what is free now is not for others.

        Where some are let go of before others are read, it is as much as the largest may take.
        """
        unread = sorted(s.unread() for s in self._stores.values() if s.device == device)
        others = len(unread) if self.at_once is None else self.at_once - 1
        return sum(unread[len(unread) - min(others, len(unread)) :])


def _key(files: BagStore | PackedStore, device: torch.device) -> tuple[str, ...]:
    # Equal bags in two folders are two: one of the folders may go.
    home = files.pack.folder if isinstance(files, PackedStore) else packed_folder(files)
    return files.fingerprint(), str(home), type(files).__name__, str(device)


def with_fast_bags(
    config: RunConfig,
    cohort: Cohort,
    kept: KeptBags | None = None,
    console: Console | None = None,
) -> tuple[Cohort, list[str]]:
    """The cohort with its bags as --data.store and --data.resident ask, and a line on each.

    A table of slide-level features lies in memory already.

    Args:
        config: Of the run.
        cohort: As it was loaded.
        kept: What this process keeps besides; None: nothing.
        console: Where it is told that bags are packed, which takes a while.

    Raises:
        BadInput: Bags that are to be kept do not fit, or changed while they were packed.
    """
    store, told = cohort.features, []
    if not isinstance(store, BagStore):
        return cohort, []
    files: BagStore | PackedStore = store
    if config.data.store == "packed":
        home = Path(config.data.packed_in) if config.data.packed_in else packed_folder(store)
        if home is not None:
            files, line = _packed(store, home, console or Console(quiet=True))
            told.append(line)
    kept, device, mode = kept or KeptBags(), run_device(config), resident_mode(config)
    if not config.here and mode != "off":
        told.append("each worker of the cluster decides whether bags are kept in its memory")
        return replace(cohort, features=files), told
    same = kept.get(files, device) if mode != "off" else None
    if same is not None:
        told.append("bags are kept in memory together with those of another arm: they are the same")
        return replace(cohort, features=same), told
    keep, line = decide(
        mode,
        needed=files.nbytes(),
        promised=kept.promised(device),
        free=None if mode == "off" else free_bytes(device),
        copies=copies(config, device),
        where="GPU memory" if device.type == "cuda" else "memory",
        packed=isinstance(files, PackedStore),
    )
    told.append(line)
    if not keep:
        return replace(cohort, features=files), told
    resident = ResidentStore(files, device)
    kept.add(resident, files)
    return replace(cohort, features=resident), told


def _packed(store: BagStore, home: Path, console: Console) -> tuple[BagStore | PackedStore, str]:
    def progress(done: int, of: int) -> None:
        if done == 1:
            console.print(f"packing the features of {of} slides into {home}")
        status.update(f"{done} of {of} slides are packed")

    def waits() -> None:
        console.print(f"another process packs features into {home}: waiting for it")

    try:
        with console.status("looking for packed features") as status:
            return open_packed(store, home, progress, waits)
    except OSError as error:
        text = f"{error}; run again, and it is checked anew"
        raise BadInput([Problem("--data.store=packed", None, None, text)]) from error


def resident_mode(config: RunConfig) -> Resident:
    """--data.resident, or what its older name asks for."""
    return "on" if config.data.cache else config.data.resident


def neighbours(config: RunConfig) -> int:
    """Cells that are done side by side on one machine, as far as that is known here.

    Example:
        >>> neighbours(RunConfig(jobs=3)), neighbours(RunConfig(jobs=50, cluster="tcp://host:8786"))
        (3, 1)
    """
    if config.here:
        return config.jobs
    if config.cluster in QUEUES:
        import dask

        return int(dask.config.get(f"jobqueue.{config.cluster}.processes", None) or 1)
    return 1


def copies(config: RunConfig, device: torch.device) -> int:
    """Processes that keep bags in the same memory, each for itself.

    Processes side by side take the GPUs in turn. Where several train one network, this process
    keeps bags as well: it predicts who is held out.

    Example:
        >>> copies(RunConfig(jobs=3), torch.device("cpu"))
        3
    """
    ranks = config.trainer.devices
    share = torch.cuda.device_count() if device.type == "cuda" else 1
    return math.ceil(max(config.jobs, ranks) / max(share, 1)) + (ranks > 1)


def decide(
    mode: Resident,
    *,
    needed: int,
    free: int | None,
    copies: int,
    where: str,
    promised: int = 0,
    packed: bool = False,
) -> tuple[bool, str]:
    """Whether bags are kept, and why, in a line.

    Args:
        mode: As --data.resident.
        needed: Bytes of all bags.
        free: Bytes; None where the system does not say.
        copies: Processes that would keep them there, each for itself.
        where: What kind of memory.
        promised: Bytes that a process will still take for bags of other encoders.
        packed: Whether they are read from a pack.

    Raises:
        BadInput: They are to be kept and do not fit.

    Example:
        >>> decide("auto", needed=2_000_000_000, free=8_000_000_000, copies=1, where="memory")
        (True, 'bags are kept in memory: 2.00 GB of 8.00 GB that are free')
        >>> decide("auto", needed=5_000_000_000, free=8_000_000_000, copies=1, where="memory")[1]
        'bags are read anew every epoch: 5.00 GB are more than half of 8.00 GB that are free'
    """
    if mode == "off":
        return False, "bags are read anew every epoch: --data.resident off"
    each = f" in each of {copies} processes" if copies > 1 else ""
    others = f" beside {promised / 1e9:.2f} GB of other encoders" if promised else ""
    size = f"{needed / 1e9:.2f} GB{others}{each}"
    if free is None:
        if mode == "on":
            return True, f"bags are kept in {where}: {size}; how much is free is not known"
        why = f"the system does not say how much {where} is free"
        return False, f"bags are read anew every epoch: {why}"
    left = f"{free / 1e9:.2f} GB that are free"
    total = (needed + promised) * copies
    if mode == "on" and total > free:
        ways = ["--data.resident auto", "fewer --jobs or --trainer.devices"]
        if not packed:
            ways.append("--data.store packed, whose pages the system lets go when it needs them")
        choice = f"{', '.join(ways[:-1])} or {ways[-1]}"
        text = f"the bags of the cohort take {size} of {where}, more than {left}: choose {choice}"
        raise BadInput([Problem("--data.resident=on", None, None, text)])
    if mode == "on" or total <= SHARE * free:
        return True, f"bags are kept in {where}: {size} of {left}"
    return False, f"bags are read anew every epoch: {size} are more than half of {left}"
