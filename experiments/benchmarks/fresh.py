"""A measurement in a process of its own, whose memory nothing has shaped before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import experiments

ROOT = Path(experiments.__file__).resolve().parents[1]


def finding_us() -> dict[str, str]:
    """The environment of this process, in which Python finds these packages from any folder."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def in_fresh_process(
    child: Callable[[], None], *arguments: str, variables: Mapping[str, str] | None = None
) -> Any:
    """What a function prints as JSON, in its last line, in a process of its own.

    Args:
        child: A function of a module; reads `sys.argv`.
        arguments: What it finds there, from 1.
        variables: Of the environment, beside those of this process.

    Raises:
        RuntimeError: The process failed.
    """
    code = f"from {child.__module__} import {child.__name__}; {child.__name__}()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=finding_us() | dict(variables or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = " ".join([child.__module__, child.__name__, *arguments[:1]])
        raise RuntimeError(f"{told} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
