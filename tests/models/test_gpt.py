"""The transformer: causal, normalised, its cache equal to reading everything again, context windows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Literal

import pytest
import torch

from genlab.core.moves import Now
from genlab.core.noise import Noise
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.gpt import GPT, GPTConfig, window_start
from genlab.samplers.tokens import sequence, token_by_token

TEXT = Space((12,), "T", "token", 7)
LINES = Space((4,), "T", "token", 3, end=2)
BITS = Space((1, 2, 2), "CHW", "binary")
COLOUR = Space((3, 2, 3), "CHW", "ordinal", 4)
LABEL = Space((), "", "token", 2)
CAPTION = Space((5,), "T", "token", 4, end=3)
SMALL = GPTConfig(layers=2, heads=2, width=16)
CONFIGS = {
    "default": SMALL,
    "gpt2": replace(SMALL, positions="learned", norm="layer", activation="gelu-tanh", qk_norm=False),
    "gated": replace(SMALL, activation="swiglu", tied=False),
    "windows": replace(SMALL, context=5),
    "odd windows learned": replace(SMALL, context=3, positions="learned"),
    "crossed": replace(SMALL, conditioning="cross", context=5),
    "sees before": replace(SMALL, before=4, context=9),
}


def made(config: GPTConfig, space: Space, labelled: bool = False) -> GPT:
    """In float64, with weights large enough that everything matters."""
    torch.manual_seed(0)
    model = GPT(config, space, {"label": LABEL, "text": CAPTION} if labelled else {}).double().eval()
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.4)
    return model.requires_grad_(False)


def example(space: Space, n: int = 6) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor | None]:
    torch.manual_seed(1)
    before = torch.randint(-1, space.levels, (n, 8)) if space == TEXT else None
    return torch.randint(space.levels, (n, space.size)), {"label": torch.arange(n) % 2, "text": captions(n)}, before


def captions(n: int) -> torch.Tensor:
    """Of every length, the first empty."""
    text = torch.randint(3, (n, CAPTION.size), generator=torch.Generator().manual_seed(2))
    return text.masked_fill(torch.arange(CAPTION.size) >= torch.arange(n)[:, None] % (CAPTION.size + 1), 3)


CASES = {
    **{f"text-{name}": (config, TEXT, False) for name, config in CONFIGS.items()},
    **{f"colour-{name}": (config, COLOUR, True) for name, config in CONFIGS.items()},
    "lines": (SMALL, LINES, True),
    "bits": (CONFIGS["odd windows learned"], BITS, False),
}
cases = pytest.mark.parametrize(("config", "space", "labelled"), CASES.values(), ids=CASES)


@cases
def test_nothing_is_known_of_what_comes_later(config: GPTConfig, space: Space, labelled: bool) -> None:
    model, (x, given, before) = made(config, space, labelled), example(space)
    one = model.entries(x, given, before)
    for t in range(space.size):
        other = torch.cat([x[:, :t], (x[:, t:] + 1) % space.levels], 1)
        two = model.entries(other, given, before)
        assert torch.equal(two[:, :t], one[:, :t])
        assert not torch.isclose(two[:, t], one[:, t], atol=1e-3).all()


@cases
def test_every_entry_matters_later(config: GPTConfig, space: Space, labelled: bool) -> None:
    """A change of entry t changes entry t + 1 in every row: positions are not shifted."""
    model, (x, given, before) = made(config, space, labelled), example(space)
    for t in range(space.size - 1):
        other = x.clone()
        other[:, t] = (x[:, t] + 1) % space.levels
        moved = (model.entries(other, given, before) - model.entries(x, given, before)).abs()[:, t + 1]
        assert (moved > 0).all()


@cases
def test_cached_samples_equal_reading_everything_again(config: GPTConfig, space: Space, labelled: bool) -> None:
    model, (_, given, before) = made(config, space, labelled), example(space)
    length = 40 if space == TEXT else space.size  # far beyond one context window
    u = Noise(2, 6, dtype=torch.float64).uniform((length,))
    blank = torch.zeros(6, length, dtype=torch.int64)
    *_, fast = token_by_token(model.reader(6, given, before), blank, u, end=space.end)
    *_, slow = token_by_token(model.reader(6, given, before, cached=False), blank, u, end=space.end)
    assert torch.equal(fast, slow)
    assert len(fast.unique()) > 1


@cases
def test_the_reader_gives_the_probabilities_that_are_scored(config: GPTConfig, space: Space, labelled: bool) -> None:
    """Entry by entry with the cache, and skipping entries as completion does."""
    model, (x, given, before) = made(config, space, labelled), example(space)
    whole = model.entries(x, given, before)
    for step in (1, 3):
        reader = model.reader(6, given, before)
        for t in range(0, space.size, step):
            found = reader(t, x).log_softmax(-1).gather(1, x[:, t : t + 1])[:, 0]
            torch.testing.assert_close(found, whole[:, t], rtol=0, atol=1e-10)


@pytest.mark.parametrize("space", [BITS, LINES, Space((3,), "T", "token", 3)], ids=str)
@pytest.mark.parametrize("name", ["default", "gpt2", "odd windows learned", "crossed"])
@pytest.mark.parametrize("labelled", [False, True])
def test_probabilities_of_all_examples_sum_to_one(space: Space, name: str, labelled: bool) -> None:
    model = made(CONFIGS[name], space, labelled)
    rows = torch.tensor(list(itertools.product(range(space.levels), repeat=space.size)))
    if space.end is not None:
        ended = (rows == space.end).cumsum(1).bool()
        rows = rows[(ended == (rows == space.end)).all(1) & ended[:, -1]]
    given = {"label": torch.ones(len(rows), dtype=torch.int64), "text": captions(7)[5].expand(len(rows), -1)}
    found = model.log_prob(Batch(rows.reshape(-1, *space.shape), given))
    assert found.nats.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert (found.how, found.given) == ("exact", ("label", "text") if labelled else ())
    if labelled:
        with pytest.raises(ValueError, match="label"):
            model.log_prob(Batch(rows.reshape(-1, *space.shape)))


def test_completing_a_sample_from_its_beginning_gives_the_sample() -> None:
    """The same uniforms after the same beginning: conditioning is exact."""
    for space, config in ((TEXT, CONFIGS["windows"]), (COLOUR, SMALL), (LINES, SMALL)):
        model = made(config, space)
        *_, drawn = model.sample(8, noise=Noise(3, 8, dtype=torch.float64))
        kept = torch.arange(space.size).reshape(1, -1) < space.size // 2
        mask = kept.expand(8, -1) if not space.picture else model_mask(space, kept).expand(8, *space.shape)
        start = torch.where(mask, drawn, torch.zeros_like(drawn))
        *_, again = model.complete(start, mask, noise=Noise(3, 8, dtype=torch.float64))
        assert torch.equal(again, drawn)
        assert again.dtype == drawn.dtype


def model_mask(space: Space, kept: torch.Tensor) -> torch.Tensor:
    """(1, *shape): the first entries in the order of reading."""
    channels, height, width = space.shape
    return kept.reshape(1, height, width, channels).movedim(-1, 1)


@pytest.mark.parametrize("conditioning", ["prefix", "cross"])
def test_every_entry_depends_on_the_text_up_to_its_end(conditioning: Literal["prefix", "cross"]) -> None:
    model = made(replace(SMALL, conditioning=conditioning, context=5), COLOUR, labelled=True)
    x = torch.zeros(4, COLOUR.size, dtype=torch.int64)
    text = torch.tensor([[0, 1, 3, 3, 3], [0, 1, 3, 2, 0], [1, 0, 3, 3, 3], [3, 3, 3, 3, 3]])
    found = model.entries(x, {"label": torch.zeros(4, dtype=torch.int64), "text": text})
    torch.testing.assert_close(found[0], found[1])
    for other in (2, 3):
        assert ((found[0] - found[other]).abs() > 1e-6).all()


def test_a_text_goes_on_from_what_was_before() -> None:
    """As far back as the model reads: one token before the window."""
    model = made(SMALL, TEXT)
    before = torch.tensor([[1, 2], [3, 4]])
    u = Noise(4, 2, dtype=torch.float64).uniform((5,))
    *_, one = token_by_token(model.reader(2, {}, before), torch.zeros(2, 5, dtype=torch.int64), u)
    *_, two = token_by_token(model.reader(2, {}, before[:, -1:]), torch.zeros(2, 5, dtype=torch.int64), u)
    *_, three = token_by_token(model.reader(2, {}), torch.zeros(2, 5, dtype=torch.int64), u)
    assert torch.equal(one, two)
    assert (one != three).any()
    x, _, _ = example(TEXT)
    none = torch.full((6, 32), -1)
    assert torch.equal(model.entries(x, {}, none), model.entries(x, {}))


def test_a_few_examples_are_trained_without_the_text_before_them() -> None:
    """The loss is that of the batch with 1 in 32 texts before it replaced by start tokens, as many as the noise says."""
    model, n = made(SMALL, TEXT), 64
    x, given, before = example(TEXT, n)
    assert before is not None
    noise = Noise(5, n, dtype=torch.float64)
    forgets = noise.uniform((1,)) < 1 / 32
    assert 0 < forgets.sum() < 8
    loss, _ = model.loss(Batch(x, given, before=before), Now(0, 0.0, Noise(5, n, dtype=torch.float64)))
    expected = -model.entries(x, given, before.masked_fill(forgets, -1)).mean()
    torch.testing.assert_close(loss, expected)


def test_the_loss_of_lines_counts_what_can_be_said() -> None:
    model = made(SMALL, LINES)
    x = torch.tensor([[0, 1, 2, 2], [0, 1, 1, 2], [2, 2, 2, 2]])
    loss, _ = model.loss(Batch(x), Now(0, 0.0, Noise(0, 3)))
    nats = model.entries(x, {})
    said = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 0]])  # a line of three characters can only end
    torch.testing.assert_close(loss, -(nats * said).sum() / 7)
    torch.testing.assert_close(model.log_prob(Batch(x)).nats, (nats * said).sum(1))


def test_a_loss_over_context_windows_is_right_on_average() -> None:
    """The mean over context windows, each as likely, of the window's mean log-probability."""
    model = made(CONFIGS["windows"], COLOUR)
    x, _, _ = example(COLOUR)
    pictures = x.reshape(6, 2, 3, 3).movedim(-1, 1)
    starts = model.window_starts(COLOUR.size)
    read, cond = model.read(sequence(pictures, COLOUR)), model.encode_conditions({}, 6)
    windows = {start: -model.predicted(x, read, start, start, cond).mean().item() for start in starts}
    seen = {float(model.loss(Batch(pictures), Now(0, 0.0, Noise(seed, 6)))[0]) for seed in range(60)}
    assert len(starts) == 8
    assert sorted(seen) == pytest.approx(sorted(windows.values()))


@pytest.mark.parametrize("context", [1, 2, 3, 8, 9])
def test_every_position_has_at_least_half_a_window_before_it(context: int) -> None:
    for position in range(50):
        start = window_start(position, context)
        assert start <= position < start + context
        assert start == 0 or position - start >= context - max(1, context // 2)


def test_tables_are_marked_for_the_optimiser() -> None:
    """Muon must not take an embedding for a linear map; everything else with two dimensions is one."""
    model = GPT(replace(SMALL, positions="learned", tied=False), COLOUR, {"label": LABEL})
    marked = {name for name, value in model.named_parameters() if getattr(value, "table", False)}
    positions = {f"positions.{axis}.weight" for axis in range(3)}
    assert marked == {"table.weight", "label.parts.of_label.table.weight", "head.weight", *positions}


@pytest.mark.parametrize("wrong", [{"width": 18, "heads": 4}, {"width": 20, "heads": 4}, {"before": 8, "context": 6}], ids=str)
def test_impossible_configurations_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"choose|room"):
        GPT(replace(SMALL, **wrong), TEXT)
