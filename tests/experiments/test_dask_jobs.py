from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dask
import dask_jobqueue
import pytest

from data_modules.problems import BadInput
from experiments import over_dask
from experiments.fan_out import check_fan_out, fan_out

pytestmark = [
    # Closed sockets of a cluster that was just stopped.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

JOB = {"cores": 3, "memory": "1GB", "queue": "long", "interface": "lo"}


def options(queue: str = "slurm", **changed: object) -> dask.config.set:
    """As a user's jobqueue.yaml would have them."""
    return dask.config.set({f"jobqueue.{queue}.{k}": v for k, v in (JOB | changed).items()})


@pytest.fixture
def queue(tmp_path, monkeypatch) -> Callable[..., None]:
    """`queue(sbatch=text)`: commands of a queue that do what a shell script says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(**commands: str) -> None:
        for name, text in commands.items():
            command = folder / name
            command.write_text(f"#!/bin/sh\n{text}\n")
            command.chmod(command.stat().st_mode | stat.S_IEXEC)

    return make


def test_a_queue_that_is_not_here_is_refused(queue) -> None:
    with options(), pytest.raises(BadInput, match="sbatch is not found: start the command where"):
        check_fan_out(cluster="slurm")
    with options("pbs"), pytest.raises(BadInput, match="qsub is not found"):
        check_fan_out(cluster="pbs")


@pytest.mark.parametrize("asked", [check_fan_out, lambda **how: next(fan_out(int, ["1"], **how))])
def test_a_queue_without_its_options_is_refused(queue, asked) -> None:
    queue(qsub="exit 0")
    with (
        options("pbs", cores=None),
        pytest.raises(BadInput, match=r"jobqueue.yaml, under jobqueue: pbs"),
    ):
        asked(cluster="pbs")


def test_a_queue_with_its_options_is_no_problem(queue) -> None:
    queue(sbatch="exit 1")
    with options():
        check_fan_out(cluster="slurm")


def test_a_run_on_a_queue_without_options_leaves_nothing(run, queue, tmp_path, capsys) -> None:
    queue(sbatch="exit 0")
    with options(cores=None):
        assert run("--cluster", "slurm", "--jobs", "2") == 2
    assert "under jobqueue: slurm" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_queue_that_takes_no_job_is_told_and_not_waited_for(queue, tmp_path, monkeypatch) -> None:
    queue(sbatch="echo invalid partition: long >&2; exit 1", scancel="exit 0")
    monkeypatch.setattr(over_dask, "SECONDS", 0.1)
    with (
        options(**{"local-directory": str(tmp_path)}),
        pytest.raises(BadInput, match=r"--cluster: slurm took no job: .*invalid partition: long"),
    ):
        list(fan_out(int, ["1"], jobs=2, cluster="slurm"))


def test_a_queue_that_takes_some_jobs_is_told_once(
    errands, queue, tmp_path, monkeypatch, capsys
) -> None:
    first = SBATCH.format(folder=tmp_path)
    queue(
        sbatch=f"if [ -e {tmp_path}/pid ]; then echo too many >&2; exit 1; fi\n{first}", scancel=""
    )
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    monkeypatch.setattr(over_dask, "SECONDS", 0.1)
    # One submission after the other, as far as the script is concerned.
    lock = asyncio.Lock()
    submit = dask_jobqueue.core.Job._submit_job

    async def in_turn(job: object, script: str) -> str:
        async with lock:
            return await submit(job, script)

    monkeypatch.setattr(dask_jobqueue.core.Job, "_submit_job", in_turn)
    with options(**{"local-directory": str(tmp_path)}):
        outcomes = dict(fan_out(errands.span, [0.5, 0.5], jobs=3, cluster="slurm"))
    assert sorted(outcomes) == [0, 1]
    told = capsys.readouterr().err
    assert "--cluster slurm: 2 of 3 jobs were not taken: " in told
    assert told.count("too many") <= 2
    _end(tmp_path)


def _end(folder: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(int((folder / "pid").read_text()), signal.SIGTERM)


SBATCH = """cp "$1" {folder}/job.sh
setsid sh {folder}/job.sh >{folder}/job.log 2>&1 &
echo $! >{folder}/pid
echo "Submitted batch job 7"
"""


def test_a_queue_starts_workers_with_the_options_of_dask(
    errands, queue, tmp_path, monkeypatch
) -> None:
    queue(sbatch=SBATCH.format(folder=tmp_path), scancel="")
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    with options(**{"local-directory": str(tmp_path)}):
        outcomes = dict(fan_out(errands.threads, [0], cluster="slurm", needs={"GPU": 1}))
    assert outcomes == {0: "3"}
    script = (tmp_path / "job.sh").read_text()
    assert "#SBATCH -p long" in script
    assert "--resources GPU=1,place=1" in script
    _end(tmp_path)
