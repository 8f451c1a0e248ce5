from __future__ import annotations

import errno
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from data_modules import locks
from data_modules.problems import BadInput
from experiments import cross_validation, locking
from experiments.config import RunConfig
from experiments.locking import HOLDER, LOCK, locked, one_at_a_time
from experiments.run import default_folder, main

HOLD = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("seconds", [0.5, None])
def test_readers_of_a_killed_process_are_waited_for(tmp_path, monkeypatch, seconds) -> None:
    """They hold its lock for the seconds in which they see that it is gone."""
    monkeypatch.setattr(locking, "ORPHANS", 5.0 if seconds else 0.3)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / HOLDER).write_text(f" ({dead.pid} on {socket.gethostname()})")
    reader = FileLock(tmp_path / LOCK, thread_local=False)
    reader.acquire()
    if seconds:
        threading.Timer(seconds, reader.release).start()
        with locked(tmp_path):
            pass
        return
    with pytest.raises(BadInput, match="another process"), locked(tmp_path):
        pass
    reader.release()


def test_what_another_process_is_at_is_waited_for(tmp_path) -> None:
    """A worker of a cluster goes on when its command was stopped; it is resumed meanwhile."""
    mark = tmp_path / "fold0" / "predictions.csv"
    mark.parent.mkdir()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(mark.with_name(".predictions.csv.lock"))],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    entered, told = threading.Event(), threading.Event()

    def enter() -> None:
        with one_at_a_time(mark, told.set):
            entered.set()

    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        thread = threading.Thread(target=enter)
        thread.start()
        assert told.wait(10)
        assert not entered.wait(0.3)
    finally:
        other.kill()
        other.communicate()
    thread.join(10)
    assert entered.is_set()
    assert list(mark.parent.iterdir()) == []


@pytest.mark.parametrize("error", [NotImplementedError(), OSError(errno.ENOLCK, "No locks")])
def test_without_locks_nobody_waits(tmp_path, monkeypatch, error) -> None:
    class NoLocks:
        def __init__(self, path: Path) -> None: ...
        def acquire(self, **how: object) -> None:
            raise error

    monkeypatch.setattr(locks, "FileLock", NoLocks)
    with one_at_a_time(tmp_path / "predictions.csv"):
        pass
    with pytest.raises(OSError, match="mine"), one_at_a_time(tmp_path / "predictions.csv"):
        raise OSError("mine")


def test_two_processes_cannot_write_one_folder_and_a_crash_frees_it(tmp_path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / HOLDER).write_text(" (17 on node3)")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder / LOCK)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(BadInput, match=r"another process \(17 on node3\) writes to this run"),
            locked(folder),
        ):
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with locked(folder):
        assert (folder / LOCK).exists()


def test_the_command_refuses_a_folder_that_another_holds(run, tmp_path, capsys) -> None:
    with locked(tmp_path / "run"):
        assert run() == 2
    assert "another process" in capsys.readouterr().err


def test_nothing_is_left_of_a_folder_that_stayed_empty(tmp_path) -> None:
    with locked(tmp_path / "a" / "b"):
        pass
    assert not (tmp_path / "a").exists()
    (tmp_path / "own").mkdir()
    with locked(tmp_path / "own"):
        pass
    assert (tmp_path / "own").exists()


def test_a_folder_that_cannot_be_written_is_bad_input(run, tmp_path, monkeypatch, capsys) -> None:
    def refuse(self, *args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        assert run() == 2
    assert "cannot be written (Read-only file system)" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_told_and_the_run_goes_on_later(run, tmp_path, monkeypatch, capsys) -> None:
    write = cross_validation.write_csv

    def full(table, path) -> None:
        if path.name == "predictions.csv":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(cross_validation, "write_csv", full)
        assert run("--modalities", "clinical") == 1
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert "--resume --out run" in told
    assert main(["--resume", "--out", "run", "--logger", "csv"]) == 0
    assert not (tmp_path / "run" / LOCK).exists()


def test_agents_that_begin_in_the_same_second_get_folders_of_their_own(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form: "20260101-000000")
    first, second = default_folder(RunConfig()), default_folder(RunConfig())
    assert first.name == "20260101-000000-toy-dual_xattn"
    assert second.name == f"{first.name}-2"


def test_other_errors_are_not_taken_for_a_full_disk(run, monkeypatch) -> None:
    def broken(*args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cross_validation, "write_csv", broken)
    with pytest.raises(OSError, match="Input/output error"):
        run("--modalities", "clinical")
    assert errno.EIO not in locking.FULL
