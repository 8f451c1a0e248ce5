"""Weights of encoders: published ones, or a file, read without running anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data_modules.problems import BadInput, Problem

# Where training programs keep the network in a checkpoint, and what they put before its names.
WRAPPED = ("state_dict", "model", "model_state_dict", "teacher", "student", "module")
PREFIXES = ("module.", "model.", "backbone.", "encoder.", "network.")
# Layers that a network without a classifier has no use for.
CLASSIFIER = ("fc.", "head.", "classifier.", "head_dist.", "pre_logits.")
SHOWN = 4


def load_published(name: str) -> Any:
    """A timm network with the weights that are published for it.

    Raises:
        BadInput: They are neither on this machine nor in reach.
    """
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:
        text = (
            f"no weights for {name}: they are not on this machine and cannot be fetched "
            f"({type(error).__name__}). Where there is a network, load them once with timm and "
            "copy the cache, or save them as .safetensors and name the file with --encoder_weights"
        )
        raise BadInput([Problem("--encoder", None, None, text)]) from error


def load_file(network: nn.Module, path: Path) -> None:
    """Fills a network from a file; a classifier in it is left out.

    Args:
        network: Without a classifier.
        path: .safetensors, or what `torch.save` wrote; nothing in it is executed.

    Raises:
        BadInput: The file cannot be read, or its weights are of another network.
    """
    state = _without_prefix(_read(path), set(network.state_dict()))
    wanted = network.state_dict()
    lacking = [n for n in wanted if n not in state and not n.startswith("head.pre_logits.")]
    unknown = [n for n in state if n not in wanted and not n.startswith(CLASSIFIER)]
    unlike = [
        f"{n} is {tuple(state[n].shape)}, not {tuple(wanted[n].shape)}"
        for n in wanted
        if n in state and state[n].shape != wanted[n].shape
    ]
    wrong = [
        f"{len(names)} {what}: {', '.join(names[:SHOWN])}"
        for names, what in ((lacking, "missing"), (unknown, "unknown"), (unlike, "of other shapes"))
        if names
    ]
    if wrong:
        text = f"not the weights of this encoder: {'; '.join(wrong)}"
        raise BadInput([Problem(str(path), None, None, text)])
    network.load_state_dict({n: v for n, v in state.items() if n in wanted}, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file as load_safetensors

            return load_safetensors(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BadInput([Problem(str(path), None, None, "no such file")]) from error
    except Exception as error:
        text = f"no weights can be read from it: {type(error).__name__}; save them as .safetensors"
        raise BadInput([Problem(str(path), None, None, text)]) from error
    for name in WRAPPED:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    tensors = isinstance(content, dict) and all(torch.is_tensor(v) for v in content.values())
    if not tensors or not content:
        text = "holds no table of named tensors: save `network.state_dict()`"
        raise BadInput([Problem(str(path), None, None, text)])
    state: dict[str, Tensor] = content
    return state


def _without_prefix(state: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Names as the network has them, where all share something that was put before them."""
    best = state
    for prefix in PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            shorter = {n.removeprefix(prefix): v for n, v in state.items()}
            best = max(best, _without_prefix(shorter, wanted), key=lambda s: len(wanted & set(s)))
    return best
