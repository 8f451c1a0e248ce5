"""A finished run to log, files of W&B read back, and a server that answers, hangs or dies."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from experiments.config import RunConfig
from experiments.loggers import ExperimentLog
from experiments.parsing import parse_run
from experiments.scores import flat_summary
from experiments.tracking.wandb_client import stop

BLOCK = 32768


def records(file: Path) -> Iterator[Record]:
    """A .wandb file: seven bytes, then the framing of a LevelDB log, then protocol buffers."""
    content, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if BLOCK - at % BLOCK < 7:  # the rest of a block is too short for a header
            at += BLOCK - at % BLOCK
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            yield Record.FromString(whole)
            whole = b""


@dataclass
class Logged:
    """What a .wandb file holds."""

    id: str = ""
    group: str = ""
    job_type: str = ""
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)

    def curve(self, prefix: str) -> list[dict[str, float]]:
        """Rows of a fold, names without the prefix."""
        return [
            {name.removeprefix(prefix): value for name, value in row.items() if prefix in name}
            for row in self.history
            if f"{prefix}epoch" in row
        ]


def read_wandb(folder: Path) -> list[Logged]:
    """What lies under wandb/ of a run folder, a run each, in the order they were begun."""
    wandb.teardown()  # the client's process writes its last after a run is finished
    return [_read(file) for file in sorted(folder.glob("wandb/*run-*/run-*.wandb"))]


def _read(file: Path) -> Logged:
    found = Logged()
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found.id, found.group = record.run.run_id, record.run.run_group
            found.job_type = record.run.job_type
            found.config |= {u.key: json.loads(u.value_json) for u in record.run.config.update}
        elif kind == "history":
            found.history.append(_items(record.history.item))
        elif kind == "summary":
            found.summary |= _items(record.summary.update)
        elif kind == "metric" and record.metric.step_metric:
            name = record.metric.glob_name or record.metric.name
            found.axes[name] = record.metric.step_metric
        elif kind == "artifact":
            found.artifacts[record.artifact.name] = record.artifact
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def _items(items: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        *above, name = [item.key] if item.key else list(item.nested_key)
        home = found
        for word in above:
            home = home.setdefault(word, {})
        home[name] = json.loads(item.value_json)
    return found


@pytest.fixture
def reader() -> Callable[[Path], list[Logged]]:
    """`reader(folder)`: what W&B's files of a run folder hold."""
    return read_wandb


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of a finished run that was logged nowhere yet."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


Replay = Callable[..., RunConfig]


@pytest.fixture
def config_of() -> Replay:
    """`config_of(folder, *flags)`: the configuration of a finished run, with further flags."""

    def make(folder: Path, *flags: str) -> RunConfig:
        return parse_run(["--config", str(folder / "config.yaml"), "--out", str(folder), *flags])

    return make


def finish(log: ExperimentLog, folder: Path) -> None:
    """As the fold loop does with folds that were trained before."""
    for fold in (0, 1):
        log.fold_done(fold, [f"fold{fold}"])
    log.finish(flat_of(folder), {})


def flat_of(folder: Path) -> dict[str, float]:
    """The numbers of metrics.json under their flat names."""
    text = (folder / "metrics.json").read_text(encoding="utf-8")
    scores = json.loads(text, object_hook=_with_nan)
    return flat_summary(scores)


def _with_nan(tree: dict[str, Any]) -> dict[str, Any]:
    return {k: float("nan") if v is None and k != "reason" else v for k, v in tree.items()}


@pytest.fixture
def replay() -> Callable[[ExperimentLog, Path], None]:
    """`replay(log, folder)`: logs a finished folder from its files."""
    return finish


@pytest.fixture
def flat() -> Callable[[Path], dict[str, float]]:
    """`flat(folder)`: the numbers of its metrics.json."""
    return flat_of


class Server(ThreadingHTTPServer):
    """Stands in for W&B's API; `asked` are the operations and paths that came."""

    daemon_threads = True
    summary = "{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []
        self.hangs = threading.Event()
        self.over = threading.Event()
        self.sockets: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.sockets.append(connection)
        return connection, address

    def end(self) -> None:
        self.over.set()
        for connection in self.sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer({})

    do_PUT = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.hangs.is_set():
            self.server.over.wait(120)
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if not self.path.endswith("/graphql"):
            self.server.asked.append(self.path)
            self._answer({})
            return
        asked = json.loads(body)
        operation = asked["query"].split("(")[0].split("{")[0].split()[-1]
        self.server.asked.append(operation)
        self._answer(self._graph(operation, asked.get("variables") or {}))

    def _graph(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        project = {"id": "p", "name": given.get("project"), "entity": {"id": "e", "name": "me"}}
        if operation == "UpsertBucket":
            bucket = {"id": "b", "name": given.get("name"), "displayName": "run", "config": "{}",
                      "description": "", "sweepName": None, "historyLineCount": 0,
                      "project": project}  # fmt: skip
            return {"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}}
        if operation == "RunResumeStatus" and self.server.summary != "{}":
            bucket = {"id": "b", "name": given.get("name"), "historyLineCount": 9, "config": "{}",
                      "eventsLineCount": 0, "logLineCount": 0, "historyTail": '["{\\"_step\\":8}"]',
                      "eventsTail": "[]", "summaryMetrics": self.server.summary, "tags": [],
                      "wandbConfig": '{"t": 1}'}  # fmt: skip
            return {"data": {"model": {**project, "bucket": bucket}}}
        if operation == "RunResumeStatus":
            return {"data": {"model": None}}
        if operation == "Viewer":
            viewer = {"id": "u", "entity": "me", "username": "me", "flags": "{}"}
            return {"data": {"viewer": viewer, "serverInfo": None}}
        return {"errors": [{"message": "this server does not know that"}]}

    def _answer(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A server that the client believes to be W&B's, with a key for it."""
    stop(0.1)  # the client reads its environment when it starts
    made = Server()
    monkeypatch.setenv("WANDB_BASE_URL", made.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_MODE", "online")
    yield made
    made.end()
    stop(0.1)


@pytest.fixture
def offline(monkeypatch) -> None:
    """No key, no network, whatever the machine has."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
