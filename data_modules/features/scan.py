"""Checks many feature files one after the other, and remembers what it found.

Reading every value of a large cohort takes minutes; what was found out is kept as a line of JSON a
file, written as the scan goes, so that one that was killed goes on where it was.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from data_modules.features.provenance import Provenance
from data_modules.features.readers import Place
from data_modules.features.report import SlideReport, inspect, state

# Raised whenever a report means something else than before.
VERSION = 1
# A file this young may change again within one step of the clock: 40 ms are ten steps.
YOUNG_NS = 40_000_000

Progress = Callable[[int, int], None]


def cache_folder() -> Path | None:
    """Where scans are remembered: $MMSURV_CACHE, or mmsurv in the user's cache; None: nowhere."""
    if chosen := os.environ.get("MMSURV_CACHE"):
        return Path(chosen)
    users = os.environ.get("XDG_CACHE_HOME", "")
    if Path(users).is_absolute():
        return Path(users) / "mmsurv"
    try:
        return Path.home() / ".cache" / "mmsurv"
    except RuntimeError:
        return None


class ScanCache:
    """Reports of one folder's files by path, size and time of the last change.

    A cache that cannot be read or written is no failure: files are then checked again.

    Args:
        home: Holds the caches of all folders; None remembers nothing.
        folder: The folder of feature files.
    """

    def __init__(self, home: Path | None, folder: Path) -> None:
        name = sha256(str(folder.absolute()).encode()).hexdigest()[:16]
        self.file = None if home is None else home / "features" / f"{name}.jsonl"
        self.lines = self._read()

    def get(self, path: Path) -> SlideReport | None:
        """What is known of a file that has not changed."""
        found = self.lines.get(str(path.absolute()))
        if found is None:
            return None
        try:
            if state(path) != (found.size, found.mtime_ns):
                return None
        except OSError:
            return None
        return replace(found, path=path)

    def add(self, report: SlideReport) -> None:
        """Remembers a file that could be read."""
        if report.problem or time.time_ns() - report.mtime_ns < YOUNG_NS or self.file is None:
            return
        content = {"version": VERSION, **asdict(report), "path": str(report.path.absolute())}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                # The line break stands first: it ends what a killed process left unfinished.
                file.write(b"\n" + json.dumps(content).encode())
        except OSError:
            self.file = None

    def _read(self) -> dict[str, SlideReport]:
        if self.file is None:
            return {}
        try:
            content = self.file.read_bytes()
        except OSError:
            return {}
        found = {}
        for line in content.splitlines():
            report = _parse(line)
            if report is not None:
                found[str(report.path)] = report
        return found


def _parse(line: bytes) -> SlideReport | None:
    """The report of a line; None where it is unfinished or of another version."""
    try:
        content: dict[str, Any] = json.loads(line)
        if content.pop("version") != VERSION:
            return None
        for name in ("features", "coords"):
            if content[name] is not None:
                key, offset, shape, dtype = content[name]
                content[name] = Place(key, offset, tuple(shape), dtype)
        first = content["first_bad"]
        return SlideReport(
            **{
                **content,
                "path": Path(content["path"]),
                "first_bad": None if first is None else tuple(first),
                "provenance": Provenance(**content["provenance"]),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def scan(
    paths: Sequence[Path], cache: Path | None, progress: Progress | None = None
) -> Iterator[SlideReport]:
    """Reports of files, one file in memory at a time.

    Args:
        paths: Feature files.
        cache: Remembers earlier scans; None remembers nothing. See `cache_folder`.
        progress: Called with the number of files done and of all files.
    """
    caches: dict[Path, ScanCache] = {}
    for done, path in enumerate(paths, start=1):
        folder = path.parent
        if folder not in caches:
            caches[folder] = ScanCache(cache, folder)
        report = caches[folder].get(path)
        if report is None:
            report = inspect(path)
            caches[folder].add(report)
        yield report
        if progress is not None:
            progress(done, len(paths))
