"""Encoders: frozen networks that turn tiles into vectors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional

from data_modules.problems import BadInput, Problem
from data_modules.wsi.weights import load_file, load_published

Array = np.ndarray

# Names of the paper, and what they are to timm.
SHORT = {"maxvit": "maxvit_tiny_tf_224.in1k", "resnet50": "resnet50.tv_in1k"}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# What the end of a timm name says of what a network has seen.
DATA = {
    "in1k": "ImageNet-1k", "in12k": "ImageNet-12k", "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k", "laion2b": "LAION-2B", "lvd142m": "LVD-142M",
}  # fmt: skip


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
    """

    def __init__(
        self, name: str, network: Any, about: dict[str, str | int], device: str, precision: str
    ) -> None:
        from timm import data

        about_data: Any = data
        settings = about_data.resolve_model_data_config(network)
        self.name = name
        self.width = int(network.num_features)
        self.tile_px = int(settings["input_size"][-1])
        self._device = torch.device(device)
        self._dtype = DTYPES[precision]
        mean, spread = (torch.tensor(settings[key]) * 255.0 for key in ("mean", "std"))
        self._mean, self._spread = (v.view(1, 3, 1, 1).to(self._device) for v in (mean, spread))
        # The layout in which convolutions on bytes of pixels are fastest.
        self._network = network.eval().to(self._device, memory_format=torch.channels_last)
        self._about = about | {
            "encoder_mean": ", ".join(f"{v:g}" for v in settings["mean"]),
            "encoder_std": ", ".join(f"{v:g}" for v in settings["std"]),
            "precision": precision,
        }

    def header(self) -> dict[str, str | int]:
        """What a bag says of the network that made it."""
        return dict(self._about)

    def encode(self, tiles: UInt8[Array, "n t t 3"]) -> Float[Array, "n width"]:
        """Pooled features of tiles, in float32."""
        if len(tiles) == 0:
            return np.zeros((0, self.width), np.float32)
        pixels = torch.from_numpy(np.require(tiles, requirements=["C", "W"])).to(self._device)
        with torch.inference_mode():
            batch = pixels.permute(0, 3, 1, 2).float()
            if batch.shape[-1] != self.tile_px:
                side = (self.tile_px, self.tile_px)
                batch = functional.interpolate(batch, side, mode="bicubic", antialias=True)
                batch = batch.clamp(0.0, 255.0)
            batch = ((batch - self._mean) / self._spread).contiguous(
                memory_format=torch.channels_last
            )
            with torch.autocast(
                self._device.type, self._dtype, enabled=self._dtype != torch.float32
            ):
                features = self._network(batch)
        encoded: Array = features.float().cpu().numpy()
        return encoded


def load_encoder(
    name: str, *, weights: Path | None, random_weights: bool, device: str, precision: str
) -> Encoder:
    """A timm network with its weights, without its classifier.

    Features are the pooled (and normalised, where the network does so) activations before any layer
    that belongs to the classifier; MaxViT's own `pre_logits` layer is one of those.

    Args:
        name: maxvit, resnet50, or any name that timm knows.
        weights: File of weights; None takes the published ones.
        random_weights: No weights at all, the same ones every time: for tests.
        device: cpu, cuda, cuda:1, ….
        precision: fp32, bf16 or fp16.

    Raises:
        BadInput: timm does not know the name, or the weights are not in reach or of another
            network.
    """
    import timm

    from data_modules.genes import nearest

    full = SHORT.get(name, name)
    if not timm.is_model(full):
        hint = nearest(name, [*SHORT, *timm.list_models()])
        raise BadInput([Problem("--encoder", None, None, f"timm knows no {name!r}{hint}")])
    if random_weights:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = timm.create_model(full, pretrained=False, num_classes=0)
        source, seen, licence = "random", "none: random weights, for tests alone", "none"
    else:
        network = timm.create_model(full, pretrained=False, num_classes=0)
        if weights is not None:
            load_file(network, weights)
            source, seen, licence = weights.name, "that of the file", "that of the file"
        else:
            network = load_published(full)
            settings = network.pretrained_cfg
            source = str(settings.get("hf_hub_id") or settings.get("url") or "timm")
            seen = pretraining_data(full)
            licence = str(settings.get("license") or "not stated")
    _without_classifier(network)
    about: dict[str, str | int] = {
        "encoder": full, "weights": source, "weights_sha256": weights_hash(network),
        "weights_licence": licence, "pretrained_on": seen, "pooling": "before the classifier",
        "random_weights": int(random_weights),
        "timm": timm.__version__, "torch": torch.__version__.split("+")[0],
    }  # fmt: skip
    return Encoder(name, network, about, device, precision)


def pretraining_data(name: str) -> str:
    """What the end of a timm name says that the network was trained on.

    Example:
        >>> pretraining_data("maxvit_base_tf_224.in21k"), pretraining_data("resnet50")
        ('ImageNet-21k', 'not stated')
        >>> pretraining_data("maxvit_rmlp_base_rw_224.sw_in12k_ft_in1k")
        'ImageNet-12k, ImageNet-1k'
    """
    words = name.partition(".")[2].split("_")
    return ", ".join(DATA[word] for word in words if word in DATA) or "not stated"


def weights_hash(network: nn.Module) -> str:
    """Of every number of a network by name, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _without_classifier(network: Any) -> None:
    """`num_classes=0` leaves a layer of the classifier, with a tanh, in MaxViT and its kin."""
    if hasattr(getattr(network, "head", None), "pre_logits"):
        network.head.pre_logits = nn.Identity()
