"""n-grams against nltk, against formulas worked by hand, and against themselves read differently."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.core.moves import Now
from genlab.core.noise import Noise
from genlab.core.space import Batch, Space
from genlab.maths import smoothing
from genlab.models.autoregressive.ngram import NGram, NGramConfig, largest_order, template
from genlab.recipes.language import ngram
from genlab.recipes.make import build
from genlab.runs.weights import copy_into

BITS = Space((1, 2, 2), "CHW", "binary")
LINES = Space((4,), "T", "token", 3, end=2)
LABEL = Space((), "", "token", 2)


def text(length: int, levels: int = 5) -> Space:
    return Space((length,), "T", "token", levels)


def counted(space: Space, batches: list[Batch], labelled: bool = False, **config: object) -> NGram:
    model = NGram(NGramConfig(**config), space, {"label": LABEL} if labelled else {})  # pyright: ignore[reportArgumentType]
    for step, batch in enumerate(batches):
        model.count(batch, Now(step, 0.0, Noise(0, len(batch.x))))
    return model


def markov(length: int, levels: int, seed: int = 0) -> torch.Tensor:
    """A text in which a symbol likes to follow its neighbour."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.multinomial(torch.tensor([0.5, 0.3, 0.15, 0.05]), length, replacement=True, generator=generator)
    return steps.cumsum(0) % levels


def windows(stream: torch.Tensor, length: int, before: int = 8) -> Batch:
    """The stream in windows, each with what stands before it; the last one short."""
    starts = torch.arange(0, len(stream), length)
    index = starts[:, None] + torch.arange(-before, length)
    padded = torch.where(index < 0, -1, stream[index.clamp(0, len(stream) - 1)])
    lengths = (len(stream) - starts).clamp(max=length)
    return Batch(padded[:, before:], length=lengths, before=padded[:, :before])


# --- formulas --------------------------------------------------------------------------------------------------------


def test_discounts_of_known_counts_of_counts() -> None:
    """n_1 .. n_4 = 40, 20, 10, 5: Y = 40/80, D = 1 - 2Y/2, 2 - 3Y/2, 3 - 4Y/2."""
    counts = torch.tensor([1] * 40 + [2] * 20 + [3] * 10 + [4] * 5 + [9] * 3)
    assert smoothing.discounts(counts).tolist() == pytest.approx([0, 0.5, 1.25, 2.0])


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30))
def test_discounts_never_exceed_counts_nor_vanish(counts: list[int]) -> None:
    found = smoothing.discounts(torch.tensor(counts)).tolist()
    assert all(0 < found[r] <= r for r in (1, 2, 3))
    assert found[1] <= found[2] <= found[3]


def test_add_k_is_lidstones_formula() -> None:
    model = counted(text(6, 3), [Batch(torch.tensor([[0, 1, 0, 1, 0, 2]]))], order=2, smoothing="add-k", k=0.5)
    p = model.following(torch.tensor([0, 1, 2]), torch.tensor([1, 1, 1]))
    expected = [[0.5 / 4.5, 2.5 / 4.5, 1.5 / 4.5], [2.5 / 3.5, 0.5 / 3.5, 0.5 / 3.5], [1 / 3, 1 / 3, 1 / 3]]
    torch.testing.assert_close(p, torch.tensor(expected, dtype=torch.float64))


def test_kneser_ney_is_nltks(monkeypatch: pytest.MonkeyPatch) -> None:
    """nltk has one discount at every order and none for single symbols; given those, every p(w | two symbols) agrees."""
    lm = pytest.importorskip("nltk.lm")
    discount, stream, levels = 0.7, markov(400, 7), 7
    words = [str(symbol) for symbol in stream.tolist()]
    theirs = lm.KneserNeyInterpolated(3, discount=discount)
    grams = [tuple(words[i : i + n]) for n in (1, 2, 3) for i in range(3 - n, len(words) - n + 1)]
    theirs.fit([grams], vocabulary_text=[str(symbol) for symbol in range(levels)])

    def plain(counts: torch.Tensor) -> torch.Tensor:  # the level of single symbols is the one with so few events
        return torch.tensor([0.0, *[discount if len(counts) > levels else 0.0] * 3], dtype=torch.float64)

    monkeypatch.setattr(smoothing, "discounts", plain)
    batch = Batch(stream[None, 2:], before=stream[None, :2])
    ours = counted(text(398, levels), [batch], order=3)
    for far, near in itertools.product(range(levels), repeat=2):
        p = ours.following(torch.tensor([near + far * ours.base]), torch.tensor([2]))[0]
        expected = [theirs.score(str(w), [str(far), str(near)]) for w in range(levels)]
        assert p.tolist() == pytest.approx(expected, abs=1e-12), (far, near)


def test_below_the_longest_context_kinds_are_counted() -> None:
    """ "Francisco" follows only "San": frequent, yet a poor guess after an unknown word (Kneser & Ney's example)."""
    stream = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 0, 3, 2, 3, 4, 3, 0, 1])  # 1 comes after 0 only, 3 after several
    model = counted(text(18), [Batch(stream[None])], order=2)
    p = model.following(torch.tensor([0]), torch.tensor([0]))[0]
    assert (stream == 1).sum() == (stream == 3).sum() + 1
    assert p[3] > 1.5 * p[1]


# --- a distribution --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.sampled_from(["kneser-ney", "add-k"]), st.integers(0, 50), st.booleans())
def test_sums_to_one_in_every_context(order: int, smooth: str, seed: int, labelled: bool) -> None:
    stream = markov(60, 4, seed)
    batch = windows(stream, 20)
    batch = batch._replace(given={**batch.given, "label": torch.arange(3) % 2})
    model = counted(text(20, 4), [batch], labelled, order=order, smoothing=smooth)
    digits = torch.tensor(list(itertools.product(range(model.base), repeat=order - 1)))  # (contexts, order - 1)
    digits = digits.long().reshape(model.base ** (order - 1), order - 1)
    table = torch.arange(len(digits)) % model.tables
    context = table + model.tables * (digits * model.base ** torch.arange(order - 1)).sum(1)
    known = (digits != model.unknown).cumprod(1).sum(1)
    p = model.following(context, known)
    torch.testing.assert_close(p.sum(1), torch.ones(len(p), dtype=torch.float64), rtol=0, atol=1e-12)
    assert (p > 0).all()


@pytest.mark.parametrize("space", [BITS, LINES, Space((2, 2, 1), "CHW", "ordinal", 3), text(3, 3)], ids=str)
@pytest.mark.parametrize("labelled", [False, True])
def test_probabilities_of_all_examples_sum_to_one(space: Space, labelled: bool) -> None:
    rows = torch.tensor(list(itertools.product(range(space.levels), repeat=space.size)))
    if space.end is not None:
        ended = (rows == space.end).cumsum(1).bool()
        rows = rows[(ended == (rows == space.end)).all(1) & ended[:, -1]]
    x = rows.reshape(-1, *space.shape)
    some = x[torch.arange(0, len(x), 3)]
    label = torch.arange(len(some)) % 2
    model = counted(space, [Batch(some, {"label": label})], labelled, order=3)
    for y in (0, 1):
        found = model.log_prob(Batch(x, {"label": torch.full((len(x),), y)}))
        assert found.nats.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert (found.how, found.given) == ("exact", ("label",) if labelled else ())


def test_scoring_and_drawing_use_one_distribution() -> None:
    """log_prob looks events up; the reader spreads whole rows. Entry by entry they agree, at a text's beginning too."""
    batch = windows(markov(300, 5), 20)
    model = counted(text(20), [batch], order=4)
    predict = model.reader(len(batch.x), batch.given)
    slow = torch.stack([predict(t, batch.x).gather(1, batch.x[:, t : t + 1])[:, 0] for t in range(20)], 1)
    torch.testing.assert_close(model.entries(batch.x, batch.given), slow, rtol=0, atol=1e-12)


# --- counting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [7, 50, 400])
def test_windows_do_not_matter(length: int) -> None:
    """Counts and scores of a stream are the same however it is cut."""
    stream, whole = markov(400, 5), text(400)
    one = counted(whole, [windows(stream, 400)], order=4)
    cut = counted(text(length), [windows(stream, length)], order=4)
    assert torch.equal(one.codes, cut.codes)
    assert torch.equal(one.counts, cut.counts)
    total = cut.log_prob(windows(stream, length)).nats.sum()
    assert total.item() == pytest.approx(one.log_prob(windows(stream, 400)).nats.item(), abs=1e-9)


def test_batches_and_processes_do_not_matter() -> None:
    batch = windows(markov(400, 5), 20)
    parts = [Batch(batch.x[rows], before=batch.before[rows]) for rows in (slice(0, 7), slice(7, 20))]
    whole, steps = counted(text(20), [batch], order=3), counted(text(20), parts, order=3)
    assert torch.equal(whole.codes, steps.codes)
    assert torch.equal(whole.counts, steps.counts)
    other = counted(text(20), parts[1:], order=3)

    def gather(mine: torch.Tensor) -> torch.Tensor:
        """Two processes; the other one holds the second part."""
        if mine.ndim == 1:
            return torch.cat([mine, torch.tensor([len(other.codes)])])
        theirs = torch.full_like(mine, -1)
        theirs[0, :, : len(other.codes)] = torch.stack([other.codes, other.counts])
        return torch.cat([mine, theirs])

    first = NGram(NGramConfig(3), text(20))
    first.count(parts[0], Now(0, 0.0, Noise(0, 7), gather=gather))
    assert torch.equal(whole.codes, first.codes)
    assert torch.equal(whole.counts, first.counts)


def test_a_loaded_model_is_the_saved_one() -> None:
    batch = windows(markov(300, 5), 20)
    model = counted(text(20), [batch], order=3)
    model.log_prob(batch)
    fresh = NGram(NGramConfig(3), text(20))
    buffer = fresh.codes
    fresh.log_prob(batch)  # the ladder of the empty list must not survive loading
    copy_into(fresh, model.state_dict())
    assert fresh.codes is buffer
    assert torch.equal(fresh.log_prob(batch).nats, model.log_prob(batch).nats)


def test_counting_anew_forgets_the_old_counts() -> None:
    first, second = windows(markov(300, 5, 1), 20), windows(markov(300, 5, 2), 20)
    model = counted(text(20), [first], order=3)
    model.count(second, Now(0, 0.0, Noise(0, 15)))
    assert torch.equal(model.counts, counted(text(20), [second], order=3).counts)


# --- contexts --------------------------------------------------------------------------------------------------------


def test_a_source_of_known_entropy_is_learnt_to_its_floor() -> None:
    entropy = -sum(p * math.log(p) for p in (0.5, 0.3, 0.15, 0.05))
    model = counted(text(100), [windows(markov(60_000, 5), 100)], order=2)
    nats = -model.log_prob(windows(markov(20_000, 5, seed=1), 100)).nats.sum().item() / 20_000
    assert entropy - 0.02 < nats < entropy + 0.02


def test_the_template_is_the_nearest_causal_neighbours() -> None:
    found = template(Space((1, 3, 4), "CHW", "binary"), 4)
    assert found[1 * 4 + 1].tolist() == [4, 1, 0, 2]  # left, above, above left, above right
    assert found[0].tolist() == [12] * 4
    assert found[2 * 4 + 3].tolist() == [10, 7, 6, 12]  # at the right edge there is nothing above right
    colour = template(Space((3, 2, 2), "CHW", "ordinal", 4), 3)
    assert colour[3 * 3 + 2].tolist() == [3 * 3, 3 * 3 + 1, 2 * 3 + 2]  # blue: the pixel's red and green, then blue to the left


@pytest.mark.parametrize("space", [BITS, Space((3, 3, 5), "CHW", "ordinal", 9), LINES, text(12)], ids=str)
def test_contexts_do_not_look_ahead(space: Space) -> None:
    torch.manual_seed(0)
    model = NGram(NGramConfig(6, tones=4), space)
    x = torch.randint(space.levels, (8, space.size))
    context, _ = model.contexts(x, {})
    for t in range(space.size):
        other = torch.cat([x[:, :t], torch.randint(space.levels, (8, space.size - t))], 1)
        assert torch.equal(model.contexts(other, {})[0][:, : t + 1], context[:, : t + 1])


def test_samples_are_as_frequent_as_they_are_likely() -> None:
    model = counted(BITS, [Batch(torch.randint(2, (40, 1, 2, 2), generator=torch.Generator().manual_seed(0)))], order=3)
    x = torch.tensor(list(itertools.product((0, 1), repeat=4)))
    *_, drawn = model.sample(20_000, noise=Noise(0, 20_000))
    assert drawn.dtype == torch.uint8
    seen = (drawn.flatten(1)[:, None] == x).all(2).double().mean(0)
    p = model.log_prob(Batch(x.reshape(-1, 1, 2, 2))).nats.exp()
    assert ((seen - p).abs() < 4 * (p * (1 - p) / 20_000).sqrt()).all()


@pytest.mark.parametrize("space", [text(64, 4096), LINES, Space((3, 64, 64), "CHW", "ordinal", 256), BITS], ids=str)
def test_the_recipe_fits_in_63_bits(space: Space) -> None:
    given = {"label": Space((), "", "token", 10)}
    recipe = ngram(space, given)
    build(recipe, space, given)
    with pytest.raises(ValueError, match="order"):
        NGram(NGramConfig(largest_order(space, given, recipe.model.tones) + 1, tones=recipe.model.tones), space, given)


def test_without_a_label_all_examples_count_and_with_one_its_own() -> None:
    """p(x | not said) is that of the same model trained without labels; p(x | label) is untouched by unlabelled examples."""
    space, n = Space((4,), "T", "token", 3), 60
    generator = torch.Generator().manual_seed(0)
    x, label = (torch.randint(k, shape, generator=generator) for k, shape in ((3, (n, 4)), (2, (n,))))
    some = label.masked_fill(torch.arange(n) % 3 == 0, -1)
    mixed, plain = counted(space, [Batch(x, {"label": some})], True, order=3), counted(space, [Batch(x)], order=3)
    known = some >= 0
    own = counted(space, [Batch(x[known], {"label": some[known]})], True, order=3)
    nothing = torch.full((n,), -1)
    torch.testing.assert_close(mixed.entries(x, {"label": nothing}), plain.entries(x, {}))
    torch.testing.assert_close(mixed.entries(x, {"label": label}), own.entries(x, {"label": label}))
    *_, one = mixed.sample(50, {"label": nothing[:50]}, noise=Noise(1, 50))
    *_, two = plain.sample(50, noise=Noise(1, 50))
    assert torch.equal(one, two)
    nobody = counted(space, [Batch(x, {"label": nothing})], True, order=3)
    torch.testing.assert_close(nobody.entries(x, {"label": nothing}), plain.entries(x, {}))
    torch.testing.assert_close(nobody.entries(x, {"label": label}).exp(), torch.full((n, 4), 1 / 3, dtype=torch.float64))
