"""What to do where memory does not suffice, in place of the allocator's own words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import RunConfig

if TYPE_CHECKING:
    from data_modules.datamodule import SurvivalDataModule

# How torch tells it of a CPU, and of the memory through which workers hand over what they read.
CPU_WORDS = ("can't allocate memory", "not enough memory")
SHARED_WORDS = ("shared memory", "unable to mmap", "unable to write to file </torch_")
# A worker that the system ended, mostly for its memory: DataLoader worker (pid 7) is killed by …
WORKER_ENDED = re.compile(r"DataLoader worker .* is killed by signal: (Bus error|Killed)")

# How an error says whose bag did not fit: see `data_modules.datamodule` and `data_modules.dataset`.
BAG = re.compile(r"^the (?:largest bag of the batch|bag that was being read) is that of .*$", re.M)


class MemoryFullError(RuntimeError):
    """A batch did not fit; the message says whose bag is the largest, and the way out."""


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says that memory does not suffice, on whatever device.

    Example:
        >>> is_memory_full(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
        True
        >>> is_memory_full(RuntimeError("shapes differ")), is_memory_full(MemoryError())
        (False, True)
    """
    import torch

    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, RuntimeError) and any(w in str(error) for w in CPU_WORDS))
        or of_worker(error)
    )


def of_worker(error: BaseException) -> bool:
    """Whether a process that reads bags lacked memory.

    Example:
        >>> of_worker(RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. It"))
        True
        >>> of_worker(RuntimeError("DataLoader worker (pid 7) exited unexpectedly with code 1"))
        False
    """
    found: BaseException | None = error
    # The news that a worker is gone is the cause of the error that is seen.
    while found is not None:
        text = str(found)
        told = WORKER_ENDED.search(text) or any(words in text for words in SHARED_WORDS)
        if isinstance(found, RuntimeError | OSError) and told:
            return True
        found = found.__cause__
    return False


@contextmanager
def told_when_full(
    config: RunConfig, data: SurvivalDataModule, what: str, home: Path
) -> Iterator[None]:
    """Turns an allocator's error into one that helps.

    Args:
        config: Of the run.
        data: Knows which batch was at hand.
        what: Was done, such as "training of fold0".
        home: Where checkpoints lie.

    Raises:
        MemoryFullError: Memory did not suffice in the block.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_memory_full(error):
            raise
        notes = _bags_of(error)
        if not notes and data.at_hand is not None:
            ended = "the last batch that was read: " if of_worker(error) else ""
            notes = [f"{ended}{data.at_hand.largest()}"]
        kept = (home / "last.ckpt").is_file()
        raise MemoryFullError(advice(config, what, error, *notes, kept=kept)) from error


def _bags_of(error: BaseException) -> list[str]:
    """What an error itself knows of bags, which may be of a later batch than the one at hand."""
    # A process that reads bags hands over its error as text.
    words = "\n".join([*getattr(error, "__notes__", ()), str(error)])
    return BAG.findall(words)[:1]


def advice(config: RunConfig, what: str, error: BaseException, *notes: str, kept: bool) -> str:
    """The message: what did not fit, which flags help, and what is kept.

    Example:
        >>> advice(RunConfig(), "training of fold0", MemoryError(), kept=True).partition(":")[0]
        'memory did not suffice in training of fold0'
    """
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    flags = [
        f"--data.max_patches in training (now {config.data.max_patches or 'all'})",
        f"--data.eval_patches in evaluation (now {config.data.eval_patches or 'all'})",
        f"a smaller --data.batch_size (now {config.data.batch_size})",
    ]
    if config.pooling == "self_attention":
        flags.append("--pooling latent, which grows with patches and not with their square")
    if config.data.resident != "off":
        flags.append("--data.resident off")
    if config.data.workers:
        flags.append(f"fewer --data.workers (now {config.data.workers})")
    left = "The last checkpoint is kept" if kept else "There is no checkpoint yet"
    return (
        f"memory did not suffice in {what}: {'; '.join((*notes, reason))}. What helps in a new "
        f"run: {', '.join(flags)}. {left}: for the same run, free some memory"
    )
