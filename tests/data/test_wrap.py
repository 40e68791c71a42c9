"""Sources around sources: what they change, that they always change it alike, and that a record opens them again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.core.space import Batch
from genlab.data import open as opened
from genlab.data import splits
from genlab.data.binary import Binarised
from genlab.data.degraded import Degraded, edges, smaller
from genlab.data.few import FewLabels
from genlab.data.hidden import Hidden
from genlab.data.opener import open_again
from genlab.data.paired import Paired, Unpaired
from tests.data import files

EMOJI = Path(__file__).parents[3] / "shared/data/emoji"
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two arrays of 90 pictures; some of either occur several times, beside different ones of the other."""
    generator, folder = np.random.default_rng(0), tmp_path_factory.mktemp("two")
    paths = folder / "a.npz", folder / "b.npz"
    for number, path in enumerate(paths):
        x = generator.integers(0, 256, (90, 4, 4, 3), dtype=np.uint8)
        x[10 * number : 10 * number + 5] = x[20 + number]
        np.savez(path, x=x, label=np.arange(90) % 3)
    return paths


WRAPPED: dict[str, Any] = {
    "few": lambda paths: FewLabels(opened("digits"), 40),
    "half": lambda paths: Degraded(opened("digits"), "2x"),
    "grey": lambda paths: Degraded(opened(paths[0]), "grey"),
    "edges": lambda paths: Degraded(opened("digits"), "edges"),
    "noise": lambda paths: Degraded(opened("digits"), "noise=0.2"),
    "lots": lambda paths: Hidden(opened("digits"), "0.3"),
    "block": lambda paths: Hidden(opened("drawn/balls"), "block"),
    "points": lambda paths: Hidden(opened("points/ring"), "0.5"),
    "bits": lambda paths: Binarised(opened("digits"), "static"),
    "coins": lambda paths: Binarised(opened("digits"), "dynamic"),
    "pairs": lambda paths: Paired(opened(paths[0]), opened(paths[1])),
    "domains": lambda paths: Unpaired(opened(paths[0]), opened(paths[1])),
    "nested": lambda paths: Hidden(FewLabels(Paired(Binarised(opened(paths[0]), "static"), opened(paths[1])), 9), "block"),
    "both sides": lambda paths: Paired(opened(paths[0]), Degraded(opened(paths[1]), "2x")),
}


@pytest.fixture(scope="module", params=WRAPPED)
def data(request: pytest.FixtureRequest, two: tuple[Path, Path]) -> Any:
    return WRAPPED[request.param](two)


def same(one: Batch, other: Batch) -> bool:
    keys = one.given.keys() == other.given.keys() and all(torch.equal(one.given[key], other.given[key]) for key in one.given)
    seen = (one.seen is None and other.seen is None) or torch.equal(one.seen, other.seen)  # pyright: ignore[reportArgumentType]
    return torch.equal(one.x, other.x) and keys and seen


def test_batches_have_the_shapes_that_the_spaces_say(data: Any) -> None:
    for split in SPLITS:
        for batch in (data.stream(split, 3, 5), data.once(split, 0, 2)):
            assert batch.x.shape[1:] == data.space.shape
            assert batch.seen is None or batch.seen.shape == batch.x.shape
            for key, value in batch.given.items():
                space = data.given[key]
                assert value.shape == (len(batch.x), *space.shape)
                value = value.long() if space.discrete else value
                assert (value >= (0 if space.shape else -1)).all()
                assert not space.discrete or (value < space.levels).all()


def test_batches_are_the_same_however_they_are_asked_for(data: Any) -> None:
    whole = data.once("train", 0, 9)
    picked = data.rows("train", torch.tensor([7, 2]))
    assert same(picked, data.rows("train", torch.tensor([7, 2])))
    given = {key: value[[7, 2]] for key, value in whole.given.items()}
    assert same(picked, Batch(whole.x[[7, 2]], given, seen=None if whole.seen is None else whole.seen[[7, 2]]))
    long, short = data.stream("train", 20, 30), data.stream("train", 25, 5)
    given = {key: value[5:10] for key, value in long.given.items()}
    assert same(short, Batch(long.x[5:10], given, seen=None if long.seen is None else long.seen[5:10]))


def test_a_record_opens_them_again(data: Any) -> None:
    record = json.loads(json.dumps(data.describe()))
    again = open_again(record["opened"])
    assert again.fingerprint == data.fingerprint == record["fingerprint"]
    assert again.describe() == data.describe()
    assert same(again.once("test", 0, 5), data.once("test", 0, 5))
    assert same(again.stream("train", 7, 5), data.stream("train", 7, 5))


def test_other_settings_and_other_sources_have_other_fingerprints(two: tuple[Path, Path]) -> None:
    a, b, digits = opened(two[0]), opened(two[1]), opened("digits")
    made = [Hidden(digits, "0.3"), Hidden(digits, "0.4"), Hidden(a, "0.3"), Paired(a, b), Paired(b, a), Paired(a, a), digits]
    assert len({data.fingerprint for data in made}) == len(made)


@pytest.mark.parametrize("option", ["pair", "other"])
def test_a_second_source_counts_by_its_content_wherever_it_lies(two: tuple[Path, Path], option: str, tmp_path: Path) -> None:
    (tmp_path / "b.npz").write_bytes(two[1].read_bytes())
    here, there = (opened(two[0], **{option: str(path)}) for path in (two[1], tmp_path / "b.npz"))
    assert here.fingerprint == there.fingerprint
    assert here.fingerprint != opened(two[0], **{option: str(two[0])}).fingerprint


def test_counts_of_labels_are_those_of_the_examples(data: Any) -> None:
    if "label" in data.given:
        label = data.once("train", 0, 5000).given["label"]
        assert data.label_counts() == torch.bincount(label[label >= 0], minlength=data.given["label"].levels).tolist()


@pytest.mark.parametrize(
    "record",
    [
        7,
        {"wrapper": "os.system", "settings": {}, "of": [{"source": "digits", "options": {}}]},
        {"wrapper": "hide", "settings": {"what": "0.5", "more": 1}, "of": [{"source": "digits", "options": {}}]},
        {"wrapper": "hide", "settings": {"what": [1]}, "of": [{"source": "digits", "options": {}}]},
        {"wrapper": "labelled", "settings": {"count": "9"}, "of": [{"source": "digits", "options": {}}]},
        {"wrapper": "hide", "settings": {"what": "0.5"}, "of": []},
        {"source": "digits", "options": {"size": []}},
        {"source": "digits", "options": {"what": 3}},
        {"source": "digits", "options": {"hide": "0.5"}},
        {"source": 3, "options": {}},
    ],
)
def test_a_hostile_record_is_one_sentence(record: Any) -> None:
    with pytest.raises(ValueError):
        open_again(record)


def test_records_do_not_nest_without_end() -> None:
    record: Any = {"source": "points/ring", "options": {}}
    for _ in range(5000):
        record = {"wrapper": "hide", "settings": {"what": "0.5"}, "of": [record]}
    with pytest.raises(ValueError, match="no record that genlab writes"):
        open_again(record)


# --- pairs -----------------------------------------------------------------------------------------------------------


PARTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40)


@given(PARTS)
@settings(max_examples=200, deadline=None)
def test_groups_are_the_connected_components(pairs: list[tuple[int, int]]) -> None:
    a, b = (splits.digests(np.array([[pair[side]] for pair in pairs])) for side in (0, 1))
    found = [row.tobytes() for row in splits.grouped(a, b)]
    group = list(range(len(pairs)))
    for _ in pairs:  # by brute force
        for i, one in enumerate(pairs):
            for j, other in enumerate(pairs):
                if one[0] == other[0] or one[1] == other[1]:
                    group[i] = group[j] = min(group[i], group[j])
    assert all((found[i] == found[j]) == (group[i] == group[j]) for i in range(len(pairs)) for j in range(len(pairs)))


def contents(x: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in x}


def test_no_side_of_a_held_out_pair_is_in_training(two: tuple[Path, Path]) -> None:
    pairs: Any = Paired(opened(two[0]), opened(two[1]))
    whole = {split: pairs.once(split, 0, 100) for split in SPLITS}
    assert sum(len(part.x) for part in whole.values()) == 90
    for one in SPLITS:
        for other in set(SPLITS) - {one}:
            assert not contents(whole[one].x) & contents(whole[other].x)
            assert not contents(whole[one].given["source"]) & contents(whole[other].given["source"])


def test_pairs_belong_together(two: tuple[Path, Path]) -> None:
    with np.load(two[1]) as found:
        b = torch.from_numpy(found["x"]).movedim(-1, 1)
    batch = Paired(opened(two[0]), opened(two[1])).stream("train", 0, 60)
    assert batch.index is not None
    assert torch.equal(batch.given["source"], b[batch.index])


def test_pairs_are_found_by_name_and_those_alone_are_named(tmp_path: Path) -> None:
    a, b = files.folder(tmp_path / "a", 60, ("all",)), files.folder(tmp_path / "b", 60, ("all",))
    names = sorted(path for path in b.rglob("*") if path.is_file())
    names[3].unlink()
    pairs: Any = Paired(opened(a), opened(b))
    assert [reason for _, reason in pairs.skipped] == ["nothing in b belongs to it"]
    assert [each.line() for each in pairs.overview.left_out] == ["1 picture (all/003.png): in a, without a partner in b"]
    assert sum(pairs.count(split) for split in SPLITS) == 59
    alone: Any = opened(b)
    partner = {
        alone.where(i): x for part in (alone.once(s, 0, 99) for s in SPLITS) for i, x in zip(part.index, part.x, strict=True)
    }
    batch = pairs.once("train", 0, 9)
    for number, source in zip(batch.index, batch.given["source"], strict=True):
        assert torch.equal(partner[pairs.where(int(number))], source)


def test_sources_that_cannot_be_paired_are_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="90 examples and digits has 1,797"):
        Paired(opened(two[0]), opened("digits"))
    with pytest.raises(ValueError, match="no numbers"):
        Paired(opened(two[0]), opened("points/ring"))


def test_domains_are_permuted_apart(two: tuple[Path, Path]) -> None:
    data: Any = Unpaired(opened(two[0]), opened(two[1]))
    count = len(data.others("train"))
    with np.load(two[1]) as found:
        b = torch.from_numpy(found["x"]).movedim(-1, 1)
    batch = data.stream("train", 0, count)
    assert contents(batch.given["other"]) == contents(b[data.others("train")])
    assert (batch.given["other"] == b[batch.index]).flatten(1).all(1).float().mean() < 0.3
    assert "other" not in data.once("test", 0, 3).given
    train, held_out = set(data.others("train")), set(data.numbers("test")) | set(data.numbers("validation"))
    assert not train & held_out


@pytest.mark.skipif(not EMOJI.is_dir(), reason="the emoji are not here")
def test_no_held_out_emoji_has_its_partner_in_training() -> None:
    noto, twemoji = opened(EMOJI / "google.parquet", size=16), opened(EMOJI / "twitter.parquet", size=16)
    split_off = [noto.once(split, 0, 2000).index.tolist() for split in ("validation", "test")]  # pyright: ignore[reportOptionalMemberAccess]
    held_out = {number for part in split_off for number in part}
    other = set(twemoji.once("train", 0, 2000).index.tolist())  # pyright: ignore[reportOptionalMemberAccess]
    assert len(held_out & other) / len(held_out) > 0.7  # each split by itself
    data: Any = Unpaired(noto, twemoji)
    held_out = set(data.numbers("test")) | set(data.numbers("validation"))
    assert len(held_out) > 300
    assert not held_out & set(data.others("train"))
    pairs: Any = Paired(noto, twemoji)
    assert not contents(pairs.once("train", 0, 2000).given["source"]) & contents(pairs.once("test", 0, 2000).given["source"])


# --- degraded, hidden, few -------------------------------------------------------------------------------------------


def test_lower_resolution_is_the_mean_of_squares() -> None:
    u = np.arange(16.0).reshape(1, 1, 4, 4)
    assert smaller(u, 2).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]


def test_an_edge_is_as_bright_as_its_step() -> None:
    u = np.zeros((1, 1, 5, 6))
    u[..., 3:] = 0.4
    expected = np.zeros((5, 6))
    expected[:, 2:4] = 0.8
    np.testing.assert_allclose(edges(u)[0, 0], expected)
    np.testing.assert_allclose(edges(u.swapaxes(2, 3))[0, 0], expected.T)
    ramp = np.broadcast_to(np.arange(6) * 0.1, (1, 1, 5, 6))
    np.testing.assert_allclose(edges(ramp)[0, 0], [[0, 0.4, 0.4, 0.4, 0.4, 0]] * 5, atol=1e-12)  # mirrored at the border


def test_grey_is_that_of_the_norm(two: tuple[Path, Path]) -> None:
    batch = Degraded(opened(two[0]), "grey").once("train", 0, 20)
    expected = (batch.x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    assert (batch.given["source"] - expected).abs().max() <= 0.5001


def test_noise_has_its_deviation() -> None:
    data = Degraded(opened("digits"), "noise=0.1")
    batch = data.once("train", 0, 400)
    u, v = batch.x / 16, batch.given["source"] / 255
    inside = (u > 0.4) & (u < 0.6)
    assert (v - u)[inside].std() == pytest.approx(0.1, rel=0.05)
    assert abs((v - u)[inside].mean()) < 0.01


@pytest.mark.parametrize("how", ["3x", "1x", "x", "blur", "noise=", "noise=-1", "noise=nan", "grey", "99999999x"])
def test_what_cannot_be_degraded_so_is_refused(how: str) -> None:
    with pytest.raises(ValueError, match="--degrade"):
        Degraded(opened("digits"), how)


def test_hidden_entries_are_blank_in_training_and_do_not_count() -> None:
    data = Hidden(opened("digits"), "0.3")
    batch = data.once("train", 0, 500)
    assert batch.seen is not None
    assert (~batch.seen).float().mean() == pytest.approx(0.3, abs=0.01)
    assert (batch.x[~batch.seen] == 0).all()
    assert torch.equal(data.space.sizes(batch), batch.seen.flatten(1).sum(1))
    assert torch.equal(data.space.mask(batch), batch.seen)
    held_out, whole = data.once("test", 0, 50), opened("digits").once("test", 0, 50)
    assert torch.equal(held_out.x, whole.x)
    assert held_out.seen is not None


def test_a_pixel_is_hidden_in_all_its_channels(two: tuple[Path, Path]) -> None:
    seen = Hidden(opened(two[0]), "0.3").once("train", 0, 30).seen
    assert seen is not None
    assert torch.equal(seen, seen[:, :1].expand(-1, 3, -1, -1))
    assert 0 < seen.float().mean() < 1


def test_what_either_of_two_hides_is_hidden() -> None:
    inner = Hidden(opened("digits"), "0.3")
    both, one, other = (
        data.once("train", 0, 20).seen for data in (Hidden(inner, "block"), inner, Hidden(opened("digits"), "block"))
    )
    assert one is not None
    assert other is not None
    assert both is not None
    assert torch.equal(both, one & other)


def test_a_block_is_one_box_of_half_of_each_side() -> None:
    seen = Hidden(opened("digits"), "block").once("train", 0, 30).seen
    assert seen is not None
    corners = set()
    for row in ~seen[:, 0]:
        places = row.nonzero()
        low, high = places.min(0).values, places.max(0).values
        assert (high - low + 1).tolist() == [4, 4]
        assert row.sum() == 16
        corners.add(tuple(low.tolist()))
    assert {*range(5)} == {corner[0] for corner in corners} == {corner[1] for corner in corners}
    assert len(corners) > 10
    odd = Hidden(opened("digits", size=5), "block").once("train", 0, 1).seen
    assert odd is not None
    assert (~odd).sum() == 9  # half of five, rounded up, in both directions


def test_real_data_are_blank_at_their_mean() -> None:
    batch = Hidden(opened("points/ring"), "0.5").stream("train", 0, 100)
    center = torch.tensor(opened("points/ring").space.center, dtype=torch.float32)
    assert batch.seen is not None
    assert torch.equal(batch.x[~batch.seen], center.expand(100, 2)[~batch.seen])


@pytest.mark.parametrize("what", ["0", "1", "nan", "2", "boxes"])
def test_no_share_is_refused(what: str) -> None:
    with pytest.raises(ValueError, match="--hide"):
        Hidden(opened("digits"), what)


def test_the_only_entry_of_an_example_is_not_hidden(tmp_path: Path) -> None:
    np.savez(tmp_path / "line.npz", x=np.random.default_rng(0).standard_normal((90, 1)))
    for what in ("block", "0.5"):
        with pytest.raises(ValueError, match="an example of line has one entry: hidden, nothing would be left"):
            opened(tmp_path / "line.npz", hide=what)


def test_few_labels_come_from_every_class_in_turn() -> None:
    data: Any = FewLabels(opened("digits"), 25)
    assert sorted(data.label_counts()) == [2] * 5 + [3] * 5
    assert data.count("train") == opened("digits").count("train")
    assert (data.once("test", 0, 100).given["label"] >= 0).all()
    batch = data.stream("train", 0, data.count("train"))
    assert int((batch.given["label"] >= 0).sum()) == 25
    whole: Any = opened("digits")
    said = batch.given["label"] >= 0
    order = whole.stream("train", 0, data.count("train"))
    assert torch.equal(order.given["label"][said], batch.given["label"][said])


def test_more_labels_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match=r"has labels of 1,.* training examples, not of 5,000"):
        FewLabels(opened("digits"), 5000)


# --- options ---------------------------------------------------------------------------------------------------------


def test_options_wrap(two: tuple[Path, Path]) -> None:
    data = opened(two[0], pair=str(two[1]), labelled=6, hide="block", size=8)
    assert data.given["source"].shape == (3, 8, 8)
    assert data.describe()["opened"]["wrapper"] == "hide"
    assert data.once("train", 0, 1).seen is not None
    assert sum(data.label_counts() or ()) == 6


def test_missing_entries_go_to_models_that_can_learn_without_them(tmp_path: Path) -> None:
    import genlab

    data = Hidden(opened("digits"), "0.5")
    run = genlab.train("vae", data, steps=2, out=tmp_path / "vae", settings={"batch": "8"})
    again = genlab.load(run.path).data()
    assert again.fingerprint == data.fingerprint
    assert again.missing
    with pytest.raises(ValueError, match="gan cannot learn from examples with missing entries; vae can, or leave --hide out"):
        genlab.train("gan", data, steps=2, out=tmp_path / "gan")
    assert not (tmp_path / "gan").exists()
