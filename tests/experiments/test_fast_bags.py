from __future__ import annotations

import json
from dataclasses import replace

import dask
import dask_jobqueue  # noqa: F401 - its defaults come first
import pytest
import torch

from data_modules.cohort import Cohort, load_cohort
from data_modules.features import BagStore, PackedStore, ResidentStore
from data_modules.manifest import load_manifest
from data_modules.problems import BadInput
from experiments import fast_bags
from experiments.config import RunConfig
from experiments.config_parts import DataConfig, TrainerConfig
from experiments.fast_bags import KeptBags, copies, decide, neighbours, with_fast_bags
from experiments.run import main


@pytest.fixture(scope="module")
def bags(toy_manifest) -> Cohort:
    """The small cohort with its images."""
    return load_cohort(load_manifest(toy_manifest), modalities=("image",))


def _with(cohort, **data) -> tuple[Cohort, list[str]]:
    return with_fast_bags(replace(RunConfig(), data=DataConfig(**data)), cohort)


def test_bags_are_read_as_the_flags_ask(bags, tmp_path) -> None:
    packs = {"store": "packed", "packed_in": str(tmp_path)}
    streamed, told = _with(bags, resident="off")
    assert isinstance(streamed.features, BagStore)
    assert told == ["bags are read anew every epoch: --data.resident off"]
    packed, told = _with(bags, resident="off", **packs)
    assert isinstance(packed.features, PackedStore)
    assert told[0].startswith(f"features are packed: {tmp_path}")
    kept, told = _with(bags, resident="on", **packs)
    assert isinstance(kept.features, ResidentStore)
    assert isinstance(kept.features.store, PackedStore)
    assert told[1].startswith("bags are kept in memory: 0.00 GB of ")
    older, _ = _with(bags, cache=True)
    assert isinstance(older.features, ResidentStore)
    for patient in sorted(bags.features.patients())[:5]:
        for other in (packed, kept, older):
            assert all(map(torch.equal, other.features.read(patient), bags.features.read(patient)))


def test_packing_is_told_and_a_file_that_changed_meanwhile_is_bad_input(
    bags, tmp_path, monkeypatch, quiet_console
) -> None:
    data = DataConfig(store="packed", packed_in=str(tmp_path), resident="off")
    config = replace(RunConfig(), data=data)
    for _ in range(2):
        with_fast_bags(config, bags, None, quiet_console)
    said = quiet_console.file.getvalue()
    assert said.count("packing the features of") == 1

    def changed(*given: object, **named: object) -> None:
        raise OSError("a.h5: the file has gone or changed since it was checked")

    monkeypatch.setattr(fast_bags, "open_packed", changed)
    with pytest.raises(BadInput, match=r"--data\.store=packed: a\.h5: .*; run again"):
        with_fast_bags(config, bags)


def test_without_bags_there_is_nothing_to_tell(bags) -> None:
    bare = replace(bags, features=None)
    assert _with(bare, store="packed", resident="on") == (bare, [])


@pytest.mark.parametrize(
    ("needed", "jobs", "keep"), [(50, 1, True), (51, 1, False), (25, 2, True), (26, 2, False)]
)
def test_auto_takes_half_of_what_is_free_for_all_processes_together(needed, jobs, keep) -> None:
    kept, told = decide("auto", needed=needed, free=100, copies=jobs, where="memory")
    assert kept == keep
    assert ("in each of 2 processes" in told) == (jobs == 2)


def test_where_the_system_says_nothing_auto_keeps_nothing() -> None:
    keep, told = decide("auto", needed=1, free=None, copies=1, where="memory")
    assert not keep
    assert "does not say how much memory is free" in told
    keep, told = decide("on", needed=1, free=None, copies=1, where="memory")
    assert keep
    assert "not known" in told


def test_bags_that_are_to_be_kept_and_do_not_fit_are_refused_with_sizes(bags, monkeypatch) -> None:
    assert decide("on", needed=100, free=100, copies=1, where="memory")[0]
    with pytest.raises(BadInput, match=r"2\.00 GB in each of 3 processes of GPU memory, more than"):
        decide("on", needed=2 * 10**9, free=5 * 10**9, copies=3, where="GPU memory")
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 10)
    with pytest.raises(
        BadInput, match=r"--data\.resident=on.*0\.00 GB that are free.*--data\.resident"
    ):
        _with(bags, resident="on")
    assert isinstance(_with(bags, resident="auto")[0].features, BagStore)


@pytest.mark.parametrize(
    "flags",
    [
        ("--data.store", "packed", "--data.packed_in", "packs", "--data.resident", "off"),
        ("--data.resident", "off", "--data.prefetch", "2"),
        ("--data.store", "packed", "--data.packed_in", "packs", "--data.resident", "on"),
    ],
)
def test_however_bags_are_read_a_run_has_the_same_bytes(run, finished, tmp_path, flags) -> None:
    assert run(*flags) == 0
    for name in ("predictions.csv", "metrics.json"):
        assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes(), name


def test_a_killed_run_may_go_on_with_bags_read_in_another_way(run, finished, tmp_path) -> None:
    assert run("--data.resident", "off") == 0
    (tmp_path / "run" / "fold1" / "predictions.csv").unlink()
    (tmp_path / "run" / "fold1" / "history.csv").unlink()
    again = ["--resume", "--out", "run", "--logger", "csv", "--data.prefetch=1"]
    assert main([*again, "--data.resident=on"]) == 0
    expected = (finished / "predictions.csv").read_bytes()
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == expected
    assert main([*again, "--data.batch_size=5"]) == 2


def test_a_fixed_part_in_evaluation_is_said_beside_the_scores(
    run, finished, tmp_path, capsys
) -> None:
    assert run("--data.eval_patches", "3") == 0
    note = "evaluation sees at most 3 patches a patient, the same ones in every run"
    assert f"note: {note}" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["eval_patches"] == 3
    assert "eval_patches" not in json.loads((finished / "metrics.json").read_text())
    assert note in json.loads((tmp_path / "run" / "cohort.json").read_text())["notes"]
    other = (tmp_path / "run" / "predictions.csv").read_bytes()
    assert other != (finished / "predictions.csv").read_bytes()


def test_the_same_bags_are_held_once_and_other_bags_are_counted_with_them(
    toy_manifest, bags, monkeypatch
) -> None:
    manifest = load_manifest(toy_manifest)
    again = load_cohort(manifest, modalities=("image", "genes"))
    other = load_cohort(manifest, modalities=("image",), encoder="resnet50")
    config, kept = RunConfig(), KeptBags()
    first = with_fast_bags(config, bags, kept)[0].features
    same, told = with_fast_bags(config, again, kept)
    assert same.features is first
    assert "another arm" in told[-1]
    # Alone it would fit into half of this, but the first is still to be read.
    one, two = bags.features.nbytes(), other.features.nbytes()
    assert kept.promised(torch.device("cpu")) == one
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 2 * (one + two) - 1)
    assert with_fast_bags(config, other)[0].features is not other.features
    assert with_fast_bags(config, other, kept)[0].features is other.features
    for patient in first.patients():
        first.read(patient)
    assert kept.promised(torch.device("cpu")) == 0
    assert isinstance(with_fast_bags(config, other, kept)[0].features, ResidentStore)


def test_who_holds_few_at_once_counts_the_largest_of_the_others(bags) -> None:
    device, sizes = torch.device("cpu"), {}
    all_kept, two_kept = KeptBags(), KeptBags(at_once=2)
    held = []
    for patients in (3, 7, 5):
        chosen = sorted(bags.features.patients())[:patients]
        files = BagStore({p: bags.features.slides[p] for p in chosen}, bags.features.width)
        held.append(ResidentStore(files, device))
        sizes[patients] = files.nbytes()
        for kept in (all_kept, two_kept):
            kept.add(held[-1], files)
    assert all_kept.promised(device) == sum(sizes.values())
    assert two_kept.promised(device) == sizes[7]
    assert two_kept.promised(torch.device("cuda", 0)) == 0
    held.clear()
    assert all_kept.promised(device) == 0


@pytest.mark.parametrize(
    ("jobs", "devices", "on_cpu", "on_gpu"),
    [(1, 1, 1, 1), (3, 1, 3, 2), (4, 1, 4, 2), (1, 2, 3, 2)],
)
def test_copies_are_counted_where_they_lie(monkeypatch, jobs, devices, on_cpu, on_gpu) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    config = RunConfig(jobs=jobs, trainer=TrainerConfig(devices=devices))
    assert copies(config, torch.device("cpu")) == on_cpu
    assert copies(config, torch.device("cuda", 1)) == on_gpu


def test_the_machine_that_asks_a_cluster_does_not_decide_for_its_workers(bags, monkeypatch) -> None:
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 10)
    config = RunConfig(jobs=50, cluster="slurm", data=DataConfig(resident="on"))
    cohort, (told,) = with_fast_bags(config, bags)
    assert cohort.features is bags.features
    assert told == "each worker of the cluster decides whether bags are kept in its memory"


def test_processes_of_a_job_share_its_memory() -> None:
    assert neighbours(RunConfig(jobs=50, cluster="slurm")) == 1
    with dask.config.set({"jobqueue.slurm.processes": 4}):
        assert neighbours(RunConfig(jobs=50, cluster="slurm")) == 4
    assert neighbours(RunConfig(jobs=3, cluster="local")) == 3


def test_a_pack_is_not_advised_where_it_is_read(bags, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 10)
    with pytest.raises(BadInput, match=r"choose --data.resident auto or fewer --jobs or --tr"):
        _with(bags, resident="on", store="packed", packed_in=str(tmp_path))


def test_bags_that_do_not_fit_end_a_run_before_it_begins(
    run, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(fast_bags, "free_bytes", lambda device: 10)
    assert run("--data.resident", "on") == 2
    assert "--data.resident=on: the bags of the cohort take" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_on_the_other_optimiser_and_precision_ends(run) -> None:
    flags = ("--optim.fused", "on", "--trainer.precision", "bf16-mixed")
    assert run("--trainer.max_epochs", "1", *flags) == 0


def test_environment_names_the_attention(finished) -> None:
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["attention"] == "per_bag on cpu"
