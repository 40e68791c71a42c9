"""The RBM against brute force: every state of v and h, written out."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.core.model import Completes, Encodes, Scores
from genlab.core.moves import Apply, Descend, Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.space import Batch, Space
from genlab.models.energy.rbm import RBM, RBMConfig, State
from genlab.recipes.energy import rbm

BITS = Space((1, 2, 2), "CHW", "binary")
LABEL = Space((), "", "token", 3)


def random_rbm(hidden: int = 3, labels: bool = False, size: float = 1.5, space: Space = BITS, **config) -> RBM:
    torch.manual_seed(0)
    model = RBM(RBMConfig(hidden=hidden, **config), space, {"label": LABEL} if labels else {}).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=size)
        model.bit_means.uniform_(0.2, 0.8)
    return model


def every(bits: int) -> Tensor:
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=bits)), dtype=torch.float64)


def brute_force(model: RBM) -> Tensor:
    """Unnormalised log p(v, y) of all (2^visible, labels), from the energy as it is defined, every h summed."""
    v, h = every(model.space.size), every(model.config.hidden)
    energy = -(v @ model.a)[:, None] - (h @ model.b)[None] - v @ model.W @ h.T  # (v, h)
    if not model.classes:
        return (-energy).logsumexp(1, keepdim=True)
    by_label = model.d[:, None] + model.U @ h.T  # (y, h)
    return (-energy[:, None] + by_label[None]).logsumexp(2)


def noise(n: int, seed: int = 0) -> Noise:
    return Noise(seed, n, dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("hidden", [2, 6])  # the smaller side is enumerated: once the hidden, once the visible
def test_log_prob_is_that_of_brute_force(hidden: int, labels: bool):
    model = random_rbm(hidden, labels)
    joint = brute_force(model)
    expected = joint.log_softmax(0)  # given the label
    x = every(4).reshape(-1, 1, 2, 2).to(torch.uint8)
    for y in range(joint.shape[1]):
        given = {"label": torch.full((16,), y)} if labels else {}
        found = model.log_prob(Batch(x, given), noise=noise(16))
        torch.testing.assert_close(found.nats, expected[:, y])
        assert found[1:] == ("exact", "exact", ("label",) if labels else ())


@torch.no_grad()
def test_a_label_that_is_not_said_is_summed_over():
    model = random_rbm(6, labels=True)
    joint = brute_force(model)
    x, nothing = every(4).reshape(-1, 1, 2, 2).to(torch.uint8), {"label": torch.full((16,), -1)}
    found = model.log_prob(Batch(x, nothing), noise=noise(16)).nats
    torch.testing.assert_close(found, joint.logsumexp(1).log_softmax(0))
    mixed = model.log_prob(Batch(x, {"label": torch.arange(16) % 4 - 1}), noise=noise(16)).nats
    torch.testing.assert_close(mixed[::4], found[::4])
    torch.testing.assert_close(mixed[1::4], joint.log_softmax(0)[1::4, 0])
    torch.testing.assert_close(model._label_logits(every(4)).log_softmax(1), joint.log_softmax(1))
    h = torch.stack([model.encode(x, {"label": torch.full((16,), y)}) for y in range(3)], 1)
    torch.testing.assert_close(model.encode(x, nothing), (joint.softmax(1)[:, :, None] * h).sum(1))


@torch.no_grad()
def test_a_walk_without_a_label_draws_from_all_labels():
    model, n = random_rbm(6, labels=True, size=0.8, sample_sweeps=40), 20_000
    *_, x = model.sample(n, {"label": torch.full((n,), -1)}, noise=noise(n))
    index = (x.flatten(1).long() * torch.tensor([8, 4, 2, 1])).sum(1)
    p = brute_force(model).logsumexp(1).softmax(0)
    seen = torch.bincount(index, minlength=16) / n
    assert ((seen - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-3).all()


@torch.no_grad()
def test_few_hidden_bits_make_a_large_picture_exact():
    model = random_rbm(2, space=Space((1, 8, 8), "CHW", "binary"))
    model.W.zero_()
    assert model.claim == "exact"
    log_z, _ = model.log_partition()
    assert log_z.item() == pytest.approx((F.softplus(model.a).sum() + F.softplus(model.b).sum()).item())


@torch.no_grad()
def test_annealed_importance_sampling_lies_within_its_own_error_of_enumeration():
    model = random_rbm(8, labels=True, size=1.0, ais_chains=400, ais_steps=60)
    true, found = model.enumerated().log_z, model.annealed()
    assert (found.error > 0).all()
    assert (found.error < 0.1).all()
    assert ((found.log_z - true).abs() < 4 * found.error).all()


@torch.no_grad()
def test_the_stated_error_is_the_spread_over_repetitions(monkeypatch):
    model = random_rbm(8, size=1.0, ais_chains=50, ais_steps=20)
    found = []
    for repetition in range(60):
        monkeypatch.setattr("genlab.models.energy.rbm.hashed", lambda what, seed=repetition: seed)
        found.append(model.annealed())
    spread = torch.stack([one.log_z for one in found]).std()
    stated = torch.stack([one.error for one in found]).square().mean().sqrt()
    assert 0.7 < (stated / spread).item() < 1.4


@torch.no_grad()
def test_a_large_machine_is_scored_by_an_estimate_that_knows_when_its_weights_change():
    wide = Space((1, 3, 7), "CHW", "binary")
    model = random_rbm(21, size=0.3, space=wide, ais_chains=20, ais_steps=50)
    x = torch.zeros(2, 1, 3, 7, dtype=torch.uint8)
    first = model.log_prob(Batch(x), noise=noise(2, seed=1))
    again = model.log_prob(Batch(x[:1]), noise=noise(1, seed=2))
    assert first.claim == "estimate"
    assert first.how.startswith("AIS, 20 chains, 50 temperatures, log Z ± ")
    assert first.nats[0].item() == again.nats[0].item()
    model.b.data += 1.0  # behind the back of autograd's version counter
    log_z, error = model.log_partition()
    independent = F.softplus(model.a).sum() + F.softplus(model.b).sum()
    assert log_z.item() != pytest.approx(float(independent), abs=1e-9)
    model.W.data.zero_()
    log_z, error = model.log_partition()
    assert abs(log_z.item() - float(F.softplus(model.a).sum() + F.softplus(model.b).sum())) < 4 * error.item()


def exact_states(model: RBM, n: int) -> State:
    """n states as frequent as p(v, y) says, to one in n: its quantiles on an even grid."""
    joint = brute_force(model)
    cumulated = joint.flatten().softmax(0).cumsum(0)
    index = torch.searchsorted(cumulated, (torch.arange(n, dtype=torch.float64) + 0.5) / n).clamp(max=joint.numel() - 1)
    v, y = index // joint.shape[1], index % joint.shape[1]
    return State(every(model.space.size)[v], y if model.classes else None)


@pytest.mark.parametrize("labels", [False, True])
def test_the_gap_to_true_samples_has_the_gradient_of_the_negative_log_likelihood(labels: bool):
    model = random_rbm(3, labels, chains=200_000)
    model.chain.copy_(exact_states(model, 200_000).v)
    if labels:
        model.chain_label.copy_(exact_states(model, 200_000).y)
    x = torch.tensor([[1, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1]]).reshape(3, 1, 2, 2).to(torch.uint8)
    y = torch.tensor([0, 2, 2])
    now = Now(0, 0.0, BatchNoise(0, 3), {})
    gap, _ = model.loss(Batch(x, {"label": y} if labels else {}), now)
    log_p = brute_force(model).flatten().log_softmax(0).reshape(16, -1)
    index = (x.flatten(1) @ torch.tensor([8, 4, 2, 1], dtype=torch.uint8)).long()
    exact = -log_p[index, y if labels else 0].mean()
    for ours, true in zip(*(torch.autograd.grad(value, list(model.parameters())) for value in (gap, exact)), strict=True):
        torch.testing.assert_close(ours, true, atol=2e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("labels", [False, True])
def test_a_sweep_leaves_the_distribution_unchanged(labels: bool):
    n = 100_000
    model = random_rbm(3, labels)
    state = exact_states(model, n)
    after = model._sweep(state, noise(n).uniform((model._uniforms_per_sweep,)))
    p = brute_force(model).flatten().softmax(0)
    columns = p.numel() // 16
    index = (after.v @ torch.tensor([8.0, 4, 2, 1]).double()).long() * columns + (after.y if after.y is not None else 0)
    seen = torch.bincount(index, minlength=p.numel()).double() / n
    assert (((seen - p) * n).square() / (n * p)).sum().item() < p.numel() + 5 * math.sqrt(2 * p.numel())
    assert not torch.equal(after.v, state.v)


@torch.no_grad()
def test_completion_keeps_what_is_given_and_draws_the_rest_from_its_conditional():
    n = 20_000
    model = random_rbm(3, size=1.0, sample_sweeps=40)
    x = torch.tensor([1, 0, 0, 1], dtype=torch.uint8).reshape(1, 1, 2, 2).expand(n, -1, -1, -1)
    mask = torch.tensor([True, False, True, False]).reshape(1, 1, 2, 2).expand_as(x)
    *frames, last = model.complete(x, mask, noise=noise(n))
    assert len(frames) == 39
    assert all(torch.equal(frame[mask], x[mask]) for frame in (frames[0], last))
    p = brute_force(model)[:, 0].softmax(0).reshape(2, 2, 2, 2)[1, :, 0, :]  # v1 = 1, v3 = 0
    seen = torch.bincount(last[:, 0, 0, 1].long() * 2 + last[:, 0, 1, 1].long(), minlength=4).double() / n
    torch.testing.assert_close(seen, (p / p.sum()).flatten(), atol=4 * 0.5 / math.sqrt(n), rtol=0)


@pytest.mark.parametrize(("batch", "chains"), [(4, 4), (4, 10), (8, 3)])
def test_the_chain_moves_alike_however_the_batch_is_shared_out(batch: int, chains: int):
    """Two processes with half the rows each, and their noise gathered, move the chain as one process does."""

    def moved(first: int, rows: int) -> Tensor:
        model = random_rbm(3, labels=True, chains=chains)
        whole = BatchNoise(7, batch)
        notes = {"v": torch.ones(rows, 4, dtype=torch.float64)}
        part = Now(0, 0.0, BatchNoise(7, rows, first, batch), notes, gather=lambda value: whole.uniform(value.shape[1:]))
        (stage,) = model.stages()
        descend, apply = stage.moves
        assert isinstance(descend, Descend)
        assert isinstance(apply, Apply)
        with torch.no_grad():
            apply.change(Batch(torch.empty(rows, 1, 2, 2)), part)
        return torch.cat([model.chain.flatten(), model.chain_label])

    alone = moved(0, batch)
    assert torch.equal(alone, moved(0, batch // 2))
    assert torch.equal(alone, moved(batch // 2, batch // 2))


def test_contrastive_divergence_starts_at_the_data_and_leaves_the_chain_alone():
    model = random_rbm(3, negative_phase="cd", gibbs_steps=2)
    before = model.chain.clone()
    x = torch.ones(5, 1, 2, 2, dtype=torch.uint8)
    now = Now(0, 0.0, BatchNoise(0, 5), {})
    loss, _ = model.loss(Batch(x), now)
    again, _ = model.loss(Batch(x), Now(0, 0.0, BatchNoise(0, 5), {}))
    assert loss.item() == again.item()
    model.advance_chain(Batch(x), now)
    assert torch.equal(before, model.chain)
    assert model.bit_means.tolist() == [1.0] * 4  # the mean of all bits seen so far


def test_pseudo_likelihood_is_exact_where_bits_are_independent():
    model = random_rbm(3)
    with torch.no_grad():
        model.W.zero_()
        model.a.fill_(0.7)
    x = torch.ones(5, 1, 2, 2, dtype=torch.uint8)
    _, readings = model.loss(Batch(x), Now(0, 0.0, BatchNoise(0, 5), {}))
    assert float(readings["pseudo"]) == pytest.approx(4 * math.log(1 / (1 + math.exp(-0.7))))


@torch.no_grad()
def test_hidden_bits_and_back():
    model = random_rbm(3, labels=True)
    assert isinstance(model, Scores)
    assert isinstance(model, Encodes)
    assert isinstance(model, Completes)
    x = torch.tensor([1, 0, 0, 1], dtype=torch.uint8).reshape(1, 1, 2, 2)
    given = {"label": torch.tensor([1])}
    expected = (model.b + model.U[1] + model.W[0] + model.W[3]).sigmoid()
    code = model.encode(x, given)
    torch.testing.assert_close(code[0], expected)
    drawn = model.encode(x.expand(4000, -1, -1, -1), {"label": torch.ones(4000, dtype=torch.long)}, noise=noise(4000))
    np.testing.assert_allclose(drawn.mean(0).numpy(), expected.numpy(), atol=0.04)
    assert torch.equal(model.decode(code).flatten().bool(), (model.a + model.W @ code[0]) > 0)


def test_what_it_cannot_learn_is_said_with_the_remedy():
    greys = Space((1, 8, 8), "CHW", "ordinal", 17)
    with pytest.raises(ValueError, match="--binarise threshold"):
        rbm(greys, {})
    with pytest.raises(ValueError, match="--binarise threshold"):
        RBM(RBMConfig(), greys)
    model = random_rbm(3, labels=True)
    with pytest.raises(ValueError, match="label"):
        model.log_prob(Batch(torch.zeros(1, 1, 2, 2, dtype=torch.uint8)), noise=noise(1))
    with pytest.raises(ValueError, match="sample_sweeps"):
        list(model.sample(1, {"label": torch.zeros(1, dtype=torch.int64)}, noise=noise(1), sample_sweeps=1))
