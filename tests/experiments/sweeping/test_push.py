from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wandb

import experiments
from data_modules.problems import BadInput
from experiments.run_folder import run_id
from experiments.sweep import main
from experiments.sweeping.agent import run_folder, serve
from experiments.sweeping.push import push

ROOT = Path(experiments.__file__).parents[1]

# The client's own, where it prints the address of a sweep.
pytestmark = pytest.mark.filterwarnings("ignore:Read the `app_url` setting:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch, tmp_path) -> Iterator[None]:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    yield
    # W&B's own process keeps the folder that it was started in.
    wandb.teardown()


def _environment(url: str, home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    return kept | {
        "WANDB_BASE_URL": url, "WANDB_API_KEY": "0" * 40, "WANDB_ENTITY": "team",
        "PYTHONPATH": str(ROOT), "HOME": str(home),
    }  # fmt: skip


def _pushing(order, count: int) -> list[str]:
    flags = [word for word in order.flags if word != "--logger=csv"]
    return ["tiny.yaml", "--folder", str(order.folder), "--count", str(count), *flags,
            "--wandb.wait=5", "--push"]  # fmt: skip


def _command(order, count: int) -> list[str]:
    """In a process of its own, of which the end is seen too: a client may go on at exit."""
    return [sys.executable, "-m", "experiments.sweep", *_pushing(order, count)]


Push = Callable[..., tuple[int, str]]


@pytest.fixture
def push_here(monkeypatch, tmp_path, capfd) -> Push:
    """`push_here(order, 3, url)`: the command in this process, its exit code and its words."""

    def call(order, count: int, url: str) -> tuple[int, str]:
        wandb.teardown()  # the client reads its environment when it starts
        for name, value in (_environment(url, tmp_path) | {"WANDB_PROJECT": ""}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("WANDB_PROJECT")  # the client sets it, and it is put back afterwards
        capfd.readouterr()
        code = main(_pushing(order, count))
        return code, capfd.readouterr().out

    return call


def test_without_a_key_runs_are_written_for_later(order, capsys, summary_of) -> None:
    made = order(count=2)
    serve(made, 0)
    assert push(made) == 0
    assert "later: wandb sync" in capsys.readouterr().out
    for number in (0, 1):
        folder = run_folder(made.folder, number)
        metrics = json.loads((folder / "metrics.json").read_text())
        (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
        found = summary_of(file)
        inner = metrics["inner"]["loss"]["mean"]
        assert found["summary"]["cv/inner_loss"] == pytest.approx(inner)
        outer = metrics["cv"]["c_index"]["mean"]
        assert found["summary"]["cv/c_index"] == pytest.approx(outer)
        assert "fold1/val/loss" in json.dumps(found)
        assert found["config"]["pooling"] == ("mean" if number == 0 else "abmil")
    assert push(made) == 0
    assert len(list(run_folder(made.folder, 0).glob("wandb/offline-run-*"))) == 1


def test_nothing_finished_is_nothing_to_push(order) -> None:
    with pytest.raises(BadInput, match="nothing has finished"):
        push(order())


def test_where_wandb_is_switched_off_nothing_is_pushed(order, monkeypatch) -> None:
    made = order(count=1)
    serve(made, 0)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(BadInput, match="W&B is disabled"):
        push(made)
    assert not (made.folder / "pushed.json").exists()


@pytest.mark.slow
def test_what_a_server_did_not_take_is_sent_by_the_next_push(
    order, stand_in, command, push_here, tmp_path
) -> None:
    made = order(count=3)
    serve(made, 0)
    first = stand_in({}, [])
    # The second run is begun, and the server is killed while its curves arrive.
    first.on_history = lambda run: first.stop() if len(first.runs) == 2 else None
    ended = command(_command(made, 3), cwd=tmp_path, env=_environment(first.url, tmp_path))
    assert ended.returncode == 1, ended.stdout
    assert json.loads((made.folder / "pushed.json").read_text()) == {"0": "online"}
    assert "configuration 2: not sent; --push again" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not first.sweeps
    back = stand_in({}, [])
    code, said = push_here(made, 3, back.url)
    assert code == 0, said
    ids = [run_id(run_folder(made.folder, number)) for number in range(3)]
    assert set(back.runs) == set(ids[1:])
    for number in (1, 2):
        metrics = json.loads((run_folder(made.folder, number) / "metrics.json").read_text())
        wanted = metrics["inner"]["loss"]["mean"]
        assert back.runs[ids[number]].summary["cv/inner_loss"] == pytest.approx(wanted)
    (sent,) = back.sweeps
    assert json.loads(sent["priorRunsFilters"])["$or"] == [{"name": name} for name in ids]
    # Everything is sent: once more sends nothing and makes no second sweep.
    assert push_here(made, 3, back.url)[0] == 0
    assert len(back.sweeps) == 1


@pytest.mark.slow
def test_a_server_that_makes_no_sweep_ends_the_command_in_a_line(
    order, stand_in, command, tmp_path
) -> None:
    made = order(count=1)
    serve(made, 0)
    server = stand_in({}, [])
    server.on_upsert_sweep = None  # type: ignore[method-assign,assignment]
    ended = command(_command(made, 1), cwd=tmp_path, env=_environment(server.url, tmp_path))
    assert ended.returncode == 1, ended.stdout
    assert "error: W&B: making the sweep:" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert json.loads((made.folder / "pushed.json").read_text()) == {"0": "online"}


@pytest.mark.slow
def test_with_a_key_runs_and_the_sweep_of_them_reach_the_server(order, stand_in, push_here) -> None:
    made = order(count=1)
    serve(made, 0)
    server = stand_in({}, [])
    code, said = push_here(made, 1, server.url)
    assert code == 0, said
    (run,) = server.runs.values()
    metrics = json.loads((run_folder(made.folder, 0) / "metrics.json").read_text())
    assert run.summary["cv/inner_loss"] == pytest.approx(metrics["inner"]["loss"]["mean"])
    assert run.exit_code == 0
    (sent,) = server.sweeps
    assert "tiny" in sent["config"]
    assert json.loads(sent["priorRunsFilters"])["$or"] == [{"name": name} for name in server.runs]
    assert "sweep: abc" in said
