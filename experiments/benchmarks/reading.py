"""How fast do bags reach the network: from files, a pack or memory, read when asked or ahead?

Bags as half floats of a patch encoder's width, in a warm cache of the system. First reading alone,
from the store to the collated batch; then a training epoch of a small network with linear cost,
where reading weighs most. All ways take turns, so that they see the same machine. Two bars: reading
alone against copying the same bytes from a bare memory map, and the share of an epoch of the
default network in which it waits for its next batch.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import torch

from data_modules.features import BagStore, FeatureStore, ResidentStore, open_packed, write_bag
from data_modules.features.check import Rules, judge
from data_modules.features.report import inspect
from data_modules.prefetch import read_ahead
from data_modules.problems import Problems
from experiments.benchmarks.clock import interleaved, median_ratio
from experiments.benchmarks.report import Report, Row
from mmsurv.batch import Batch, Patient, Sizes, collate
from mmsurv.models import SurvivalNet
from mmsurv.names import PoolingName

# The layout that `prepare features` writes: what all others are measured against.
BASELINE = "h5"
LEAST_OF_MAP, MOST_WAITING = 0.6, 0.05
NO_BAR = {"bar": "", "holds": ""}


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        patients: One slide each.
        patches: Fewest and most of a slide.
        width: Of a feature.
        batch: Patients.
        repetitions: Epochs a way.
        ahead: Batches that are read ahead in training.
        waiting: Poolings of the default network whose waiting is measured.
        waiting_patients: One slide each there, since the first batch is always waited for.
        waiting_patches: Fewest and most of a slide there.
        threads: Of PyTorch.
    """

    patients: int = 60
    patches: tuple[int, int] = (500, 8000)
    width: int = 512
    batch: int = 12
    repetitions: int = 7
    ahead: tuple[int, ...] = (0, 1, 2)
    waiting: tuple[PoolingName, ...] = ("self_attention", "latent")
    waiting_patients: int = 200
    waiting_patches: tuple[int, int] = (500, 4000)
    threads: int = 1


def measure(settings: Settings) -> Report:
    """Writes the bags in every layout to a temporary folder, and reads them."""
    torch.set_num_threads(settings.threads)
    with tempfile.TemporaryDirectory() as name:
        stores = _stores(settings, Path(name))
        size = stores[BASELINE].nbytes()
        reading = interleaved(
            {way: _epoch(store, settings, 0, None) for way, store in stores.items()},
            repetitions=settings.repetitions,
        )
        rows = [_against_map(stores["packed"], settings, Path(name))]
        net = SurvivalNet(Sizes(settings.width, 0, 0), pooling="latent", width=32)
        training = interleaved(
            {
                f"{way}, {ahead} ahead": _epoch(stores[way], settings, ahead, net)
                for way in (BASELINE, "packed", "resident")
                for ahead in settings.ahead
            },
            repetitions=settings.repetitions,
        )
    rows = _rows("reading", reading, BASELINE, size) + rows
    rows += _rows("training", training, f"{BASELINE}, {settings.ahead[0]} ahead", size)
    with tempfile.TemporaryDirectory() as name:
        rows += _waiting(settings, Path(name))
    return Report(
        name="reading",
        title=f"an epoch of {settings.patients} bags, {size / 1e6:.0f} MB",
        rows=rows,
        notes=[
            f"ratio: time over that of {BASELINE} read when asked",
            "of a bare map: rate over that of copying the same bytes out of one mapped file",
            "waiting: share of an epoch of the default network, reading and collating not hidden",
            "files are in the cache",
        ],
        settings=asdict(settings),
    )


def _rows(what: str, times: dict[str, list[float]], baseline: str, size: int) -> list[Row]:
    return [
        {
            "what": what,
            "way": way,
            "epoch_ms": 1000 * statistics.median(found),
            "mb_per_s": size / 1e6 / statistics.median(found),
            "ratio": median_ratio(found, times[baseline]),
            **NO_BAR,
        }
        for way, found in times.items()
    ]


def _against_map(store: FeatureStore, settings: Settings, home: Path) -> Row:
    """Only reading: every bag out of the pack, over the same bytes copied out of a bare map."""
    names = sorted(store.patients())
    bags = [store.read(name).features.numpy() for name in names]
    path = home / "bare.bin"
    path.write_bytes(b"".join(bag.tobytes() for bag in bags))
    ends = np.cumsum([0, *(len(bag) for bag in bags)])
    bare = np.memmap(path, bags[0].dtype, "r", shape=(int(ends[-1]), settings.width))
    del bags

    def from_map() -> None:
        for start, end in pairwise(ends):
            np.array(bare[start:end])

    def from_pack() -> None:
        for name in names:
            store.read(name)

    times = interleaved({"map": from_map, "pack": from_pack}, repetitions=3 * settings.repetitions)
    rate = median_ratio(times["map"], times["pack"])
    return {
        "what": "of a bare map",
        "way": "packed",
        "epoch_ms": 1000 * statistics.median(times["pack"]),
        "mb_per_s": bare.nbytes / 1e6 / statistics.median(times["pack"]),
        "ratio": rate,
        "bar": f">= {LEAST_OF_MAP:g}",
        "holds": "yes" if rate >= LEAST_OF_MAP else "no",
    }


def _waiting(settings: Settings, home: Path) -> list[Row]:
    """Share of an epoch in which the default network waits for bags out of a pack."""
    patients, patches = settings.waiting_patients, settings.waiting_patches
    files = _written(replace(settings, patients=patients, patches=patches), home)
    store, _ = open_packed(files, home / "packs")
    rows: list[Row] = []
    for pooling in settings.waiting:
        net = SurvivalNet(Sizes(settings.width, 0, 0), pooling=pooling)
        for ahead in (min(settings.ahead), max(settings.ahead)):
            batches = _batches(store, settings.batch)
            waited, total = _clocked(read_ahead(batches, ahead) if ahead else batches, net)
            share = waited / total
            row: Row = {
                "what": "waiting",
                "way": f"packed, {ahead} ahead, {pooling}",
                "epoch_ms": 1000 * total,
                "mb_per_s": store.nbytes() / 1e6 / total,
                "ratio": share,
                **NO_BAR,
            }
            if ahead:
                held = "yes" if share < MOST_WAITING else "no"
                row |= {"bar": f"< {MOST_WAITING:g}", "holds": held}
            rows.append(row)
    return rows


def _clocked(batches: Iterator[Batch], net: SurvivalNet) -> tuple[float, float]:
    """Seconds that a training epoch waits for batches, and seconds that it takes."""
    waited, begun = 0.0, time.perf_counter()
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            return waited, time.perf_counter() - begun
        net(batch).sum().backward()


def _stores(settings: Settings, home: Path) -> dict[str, FeatureStore]:
    """The same bags in every layout, and a pack and a memory of them."""
    h5 = _written(settings, home)
    for folder in ("chunked", "pt"):
        (home / folder).mkdir()
    for name in h5.patients():
        bag = h5.read(name)
        with h5py.File(home / "chunked" / f"{name}.h5", "w") as file:
            file.create_dataset("features", data=bag.features.numpy(), chunks=True)
            file.create_dataset("coords", data=bag.coords.numpy(), chunks=True)
        content = {"features": bag.features, "coords": bag.coords}
        torch.save(content, home / "pt" / f"{name}.pt")
    return {
        "h5": h5,
        "h5, chunked": _files(sorted((home / "chunked").iterdir())),
        "pt": _files(sorted((home / "pt").iterdir())),
        "packed": open_packed(h5, home / "packs")[0],
        "resident": ResidentStore(h5, torch.device("cpu")),
    }


def _written(settings: Settings, home: Path) -> BagStore:
    """Made bags in the layout that `prepare features` writes."""
    (home / "h5").mkdir()
    random = np.random.default_rng(0)
    for i in range(settings.patients):
        n = int(random.integers(*settings.patches, endpoint=True))
        features = random.standard_normal((n, settings.width), dtype=np.float32).astype(np.float16)
        write_bag(home / "h5" / f"P{i}.h5", features, random.integers(0, 100_000, (n, 2)), {})
    return _files(sorted((home / "h5").iterdir()))


def _files(paths: Sequence[Path]) -> BagStore:
    problems = Problems()
    slides = {p.stem: judge(inspect(p), Rules(coords="level0"), problems) for p in paths}
    problems.raise_if_any()
    checked = {patient: (slide,) for patient, slide in slides.items() if slide is not None}
    return BagStore(checked, next(iter(checked.values()))[0].features.shape[1])


def _batches(store: FeatureStore, size: int) -> Iterator[Batch]:
    names = sorted(store.patients())
    for start in range(0, len(names), size):
        yield collate([_patient(store, name) for name in names[start : start + size]])


def _patient(store: FeatureStore, name: str) -> Patient:
    bag, none = store.read(name), torch.zeros(0)
    return Patient(name, *bag, none, none.bool(), none, False, 1.0, True)


def _epoch(
    store: FeatureStore, settings: Settings, ahead: int, net: SurvivalNet | None
) -> Callable[[], object]:
    def call() -> None:
        batches = _batches(store, settings.batch)
        for batch in read_ahead(batches, ahead) if ahead else batches:
            if net is not None:
                net(batch).sum().backward()

    return call
