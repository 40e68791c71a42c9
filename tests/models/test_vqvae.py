"""The VQ-VAE: its bound against the likelihood by enumeration, its gradients by hand, its codebook's turn, either prior."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab.core.model import Encodes, Scores
from genlab.core.moves import Apply, Descend, Now
from genlab.core.noise import Noise
from genlab.core.space import Batch, Space
from genlab.models.autoencoder.vqvae import DEAD, REVIVE, VQVAE, VQVAEConfig, code_space
from genlab.models.autoregressive.gpt import GPTConfig
from genlab.models.autoregressive.pixelcnn import PixelCNNConfig
from genlab.nets.units import dtype_of
from genlab.recipes.pixels import prior

LABEL = Space((), "", "token", 2)
BITS = Space((1, 2, 2), "CHW", "binary")
GREYS = Space((1, 2, 2), "CHW", "ordinal", 3)
REAL = Space((1, 2, 2), "CHW", "real", center=(0.5,), scale=(2.0,))
ODD = Space((3, 7, 5), "CHW", "ordinal", 6)
PIXELS = PixelCNNConfig(widths=(4,), layers=1, width=4, depth=1, hidden=4, embedding=4)
SMALL = VQVAEConfig(
    codebook_size=5, code_dim=3, downsamplings=1, width=32, pixelcnn=PIXELS, gpt=GPTConfig(layers=1, heads=1, width=8)
)


def made(space: Space, labelled: bool = False, **changes: Any) -> VQVAE:
    """In float64, with weights large enough that everything matters."""
    torch.manual_seed(0)
    given: Mapping[str, Space] = {"label": LABEL} if labelled else {}
    config = replace(SMALL, **changes)
    model = VQVAE(config, space, given, *prior(config, space, given)).double().eval()
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.5)
    return model.requires_grad_(False)


def every(space: Space) -> Tensor:
    rows = torch.tensor(list(itertools.product(range(space.levels), repeat=space.size)))
    return rows.reshape(-1, *space.shape).to(dtype_of(space))


def labels(count: int) -> dict[str, Tensor]:
    return {"label": torch.ones(count, dtype=torch.int64)}


def pictures(space: Space, count: int = 6) -> Tensor:
    torch.manual_seed(1)
    if space.kind == "real":
        return torch.randn(count, *space.shape, dtype=torch.float64) * 2 + 0.5
    return torch.randint(space.levels, (count, *space.shape)).to(dtype_of(space))


def now(step: int = 0, rows: int = 6) -> Now:
    return Now(step, 0.0, Noise(0, rows, dtype=torch.float64), {})


def likelihood(model: VQVAE, x: Tensor) -> Tensor:
    """log p(x | y = 1), (N,), by the sum over all grids of codes."""
    c = every(code_space(model.config, model.space))
    assert isinstance(model.prior, Scores)
    prior = model.prior.log_prob(Batch(c, labels(len(c))), noise=Noise(0, len(c))).nats
    h = model.decoded(model.codebook(c.squeeze(1)))
    return (
        prior[:, None] + torch.stack([model.decoder_distribution.log_prob(x, one.expand(len(x), *one.shape)) for one in h])
    ).logsumexp(0)


@pytest.mark.parametrize("prior", ["pixelcnn", "gpt"])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize(("space", "downsamplings"), [(BITS, 0), (BITS, 1), (GREYS, 0)], ids=["bits", "one code", "greys"])
def test_the_bound_lies_below_the_likelihood(space: Space, downsamplings: int, labelled: bool, prior: str) -> None:
    """And the likelihood, summed over all codes, sums to one over all pictures."""
    model, x = made(space, labelled, prior=prior, downsamplings=downsamplings), every(space)
    found, whole = model.log_prob(Batch(x, labels(len(x))), noise=Noise(0, len(x))), likelihood(model, x)
    assert whole.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert (found.nats <= whole + 1e-9).all()
    assert found.claim == "lower"
    assert (found.how, found.given) == ("code and prior", ("label",) if labelled else ())


def test_the_bound_is_tight_where_one_code_explains_the_picture() -> None:
    """All the prior's mass on the encoder's code: every other term of the sum vanishes."""
    model, x = made(BITS), every(BITS)[[5, 5]]
    code = int(model.encode(x)[0])
    assert isinstance(model.prior, torch.nn.Module)
    model.prior.head.out.weight.zero_()  # type: ignore[union-attr]
    model.prior.head.out.bias.copy_(torch.arange(5) == code).mul_(60)  # type: ignore[union-attr]
    torch.testing.assert_close(model.log_prob(Batch(x), noise=Noise(0, 2)).nats, likelihood(model, x))


def test_samples_are_as_frequent_as_the_likelihood_says() -> None:
    model, x, n = made(GREYS, labelled=True), every(GREYS), 20_000
    *_, drawn = model.sample(n, labels(n), noise=Noise(1, n, dtype=torch.float64))
    p = likelihood(model, x).exp()
    seen = (drawn.flatten(1)[:, None] == x.flatten(1)).all(2).double().mean(0)
    assert seen.sum().item() == pytest.approx(1)
    assert ((seen - p).abs() <= 5 * (p * (1 - p) / n).sqrt() + 1e-9).all()


# --- training ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["ema", "gradient"])
@pytest.mark.parametrize("space", [BITS, GREYS, REAL], ids=["bits", "greys", "real"])
def test_the_loss_is_the_papers(space: Space, update: str) -> None:
    """Equation 3, written out, the reconstruction as nats an entry."""
    model, x = made(space, codebook_update=update), pictures(space)
    loss, readings = model.loss(Batch(x), now())
    z = model.features(x)
    e = model.codebook.vectors[model.encode(x).squeeze(1)]
    reconstruction = -model.decoder_distribution.log_prob(x, model.decoded(e)).mean()
    apart = (z - e).square().mean()
    expected = reconstruction / 4 + SMALL.commitment * apart + (apart if update == "gradient" else 0)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(readings["reconstruction"], reconstruction)


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_gradients_go_straight_through_the_codes(update: str) -> None:
    """The encoder hears the decoder's gradient at the code, and beta (z - e); a learnt codebook hears e - z alone."""
    model, x = made(GREYS, codebook_update=update, commitment=0.7), pictures(GREYS)
    heard: dict[str, Tensor] = {}
    inside = model.features

    def listening(x: Tensor) -> Tensor:
        z = inside(x).requires_grad_()
        z.register_hook(lambda gradient: heard.update(z=gradient))
        return z

    model.features = listening  # type: ignore[method-assign]
    if update == "gradient":
        model.codebook.vectors.requires_grad_(True)
    model.loss(Batch(x), now())[0].backward()
    z, index = inside(x), model.encode(x).squeeze(1)
    e = model.codebook(index).detach().requires_grad_()
    (at_code,) = torch.autograd.grad(-model.decoder_distribution.log_prob(x, model.decoded(e)).mean() / 4, e)
    pull = 2 * (z - e.detach()) / z.numel()
    torch.testing.assert_close(heard["z"], at_code + 0.7 * pull)
    if update == "gradient":
        expected = torch.zeros_like(model.codebook.vectors).index_add(0, index.flatten(), -pull.flatten(0, -2))
        assert model.codebook.vectors.grad is not None
        torch.testing.assert_close(model.codebook.vectors.grad, expected)


def followed(model: VQVAE, x: Tensor, step: int) -> dict[str, Any]:
    turn = now(step, len(x))
    model.loss(Batch(x), turn)
    return dict(model.follow(Batch(x), turn))


def test_the_codebooks_turn_is_one_step_of_the_moving_averages() -> None:
    model, x = made(GREYS, ema_decay=0.9), pictures(GREYS, 40)
    z, index = model.features(x).flatten(0, -2), model.encode(x).flatten()
    n = torch.bincount(index, minlength=5).double() / len(index)
    m = torch.stack([z[index == code].sum(0) for code in range(5)]) / len(index)
    shares, sums = 0.9 * model.codebook.shares + 0.1 * n, 0.9 * model.codebook.sums + 0.1 * m
    readings = followed(model, x, step=1)
    torch.testing.assert_close(model.codebook.shares, shares)
    torch.testing.assert_close(model.codebook.vectors, sums / shares[:, None])
    p = n[n > 0]
    assert float(readings["perplexity"]) == pytest.approx(math.exp(-(p * p.log()).sum()))
    assert "revived" not in readings


def test_dead_codes_come_back_to_life_on_what_the_encoder_says() -> None:
    model, x = made(GREYS), pictures(GREYS, 40)
    dead = torch.tensor([True, False, False, True, False])
    model.codebook.shares[dead], model.codebook.shares[~dead] = DEAD / 5 / 2, 1 / 3
    model.codebook.vectors[dead] = 100.0  # nobody's nearest
    readings = followed(model, x, step=REVIVE)
    assert float(readings["revived"]) == 2
    z = model.features(x).flatten(0, -2)
    assert (torch.cdist(model.codebook.vectors[dead], z).min(1).values < 1e-6).all()
    model.codebook.shares[dead] = 0.0
    assert "revived" not in followed(model, x, step=REVIVE + 1)


def test_at_the_first_step_every_code_moves_onto_an_output() -> None:
    model, x = made(GREYS), pictures(GREYS, 40)
    assert float(followed(model, x, step=0)["revived"]) == 5
    assert (torch.cdist(model.codebook.vectors, model.features(x).flatten(0, -2)).min(1).values < 1e-6).all()


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_the_second_stage_learns_codes_and_only_the_prior(update: str) -> None:
    model, x = made(GREYS, labelled=True, codebook_update=update, first_stage_share=0.3), pictures(GREYS)
    first, second = model.stages()
    assert first.share + second.share == pytest.approx(1)
    assert first.share == pytest.approx(0.3)
    descends = [move for move in (*first.moves, *second.moves) if isinstance(move, Descend)]
    owned = [{id(value) for thing in move.owns for value in thing.parameters()} for move in descends]  # type: ignore[union-attr]
    assert owned[0].isdisjoint(owned[1])
    assert owned[1] == {id(value) for value in model.prior.parameters()}
    assert owned[0] | owned[1] == {id(value) for value in model.parameters()}
    assert [move.owns for move in first.moves if isinstance(move, Apply)] == [[model.codebook]]
    seen = second.view(Batch(x, labels(6)), now())
    assert torch.equal(seen.x, model.encode(x))
    assert torch.equal(seen.given["label"], labels(6)["label"])


# --- encoding and decoding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [BITS, GREYS, ODD, REAL], ids=["bits", "greys", "odd colours", "real"])
@pytest.mark.parametrize("downsamplings", [0, 1, 2])
def test_codes_and_pictures_have_their_spaces_shapes(space: Space, downsamplings: int) -> None:
    model, x = made(space, downsamplings=downsamplings), pictures(space)
    assert isinstance(model, Encodes)
    c = model.encode(x)
    side = [math.ceil(length / 2**downsamplings) for length in space.shape[1:]]
    assert c.shape == (6, 1, *side)
    assert c.dtype == torch.int64
    assert 0 <= int(c.min()) <= int(c.max()) < SMALL.codebook_size
    back, drawn = model.decode(c), model.decode(c, noise=Noise(2, 6, dtype=torch.float64))
    assert back.shape == drawn.shape == x.shape
    if space.discrete:
        assert back.dtype == drawn.dtype == x.dtype
        assert int(back.max()) < space.levels
    assert not torch.equal(back, drawn)


def test_the_mean_is_drawn_when_it_is_asked_for() -> None:
    model = made(GREYS, sample_mean=True)
    *_, asked = model.sample(6, noise=Noise(3, 6, dtype=torch.float64), sample_mean=False)
    *_, usual = model.sample(6, noise=Noise(3, 6, dtype=torch.float64))
    *_, codes = model.prior.sample(6, noise=Noise(3, 6, dtype=torch.float64))
    assert torch.equal(usual, model.decode(codes))
    assert not torch.equal(usual, asked)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        prior(SMALL, Space((2,), "D", "real"), {})
