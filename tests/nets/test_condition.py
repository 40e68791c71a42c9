"""What a condition does to a vector, to tokens and to pictures; and what is left of it where it is not said."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.nets.condition import Conditioning, TextBlock, aligned, aligned_channels, repeated
from genlab.nets.units import centred

SPACES = {
    "label": Space((), "", "token", 3),
    "text": Space((6,), "T", "token", 5, end=4),
    "source": Space((2, 9, 12), "CHW", "ordinal", 256),
}
NOTHING = {
    "label": torch.full((4,), -1),
    "text": torch.full((4, 6), 4),
}


def given(n: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(4, (n, 6), generator=generator)
    for row in range(n):
        text[row, row % 5 + 1 :] = 4
    return {
        "label": torch.arange(n) % 3,
        "text": text,
        "source": torch.randint(256, (n, 2, 9, 12), generator=generator, dtype=torch.uint8),
    }


def made(*names: str, **more: bool | float) -> Conditioning:
    torch.manual_seed(0)
    module = Conditioning({name: SPACES[name] for name in names}, 10, **more).double()
    for value in module.parameters():  # away from maps that start at zero
        value.data += 0.1 * torch.randn(value.shape, dtype=torch.float64)
    return module.eval().requires_grad_(False)


each = pytest.mark.parametrize("name", SPACES)


@each
def test_rows_that_are_told_the_same_hear_the_same_and_others_do_not(name: str) -> None:
    module, told = made(name, tokens=True), given()
    twice = {name: torch.cat([told[name], told[name].flip(0)])}
    vector = module.vector(twice, 8)
    torch.testing.assert_close(vector[:4], vector[4:].flip(0))
    assert (vector[0] - vector[1]).abs().max() > 0.01
    tokens, _ = module.tokens(twice, 8)
    torch.testing.assert_close(tokens[:4], tokens[4:].flip(0))
    assert (tokens[0] - tokens[1]).abs().max() > 0.01


@each
def test_not_said_is_one_vector_however_it_is_not_said(name: str) -> None:
    """A missing key, rows that `cond_mask` switches off, and what stands for nothing in the data."""
    module, told = made(name, tokens=True), given()
    off = torch.tensor([True, False, True, False])
    ways = [{}, {name: NOTHING[name]}] if name in NOTHING else [{}]
    nothing = module.vector({}, 4)[0]
    for way in ways:
        torch.testing.assert_close(module.vector(way, 4), nothing.expand(4, -1), rtol=0, atol=0)
    torch.testing.assert_close(module.vector(told, 4, off)[1::2], nothing.expand(2, -1), rtol=0, atol=0)
    torch.testing.assert_close(module.vector(told, 4, off)[::2], module.vector(told, 4)[::2], rtol=0, atol=0)
    assert (module.vector(told, 4) - nothing).abs().amax(1).min() > 0.01
    blank, mask = module.tokens({}, 4)
    for tokens, seen in [module.tokens(way, 4) for way in ways]:
        assert torch.equal(tokens, blank)
        assert torch.equal(seen, mask)
    tokens, seen = module.tokens(told, 4, off)
    assert torch.equal(tokens[1::2], blank[1::2])
    assert torch.equal(seen[1::2], mask[1::2])
    assert mask.sum(1).tolist() == [1] * 4


def test_a_text_is_heard_up_to_its_end_and_in_its_order() -> None:
    module = made("text", tokens=True)
    text = torch.tensor([[1, 2, 4, 4, 4, 4], [1, 2, 4, 3, 1, 0], [2, 1, 4, 4, 4, 4], [1, 2, -1, 3, 3, 3]])
    vector, (tokens, mask) = module.vector({"text": text}, 4), module.tokens({"text": text}, 4)
    torch.testing.assert_close(vector[0], vector[1])
    torch.testing.assert_close(vector[0], vector[3])
    assert (vector[0] - vector[2]).abs().max() > 1e-3
    assert mask.tolist() == [[True, True, False, False, False, False]] * 4
    torch.testing.assert_close(tokens[0], tokens[1])
    torch.testing.assert_close(module.vector({"text": text[:, :3]}, 4)[:3], vector[:3])
    for cut, whole in zip(module.tokens({"text": text[:, :3]}, 4), (tokens, mask), strict=True):
        torch.testing.assert_close(cut[:3], whole[:3])
    with pytest.raises(ValueError, match="longer than the 6"):
        module.vector({"text": torch.zeros(1, 7, dtype=torch.long)}, 1)


@pytest.mark.parametrize("form", ["vector", "tokens"])
def test_a_text_that_rows_share_is_encoded_once_while_training(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the values and gradients that encoding every row has, and rows that are unconditional all the same."""
    module, rows = made("text", tokens=True).requires_grad_(True), []
    blocks, mixed = TextBlock.forward, torch.tensor([2, 0, 2, 1, 0, 2, 3])
    monkeypatch.setattr(TextBlock, "forward", lambda block, h, mask: (rows.append(len(h)), blocks(block, h, mask))[1])
    told, off = {"text": given()["text"][mixed]}, mixed.new_tensor([1, 1, 0, 1, 0, 1, 1]).bool()
    found = []
    for training in (True, False):
        module.train(training).zero_grad()
        out = module.vector(told, 7, off) if form == "vector" else module.tokens(told, 7, off)[0]
        (out.exp() * torch.arange(7.0).view(-1, *[1] * (out.ndim - 1))).sum().backward()
        found.append([out.detach(), *(value.grad for value in module.parameters() if value.grad is not None)])
    assert rows == [4, 4, 7, 7]
    assert len(found[0]) > 10
    torch.testing.assert_close(*found)
    assert (found[0][0][0] - found[0][0][4]).abs().max() > 0.01  # the same text, said and not said


def test_conditions_add_up_and_others_are_not_looked_at() -> None:
    module, told = made("label", "text", tokens=True), given()
    both = module.vector(told, 4)
    alone = module.vector({"label": told["label"]}, 4) + module.vector({"text": told["text"]}, 4) - module.vector({}, 4)
    torch.testing.assert_close(both, alone)
    tokens, mask = module.tokens(told, 4)
    assert tokens.shape == (4, 1 + 6, 10)
    assert mask.shape == (4, 7)


@each
@pytest.mark.parametrize("form", ["vector", "tokens"])
def test_every_weight_has_a_gradient_whatever_is_said(name: str, form: str) -> None:
    module = Conditioning({name: SPACES[name]}, 10, vector=form == "vector", tokens=form == "tokens")
    found = module.vector(given(), 4) if form == "vector" else module.tokens(given(), 4)[0]
    found.square().sum().backward()
    assert [key for key, value in module.named_parameters() if value.grad is None] == []


@each
def test_what_was_never_missing_does_nothing_where_it_is_missing(name: str) -> None:
    module = Conditioning({name: SPACES[name]}, 10)
    missing = {key: value for key, value in NOTHING.items() if key == name}
    for told in ({}, missing):
        assert torch.equal(module.vector(told, 4), torch.zeros(4, 10))
    assert torch.equal(module.vector({name: given()[name]}, 4, torch.zeros(4, dtype=torch.bool)), torch.zeros(4, 10))
    assert module.vector({name: given()[name]}, 4).abs().sum(1).min() > 0


@each
def test_scale_is_the_deviation_at_the_start(name: str) -> None:
    torch.manual_seed(0)
    told = given(256)
    assert Conditioning({name: SPACES[name]}, 512, scale=0.0).vector(told, 256).abs().max() == 0
    assert Conditioning({name: SPACES[name]}, 512, scale=0.3).vector(told, 256).std().item() == pytest.approx(0.3, rel=0.25)


def test_pictures_stand_beside_an_input_with_a_channel_that_says_whether() -> None:
    told, like = given(), torch.zeros(4, 1, 9, 12, dtype=torch.float64)
    assert aligned_channels(SPACES) == 3
    assert aligned({"label": SPACES["label"]}, told, like) is None
    found = aligned(SPACES, told, like, torch.tensor([True, True, False, True]))
    assert found is not None
    torch.testing.assert_close(found[:2, :2], centred(told["source"], SPACES["source"]).double()[:2])
    assert found[:, 2].flatten(1).unique(dim=1).tolist() == [[1.0], [1.0], [0.0], [1.0]]
    assert found[2].abs().max() == 0
    missing = aligned(SPACES, {}, like)
    assert missing is not None
    assert missing.shape == (4, 3, 9, 12)
    assert missing.abs().max() == 0
    smaller = aligned(SPACES, told, torch.zeros(4, 1, 3, 4))
    assert smaller is not None
    assert smaller.shape == (4, 3, 3, 4)


def test_it_is_outlined_without_numbers_and_in_channels_last() -> None:
    with torch.device("meta"):
        module = Conditioning(SPACES, 10, tokens=True)
        told = {name: torch.zeros(4, *space.shape, dtype=torch.long) for name, space in SPACES.items()}
        assert module.vector(told, 4).shape == (4, 10)
        assert module.tokens(told, 4)[0].shape[0] == 4
    plain = made("source")
    vector = plain.vector(given(), 4)
    torch.testing.assert_close(plain.to(memory_format=torch.channels_last).vector(given(), 4), vector)


def test_what_no_network_hears_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'where' is real data with axes 'D'"):
        Conditioning({"where": Space((2,), "D", "real")}, 8)


def test_repeated_conditions_stand_one_after_another() -> None:
    assert repeated({"label": torch.tensor([1, 2])}, 2)["label"].tolist() == [1, 2, 1, 2]
