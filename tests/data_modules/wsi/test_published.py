from __future__ import annotations

import socket
import time
from types import SimpleNamespace

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from data_modules.problems import BadInput
from data_modules.wsi.published import licence, load_published, pretraining_data, timm_id


@pytest.fixture
def alone(monkeypatch) -> SimpleNamespace:
    """A machine without a cache, a proxy or a network, and how often it was asked for one."""
    asked = SimpleNamespace(places=[])

    def refuse(place: tuple[str, int], timeout: float) -> None:
        asked.places.append(place)
        raise OSError("no route")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr("data_modules.wsi.published.getproxies", dict)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "https://weights.example")
    return asked


def test_without_a_network_one_error_says_what_to_do_at_once(alone) -> None:
    begun = time.perf_counter()
    with pytest.raises(BadInput) as error:
        load_published("maxvit_tiny_tf_224.in1k")
    assert time.perf_counter() - begun < 1
    assert alone.places == [("weights.example", 443)]
    for words in ("no weights for maxvit_tiny_tf_224.in1k", "weights.example is not in reach",
                  "no route", "--encoder_weights", "HF_HOME"):  # fmt: skip
        assert words in str(error.value)


def test_offline_no_place_is_asked(alone, monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match="HF_HUB_OFFLINE is set"):
        load_published("resnet50.tv_in1k")
    assert alone.places == []


def test_networks_that_nobody_trained(alone) -> None:
    with pytest.raises(BadInput, match="no weights for maxvit_pico_rw_256: timm has none"):
        load_published("maxvit_pico_rw_256")
    assert alone.places == []


def test_what_is_on_the_machine_is_taken_without_a_network(alone, monkeypatch, tmp_path) -> None:
    torch.manual_seed(3)
    trained = timm.create_model("test_resnet.r160_in1k", pretrained=False)
    save_file(trained.state_dict(), tmp_path / "model.safetensors")
    cache = {("timm/test_resnet.r160_in1k", "model.safetensors"): f"{tmp_path}/model.safetensors"}
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *key: cache.get(key))
    loaded = load_published("test_resnet.r160_in1k")
    assert alone.places == []
    theirs = trained.state_dict()
    assert all(torch.equal(v, theirs[n]) for n, v in loaded.state_dict().items())
    assert not any(n.startswith("fc.") for n in loaded.state_dict())


def test_behind_a_proxy_it_is_tried(alone, monkeypatch) -> None:
    def fetch(*args: object, **options: object) -> None:
        raise RuntimeError("the proxy says no")

    monkeypatch.setattr("data_modules.wsi.published.getproxies", lambda: {"https": "http://p"})
    monkeypatch.setattr(timm, "create_model", fetch)
    with pytest.raises(BadInput, match=r"cannot be loaded \(RuntimeError: the proxy says no\)"):
        load_published("resnet50.tv_in1k")
    assert alone.places == []


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("maxvit_tiny_tf_224", "maxvit_tiny_tf_224.in1k"),
        ("resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("maxvit_pico_rw_256", "maxvit_pico_rw_256"),
    ],
)
def test_names_are_made_whole(name, whole) -> None:
    assert timm_id(name) == whole


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("maxvitt", "timm knows no 'maxvitt'; did you mean maxvit"),
        ("resnet50.in1k", "timm has no weights 'in1k' of resnet50; there are resnet50.a1_in1k"),
        ("maxvit_pico_rw_256.in1k", "there are none"),
        ("hf_hub:someone/something", "timm knows no 'hf_hub:someone/something'"),
        ("", "timm knows no ''"),
    ],
)
def test_names_that_timm_does_not_know(name, words) -> None:
    with pytest.raises(BadInput) as error:
        timm_id(name)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.sw_in12k_ft_in1k", "ImageNet-12k, ImageNet-1k"), ("a.lvd142m", "LVD-142M"),
        ("a.own", "not stated"), ("a", "not stated"),
    ],
)  # fmt: skip
def test_what_a_network_was_trained_on(name, data) -> None:
    assert pretraining_data(name) == data


def test_licences_are_told() -> None:
    assert licence("maxvit_tiny_tf_224.in1k") == "apache-2.0"
    assert licence("vit_base_patch14_dinov2.lvd142m") == "apache-2.0"
    silent = next(n for n in timm.list_models() if not timm.get_pretrained_cfg(n).license)
    assert licence(silent) == "not stated"
