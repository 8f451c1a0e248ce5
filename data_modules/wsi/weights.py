"""A file of weights, read without running anything in it, and the hash of what a network holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from data_modules.problems import BadInput, Problem

# Where training programs keep the network in a checkpoint, and what they put before its names.
WRAPPED = ("state_dict", "model", "model_state_dict", "teacher", "module")
PREFIXES = ("module.", "model.", "backbone.", "encoder.", "network.")
# Layers that a network without a classifier has no use for.
CLASSIFIER = ("fc.", "head.", "classifier.", "head_dist.", "pre_logits.")
# Tables that a network works out for itself; programs differ in whether they write them.
WORKED_OUT = ("num_batches_tracked", "relative_position_index", "attn_mask")
SHOWN = 4


def load_file(network: nn.Module, path: Path) -> None:
    """Fills a network from a file; a classifier in it is left out.

    Args:
        network: Without a classifier.
        path: .safetensors, or what `torch.save` wrote; nothing in it is executed.

    Raises:
        BadInput: The file cannot be read, or its weights are of another network.
    """
    wanted = network.state_dict()
    state = _alike(_without_prefix(_read(path), set(wanted)), wanted)
    lacking = [n for n in wanted if n not in state and not _optional(n)]
    unknown = [
        n for n in state if n not in wanted and not n.startswith(CLASSIFIER) and not _optional(n)
    ]
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


def _optional(name: str) -> bool:
    """Whether features do not depend on an entry, or the network has it anyway."""
    return name.startswith("head.pre_logits.") or name.endswith(WORKED_OUT)


def _alike(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """A matrix is also a convolution of one pixel, and some programs write it as such."""
    same = {
        n: v.reshape(wanted[n].shape)
        for n, v in state.items()
        if n in wanted and v.squeeze().shape == wanted[n].squeeze().shape
    }
    return state | same


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
    """Names as the network has them, with what was put before most of them taken away."""
    best = state
    for prefix in PREFIXES:
        if any(name.startswith(prefix) for name in state):
            shorter = {n.removeprefix(prefix): v for n, v in state.items()}
            if len(shorter) == len(state):
                deeper = _without_prefix(shorter, wanted)
                best = max(best, deeper, key=lambda s: len(wanted & set(s)))
    return best


def weights_hash(network: nn.Module) -> str:
    """SHA-256 of every number that features depend on, by name, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if not name.endswith(WORKED_OUT):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as places that publish weights state it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
