"""Weights & Biases' client as a run needs it: it never asks, and never waits beyond a stated time.

What the client does by itself: it asks for a key at the terminal; where a server does not answer it
tries for minutes to start, to finish, and once more when Python ends.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from experiments.config_parts import WandbConfig
from experiments.tracking.aside import Say
from experiments.tracking.ending import NoAnswer

if TYPE_CHECKING:
    from wandb import Run

WandbMode = Literal["online", "offline", "disabled", "shared"]

# Until a server that says nothing is given up, in seconds.
START_SECONDS = 10
# For the client to write what it holds to its file before it is ended.
LAST_SECONDS = 5
# For a request that a command waits for, such as to make a sweep or to save a report.
ANSWER_SECONDS = 60

T = TypeVar("T")


def wandb_mode(config: WandbConfig) -> WandbMode:
    """The mode of W&B: as asked, as WANDB_MODE says, or online only where a key is configured.

    A key is one for the server in use (WANDB_BASE_URL, or W&B's own), from WANDB_API_KEY, W&B's
    settings or .netrc. Without one the client would ask at the terminal; a run must never wait for
    that, so it is offline then, whatever was asked.
    """
    asked = os.environ.get("WANDB_MODE", "") if config.mode == "auto" else config.mode
    if asked in {"offline", "dryrun"}:
        return "offline"
    if asked == "disabled":
        return "disabled"
    import wandb

    has_key = wandb.login(prompt=False, verify=False)
    return cast(WandbMode, asked or "online") if has_key else "offline"


def start(account: WandbConfig, say: Say, **arguments: Any) -> Run:
    """Starts a W&B run, offline where the server cannot be reached in time.

    Args:
        account: Mode, and how long to wait.
        say: Prints a line.
        arguments: Of `wandb.init`.
    """
    # The client repeats in many lines what is said here in one. Read wherever it prints.
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    def init(mode: WandbMode) -> Run:
        settings = wandb.Settings(
            silent=True,
            init_timeout=min(START_SECONDS, account.wait),
            finish_timeout=account.wait,
        )
        return wandb.init(mode=mode, settings=settings, **arguments)

    mode = wandb_mode(account)
    if mode == "offline" and "online" in {account.mode, os.environ.get("WANDB_MODE")}:
        say("W&B: no API key for this server, so the run is logged offline; see wandb login")
    try:
        run = init(mode)
    except (wandb.errors.CommError, wandb.errors.UsageError, wandb.errors.AuthenticationError) as e:
        reason = (str(e).strip() or type(e).__name__).splitlines()[0]
        say(f"W&B: {reason}; logged offline, wandb sync brings it up later")
        # Otherwise the client goes on trying when Python ends.
        stop(LAST_SECONDS)
        run = init("offline")
    if run.url:
        say(f"W&B: {run.url}")
    return run


def answered(what: str, ask: Callable[[], T]) -> T:
    """What the server answers, within a minute; the client by itself tries for many.

    Args:
        what: Is asked for, to name it.
        ask: Calls the client.

    Raises:
        NoAnswer: The server refuses, cannot be reached or says nothing.
    """
    found: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(ask())
        except (Exception, SystemExit) as error:
            failed.append(error)

    thread = threading.Thread(target=work, name=what, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if found:
        return found[0]
    late = not failed
    # Otherwise the client goes on trying when Python ends. What it says of that is not the reason.
    stop(LAST_SECONDS)
    if late:
        raise NoAnswer(f"W&B: {what}: no answer within {ANSWER_SECONDS:g} s")
    lines = str(failed[0]).strip().splitlines() or [type(failed[0]).__name__]
    raise NoAnswer(f"W&B: {what}: {lines[0]}") from failed[0]


def stop(seconds: float) -> None:
    """Ends the client's own process, which writes and sends; a later run starts another.

    Runs that other parts of this program have open end with it: only for a client that hangs.

    Args:
        seconds: It has to write what it holds.
    """
    import wandb
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import module

    process: Any = None
    with contextlib.suppress(AttributeError, AssertionError):
        # The client has no public way to be ended rather than waited for. Under wandb agent the
        # process is the agent's, and nobody waits for it.
        connection = wandb_setup.singleton().assert_service()
        process = connection._proc._process if connection._proc else None
    timer = threading.Timer(seconds, process.kill) if process else None
    if timer:
        timer.start()
    # Where its process was killed, the client would end this one too.
    with contextlib.suppress(Exception, SystemExit):
        wandb.teardown()
    if timer:
        timer.cancel()
    if wandb.run is not None:
        # A run that a dead client left open would go on taking the output of this program, and
        # wandb.login would find no key for the next one.
        with contextlib.suppress(Exception):
            wandb.run._restore()
        module.unset_globals()  # type: ignore[no-untyped-call]
