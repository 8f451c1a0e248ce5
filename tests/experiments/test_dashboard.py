from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from experiments.dashboard import main
from experiments.tracking import wandb_client
from experiments.tracking.wandb_client import stop

PROJECT = {"__typename": "Project", "id": "p", "name": "mmsurv", "entityName": "team",
           "createdAt": "2026-01-01T00:00:00Z", "isBenchmark": False, "user": None}  # fmt: skip
VIEWER = {"id": "u", "entity": "team", "username": "me", "flags": "{}", "teams": {"edges": []}}


class Reports(ThreadingHTTPServer):
    """Stands in for W&B's API where reports are saved."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.saved: list[dict[str, Any]] = []
        self.fails = ""
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that did not wait."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def answer(self, query: str, asked: dict[str, Any]) -> dict[str, Any]:
        named = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = named.group(1) if named else ""
        if name == "Viewer":
            return {"viewer": VIEWER}
        if name == "GetProjects":
            page = {"endCursor": None, "hasNextPage": False}
            return {"models": {"edges": [{"node": PROJECT, "cursor": "c"}], "pageInfo": page}}
        if name == "upsertView":
            self.saved.append(asked)
            view = {key: asked[key] for key in ("name", "displayName", "description", "spec")}
            view |= {"id": "dmlldzox", "type": "runs", "project": PROJECT, "updatedAt": None}
            return {"upsertView": {"view": view, "inserted": True}}
        raise AssertionError(f"asked for {name}")


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Reports

    def do_GET(self) -> None:
        self._send({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path != "/graphql":  # the client's own measurements
            self._send({})
            return
        asked = json.loads(body)
        if self.server.fails == "hangs" and "upsertView" in asked["query"]:
            self.server.over.wait(60)
            return
        if self.server.fails == "refuses" and "upsertView" in asked["query"]:
            self._send({"errors": [{"message": "permission denied"}]})
            return
        self._send({"data": self.server.answer(asked["query"], asked.get("variables") or {})})

    def _send(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def reports(monkeypatch, tmp_path) -> Iterator[Reports]:
    stop(0.1)  # the client reads its environment when it starts
    made = Reports()
    monkeypatch.setenv("WANDB_BASE_URL", made.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    yield made
    made.over.set()
    stop(0.1)
    made.shutdown()
    made.server_close()


def test_a_report_is_saved_where_there_is_an_account(reports, tmp_path, capsys) -> None:
    """By the client's own code, over the network, to a server on this machine."""
    assert main(["--entity", "team", "--folds", "3"]) == 0
    (saved,) = reports.saved
    assert (saved["entityName"], saved["projectName"]) == ("team", "mmsurv")
    path = tmp_path / "report.json"
    assert main(["--entity", "team", "--folds", "3", "--json", str(path)]) == 0
    offline = json.loads(path.read_text(encoding="utf-8"))["spec"]
    kinds = [block["type"] for block in json.loads(saved["spec"])["blocks"]]
    assert kinds == [block["type"] for block in offline["blocks"]]
    assert f"report: {reports.url}/team/mmsurv/reports/" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fails", "told"),
    [("hangs", "no answer within 2 s"), ("refuses", "W&B: saving the report: ")],
)
def test_a_server_that_fails_ends_the_command_in_a_line(
    reports, fails, told, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(wandb_client, "ANSWER_SECONDS", 2)
    reports.fails = fails
    assert main(["--entity", "team"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert told in said
    assert len(said.splitlines()) == 1


def test_a_folder_that_is_not_there_is_bad_input(tmp_path, capsys) -> None:
    assert main(["--json", str(tmp_path / "nowhere" / "report.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "No such file" in line


def test_a_report_is_built_offline(tmp_path, capsys) -> None:
    path, picture = tmp_path / "report.json", tmp_path / "report.svg"
    assert main(["--json", str(path), "--picture", str(picture)]) == 0
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["project"]["name"] == "mmsurv"
    assert picture.stat().st_size > 1000
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--json", "x.json", "--arm", "fusoin"], "did you mean fusion?"),
        (["--json", "x.json", "--folds", "0"], "--folds: 0"),
        (["--json", "x.json", "--sweep", "nowhere.yaml"], "nowhere.yaml"),
        (["--entity", "team"], "no API key: `wandb login`"),
        ([], "--entity: is empty"),
    ],
)
def test_what_cannot_be_built_is_refused(flags, told, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert main(flags) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
