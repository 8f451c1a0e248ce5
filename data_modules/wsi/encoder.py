"""Encoders: frozen networks that turn tiles into vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional

from data_modules.problems import BadInput, Problem
from data_modules.wsi.lanes import Lanes
from data_modules.wsi.on_processor import for_processor
from data_modules.wsi.published import licence, load_published, pretraining_data, timm_id
from data_modules.wsi.weights import file_hash, load_file, weights_hash

Array = np.ndarray

# Names of the paper, and what they are to timm.
SHORT = {"maxvit": "maxvit_tiny_tf_224.in1k", "resnet50": "resnet50.tv_in1k"}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Encoder:
    """A frozen network on its device.

    Args:
        name: Of the encoder, as files are named by it.
        network: Gives pooled features.
        about: Header, without what is found here.
        device: Where it runs.
        precision: fp32, bf16 or fp16.

    Attributes:
        width: Of its vectors.
        tile_px: Side of the tiles that it takes; others are resampled to it.

    Raises:
        BadInput: There is no such device or precision, or the network does not give one vector of
            finite numbers a tile.
    """

    def __init__(
        self, name: str, network: Any, about: dict[str, str | int], device: str, precision: str
    ) -> None:
        from timm import data

        about_data: Any = data
        settings = about_data.resolve_model_data_config(network)
        channels, height, width = settings["input_size"]
        if channels != 3 or height != width:
            raise _bad("--encoder", f"{name} takes {channels} × {height} × {width}, no square RGB")
        self.name = name
        self.tile_px = int(width)
        self._device = _device(device)
        self._dtype = _dtype(precision)
        # Antialiasing is known for these two alone, which are what timm names.
        self._resampling = "bilinear" if settings["interpolation"] == "bilinear" else "bicubic"
        mean, spread = (torch.tensor(settings[key]) * 255.0 for key in ("mean", "std"))
        self._mean, self._spread = (v.view(1, 3, 1, 1).to(self._device) for v in (mean, spread))
        # The layout in which convolutions on bytes of pixels are fastest.
        self._network = network.eval().to(self._device, memory_format=torch.channels_last)
        self._vectors: Callable[[UInt8[Array, "n t t 3"]], torch.Tensor] = self._forward
        if self._device.type == "cpu":
            if self._dtype == torch.float32:
                for_processor(self._network)
            self._vectors = Lanes(self._forward)
        self.width = self._tried()
        self._about = about | {
            "encoder_px": self.tile_px,
            "encoder_mean": ", ".join(f"{v:g}" for v in settings["mean"]),
            "encoder_std": ", ".join(f"{v:g}" for v in settings["std"]),
            "precision": precision,
        }

    def header(self) -> dict[str, str | int]:
        """What a bag says of the network that made it."""
        return dict(self._about)

    def encode(self, tiles: UInt8[Array, "n t t 3"]) -> Float[Array, "n width"]:
        """Pooled features of tiles, in float32.

        Raises:
            BadInput: They are not finite: half precision overflows above 65,504.
        """
        if not len(tiles):
            return np.zeros((0, self.width), np.float32)
        encoded: Array = self._vectors(tiles).float().cpu().numpy()
        if not np.isfinite(encoded).all():
            text = "features are NaN or infinite: choose bf16 or fp32"
            raise _bad("--precision", text)
        return encoded

    def _forward(self, tiles: UInt8[Array, "n t t 3"]) -> Any:
        pixels = torch.from_numpy(np.require(tiles, requirements=["C", "W"])).to(self._device)
        with torch.inference_mode():
            batch = pixels.permute(0, 3, 1, 2).float()
            if batch.shape[-1] != self.tile_px:
                side = (self.tile_px, self.tile_px)
                batch = functional.interpolate(batch, side, mode=self._resampling, antialias=True)
                batch = batch.clamp(0.0, 255.0)
            batch = ((batch - self._mean) / self._spread).contiguous(
                memory_format=torch.channels_last
            )
            with torch.autocast(
                self._device.type, self._dtype, enabled=self._dtype != torch.float32
            ):
                return self._network(batch)

    def _tried(self) -> int:
        """Width of the vectors: what timm says of it is not always so."""
        grey = np.full((1, self.tile_px, self.tile_px, 3), 128, np.uint8)
        vectors = self._forward(grey)
        if not torch.is_tensor(vectors) or vectors.ndim != 2:
            raise _bad("--encoder", f"{self.name} gives no vector a tile: it has no pooling")
        if not torch.isfinite(vectors).all():
            text = f"{self.name} turns a grey tile into NaN or infinity: its weights are damaged"
            raise _bad("--encoder", text)
        return int(vectors.shape[1])


def load_encoder(
    name: str, *, weights: Path | None, random_weights: bool, device: str, precision: str
) -> Encoder:
    """A timm network with its weights, without its classifier.

    Features are the pooled (and normalised, where the network does so) activations before any layer
    that belongs to the classifier; MaxViT's own `pre_logits`, a linear layer and a tanh, is one.

    Args:
        name: maxvit, resnet50, or any name that timm knows.
        weights: File of weights; None takes the published ones.
        random_weights: No weights at all, the same ones every time: for tests.
        device: cpu, cuda, cuda:1, ….
        precision: fp32, bf16 or fp16.

    Raises:
        BadInput: timm does not know the name, the weights are not in reach or of another network,
            or there is no such device or precision.
    """
    import timm

    full = timm_id(SHORT.get(name, name))
    _device(device), _dtype(precision)
    if random_weights and weights is not None:
        raise _bad("--random_weights", f"and weights from {weights}: choose one")
    about: dict[str, str | int]
    if random_weights:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = timm.create_model(full, pretrained=False, num_classes=0)
        about = _told("random", "none: random weights, for tests alone", "none")
    elif weights is not None:
        network = timm.create_model(full, pretrained=False, num_classes=0)
        load_file(network, weights)
        told = f"not stated: a local file; timm's {full} is"
        about = _told(
            weights.name, f"{told} of {pretraining_data(full)}", f"{told} under {licence(full)}"
        ) | {"weights_file_sha256": file_hash(weights)}
    else:
        network = load_published(full)
        cfg: Any = network.pretrained_cfg
        source = str(cfg.get("hf_hub_id") or cfg.get("url") or "timm")
        about = _told(source, pretraining_data(full), licence(full))
    about |= {"encoder": full, "pooling": _headless(network)}
    about |= {"weights_sha256": weights_hash(network), "random_weights": int(random_weights)}
    about |= {"timm": timm.__version__, "torch": torch.__version__.split("+")[0]}
    return Encoder(name, network, about, device, precision)


def _told(source: str, pretrained_on: str, terms: str) -> dict[str, str | int]:
    return {"weights": source, "pretrained_on": pretrained_on, "weights_licence": terms}


def _headless(network: Any) -> str:
    """Leaves the network without classifier, and says how its features come about.

    `num_classes=0` leaves a layer of the classifier, with a tanh, in MaxViT and its kin.
    """
    head = getattr(network, "head", None)
    pooling = getattr(head, "global_pool", None) or getattr(network, "global_pool", "")
    kind = pooling if isinstance(pooling, str) else getattr(pooling, "pool_type", "")
    said = kind or "the network's own"
    before = getattr(head, "pre_logits", None)
    if before is None or isinstance(before, nn.Identity):
        return said
    network.head.pre_logits = nn.Identity()
    return f"{said}, before pre_logits"


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        text = f"no device {name!r}: {str(error).splitlines()[0]}"
        raise _bad("--device", text) from error
    return device


def _dtype(precision: str) -> torch.dtype:
    if precision not in DTYPES:
        raise _bad("--precision", f"no precision {precision!r}; there are {', '.join(DTYPES)}")
    return DTYPES[precision]


def _bad(flag: str, text: str) -> BadInput:
    return BadInput([Problem(flag, None, None, text)])
