"""The PixelCNN: normalised, blind to nothing before and everything after, its stream equal to the whole canvas."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch

from genlab.core.moves import Now
from genlab.core.noise import Noise
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.pixelcnn import PixelCNN, PixelCNNConfig
from genlab.nets.units import dtype_of
from genlab.samplers.tokens import sequence, token_by_token, unsequence

LABEL = Space((), "", "token", 2)
CAPTION = Space((3,), "T", "token", 4, end=3)
SMALL = PixelCNNConfig(widths=(4, 5), layers=2, width=6, depth=2, hidden=5, embedding=4)
BITS = Space((1, 2, 2), "CHW", "binary")
GREYS = Space((1, 2, 2), "CHW", "ordinal", 3)
COLOURS = Space((3, 2, 1), "CHW", "binary")
TOKENS = Space((1, 1, 3), "CHW", "token", 4)
ODD = Space((2, 5, 7), "CHW", "ordinal", 5)
PLAIN = Space((1, 9, 6), "CHW", "binary")


def said(label: torch.Tensor) -> dict[str, torch.Tensor]:
    """Labels, and texts that differ with them."""
    return {"label": label, "text": torch.stack([label, 1 - label, torch.full_like(label, 2)], 1)}


def made(space: Space, labelled: bool = False, config: PixelCNNConfig = SMALL) -> PixelCNN:
    """In float64, with weights large enough that everything matters."""
    torch.manual_seed(0)
    model = PixelCNN(config, space, {"label": LABEL, "text": CAPTION} if labelled else {}).double().eval()
    for name, value in model.named_parameters():
        torch.nn.init.normal_(value, std=0.05 if name.startswith("cond") else 0.5)
    return model.requires_grad_(False)


def every(space: Space) -> torch.Tensor:
    rows = torch.tensor(list(itertools.product(range(space.levels), repeat=space.size)))
    return unsequence(rows, space).to(dtype_of(space))


@pytest.mark.parametrize("space", [BITS, GREYS, COLOURS, TOKENS], ids=str)
@pytest.mark.parametrize("labelled", [False, True])
def test_probabilities_of_all_pictures_sum_to_one(space: Space, labelled: bool) -> None:
    model, x = made(space, labelled), every(space)
    found = model.log_prob(Batch(x, said(torch.ones(len(x), dtype=torch.int64))))
    assert found.nats.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert found.nats.std() > 0.1
    assert (found.how, found.given) == ("exact", ("label", "text") if labelled else ())


@pytest.mark.parametrize("space", [ODD, PLAIN, COLOURS], ids=str)
def test_an_entry_depends_on_all_before_it_and_on_nothing_else(space: Space) -> None:
    """By the Jacobian of all logits after all entries, in the order in which they are drawn."""
    model = made(space, config=replace(SMALL, depth=6, layers=5))
    e = model.read(torch.randint(space.levels, (1, space.size)))
    jacobian: Any = torch.autograd.functional.jacobian(lambda e: model.logits(e, {}), e)
    moved = jacobian[0, :, :, 0].abs().amax(1).reshape(space.size, space.size, -1).amax(-1) > 0
    assert torch.equal(moved, torch.ones(space.size, space.size).tril(-1).bool())


@pytest.mark.parametrize("labelled", [False, True])
def test_samples_are_as_frequent_as_they_are_probable(labelled: bool) -> None:
    model, x, n = made(GREYS, labelled), every(GREYS), 20_000
    given = said(torch.ones(n, dtype=torch.int64)) if labelled else None
    *_, drawn = model.sample(n, given, noise=Noise(1, n, dtype=torch.float64))
    p = model.log_prob(Batch(x, said(torch.ones(len(x), dtype=torch.int64)))).nats.exp()
    seen = (drawn.flatten(1)[:, None] == x.flatten(1)).all(2).double().mean(0)
    assert seen.sum().item() == pytest.approx(1)
    assert ((seen - p).abs() <= 5 * (p * (1 - p) / n).sqrt() + 1e-9).all()


CASES = [(ODD, True), (PLAIN, False), (TOKENS, True), (COLOURS, False), (Space((1, 8, 1), "CHW", "ordinal", 3), False)]


@pytest.mark.parametrize(("space", "labelled"), CASES, ids=str)
def test_the_stream_draws_the_pixels_of_the_whole_canvas(space: Space, labelled: bool) -> None:
    model, given = made(space, labelled), said(torch.arange(16) % 2)
    u, blank = Noise(2, 16, dtype=torch.float64).uniform((space.size,)), torch.zeros(16, space.size, dtype=torch.int64)
    *_, fast = token_by_token(model.reader(16, given), blank, u)
    *_, slow = token_by_token(model.reader(16, given, cached=False), blank, u)
    assert torch.equal(fast, slow)
    assert len(fast.unique()) == space.levels


@pytest.mark.parametrize(("space", "labelled"), CASES, ids=str)
@pytest.mark.parametrize("step", [1, 3, 11])
def test_the_stream_gives_the_probabilities_that_are_scored(space: Space, labelled: bool, step: int) -> None:
    """Also where entries are passed over, as completion does."""
    model, given = made(space, labelled), said(torch.arange(6) % 2)
    x = torch.randint(space.levels, (6, space.size))
    reader, whole = model.reader(len(x), given), model.entries(x, given)
    for t in range(0, space.size, step):
        found = reader(t, x.clone().index_fill_(1, torch.arange(t, space.size), 0))
        torch.testing.assert_close(found.log_softmax(-1).gather(1, x[:, t : t + 1])[:, 0], whole[:, t], rtol=0, atol=1e-9)


@pytest.mark.parametrize("space", [ODD, PLAIN], ids=str)
def test_completing_keeps_what_is_known_and_draws_the_rest(space: Space) -> None:
    """After the same beginning the same uniforms draw the same rest; what is known below stays, in the rows that know it."""
    model = made(space)
    *_, drawn = model.sample(4, noise=Noise(3, 4, dtype=torch.float64))
    above = (torch.arange(space.shape[1]) < 2)[None, None, :, None].expand(4, *space.shape)
    *_, again = model.complete(drawn * above, above, noise=Noise(3, 4, dtype=torch.float64))
    assert torch.equal(again, drawn)
    assert again.dtype == torch.uint8
    below = (torch.arange(space.shape[1]) > 2)[None, None, :, None].expand(4, *space.shape).clone()
    below[2:] = False
    other = 1 - drawn.clamp(max=1)
    *_, filled = model.complete(other, below, noise=Noise(3, 4, dtype=torch.float64))
    assert torch.equal(filled[below], other[below])
    assert torch.equal(filled[~below], drawn[~below])


def test_the_loss_is_the_likelihood_of_an_entry() -> None:
    model = made(ODD, labelled=True)
    x, given = torch.randint(5, (6, *ODD.shape), dtype=torch.uint8), said(torch.arange(6) % 2)
    loss, _ = model.loss(Batch(x, given), Now(0, 0.0, Noise(0, 6)))
    torch.testing.assert_close(loss, -model.log_prob(Batch(x, given)).nats.mean() / ODD.size)
    torch.testing.assert_close(model.entries(sequence(x, ODD), given).sum(1), model.log_prob(Batch(x, given)).nats)


def test_a_missing_label_and_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        made(BITS, labelled=True).log_prob(Batch(every(BITS)))
    with pytest.raises(ValueError, match="gpt"):
        PixelCNN(SMALL, Space((3,), "T", "token", 3))
    with pytest.raises(ValueError, match="levels"):
        PixelCNN(SMALL, Space((1, 2, 2), "CHW", "real"))
