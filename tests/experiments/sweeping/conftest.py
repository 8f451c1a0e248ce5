"""A stand-in for W&B's server on this machine, and tiny sweeps."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from matplotlib.image import imsave

from experiments import cross_validation
from experiments.sweeping.agent import Order
from experiments.sweeping.check import with_defaults
from experiments.sweeping.folder import open_folder
from experiments.sweeping.sweep_file import read_sweep

ENTITY, PROJECT = "team", "mmsurv"
HOME = {"id": "p", "name": PROJECT, "entity": {"id": "e", "name": ENTITY}}
WANDB = str(Path(sys.executable).parent / "wandb")
VIEWER = {
    "id": "u", "entity": ENTITY, "username": "me", "email": "me@example.org", "flags": "{}",
    "teams": {"edges": [{"node": {"name": ENTITY}}]},
}  # fmt: skip


def ended(
    words: list[str], *, cwd: Path, env: dict[str, str] | None = None, seconds: float = 400
) -> subprocess.CompletedProcess[str]:
    """A command that has ended, with all that it printed.

    W&B leaves processes behind that keep their output open: a pipe would never be read to its end.
    So it is a file, and what is late is ended with all that it has started.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        output = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": printed}
        process = subprocess.Popen(words, cwd=cwd, env=env, start_new_session=True, **output)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        printed.seek(0)
        return subprocess.CompletedProcess(words, code, printed.read())


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`command(words, cwd=folder)`: what the command printed, once it has ended."""
    return ended


@pytest.fixture
def summary_of() -> Callable[[Path], dict[str, Any]]:
    """`summary_of(file)`: configuration and summary in a file of W&B; empty where it is cut."""

    def read(file: Path) -> dict[str, Any]:
        words = [WANDB, "leet", "inspect", "--summary", "--json", str(file)]
        # What W&B has to say beside the summary is none of it.
        rest = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
            done = subprocess.run(words, stdout=printed, timeout=120, check=False, **rest)
            printed.seek(0)
            return json.loads(printed.read()) if done.returncode == 0 else {}

    return read


class Recorded:
    """What came back of one run."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.sweep: str | None = None
        self.exit_code: int | None = None


class StandIn:
    """Hands out configurations of a sweep, one after the other, and writes down what it is told."""

    def __init__(self, sweep: dict[str, Any], handed: list[dict[str, Any]]) -> None:
        self.sweep = sweep
        self.waiting = list(handed)
        self.given: list[str] = []
        self.runs: dict[str, Recorded] = defaultdict(Recorded)
        self.sweeps: list[dict[str, Any]] = []
        self.stopping: set[str] = set()
        self.asked: list[str] = []
        self.dead = False
        self.on_history: Callable[[str], None] = lambda run: None
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.answer(server.post(self.path, self.body()))

            def do_PUT(self) -> None:
                _, run, name = self.path.removeprefix("/").split("/", 2)
                server.runs[run].files[name] = self.body()
                self.answer({})

            def do_GET(self) -> None:
                self.answer({})

            def body(self) -> bytes:
                sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
                packed = self.headers["Content-Encoding"] == "gzip"
                return gzip.decompress(sent) if packed else sent

            def answer(self, content: dict[str, Any]) -> None:
                text = json.dumps(content).encode()
                if server.dead:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                """Tests print enough."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """As if killed: open connections break, new ones are refused."""
        if self.dead:
            return
        self.dead = True
        self.http.shutdown()
        self.http.server_close()

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        if path.startswith("/files/"):
            return self.stream(path.split("/")[-2], json.loads(body))
        if path != "/graphql":
            return {}
        question = json.loads(body)
        named = re.search(r"(?:query|mutation)\s+(\w+)", question["query"])
        name = named.group(1) if named else ""
        self.asked.append(name)
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        answer = getattr(self, f"on_{words}", None)
        if answer is None:
            return {"errors": [{"message": f"{name}: the stand-in does not know it"}]}
        return {"data": answer(question.get("variables") or {})}

    def stream(self, run: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Lines of a run's history and summary."""
        recorded = self.runs[run]
        for name, part in sent.get("files", {}).items():
            lines = [json.loads(line) for line in part["content"]] if "json" in name else []
            if name == "wandb-history.jsonl":
                recorded.history[part["offset"] :] = lines
                self.on_history(run)
            if name == "wandb-summary.json" and lines:
                recorded.summary = lines[-1]
        if sent.get("complete"):
            recorded.exit_code = sent.get("exitcode")
        return {}

    def on_viewer(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": VIEWER}

    def on_sweep_with_runs(self, asked: dict[str, Any]) -> dict[str, Any]:
        sweep = {"id": "s", "name": asked["sweep"], "config": yaml.safe_dump(self.sweep)}
        return {"project": {"sweep": {**sweep, "state": "RUNNING", "runs": {"edges": []}}}}

    def on_create_agent(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"createAgent": {"agent": {"id": "agent"}}}

    def on_heartbeat(self, asked: dict[str, Any]) -> dict[str, Any]:
        running = json.loads(asked["runState"])
        commands: list[dict[str, Any]] = [
            {"type": "stop", "run_id": run} for run in running if run in self.stopping
        ]
        if not running:
            commands = [{"type": "exit"}]
            if self.waiting:
                values = {k: {"value": v} for k, v in self.waiting.pop(0).items()}
                self.given.append(f"run{len(self.given)}")
                told = {"args": values, "program": self.sweep["program"]}
                commands = [{"type": "run", "run_id": self.given[-1]} | told]
        return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(commands)}}

    def on_run_resume_status(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"model": {**HOME, "bucket": None}}

    def on_upsert_bucket(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("name") or asked["id"]
        recorded = self.runs[name]
        recorded.sweep = asked.get("sweep") or recorded.sweep
        if asked.get("config"):
            values = json.loads(asked["config"]).items()
            recorded.config |= {k: v["value"] for k, v in values if k != "_wandb"}
        if asked.get("summaryMetrics"):
            recorded.summary |= json.loads(asked["summaryMetrics"])
        bucket = {"id": name, "name": name, "displayName": name, "description": None,
                  "config": "{}", "sweepName": asked.get("sweep"), "project": HOME,
                  "historyLineCount": 0}  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def on_create_run_files(self, asked: dict[str, Any]) -> dict[str, Any]:
        run = asked["run"]
        files = [{"name": n, "uploadUrl": f"{self.url}/upload/{run}/{n}"} for n in asked["files"]]
        return {"createRunFiles": {"runID": run, "uploadHeaders": [], "files": files}}

    def on_server_features_query(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def on_upsert_sweep(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.sweeps.append(asked)
        made = {"sweep": {"name": "abc", "project": HOME}, "configValidationWarnings": []}
        return {"upsertSweep": made}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Callable[..., StandIn]]:
    """`stand_in(sweep, handed)`: a server of W&B's kind on this machine, stopped afterwards."""
    made: list[StandIn] = []
    yield lambda sweep, handed: made.append(StandIn(sweep, handed)) or made[-1]
    for server in made:
        server.stop()


VARIED = {"model.dropout": {"values": [0.0, 0.5]}, "pooling": {"values": ["mean", "abmil"]}}
TINY = [
    "--toy.patients=40", "--toy.patches_min=2", "--toy.patches_max=4", "--toy.censoring=0.2",
    "--folds=2", "--trainer.max_epochs=1", "--trainer.threads=1", "--model.heads=2",
    "--model.width=8", "--baselines=false",
]  # fmt: skip


@pytest.fixture
def tiny_sweep(tmp_path) -> Callable[..., Path]:
    """`tiny_sweep(method="grid")`: a sweep file over two dropouts and two poolings."""

    def write(**changed: Any) -> Path:
        content = {
            "name": "tiny",
            "program": "experiments/run.py",
            "command": ["${env}", "${interpreter}", "-m", "experiments.run", "${args}"],
            "method": "grid",
            "metric": {"name": "cv/inner_loss", "goal": "minimize"},
            "parameters": VARIED,
        } | changed
        path = tmp_path / "tiny.yaml"
        kept = {key: value for key, value in content.items() if value is not None}
        path.write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def order(tiny_sweep, tmp_path) -> Callable[..., Order]:
    """`order(method="random", count=3)`: a tiny sweep, ready to be served, in an open folder."""

    def make(*, count: int = 4, seed: int = 0, flags: list[str] = TINY, **changed: Any) -> Order:
        path = tiny_sweep(**changed)
        sweep = read_sweep(path)
        made = Order(tmp_path / "sweep", sweep, with_defaults(sweep, flags), count, seed)
        open_folder(made, path)
        return made

    return make


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch) -> None:
    """Toy cohorts are built below the current folder; figures are made but not rendered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cross_validation, "save_figure", lambda figure, path: _empty(path))


def _empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, [[0.0]])
