from __future__ import annotations

import json
import time

import pandas as pd
import pytest
import wandb

from experiments import report, run
from experiments.config import RunConfig
from experiments.loggers import experiment_log
from experiments.tracking.curves import curve
from experiments.tracking.wandb_client import LAST_SECONDS
from experiments.tracking.wandb_sink import arm

MEDIA = ("tables/", "figures/", "_")


def _same(found: dict, wanted: dict) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, nan_ok=True), name


def _number(value: object) -> float:
    return float("nan") if value == "NaN" else value


def _numbers(logged) -> dict:
    return {k: _number(v) for k, v in logged.summary.items() if not k.startswith(MEDIA)}


def _last(folder) -> dict:
    names = ("fold0", "fold1")
    return {f"{n}/{k}": v for n in names for k, v in curve(folder / n)[-1].items()}


def test_the_file_holds_every_number_of_the_folder_and_no_other(
    folder, config_of, replay, reader, flat, offline
) -> None:
    flags = ["--wandb.tags", "one", "two", "--wandb.notes", "a note"]
    replay(experiment_log(config_of(folder, *flags, "--logger", "wandb"), folder), folder)
    (logged,) = reader(folder)
    assert logged.exit_code == 0
    assert (logged.job_type, logged.group) == ("cross-validation", arm(config_of(folder)))
    # Summary: the cross-validated numbers, and the last of every curve.
    _same(_numbers(logged), flat(folder) | _last(folder))
    # Curves: every row of every fold, against the fold's own epochs.
    for name in ("fold0", "fold1"):
        rows = [{k: _number(v) for k, v in row.items()} for row in logged.curve(f"{name}/")]
        for row, wanted in zip(rows, curve(folder / name), strict=True):
            _same(row, wanted)
        assert logged.axes[f"{name}/*"] == f"{name}/epoch"
    # What made them.
    environment = json.loads((folder / "environment.json").read_text())
    for name in ("commit", "data_hash", "folds_hash"):
        assert logged.config[name] == environment[name]
    assert logged.config["model.width"] == 16
    # Tables and figures.
    keys = {key for row in logged.history for key in row}
    assert {"tables/predictions", "tables/folds", "tables/audit"} <= keys
    assert {f"figures/{path.stem}" for path in folder.glob("figures/*.png")} <= keys
    unnamed = {k for k in keys if not k.startswith((*MEDIA, "fold0/", "fold1/"))}
    assert not unnamed


def test_the_table_of_predictions_is_predictions_csv(
    folder, config_of, replay, reader, offline
) -> None:
    replay(experiment_log(config_of(folder, "--logger", "wandb"), folder), folder)
    (logged,) = reader(folder)
    (row,) = [row for row in logged.history if "tables/predictions" in row]
    (home,) = folder.glob("wandb/offline-run-*/files")
    table = json.loads((home / row["tables/predictions"]["path"]).read_text())
    wanted = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    assert table["columns"] == list(wanted.columns)
    assert [row[0] for row in table["data"]] == wanted["patient_id"].tolist()


def test_a_report_made_afterwards_reaches_the_run(folder, reader, offline) -> None:
    """As docs/wandb.md has it: a report into the run folder, and the run resumed."""
    page = folder / "report"
    assert report.main([str(folder), "--out", str(page), "--resamples", "50"]) == 0
    words = ["--config", str(folder / "config.yaml"), "--resume", "--out", str(folder)]
    assert run.main([*words, "--logger", "wandb"]) == 0
    (logged,) = reader(folder)
    keys = {key for row in logged.history for key in row}
    drawn = {path.stem for path in page.glob("figures/*.png")}
    assert len(drawn) > 3
    assert {f"figures/{name}" for name in drawn} | {"report"} <= keys
    (sent,) = folder.glob("wandb/offline-run-*/files/media/html/report_*.html")
    assert sent.read_bytes() == (page / "report.html").read_bytes()
    assert logged.id == json.loads((folder / "environment.json").read_text())["run_id"]


def test_artifacts_show_which_data_made_which_network(
    folder, config_of, replay, reader, offline
) -> None:
    replay(experiment_log(config_of(folder, "--logger", "wandb"), folder), folder)
    (logged,) = reader(folder)
    artifacts = {a.type: a for a in logged.artifacts.values()}
    cohort = artifacts["cohort"]
    assert cohort.use_after_commit
    data_hash = json.loads((folder / "environment.json").read_text())["data_hash"]
    assert json.loads(cohort.metadata)["data_hash"] == data_hash
    networks = {tuple(sorted(a.aliases)): a for a in logged.artifacts.values() if a.type == "model"}
    assert set(networks) == {("best", "fold0", "latest"), ("best", "fold1", "latest")}
    (contents,) = networks["best", "fold0", "latest"].manifest.contents
    assert contents.path == "fold0/best.ckpt"
    assert contents.local_path == str(folder / "fold0" / "best.ckpt")
    assert [c.path for c in artifacts["predictions"].manifest.contents] == ["predictions.csv"]


def test_numbers_alone_leave_patients_and_weights_at_home(
    folder, config_of, replay, reader, offline
) -> None:
    config = config_of(folder, "--logger", "wandb", "--wandb.upload", "numbers")
    replay(experiment_log(config, folder), folder)
    (logged,) = reader(folder)
    assert {a.type for a in logged.artifacts.values()} == {"cohort", "run_table"}
    patient = pd.read_csv(folder / "predictions.csv", dtype=str)["patient_id"][0]
    written = [p for p in folder.glob("wandb/*/**/*") if p.is_file()]
    assert written
    assert not [p for p in written if patient.encode() in p.read_bytes()]
    assert "cv/c_index" in logged.summary


def test_a_resumed_run_is_the_same_run_and_its_file_is_whole(
    folder, config_of, replay, reader, offline
) -> None:
    config = config_of(folder, "--logger", "wandb")
    log = experiment_log(config, folder)
    log.fold_done(0, ["fold0"])
    log.abandon()
    replay(experiment_log(config, folder), folder)
    killed, resumed = reader(folder)
    assert killed.id == resumed.id
    assert (killed.exit_code, resumed.exit_code) == (1, 0)
    assert len(killed.curve("fold0/")) == len(resumed.curve("fold0/")) == 2


def test_a_resumed_run_adds_only_what_the_server_lacks(
    folder, config_of, replay, reader, server
) -> None:
    server.summary = json.dumps({"fold0/epoch": 1, "fold1/epoch": 0})
    config = config_of(folder, "--logger", "wandb", "--wandb.wait", "3")
    replay(experiment_log(config, folder), folder)
    (logged,) = reader(folder)
    assert len(logged.curve("fold0/")) == 0
    assert [row["epoch"] for row in logged.curve("fold1/")] == [1]


@pytest.mark.parametrize("ends", ["dies", "hangs"])
def test_a_server_that_ends_during_the_run_costs_nothing(
    folder, config_of, reader, flat, server, ends
) -> None:
    told: list[str] = []
    config = config_of(folder, "--logger", "wandb", "--wandb.wait", "1")
    log = experiment_log(config, folder, told.append)
    log.fold_done(0, ["fold0"])
    deadline = time.monotonic() + 10
    while not any("file_stream" in path for path in server.asked):
        assert time.monotonic() < deadline, server.asked
        time.sleep(0.05)
    if ends == "dies":
        server.end()
    else:
        server.hangs.set()
    started = time.monotonic()
    log.fold_done(1, ["fold1"])
    assert time.monotonic() - started < 0.5  # nothing waits while folds go on
    log.finish(flat(folder), {})
    wandb.teardown()  # as when Python ends
    assert time.monotonic() - started < 1 + (1 + LAST_SECONDS) + LAST_SECONDS + 3
    (logged,) = reader(folder)
    _same(_numbers(logged), flat(folder) | _last(folder))
    assert [len(logged.curve(f"fold{k}/")) for k in (0, 1)] == [2, 2]
    assert any("wandb sync" in line for line in told)


def test_a_client_that_is_killed_costs_its_log_alone(folder, config_of, flat, offline) -> None:
    told: list[str] = []
    log = experiment_log(config_of(folder, "--logger", "wandb"), folder, told.append)
    log.fold_done(0, ["fold0"])
    process = wandb.setup().assert_service()._proc._process  # type: ignore[union-attr]
    process.kill()
    process.wait()
    log.fold_done(1, ["fold1"])
    log.finish(flat(folder), {})
    assert len([line for line in told if "the run goes on" in line]) == 1
    assert (folder / "csv" / "fold1" / "metrics.csv").is_file()


def test_runs_that_differ_in_their_seed_are_a_group() -> None:
    assert arm(RunConfig(seed=1)) == arm(RunConfig(seed=2))
    assert arm(RunConfig(fusion="concat")) != arm(RunConfig())


def test_folders_that_the_client_leaves_to_the_collector_fail_no_later_test() -> None:
    """The client keeps its last hundred artifacts; the next one drops the first."""
    for _ in range(102):
        with wandb.Artifact("cohort", "cohort").new_file("data_hash.txt") as file:
            file.write("0")
