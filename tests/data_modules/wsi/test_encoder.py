from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_model_data_config
from torch import nn

from data_modules.problems import BadInput
from data_modules.wsi.encoder import Encoder, load_encoder
from data_modules.wsi.stain import Target, fit_stain
from data_modules.wsi.weights import file_hash, weights_hash

TILES = np.random.default_rng(0).integers(0, 255, (3, 160, 160, 3), dtype=np.uint8)


@pytest.fixture
def weights(tmp_path):  # noqa: ANN201
    """Of a network with a classifier."""
    torch.manual_seed(1)
    network = timm.create_model("test_vit.r160_in1k", pretrained=False)
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors", network.eval()


def _load(name: str = "test_vit.r160_in1k", weights=None, **options):  # noqa: ANN202
    settings = {"random_weights": False, "device": "cpu", "precision": "fp32"} | options
    return load_encoder(name, weights=weights, **settings)


def test_features_are_those_of_a_plain_loop_over_the_same_tiles(weights) -> None:
    path, network = weights
    network.reset_classifier(0)
    settings = resolve_model_data_config(network) | {"crop_pct": 1.0}
    prepare = create_transform(**settings, is_training=False)
    with torch.no_grad():
        expected = [network(prepare(Image.fromarray(tile))[None])[0] for tile in TILES]
    encoder = _load(weights=path)
    found = encoder.encode(TILES)
    assert found.dtype == np.float32
    assert encoder.tile_px == 160
    assert found == pytest.approx(torch.stack(expected).numpy(), abs=1e-4)
    assert found.shape == (3, encoder.width)
    assert encoder.encode(TILES[:0]).shape == (0, encoder.width)


def test_a_tile_has_its_features_in_any_batch(weights) -> None:
    encoder = _load(weights=weights[0])
    alone = np.concatenate([encoder.encode(TILES[i : i + 1]) for i in range(3)])
    assert encoder.encode(TILES) == pytest.approx(alone, abs=1e-4)


def test_tiles_of_another_size_are_resampled(weights) -> None:
    encoder = _load(weights=weights[0])
    smooth = np.asarray(Image.fromarray(TILES[0]).resize((20, 20)).resize((320, 320)))
    half = np.asarray(Image.fromarray(smooth).resize((160, 160), Image.Resampling.BICUBIC))
    large, small = encoder.encode(smooth[None]), encoder.encode(half[None])
    assert np.corrcoef(large[0], small[0])[0, 1] > 0.999


def test_the_header_says_what_made_the_features(weights) -> None:
    path, network = weights
    header = _load(weights=path).header()
    network.reset_classifier(0)
    assert header["encoder"] == "test_vit.r160_in1k"
    assert header["weights"] == "w.safetensors"
    assert header["weights_sha256"] == weights_hash(network)
    assert header["random_weights"] == 0
    assert header["precision"] == "fp32"
    assert header["weights_file_sha256"] == file_hash(path)
    assert header["pretrained_on"] == (
        "not stated: a local file; timm's test_vit.r160_in1k is of ImageNet-1k"
    )
    assert header["weights_licence"].endswith("is under apache-2.0")
    assert (header["pooling"], header["encoder_px"]) == ("token", 160)
    assert header["encoder_mean"] == "0.5, 0.5, 0.5"
    assert _load(random_weights=True).header()["weights_sha256"] != header["weights_sha256"]


def test_random_weights_are_marked_and_always_the_same() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, two = (_load("resnet10t", random_weights=True) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.header() == two.header()
    assert one.header()["random_weights"] == 1
    assert "tests alone" in str(one.header()["pretrained_on"])


def test_half_precision_is_close(weights) -> None:
    full, half = (_load(weights=weights[0], precision=p).encode(TILES) for p in ("fp32", "bf16"))
    cosine = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert (cosine > 0.99).all()
    assert not np.array_equal(full, half)


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("maxvit", 512),
        ("resnet50", 2048),
        ("maxvit_rmlp_pico_rw_256", 256),
        # timm says 288 of this one, before its last layer.
        ("mobilenetv3_small_050", 1024),
    ],
)
def test_widths_are_those_of_pooled_features(name, width) -> None:
    encoder = _load(name, random_weights=True)
    assert encoder.width == width
    side = encoder.tile_px
    assert encoder.encode(np.zeros((1, side, side, 3), np.uint8)).shape == (1, width)
    # The layer of the classifier that MaxViT keeps would end in a tanh.
    kept = [m for m in encoder._network.modules() if isinstance(m, nn.Tanh)]
    head = getattr(encoder._network, "head", None)
    assert not kept or isinstance(head.pre_logits, nn.Identity)


def test_maxvits_features_are_before_the_tanh() -> None:
    encoder = _load("maxvit", random_weights=True)
    tiles = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 3), dtype=np.uint8)
    network = encoder._network
    with torch.no_grad():
        mean, spread = (
            torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        batch = (torch.from_numpy(tiles).permute(0, 3, 1, 2) / 255 - mean) / spread
        pooled = network.head.norm(network.forward_features(batch).mean((2, 3), keepdim=True))
    assert encoder.encode(tiles) == pytest.approx(pooled.flatten(1).numpy(), abs=1e-4)
    assert encoder.header()["pooling"] == "avg, before pre_logits"
    assert encoder.header()["encoder"] == "maxvit_tiny_tf_224.in1k"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda:99"}, "--device: no device 'cuda:99'"),
        ({"device": "gpu"}, "--device: no device 'gpu'"),
        ({"precision": "int8"}, "no precision 'int8'; there are fp32, bf16, fp16"),
        ({"weights": Path("w.pth")}, "--random_weights: and weights from w.pth: choose one"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_its_flag(options, words) -> None:
    with pytest.raises(BadInput) as error:
        _load(**{"random_weights": True} | options)
    assert words in str(error.value)


def test_damaged_weights_are_refused(tmp_path) -> None:
    state = timm.create_model("test_vit", pretrained=False).state_dict()
    state["norm.weight"] = state["norm.weight"] * float("nan")
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(BadInput, match="into NaN or infinity: its weights are damaged"):
        _load(weights=tmp_path / "w.safetensors")


def test_a_network_without_pooling_is_refused() -> None:
    network = timm.create_model("test_resnet", pretrained=False, num_classes=0, global_pool="")
    with pytest.raises(BadInput, match="gives no vector a tile"):
        Encoder("test_resnet", network, {}, "cpu", "fp32")


@pytest.mark.real
def test_real_patches_go_through_stain_and_encoder(real_data) -> None:
    """All 24, eight of every patient, each patient with a stain of its own."""
    encoder = _load("test_resnet.r160_in1k", random_weights=True)
    count = 0
    for folder in sorted((real_data / "patches").iterdir()):
        paths = sorted(folder.rglob("*.png"))
        tiles = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
        stain = fit_stain(tiles.reshape(-1, 3), "macenko", Target())
        assert stain.header()["stain"] == "macenko"
        features = encoder.encode(stain.apply(tiles))
        assert features.shape == (len(tiles), encoder.width)
        assert len(np.unique(features, axis=0)) == len(tiles)
        assert (np.abs(features - encoder.encode(tiles)).max(1) > 1e-4).all()
        count += len(tiles)
    assert count == 24


def test_features_that_are_not_finite_are_refused(monkeypatch) -> None:
    encoder = _load("test_resnet.r160_in1k", random_weights=True)
    overflow = torch.full((3, encoder.width), float("inf"))
    monkeypatch.setattr(encoder, "_vectors", lambda _: overflow)
    with pytest.raises(BadInput, match="NaN or infinite: choose bf16 or fp32"):
        encoder.encode(TILES)
