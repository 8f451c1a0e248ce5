"""What is measured in a process of its own, so that only its own memory counts."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_modules.features import BagStore, PackedStore, Provenance
from data_modules.features.packed import COORDS, COORDS_DTYPE, FEATURES, Pack, slide_key
from data_modules.features.readers import Place
from data_modules.features.store import Slide
from experiments.benchmarks.clock import seconds_of
from experiments.benchmarks.fresh import in_fresh_process
from experiments.benchmarks.made_bags import MadeBags
from experiments.benchmarks.memory import Peak
from experiments.surroundings import PAGES
from mmsurv.batch import Patient
from mmsurv.names import RiskSet

# Bags that would fill the file of a pack; more of them overlap, beginning at many places.
PACK_BAGS = 1000
STRIDE = 99_991


def alone(what: str, settings: dict[str, Any], **more: Any) -> dict[str, float]:
    """Bytes and seconds of one of `MEASURES`, in a fresh process.

    Raises:
        RuntimeError: The process failed.
    """
    how = json.dumps(settings | more)
    # Large pages as `experiments.run` asks for, for every way.
    found: dict[str, float] = in_fresh_process(child, what, how, variables=PAGES)
    return found


def child() -> None:
    """What the fresh process does: one measure, and a print."""
    settings = json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    print(json.dumps(MEASURES[sys.argv[1]](settings)))


def peer_memory(settings: dict[str, Any]) -> dict[str, float]:
    """Growth in an epoch, one patient at a time."""
    from experiments.benchmarks.ways import peer_epoch

    bags = MadeBags(settings["memory_bags"], tuple(settings["patches"]), settings["width"])
    with Peak() as peak:
        peer_epoch(bags, settings["batch"])
    return {"grown": peak.grown, "peak": peak.highest}


def our_memory(settings: dict[str, Any]) -> dict[str, float]:
    """Growth in an epoch of the trainer."""
    return _our_memory(settings, "batch", settings["batch"])


def cohort_memory(settings: dict[str, Any]) -> dict[str, float]:
    """Growth in an epoch of the trainer with all patients as risk set, one bag at a time."""
    return _our_memory(settings, "cohort", 1)


def _our_memory(settings: dict[str, Any], risk_set: RiskSet, batch: int) -> dict[str, float]:
    from experiments.benchmarks.ways import our_epoch

    bags = MadeBags(settings["memory_bags"], tuple(settings["patches"]), settings["width"])
    with Peak() as peak:
        our_epoch(bags, batch, risk_set=risk_set)
    return {"grown": peak.grown, "peak": peak.highest}


def long_bag(settings: dict[str, Any]) -> dict[str, float]:
    """Growth with the bag itself, in two steps on one long bag with latent pooling."""
    from experiments.benchmarks.ways import our_epoch

    with Peak() as peak:
        bags = MadeBags(2, (settings["long"], settings["long"]), settings["width"])
        our_epoch(bags, 1, pooling="latent")
    return {"grown": peak.grown}


def many_bags(settings: dict[str, Any]) -> dict[str, float]:
    """Growth and time of an epoch over bags out of a pack, and growth when the first were seen.

    Bags overlap in a file that is larger than what the smaller cohort reads of it: maps that were
    not let go would grow with the cohort. Growth is compared within one process, since what the
    heap of a process had free before differs from one to the next by as much as an epoch takes.
    """
    from experiments.benchmarks.ways import our_epoch

    count, width = settings["many_patches"], settings["width"]
    with tempfile.TemporaryDirectory() as folder:
        store = overlapping_pack(Path(folder), settings["patients"], count, width)
        bags = PackedBags(store, settings["patients"], (count, count), width)
        our_epoch(MadeBags(24, (count, count), width), 12, pooling="latent")
        first: dict[int, int] = {}
        with Peak() as peak:
            bags.seen = lambda patients: first.setdefault(patients, peak.grown)
            seconds = seconds_of(lambda: our_epoch(bags, settings["batch"], pooling="latent"))
    grown = peak.grown
    early = first.get(min(settings["many"]), grown)
    return {"grown": grown, "early": early, "peak": peak.highest, "seconds": seconds}


class PackedBags(MadeBags):
    """Made patients whose patches come out of a pack.

    Args:
        store: Has a bag for "P0", "P1", ….
        *made: Of `MadeBags`.

    Attributes:
        seen: Told the number of patients that were read before, with every patient.
    """

    def __init__(self, store: PackedStore, *made: Any) -> None:
        super().__init__(*made)
        self.store = store
        self.seen: Callable[[int], object] = lambda patients: None

    def __getitem__(self, position: int) -> Patient:
        """The patient, with the bag as the pack holds it."""
        self.seen(position)
        made = super().__getitem__(position)
        bag = self.store.read(made.patient_id)
        return made._replace(patches=bag.features, coords=bag.coords, slide=bag.slide)


def overlapping_pack(folder: Path, patients: int, count: int, width: int) -> PackedStore:
    """A pack of many bags of one size in a file of `PACK_BAGS` of them."""
    rows = PACK_BAGS * count
    features = np.memmap(folder / FEATURES, np.float16, "w+", shape=(rows, width))
    random = np.random.default_rng(0)
    for start in range(0, rows, count):
        features[start : start + count] = random.standard_normal((count, width), dtype=np.float32)
    features.flush()
    del features
    (folder / COORDS).write_bytes(bytes(2 * COORDS_DTYPE.itemsize * rows))
    slides, spans = {}, {}
    for i in range(patients):
        slide = Slide(
            path=folder / f"P{i}.h5",
            features=Place("", None, (count, width), "float16"),
            coords=None,
            scale=1.0,
            size=0,
            digest=f"{i}",
            provenance=Provenance(),
        )
        slides[f"P{i}"] = (slide,)
        spans[slide_key(slide)] = (i * STRIDE % (rows - count + 1), count)
    return PackedStore(BagStore(slides, width), Pack(folder, "float16", width, rows, spans))


MEASURES = {m.__name__: m for m in (peer_memory, our_memory, cohort_memory, long_bag, many_bags)}
