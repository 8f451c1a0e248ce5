"""Published weights: on this machine, fetched, or one error that says how to bring them."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from data_modules.problems import BadInput, Problem

# How a repository of Hugging Face calls weights; the first that is there is taken.
FILES = ("model.safetensors", "pytorch_model.bin")
# A place that is in reach answers sooner.
PATIENCE_SECONDS = 3.0
# What the end of a timm name says of what a network has seen.
DATA = {
    "in1k": "ImageNet-1k", "in12k": "ImageNet-12k", "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k", "laion2b": "LAION-2B", "laion400m": "LAION-400M",
    "lvd142m": "LVD-142M", "lvd1689m": "LVD-1689M", "openai": "OpenAI's image-text pairs",
    "webli": "WebLI", "merged2b": "Merged-2B", "ig1b": "Instagram-1B", "yfcc100m": "YFCC-100M",
}  # fmt: skip
WAY_OUT = (
    "Where there is a network, save them once with timm and name the file with --encoder_weights, "
    "or copy the cache of huggingface_hub (HF_HOME)"
)


def timm_id(name: str) -> str:
    """The whole name of a network, with the tag that timm takes where none is given.

    Raises:
        BadInput: timm does not know it; with the nearest names.
    """
    import timm

    from data_modules.genes import nearest

    network, _, tag = name.partition(".")
    if not timm.is_model(network):
        hint = nearest(name, ["maxvit", *timm.list_models()])
        raise BadInput([Problem("--encoder", None, None, f"timm knows no {name!r}{hint}")])
    known = timm.list_pretrained(f"{network}.*") if tag else []
    if tag and name not in known:
        text = f"timm has no weights {tag!r} of {network}; there are {', '.join(known) or 'none'}"
        raise BadInput([Problem("--encoder", None, None, text)])
    settings: Any = timm.get_pretrained_cfg(network)
    trained = settings is not None and (settings.hf_hub_id or settings.url)
    return f"{network}.{settings.tag}" if trained and not tag else name


def load_published(name: str) -> Any:
    """A timm network with the weights that are published for it.

    What is on this machine is taken without a look at the network.

    Args:
        name: As `timm_id` gives it.

    Raises:
        BadInput: The weights are neither on this machine nor in reach, or there are none.
    """
    import timm
    from huggingface_hub import constants, try_to_load_from_cache

    settings: Any = timm.get_pretrained_cfg(name)
    source = settings.hf_hub_id if settings is not None else None
    cached = [try_to_load_from_cache(source, file) for file in FILES] if source else []
    files = [file for file in cached if isinstance(file, str)]
    try:
        if files:
            overlay = {"file": files[0]}
            return timm.create_model(
                name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
            )
        address = constants.ENDPOINT if source else getattr(settings, "url", "") or ""
        reason = _out_of_reach(address, offline=constants.HF_HUB_OFFLINE)
        if not reason:
            return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:
        reason = f"they cannot be loaded ({type(error).__name__}: {error})"
        raise _no_weights(name, reason) from error
    raise _no_weights(name, reason)


def _out_of_reach(address: str, *, offline: bool) -> str:
    """Why nothing can be fetched from an address; "" where it can be tried."""
    if not address:
        return "timm has none"
    if offline:
        return "they are not on this machine, and HF_HUB_OFFLINE is set"
    parts = urlsplit(address)
    if parts.scheme in getproxies():
        return ""
    place = (parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443))
    try:
        socket.create_connection(place, timeout=PATIENCE_SECONDS).close()
    except OSError as error:
        return f"they are not on this machine, and {place[0]} is not in reach ({error})"
    return ""


def _no_weights(name: str, reason: str) -> BadInput:
    return BadInput(
        [Problem("--encoder", None, None, f"no weights for {name}: {reason}. {WAY_OUT}")]
    )


def licence(name: str) -> str:
    """Of the published weights.

    Example:
        >>> licence("resnet50.tv_in1k")
        'bsd-3-clause'
    """
    import timm

    return str(getattr(timm.get_pretrained_cfg(name), "license", None) or "not stated")


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
