"""What the extraction is held against: timm's bare forward, and tiatoolbox's own extractor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

Array = np.ndarray


def bare_forward(timm_id: str, batch: int, *, device: str, precision: str) -> Callable[[], None]:
    """A call of the network alone on tiles that lie ready on the device.

    Args:
        timm_id: Name that timm knows, or a short name of ours.
        batch: Tiles of a call.
        device: Where.
        precision: fp32, bf16 or fp16.
    """
    network, settings = _network(timm_id, device)
    network = network.to(device, memory_format=torch.channels_last)
    tiles = torch.rand(batch, *settings["input_size"], device=device)
    tiles = tiles.to(memory_format=torch.channels_last)
    kind = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def call() -> None:
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(device).type, kind, enabled=kind is not None),
        ):
            network(tiles)
        if tiles.is_cuda:
            torch.cuda.synchronize()

    return call


def tiatoolbox_extractor(
    timm_id: str, *, batch: int, device: str, tile_px: int = 224, mpp: float = 0.25
) -> Callable[[Path, UInt8[Array, "h w"], Path], tuple[Array, Array]]:
    """Tiatoolbox's DeepFeatureExtractor with random weights, ready to run.

    Args:
        timm_id: Name that timm knows, or a short name of ours.
        batch: Tiles encoded together.
        device: Where.
        tile_px: Side of a tile.
        mpp: µm per pixel of a tile.

    Returns:
        Takes a slide, a mask that is 0 where tiles are not wanted, and a folder for its files;
        returns features (n, d) and rectangles (n, 4).
    """
    import zarr
    from tiatoolbox.models.engine.deep_feature_extractor import DeepFeatureExtractor
    from tiatoolbox.models.engine.io_config import IOPatchPredictorConfig

    resolution: Any = [{"units": "mpp", "resolution": mpp}]
    config = IOPatchPredictorConfig(
        input_resolutions=resolution,
        patch_input_shape=[tile_px, tile_px],
        stride_shape=[tile_px, tile_px],
    )
    extractor = DeepFeatureExtractor(
        _wrapped(timm_id, device), batch_size=batch, num_workers=0, device=device, verbose=False
    )

    def run(slide: Path, tissue: UInt8[Array, "h w"], folder: Path) -> tuple[Array, Array]:
        mask = folder / "mask.png"
        Image.fromarray((tissue > 0).astype(np.uint8) * 255).save(mask)
        written = extractor.run(
            images=[slide],
            masks=[mask],
            patch_mode=False,
            ioconfig=config,
            save_dir=folder / "tiatoolbox",
            output_type="zarr",
            overwrite=True,
        )
        group: Any = zarr.open(str(next(iter(written.values()))), mode="r")
        return np.asarray(group["features"]), np.asarray(group["coordinates"])

    return run


def _network(timm_id: str, device: str) -> tuple[Any, dict[str, Any]]:
    """A network with random weights, and what it expects of its input."""
    import timm
    from timm import data

    from data_modules.wsi.encoder import SHORT

    torch.manual_seed(0)
    network = timm.create_model(SHORT.get(timm_id, timm_id), pretrained=False, num_classes=0)
    about_data: Any = data
    return network.eval().to(device), about_data.resolve_model_data_config(network)


def _wrapped(timm_id: str, device: str) -> Any:
    """A network as tiatoolbox wants it: it feeds bytes as floats and expects a list back."""
    from tiatoolbox.models.models_abc import ModelABC

    network, settings = _network(timm_id, device)

    class Wrapped(ModelABC):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            for name in ("mean", "std"):
                value = 255 * torch.tensor(settings[name]).view(1, 3, 1, 1)
                self.register_buffer(name, value)

        def forward(self, tiles: torch.Tensor) -> Any:
            return self.network((tiles - self.mean) / self.std)

        @staticmethod
        def infer_batch(model: Any, batch_data: Any, *, device: str) -> list[Array]:
            tiles = batch_data.to(device).permute(0, 3, 1, 2).float()
            with torch.inference_mode():
                return [model(tiles).cpu().numpy()]

    return Wrapped().to(device)
