from __future__ import annotations

import builtins
import getpass
import time

import pytest
import wandb

from experiments.config_parts import WandbConfig
from experiments.tracking.wandb_client import LAST_SECONDS, start, stop, wandb_mode


@pytest.fixture
def nobody(monkeypatch, tmp_path) -> None:
    """No key anywhere, and nobody at the terminal to be asked for one."""
    stop(0.1)
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))

    def asked(*words: object) -> str:
        raise AssertionError("the client asks")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setattr(getpass, "getpass", asked)
    yield
    stop(0.1)


def _key(monkeypatch, tmp_path, host: str) -> None:
    stop(0.1)  # it remembers what it found
    (tmp_path / "netrc").write_text(f"machine {host} login user password {'0' * 40}\n")
    (tmp_path / "netrc").chmod(0o600)


def test_online_only_where_there_is_a_key_for_the_server(nobody, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert wandb_mode(WandbConfig()) == "offline"
    _key(monkeypatch, tmp_path, "other.example.org")
    assert wandb_mode(WandbConfig()) == "offline"
    _key(monkeypatch, tmp_path, "wandb.example.org")
    assert wandb_mode(WandbConfig()) == "online"
    assert wandb_mode(WandbConfig(mode="offline")) == "offline"
    assert wandb_mode(WandbConfig(mode="disabled")) == "disabled"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode(WandbConfig()) == "disabled"
    assert wandb_mode(WandbConfig(mode="online")) == "online"


def test_who_asks_for_online_without_a_key_is_told_and_not_asked(nobody, tmp_path) -> None:
    told: list[str] = []
    run = start(WandbConfig(mode="online"), told.append, project="p", dir=str(tmp_path))
    assert run.offline
    run.finish()
    assert "no API key" in told[0]


def test_a_server_that_says_nothing_is_given_up_in_time(server, tmp_path) -> None:
    server.hangs.set()
    told: list[str] = []
    started = time.monotonic()
    run = start(WandbConfig(wait=1), told.append, project="p", dir=str(tmp_path))
    run.log({"a": 1})
    run.finish()
    wandb.teardown()  # as when Python ends
    assert time.monotonic() - started < 1 + LAST_SECONDS + 4
    assert run.offline
    assert "wandb sync" in told[0]
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))


def test_a_proxy_is_asked(server, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("WANDB_BASE_URL", "http://wandb.invalid")
    run = start(WandbConfig(wait=3), lambda line: None, project="p", dir=str(tmp_path))
    assert not run.offline
    assert "UpsertBucket" in server.asked
    run.finish()
