"""One Weights & Biases run for a whole cross-validation, or one a fold and a summary."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.config import RunConfig
from experiments.run_folder import flat_config
from experiments.tracking.aside import Aside, Say
from experiments.tracking.curves import Row
from experiments.tracking.identity import Identity, cohort_name
from experiments.tracking.wandb_client import LAST_SECONDS, start, stop

if TYPE_CHECKING:
    from wandb import Artifact, Run

# Tables of the run folder and their names in W&B.
TABLES = {"predictions": "predictions.csv", "folds": "metrics.csv", "audit": "folds_audit.csv"}
# Tables with a row a patient, and the page that describes them.
OF_PATIENTS = ("predictions", "report")


class WandbSink:
    """One run: folds under their own names, cross-validated numbers in the summary.

    Whatever the client does happens in a thread of its own; see `Aside`.

    Args:
        config: Of the run.
        folder: The run folder.
        identity: Of the run, so that a resumed run continues its W&B run.
        say: Prints a line.

    Attributes:
        delivered: Whether, after the end, a server has everything.
    """

    job = "cross-validation"

    def __init__(self, config: RunConfig, folder: Path, identity: Identity, say: Say) -> None:
        self.config, self.folder, self.identity = config, folder, identity
        self.say = say
        self.run = self._start(identity.wandb_id, folder.name, self.job)
        self.aside = Aside("W&B", say)
        # Before an artifact or a table is taken, the client asks the server: no number waits.
        self.uploads = Aside("W&B", say, self.aside)
        self.networks: set[str] = set()
        self.delivered = False
        self._upload("input", self._use_data)

    def known(self, network: str) -> int:
        """The last epoch that the server has, where it continues a run; offline files are whole."""
        return last_epoch(self.run, f"{network}/epoch")

    def row(self, network: str, row: Row) -> None:
        """fold0/val/loss and so on, against the fold's own epochs."""
        if network not in self.networks:
            self.networks.add(network)
            self._do("curves", partial(_own_axis, self.run, network))
        named = {f"{network}/{name}": value for name, value in row.items()}
        self._do("curves", partial(self.run.log, named), vital=True)

    def fold_done(self, fold: int, networks: list[str]) -> None:
        """The fold's checkpoints."""
        self._upload("checkpoints", partial(self._checkpoints, self.run, fold, networks))

    def numbers(self, numbers: Mapping[str, float]) -> None:
        """Numbers that a sweep may watch while the run goes on."""
        self._do("numbers", partial(self.run.log, dict(numbers)), vital=True)

    def finish(self, summary: Mapping[str, float], figures: Mapping[str, Path]) -> None:
        """Numbers first and what must be uploaded last, then at most `--wandb.wait` seconds."""
        run = self.run
        # A sweep finds its metric in the summary.
        self._do("summary", partial(run.summary.update, dict(summary)), vital=True)
        for name, file in TABLES.items():
            if (self.folder / file).is_file() and not self._withheld(name):
                self._upload(f"table of {file}", partial(self._table, run, name))
        self._do("figures", partial(self._figures, run, figures))
        if not self._withheld("predictions") and (self.folder / "predictions.csv").is_file():
            self._upload("predictions", partial(self._predictions, run))
        self._close(0)

    def abandon(self) -> None:
        """Ends as failed; the files so far can still be synced, and --resume goes on."""
        self._close(1)

    def _do(self, what: str, call: Callable[[], object], *, vital: bool = False) -> None:
        self.aside.do(what, call, vital=vital)

    def _upload(self, what: str, call: Callable[[], object]) -> None:
        # A server that took one not will not take the next.
        self.uploads.do(what, call, vital=True)

    def _start(self, id_: str, name: str, job: str, **arguments: Any) -> Run:
        settings = self.config.wandb
        return start(
            settings,
            self.say,
            **{
                "project": settings.project,
                "entity": settings.entity or None,
                "id": id_,
                "resume": "allow",
                "name": name,
                "group": settings.group or self._group(),
                "tags": list(settings.tags),
                "notes": settings.notes or None,
                "job_type": job,
                "config": flat_config(self.config) | self.identity.described,
                "dir": str(self.folder),
                "reinit": "finish_previous",
            }
            | arguments,
        )

    def _group(self) -> str:
        return arm(self.config)

    def _close(self, code: int) -> None:
        wait = self.config.wandb.wait
        self.uploads.close(wait)
        self._do("finish", partial(self._finish_runs, code))
        # The client keeps its own time; ours is for a client that does not answer itself.
        unsent = not self.aside.close(wait + LAST_SECONDS) or self._unsent()
        self.delivered = not unsent and not self.run.offline
        if unsent:
            stop(LAST_SECONDS)

    def _finish_runs(self, code: int) -> None:
        self.run.finish(exit_code=code)

    def _unsent(self) -> bool:
        """Whether the server did not take everything in time."""
        late = bool(getattr(self.run, "_finish_timed_out", False))
        if late:
            self.aside.fail(f"not all was sent within {self.config.wandb.wait:g} s")
        unsent = late or bool(self.aside.failures)
        if unsent and not self.run.offline:
            # Without the flag, wandb sync passes over runs that were begun with a server.
            files = f"{self.folder / 'wandb'}/*run-*-{self.run.id}"
            self.say(f"W&B: wandb sync --include-online {files} sends the rest")
        return unsent

    def _use_data(self) -> None:
        """The data as the run's input, so that lineage shows which data made which number."""
        import wandb

        described = self.identity.described
        artifact = wandb.Artifact(
            artifact_name("cohort", self.identity.cohort), "cohort", metadata=dict(described)
        )
        with artifact.new_file("data_hash.txt", mode="w") as file:
            file.write(f"{described['data_hash']}\n")
        manifest = Path(self.config.cohort)
        if manifest.is_file() and self.config.wandb.upload == "all":
            artifact.add_file(str(manifest), name=manifest.name)
        # use_artifact refuses offline and waits online; this is what it calls before it waits.
        self.run._log_artifact(artifact, is_user_created=True, use_after_commit=True)

    def _checkpoints(self, run: Run, fold: int, networks: list[str]) -> None:
        import wandb

        if self._withheld("checkpoints"):
            return
        artifact = wandb.Artifact(
            artifact_name("network", self.identity.wandb_id, f"fold{fold}"), "model",
            metadata={"fold": fold, **self.identity.described},
        )  # fmt: skip
        for network in networks:
            # Not copied: the file in the run folder no longer changes.
            path = self.folder / network / "best.ckpt"
            artifact.add_file(str(path), name=f"{network}/best.ckpt", policy="immutable")
        _log_artifact(run, artifact, ["best", f"fold{fold}"])

    def _predictions(self, run: Run) -> None:
        import wandb

        name = artifact_name("predictions", self.identity.wandb_id)
        artifact = wandb.Artifact(name, "predictions", metadata=dict(self.identity.described))
        artifact.add_file(str(self.folder / "predictions.csv"), policy="immutable")
        _log_artifact(run, artifact, ["final"])

    def _table(self, run: Run, name: str) -> None:
        import wandb

        table = pd.read_csv(self.folder / TABLES[name], dtype={"patient_id": str, "fold": str})
        # Row by row: given the frame itself, the client looks each of its cells up, for a second.
        rows = table.astype(object).to_numpy()
        run.log({f"tables/{name}": wandb.Table(columns=list(table.columns), data=rows)})

    def _figures(self, run: Run, figures: Mapping[str, Path]) -> None:
        import wandb

        found = {path.stem: path for path in sorted(self.folder.glob("figures/**/*.png"))}
        found |= {path.stem: path for path in sorted(self.folder.glob("report/**/*.png"))}
        found |= figures
        media: dict[str, Any] = {f"figures/{n}": wandb.Image(str(p)) for n, p in found.items()}
        page = self.folder / "report" / "report.html"
        if page.is_file() and not self._withheld("report"):
            media["report"] = wandb.Html(str(page), inject=False)
        run.log(media)

    def _withheld(self, what: str) -> bool:
        return self.config.wandb.upload == "numbers" and what in {*OF_PATIENTS, "checkpoints"}


def arm(config: RunConfig) -> str:
    """What is compared with others: runs of an arm that differ in their seed are a group.

    Example:
        >>> arm(RunConfig(cohort="data/brca.yaml", modalities=("genes", "clinical")))
        'brca dual_xattn genes+clinical nested'
    """
    words = [cohort_name(config), config.fusion, "+".join(config.modalities), config.protocol]
    return " ".join(words)


def artifact_name(*words: str) -> str:
    """Letters, digits, dots and dashes, as W&B wants them.

    Example:
        >>> artifact_name("cohort", "TCGA BRCA/luminal")
        'cohort-TCGA-BRCA-luminal'
    """
    return re.sub(r"[^\w.-]+", "-", "-".join(words))[:120]


def in_sweep() -> bool:
    """Whether `wandb agent` started this process."""
    return bool(os.environ.get("WANDB_SWEEP_ID"))


def _own_axis(run: Run, network: str) -> None:
    run.define_metric(f"{network}/epoch")
    run.define_metric(f"{network}/*", step_metric=f"{network}/epoch")


def last_epoch(run: Run, name: str) -> int:
    """The highest epoch that the server has of a continued run; -1 for none."""
    if not run.resumed:
        return -1
    try:
        return int(dict(run.summary).get(name, -1))
    except (TypeError, ValueError):
        return -1


def _log_artifact(run: Run, artifact: Artifact, aliases: list[str]) -> None:
    run.log_artifact(artifact, aliases=aliases)
