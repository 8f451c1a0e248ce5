"""C-index, AUC and integrated Brier score of the whole validation set, after every epoch."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import Callback, LightningModule, Trainer

from mmsurv.metrics import ConcordanceIndex, IntegratedBrier, TimeDependentAUC
from mmsurv.metrics.survival import SurvivalMetric
from mmsurv.replay import joined
from mmsurv.survival import DAYS_PER_YEAR
from mmsurv.task import SurvivalTask


class Evaluation(Callback):
    """Logs val/c_index, val/auc_5y and val/ibs_5y (and so on for each horizon) once an epoch.

    The Brier score's baseline hazard comes from the log hazards of the epoch's own training
    batches: they cost nothing, but carry dropout and come from weights that moved during the epoch.
    It is a curve to watch; reported scores are computed anew from the kept weights.

    Args:
        train_event: Of the training patients, for the censoring distribution.
        train_time_days: Of the training patients.
        horizons_days: Horizons of AUC and Brier score.
    """

    def __init__(
        self,
        *,
        train_event: Sequence[bool],
        train_time_days: Sequence[float],
        horizons_days: Sequence[float],
    ) -> None:
        # The task has gathered over ranks already: what a metric sees is the whole set.
        self.c_index = ConcordanceIndex(sync_on_compute=False)
        self.auc: dict[str, TimeDependentAUC] = {}
        self.ibs: dict[str, IntegratedBrier] = {}
        for days in horizons_days:
            name = f"{days / DAYS_PER_YEAR:g}y"
            self.auc[name] = TimeDependentAUC(
                train_event=train_event,
                train_time_days=train_time_days,
                at_days=days,
                sync_on_compute=False,
            )
            self.ibs[name] = IntegratedBrier(
                train_event=train_event,
                train_time_days=train_time_days,
                at_days=days,
                sync_on_compute=False,
            )

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Computes on everything the task has seen, before the task forgets it."""
        if not isinstance(pl_module, SurvivalTask):
            raise TypeError(f"Evaluation reads a SurvivalTask, got {type(pl_module).__name__}")
        seen = joined(pl_module.validated)
        patients = {"log_hazard": seen.log_hazard, "event": seen.event, "time": seen.time_days}
        metrics: dict[str, SurvivalMetric] = {"val/c_index": self.c_index}
        metrics |= {f"val/auc_{name}": metric for name, metric in self.auc.items()}
        if pl_module.trained:
            past = joined(pl_module.trained)
            for name, ibs in self.ibs.items():
                ibs.fit(log_hazard=past.log_hazard, event=past.event, time=past.time_days)
                metrics[f"val/ibs_{name}"] = ibs
        for name, metric in metrics.items():
            metric.reset()
            metric.update(**patients)
            pl_module.log(
                name,
                metric.compute().to(pl_module.device),
                batch_size=len(seen.event),
                sync_dist=True,
            )
