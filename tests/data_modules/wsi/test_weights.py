from __future__ import annotations

import pickle

import pytest
import timm
import torch
from safetensors.torch import save_file

from data_modules.problems import BadInput
from data_modules.wsi.weights import file_hash, load_file, weights_hash

NAME = "resnet10t"


def _network(classes: int = 0):  # noqa: ANN202
    torch.manual_seed(classes + 1)
    return timm.create_model(NAME, pretrained=False, num_classes=classes)


def _same(one, two) -> bool:
    theirs = two.state_dict()
    return all(torch.equal(v, theirs[n]) for n, v in one.state_dict().items() if n in theirs)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": {f"module.{n}": v for n, v in s.items()}},
        lambda s: {"teacher": {f"module.backbone.{n}": v for n, v in s.items()}},
        lambda s: {f"backbone.{n}": v for n, v in s.items()} | {"head.mlp.weight": torch.ones(2)},
        lambda s: {n: v for n, v in s.items() if not n.endswith("num_batches_tracked")},
        lambda s: {n: v[..., None, None] if n == "bn1.weight" else v for n, v in s.items()},
    ],
)
def test_checkpoints_of_many_programs(tmp_path, wrap) -> None:
    trained, network = _network(classes=7), _network()
    assert not _same(trained, network)
    torch.save(wrap(trained.state_dict()), tmp_path / "w.pth")
    load_file(network, tmp_path / "w.pth")
    assert _same(trained, network)


def _without(state: dict) -> dict:
    return {n: v for n, v in state.items() if not n.startswith("layer4")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without, "missing: layer4.0.conv1.weight"),
        (lambda s: s | {"neck.weight": torch.zeros(3)}, "1 unknown: neck.weight"),
        (lambda s: s | {"conv1.0.weight": torch.zeros(3)}, "conv1.0.weight is (3,), not (24, 3, 3"),
    ],
)
def test_weights_of_another_network_are_refused_by_name(tmp_path, change, words) -> None:
    save_file(change(_network(classes=7).state_dict()), tmp_path / "w.safetensors")
    network = _network()
    before = {n: v.clone() for n, v in network.state_dict().items()}
    with pytest.raises(BadInput) as error:
        load_file(network, tmp_path / "w.safetensors")
    assert "not the weights of this encoder" in str(error.value)
    assert words in str(error.value)
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())


class Hostile:
    ran = False

    def __reduce__(self) -> tuple:
        return (setattr, (Hostile, "ran", True))


def test_nothing_in_a_file_is_executed(tmp_path) -> None:
    torch.save({"state_dict": Hostile()}, tmp_path / "w.pth")
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Hostile()))
    for name in ("w.pth", "w.pkl"):
        with pytest.raises(BadInput, match="save them as"):
            load_file(_network(), tmp_path / name)
    assert not Hostile.ran


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), ([1, 2], "no table of named tensors"), ({}, "no table of named")],
)
def test_files_without_weights(tmp_path, content, words) -> None:
    if content is not None:
        torch.save(content, tmp_path / "w.pth")
    with pytest.raises(BadInput, match=words):
        load_file(_network(), tmp_path / "w.pth")


def test_the_hash_is_of_the_numbers_whatever_the_file(tmp_path) -> None:
    trained = _network(classes=7)
    save_file(trained.state_dict(), tmp_path / "a.safetensors")
    torch.save({"model": trained.state_dict()}, tmp_path / "b.pth")
    hashes = set()
    for name in ("a.safetensors", "b.pth"):
        network = _network()
        before = weights_hash(network)
        load_file(network, tmp_path / name)
        hashes.add(weights_hash(network))
        assert before not in hashes
    assert len(hashes) == 1
    assert file_hash(tmp_path / "a.safetensors") != file_hash(tmp_path / "b.pth")


def test_one_number_changes_the_hash() -> None:
    network = _network()
    before = weights_hash(network)
    with torch.no_grad():
        network.layer4[0].conv1.weight[0, 0, 0, 0] += 1e-6
    assert weights_hash(network) != before


def test_the_hash_of_a_file_is_that_of_sha256sum(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223b00361a396177a9c")
