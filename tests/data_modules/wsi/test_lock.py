from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_modules.problems import BadInput
from data_modules.wsi.lock import holder_of, slide_lock

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from data_modules.wsi.lock import slide_lock
with slide_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_gives_its_slide_back(tmp_path) -> None:
    target = tmp_path / "A.h5"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told = rf"another process \({other.pid} on .*\) does this slide"
        with pytest.raises(BadInput, match=told), slide_lock(target):
            pass
        with slide_lock(tmp_path / "B.h5"):
            pass
        other.kill()
    with slide_lock(target):
        assert holder_of(target).exists()
    assert list(tmp_path.iterdir()) == []
