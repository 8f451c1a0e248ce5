"""What a process does with a slide; everything here can be sent to another machine."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from data_modules.wsi.encoder import Encoder, load_encoder
from data_modules.wsi.extract import Extracted, extract
from data_modules.wsi.recipe import Recipe, SlideTask


class Settings(NamedTuple):
    """How slides are done, of what does not decide their features.

    Attributes:
        device: "auto", or what torch knows.
        batch_size: Tiles encoded together.
        workers: Threads that read.
    """

    device: str
    batch_size: int
    workers: int


def extract_one(recipe: Recipe, settings: Settings, task: SlideTask) -> Extracted:
    """A slide, by an encoder that the process loads once.

    Raises:
        BadInput: The slide cannot be used.
        OSError: The bag cannot be written.
    """
    return extract(
        task,
        recipe,
        encoder_of(recipe, settings),
        batch_size=settings.batch_size,
        workers=settings.workers,
    )


def encoder_of(recipe: Recipe, settings: Settings) -> Encoder:
    """The encoder on its device.

    Raises:
        BadInput: There are no weights, or they are of another network.
    """
    return _loaded(recipe, device_of(settings.device))


def forget_encoder() -> None:
    """Gives its memory back."""
    _loaded.cache_clear()


@lru_cache(maxsize=1)
def _loaded(recipe: Recipe, device: str) -> Encoder:
    return load_encoder(
        recipe.encoder,
        weights=recipe.weights,
        random_weights=recipe.random_weights,
        device=device,
        precision=recipe.precision,
    )


def device_of(wanted: str) -> str:
    """The device of this process: of several GPUs, each process of a machine takes the next.

    Example:
        >>> device_of("cpu"), device_of("cuda:1")
        ('cpu', 'cuda:1')
    """
    import torch

    from experiments.fan_out import place_number

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and torch.cuda.device_count() > 1:
        return f"cuda:{place_number() % torch.cuda.device_count()}"
    return wanted
