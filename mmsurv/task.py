"""The LightningModule: one network, one loss, and validation over the whole set at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import Optimizer

from mmsurv.batch import Batch, Sizes
from mmsurv.losses import CoxLoss, DiscreteLoss, compares
from mmsurv.models import SurvivalNet
from mmsurv.names import FusionName, LossName, PoolingName, RiskSet, Ties
from mmsurv.ranks import gathered, rank_and_world, together
from mmsurv.replay import Foreseen, Seen, foresee, joined, merged, seed_batch


class SurvivalTask(LightningModule):
    """Trains a `SurvivalNet`; hyper-parameters are primitives, so checkpoints load safely.

    With risk set "batch", the training loss is computed on the mini-batch, whose patients are the
    risk set. With "cohort", an epoch is one step along the gradient of the loss over all training
    patients, exact and with one batch in memory at a time: see `mmsurv.replay`. The validation
    loss is one loss over all validation patients: a mean of losses of batches of 12 would compare
    each patient with eleven others only, and would depend on their order.

    Where several ranks train together (Lightning's DDP), the patients of a step are those of all
    ranks, and every rank computes the same losses and metrics: see `mmsurv.ranks`.

    Args:
        sizes: `Sizes` as a list of three integers.
        fusion: Fusion of image and genes.
        pooling: Pooling of patches.
        width: Token width d.
        heads: Attention heads.
        dropout: Dropout.
        head_start: Factor on the initial weights of the head.
        gene_hidden: Hidden units of the small network beside the tokens of the genes; 0: none.
        gene_linear: Whether there is a linear path from expression.
        gene_programs: Tokens of programs in place of genes; 0: one a gene.
        linear: "held" leaves the linear paths where they start, unless there is nothing else.
        loss: "cox" or "discrete".
        ties: Ties of the Cox loss.
        risk_set: Whose log hazards the Cox loss of a step compares.
        edges_days: Inner edges of the time bins of the discrete loss.
        lr: Learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        fused: "on" steps all weights in one kernel; the last digits differ.
        gradient_clip: Largest norm of the gradient with risk set "cohort"; 0 does not clip. With
            "batch" it is the trainer's.
        seed: Dropout of epoch e is a pure function of (seed, e), so a resumed run repeats it.
    """

    def __init__(
        self,
        *,
        sizes: list[int],
        fusion: FusionName = "dual_xattn",
        pooling: PoolingName = "self_attention",
        width: int = 64,
        heads: int = 4,
        dropout: float = 0.1,
        head_start: float = 0.3,
        gene_hidden: int = 0,
        gene_linear: bool = False,
        gene_programs: int = 0,
        linear: Literal["learned", "held"] = "learned",
        loss: LossName = "cox",
        ties: Ties = "efron",
        risk_set: RiskSet = "batch",
        edges_days: list[float] | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        fused: Literal["on", "off"] = "off",
        gradient_clip: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = SurvivalNet(
            Sizes(*sizes),
            fusion=fusion,
            pooling=pooling,
            width=width,
            heads=heads,
            dropout=dropout,
            head_start=head_start,
            gene_hidden=gene_hidden,
            gene_linear=gene_linear,
            gene_programs=gene_programs,
        )
        if linear == "held":
            self._hold_linear()
        self.loss = CoxLoss(ties) if loss == "cox" else DiscreteLoss(edges_days or [])
        self.automatic_optimization = risk_set == "batch"
        self.foreseen: Foreseen | None = None
        self.teaches = True
        # Each holds one piece at most; see `merged`.
        self.trained: list[Seen] = []
        self.train_losses: list[Tensor] = []
        self.train_counts: list[int] = []
        self.validated: list[Seen] = []

    def forward(self, batch: Batch) -> Float[Tensor, " B"]:
        """Log hazard of each patient."""
        log_hazard: Tensor = self.net(batch)
        return log_hazard

    def on_train_epoch_start(self) -> None:
        """Makes the epoch's randomness a function of the seed and the epoch."""
        # Each rank drops out in its own way; the first as if it were alone.
        of_rank = rank_and_world()[0] * 1_000_003**2
        torch.manual_seed((self.hparams["seed"] * 1_000_003 + self.current_epoch + of_rank) % 2**63)
        self.trained.clear()
        self.train_losses.clear()
        self.train_counts.clear()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Sees whether the batch can teach anything; with "cohort", before the first, sees all."""
        if not self.automatic_optimization:
            if batch_idx == 0:
                self._foresee()
        elif isinstance(self.loss, CoxLoss):
            whole, _ = gathered(_own(torch.zeros_like(batch.time_days), batch))
            self.teaches = compares(event=whole.event, time=whole.time_days)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Skips a batch that teaches nothing: AdamW's momentum and decay need no gradient."""
        if self.teaches:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        elif optimizer_closure is not None:
            optimizer_closure()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch; where no event has company at risk, a zero that moves nothing."""
        if not self.automatic_optimization:
            return self._replay(batch, batch_idx)
        seen = together(_own(self(batch), batch))
        loss: Tensor = self.loss(log_hazard=seen.log_hazard, event=seen.event, time=seen.time_days)
        self._remember(seen._replace(log_hazard=seen.log_hazard.detach()), loss.detach())
        return loss

    def _remember(self, seen: Seen, loss: Tensor) -> None:
        self.trained = [merged([*self.trained, seen])]
        self.train_losses = [torch.cat([*self.train_losses, loss[None]])]
        self.train_counts.append(len(seen.event))

    def _foresee(self) -> None:
        """The first of two passes: the gradient of the cohort's loss by its log hazards."""
        trainer = self.trainer

        def forward(number: int, batch: Batch) -> Tensor:
            moved = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(batch))
            self._seed_batch(number)
            with trainer.precision_plugin.forward_context():
                log_hazard: Tensor = self(moved)
            return log_hazard.cpu()

        loader: Any = trainer.train_dataloader
        self.foreseen = foresee(forward, loader, self.loss, gathered)
        self._remember(self.foreseen.seen, self.foreseen.loss)

    def _seed_batch(self, number: int) -> None:
        rank, world = rank_and_world()
        seed_batch(self.hparams["seed"], self.current_epoch, number * world + rank)

    def _replay(self, batch: Batch, batch_idx: int) -> Tensor:
        """The second pass; after its last batch, one step."""
        assert self.foreseen is not None
        self._seed_batch(batch_idx)
        log_hazard = self(batch)
        gradient = self.foreseen.gradients[batch_idx].to(log_hazard.device)
        # The mean over ranks, which follows, makes this the sum over ranks.
        share: Tensor = rank_and_world()[1] * (gradient * log_hazard[: len(gradient)]).sum()
        # Lightning's autocast still holds here, and would round gradients of float32 parts.
        with torch.autocast(self.device.type, enabled=False):
            self.manual_backward(share)
        if self.trainer.is_last_batch:
            optimizer: Any = self.optimizers()
            if self.hparams["gradient_clip"]:
                self.clip_gradients(optimizer, gradient_clip_val=self.hparams["gradient_clip"])
            everybody = self.foreseen.seen
            if not compares(event=everybody.event, time=everybody.time_days):
                # Nor by weight decay: a step of no length moves nothing. It is counted, or there
                # would be no checkpoint.
                for group in optimizer.param_groups:
                    group["lr"] = 0.0
            optimizer.step()
            optimizer.zero_grad()
            self.foreseen = None
        return share.detach()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Remembers the log hazards; the loss waits for all of them."""
        seen = gathered(_own(self(batch), batch))[0]
        self.validated = [merged([*self.validated, seen])]

    def on_validation_epoch_end(self) -> None:
        """One loss over the whole validation set. Callbacks have already read `validated`.

        The training losses are logged here too, as their mean over patients: Lightning's own mean
        of values logged batch by batch costs more than the loss.
        """
        seen = joined(self.validated)
        loss = self.loss(log_hazard=seen.log_hazard, event=seen.event, time=seen.time_days)
        # Every rank has this number up to rounding; synchronised, all stop at the same epoch.
        size = len(seen.event)
        self.log("val/loss", loss.to(self.device), batch_size=size, sync_dist=True)
        if self.train_losses:
            patients = torch.tensor(self.train_counts, dtype=torch.float32)
            losses = self.train_losses[0].cpu()
            mean = (losses * patients).sum() / patients.sum()
            self.log("train/loss", mean.to(self.device), sync_dist=True)
        self.validated.clear()

    def configure_optimizers(self) -> Optimizer:
        """AdamW, as the paper."""
        return torch.optim.AdamW(
            self.parameters(),
            lr=self.hparams["lr"],
            weight_decay=self.hparams["weight_decay"],
            # False would also switch off the one kernel for many weights that a GPU has by default.
            fused=True if self.hparams["fused"] == "on" else None,
        )

    def start_linear_at(
        self, *, clinical: Float[Tensor, " C"] | None, genes: Float[Tensor, " G"] | None
    ) -> None:
        """Sets the weights of the linear paths, for instance to a Cox solution."""
        with torch.no_grad():
            if clinical is not None:
                self.net.clinical.weight.copy_(clinical[None])
            if genes is not None:
                self.net.gene_linear.weight.copy_(genes[None])

    def start_programs_at(self, programs: Float[Tensor, "K G"]) -> None:
        """Sets the weightings of genes that tokens and hidden units see, as many as there are."""
        with torch.no_grad():
            for part in ("gene_encoder", "gene_net"):
                mix = getattr(getattr(self.net, part, None), "mix", None)
                if mix is not None:
                    count = min(len(mix.weight), len(programs))
                    mix.weight[:count] = programs[:count]

    def _hold_linear(self) -> None:
        linear = [
            weight
            for name, weight in self.net.named_parameters()
            if name.startswith(("clinical.", "gene_linear."))
        ]
        if len(linear) < len(list(self.net.parameters())):
            for weight in linear:
                weight.requires_grad_(False)


def _own(log_hazard: Float[Tensor, " B"], batch: Batch) -> Seen:
    """What this rank adds to a step; nobody, where its patients are copies."""
    counted = len(log_hazard) * batch.counted
    return Seen(log_hazard[:counted], batch.event[:counted], batch.time_days[:counted])
