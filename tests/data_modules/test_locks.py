from __future__ import annotations

import threading

import pytest
from filelock import FileLock

from data_modules import locks
from data_modules.locks import waited_lock


def test_another_holder_is_told_of_and_waited_for(tmp_path) -> None:
    other = FileLock(tmp_path / "lock", thread_local=False)
    other.acquire()
    told: list[str] = []

    def waits() -> None:
        told.append("waits")
        threading.Timer(0.1, other.release).start()

    with waited_lock(tmp_path / "lock", waits):
        assert not other.is_locked
    with waited_lock(tmp_path / "lock", waits):
        pass
    assert told == ["waits"]


def test_a_lock_is_free_again_after_an_error(tmp_path) -> None:
    with pytest.raises(ValueError, match="mine"), waited_lock(tmp_path / "lock", lambda: None):
        raise ValueError("mine")
    with waited_lock(tmp_path / "lock", lambda: pytest.fail("it was held")):
        pass


def test_a_file_system_without_locks_says_so(tmp_path, monkeypatch) -> None:
    def none(lock: FileLock, **how: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(locks.FileLock, "acquire", none)
    with pytest.raises(NotImplementedError), waited_lock(tmp_path / "lock", lambda: None):
        pass
