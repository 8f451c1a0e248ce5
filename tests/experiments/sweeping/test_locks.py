from __future__ import annotations

import subprocess
import sys
import threading

from experiments.sweeping.locks import held, take


def test_one_holder_at_a_time(tmp_path) -> None:
    path = tmp_path / "deep" / "a.lock"
    first = take(path)
    assert first is not None
    assert take(path) is None
    first.close()
    again = take(path)
    assert again is not None
    again.close()


def test_a_crash_leaves_no_lock_behind(tmp_path) -> None:
    code = (
        "import os, fcntl\n"
        f"f = open({str(tmp_path / 'a.lock')!r}, 'a')\n"
        "fcntl.flock(f, fcntl.LOCK_EX)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    lock = take(tmp_path / "a.lock")
    assert lock is not None
    lock.close()


def test_waiting_is_in_turn(tmp_path) -> None:
    path = tmp_path / "a.lock"
    seen = []

    def work(name: str) -> None:
        with held(path):
            seen.append(name)
            seen.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(first == second for first, second in zip(seen[::2], seen[1::2], strict=True))
