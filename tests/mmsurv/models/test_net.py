from __future__ import annotations

import pytest
import torch

from mmsurv.batch import Batch, Sizes, collate
from mmsurv.losses import cox_neg_log_likelihood
from mmsurv.models import FUSIONS, POOLINGS, SurvivalNet

SIZES = Sizes(patch_width=6, genes=5, covariates=3)
MODELS = [(f, p) for f in FUSIONS for p in POOLINGS]


def _net(fusion: str = "dual_xattn", pooling: str = "self_attention", **options) -> SurvivalNet:
    torch.manual_seed(0)
    options = {"width": 16, "heads": 2, "dropout": 0.0, "sizes": SIZES} | options
    return SurvivalNet(options.pop("sizes"), fusion=fusion, pooling=pooling, **options).eval()


def _loss(net: SurvivalNet, batch: Batch) -> torch.Tensor:
    return cox_neg_log_likelihood(log_hazard=net(batch), event=batch.event, time=batch.time_days)


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_a_patient_alone_has_the_log_hazard_of_any_batch(make_patients, fusion, pooling) -> None:
    net, patients = _net(fusion, pooling), make_patients([4, 0, 7, 1])
    patients[2] = patients[2]._replace(gene_mask=torch.zeros(5, dtype=torch.bool))
    together = net(collate(patients))
    alone = torch.cat([net(collate([p])) for p in patients])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert torch.isfinite(together).all()


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_order_of_patches_and_of_patients_changes_nothing(make_patients, fusion, pooling) -> None:
    net, patients = _net(fusion, pooling), make_patients([5, 3])
    shuffled = [p._replace(patches=p.patches.flip(0), coords=p.coords.flip(0)) for p in patients]
    expected = net(collate(patients))
    torch.testing.assert_close(net(collate(shuffled)), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(net(collate(patients[::-1])).flip(0), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_genes_may_be_reordered_with_their_names(make_patients, fusion, pooling) -> None:
    net, patients = _net(fusion, pooling), make_patients([5, 3])
    expected = net(collate(patients))
    order = torch.tensor([3, 1, 4, 0, 2])
    with torch.no_grad():
        net.gene_encoder.identity.copy_(net.gene_encoder.identity[order])
        net.gene_encoder.direction.copy_(net.gene_encoder.direction[order])
    moved = [p._replace(expression=p.expression[order]) for p in patients]
    torch.testing.assert_close(net(collate(moved)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_the_value_of_a_masked_gene_is_never_read(make_patients, fusion, pooling) -> None:
    net, patients = _net(fusion, pooling), make_patients([5, 3])
    mask = torch.tensor([True, True, False, True, True])
    masked = [p._replace(gene_mask=mask) for p in patients]
    other = [p._replace(expression=p.expression.where(mask, 99.0)) for p in masked]
    assert torch.equal(net(collate(masked)), net(collate(other)))
    assert not torch.allclose(net(collate(masked)), net(collate(patients)))


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_every_modality_is_heard(make_patients, fusion, pooling) -> None:
    net, patients = _net(fusion, pooling).train(), make_patients([5, 3, 2, 4, 6, 2])
    patients = [p._replace(event=True) for p in patients]
    _loss(net, collate(patients)).backward()
    for part in (net.patch_encoder, net.gene_encoder, net.clinical, net.pooling, net.fusion):
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        if list(part.parameters()):
            assert sum(float(g.abs().sum()) for g in gradients) > 0
    net.eval()
    expected = net(collate(patients))
    without = {
        "image": [p._replace(patches=p.patches[:0], coords=p.coords[:0], slide=p.slide[:0])
                  for p in patients],
        "genes": [p._replace(gene_mask=torch.zeros(5, dtype=torch.bool)) for p in patients],
        "clinical": [p._replace(covariates=torch.zeros(3)) for p in patients],
    }  # fmt: skip
    for name, reduced in without.items():
        assert not torch.allclose(net(collate(reduced)), expected, atol=1e-4), name


@pytest.mark.parametrize(("fusion", "pooling"), MODELS)
def test_each_model_overfits_sixteen_patients(make_patients, fusion, pooling) -> None:
    patients = make_patients([3 + i % 4 for i in range(16)], seed=1)
    patients = [p._replace(event=True, time_days=float(i + 1)) for i, p in enumerate(patients)]
    batch = collate(patients)
    # No clinical variables: patches and genes must carry it.
    net = _net(fusion, pooling, sizes=Sizes(6, 5, 0)).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(250):
        optimiser.zero_grad()
        loss = _loss(net, batch)
        loss.backward()
        optimiser.step()
        if loss < 0.03:
            break
    log_hazard = net.eval()(batch)
    earlier = torch.triu(torch.ones(16, 16, dtype=torch.bool), diagonal=1)
    concordant = (log_hazard[:, None] > log_hazard[None, :])[earlier]
    assert concordant.float().mean() > 0.97


@pytest.mark.parametrize("fusion", ["dual_xattn", "image_to_gene", "gene_to_image"])
def test_cross_attention_attends_unequally_after_training(make_patients, fusion) -> None:
    patients = make_patients([6] * 12, seed=2)
    # The hazard is the product of a patch and a gene: attention has something to find.
    for i, p in enumerate(patients):
        strength = float(p.patches[:, 0].mean() * p.expression[0])
        patients[i] = p._replace(event=True, time_days=1000.0 * 2.0 ** (-strength))
    batch, net = collate(patients), _net(fusion).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        _loss(net, batch).backward()
        optimiser.step()
    trace: dict = {}
    net.eval()(batch, trace)
    maps = [trace[name] for name in ("image_to_gene", "gene_to_image") if name in trace]
    assert maps
    for per_patient in maps:
        rows = per_patient[0].detach()
        torch.testing.assert_close(rows.sum(1), torch.ones(len(rows)))
        assert float(rows.std(1).max()) > 0.01  # not uniform over keys
        assert float((rows - rows[0]).abs().max()) > 0.01  # queries differ


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(6, 0, 0),
        Sizes(0, 5, 0),
        Sizes(0, 0, 3),
        Sizes(6, 5, 0),
        Sizes(6, 0, 3),
        Sizes(0, 5, 3),
    ],
)
def test_any_subset_of_modalities_is_a_model(make_patients, sizes) -> None:
    patients = make_patients(
        [3, 2] if sizes.patch_width else [0, 0],
        width=sizes.patch_width,
        genes=sizes.genes,
        covariates=sizes.covariates,
    )
    out = _net(sizes=sizes)(collate(patients))
    assert out.shape == (2,)
    assert out[0] != out[1]


def test_a_linear_model_is_what_is_left_without_image_and_genes(make_patients) -> None:
    net, patients = _net(sizes=Sizes(0, 0, 3)), make_patients([0, 0], width=0, genes=0)
    batch = collate(patients)
    assert torch.equal(net(batch), batch.covariates @ net.clinical.weight[0])


def test_impossible_models_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="at least one modality"):
        SurvivalNet(Sizes(0, 0, 0))
    with pytest.raises(ValueError, match=r"--model.heads=3 does not divide --model.width=16"):
        SurvivalNet(SIZES, width=16, heads=3)


def test_a_trace_holds_every_attention_of_the_model(make_patients) -> None:
    trace: dict = {}
    patients = make_patients([4, 0])
    _net()(collate(patients), trace)
    assert set(trace) == {"patch_to_patch", "image_to_gene", "gene_to_image", "patch", "gene"}
    assert trace["image_to_gene"][0].shape == (4, 5)
    assert trace["gene_to_image"][1].shape == (5, 0)
    assert trace["patch"][0].shape == (4,)


@pytest.mark.parametrize("sizes", [SIZES, SIZES._replace(patch_width=0), Sizes(0, 5, 0)])
def test_a_small_network_on_genes_stands_beside_tokens_or_alone(make_patients, sizes) -> None:
    width, covariates = sizes.patch_width or 6, sizes.covariates
    batch = collate(make_patients([5, 3, 2, 4], width=width, covariates=covariates))
    net = _net(sizes=sizes, gene_hidden=4).train()
    assert hasattr(net, "gene_encoder") == (sizes.patch_width > 0)
    net(batch).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.gene_net.layers.parameters())
    without = _net(sizes=sizes._replace(genes=0), gene_hidden=4) if any(sizes[::2]) else None
    assert without is None or not hasattr(without, "gene_net")


@pytest.mark.parametrize("sizes", [SIZES, SIZES._replace(patch_width=0), Sizes(0, 5, 0)])
def test_programs_stand_in_for_genes(make_patients, sizes) -> None:
    batch = collate(make_patients([5, 3, 2, 4], covariates=sizes.covariates))
    net, trace = _net(sizes=sizes, gene_programs=3).train(), {}
    net(batch, trace).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.gene_encoder.parameters())
    assert trace["gene"][0].shape == (3,)
    if sizes.patch_width:
        assert trace["image_to_gene"][0].shape == (5, 3)


def test_programs_see_measured_genes_alone_and_a_patient_without_any_has_none(
    make_patients,
) -> None:
    batch = collate(make_patients([5, 3, 2]))
    batch.gene_mask[0], batch.gene_mask[1, 2] = False, False
    net, trace = _net(gene_programs=3).eval(), {}
    found = net(batch, trace)
    assert [len(weights) for weights in trace["gene"]] == [0, 3, 3]
    batch.expression[~batch.gene_mask] += 100.0
    assert torch.equal(net(batch), found)


def test_without_it_every_weight_starts_as_before() -> None:
    one, two = _net(), _net(gene_hidden=4)
    start = dict(two.patch_encoder.named_parameters())
    for name, weight in one.patch_encoder.named_parameters():
        assert torch.equal(weight, start[name])


def test_a_linear_path_from_genes_starts_at_nothing_and_ignores_what_was_not_measured(
    make_patients,
) -> None:
    patients = make_patients([5, 3, 2])
    plain, linear = _net().eval(), _net(gene_linear=True).eval()
    linear.load_state_dict(plain.state_dict(), strict=False)
    batch = collate(patients)
    assert torch.equal(plain(batch), linear(batch))
    with torch.no_grad():
        linear.gene_linear.weight.fill_(1.0)
    torch.testing.assert_close(linear(batch) - plain(batch), batch.expression.sum(1))
    unseen = [p._replace(gene_mask=torch.zeros(5, dtype=torch.bool)) for p in patients]
    torch.testing.assert_close(linear(collate(unseen)), plain(collate(unseen)))
