"""What the folders of a folder mean."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.data import open as opened
from genlab.data import splits
from genlab.data.layout import Role, laid_out, role_of
from genlab.data.opener import open_again

TRAIN, VALIDATION, TEST = splits.TRAIN, splits.VALIDATION, splits.TEST


def paths(**counts: int) -> list[str]:
    """Paths of pictures: folders with "__" between and how many lie in each."""
    return [f"{folder.replace('__', '/')}/{n}.png" for folder, count in counts.items() for n in range(count)]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((word, Role(TRAIN)) for word in ("train", "Train", "TRAINING", "train_set", "training-set", "trainset", "seg_train")),
        *((word, Role(TRAIN)) for word in ("train2017", "images_train", "train-images", "TrainData", "01_train")),
        *((word, Role(TEST)) for word in ("test", "testing", "test_set", "seg_test", "tst", "Test Images")),
        *((word, Role(VALIDATION)) for word in ("val", "valid", "validation", "dev", "val2017", "validation_set", "eval")),
        *((f"train{domain}", Role(TRAIN, domain)) for domain in "AB"),
        *((word, Role(TEST, "B")) for word in ("testB", "test_B", "test-b")),
        *((word, None) for word in ("cat", "trains", "training shoes", "testament", "contest", "validity", "A", "images", "")),
        *((word, None) for word in ("seg_pred", "devices", "2017", "train wagon")),
    ],
)
def test_names_of_splits(name: str, role: Role | None) -> None:
    assert role_of(name) == role


def test_a_folder_around_all_others_means_nothing() -> None:
    for around in ("pets__", "train__", "pets__all__"):
        found = laid_out(paths(**{f"{around}cat": 3, f"{around}dog": 2}), "x")
        assert (found.classes, found.labels.tolist(), found.own) == (("cat", "dog"), [0, 0, 0, 1, 1], None)
    assert laid_out(paths(all=3), "x").classes == laid_out(["1.png", "2.png"], "x").classes == ()


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("training_set", "dev", "test_set"), ("seg_train", "seg_val", "seg_test")]
)
def test_splits_hold_classes(names: tuple[str, str, str]) -> None:
    found = laid_out(paths(**{f"{split}__{name}": 2 for split in names for name in ("cat", "dog")}), "x")
    assert found.classes == ("cat", "dog")
    assert found.own is not None
    assert found.own.tolist() == [TRAIN] * 4 + [VALIDATION] * 4 + [TEST] * 4
    assert found.labels.tolist() == [0, 0, 1, 1] * 3
    assert "tenth" not in found.splits_from


def test_a_split_without_folders_has_no_labels_and_others_beside_are_left_out() -> None:
    found = laid_out([*paths(train__nok=2, train__ok=2, test=2, pred=2), "cover.png"], "x")
    assert found.labels[found.keep].tolist() == [0, 0, 1, 1, -1, -1]
    assert found.keep.tolist() == [True] * 6 + [False] * 3
    assert [each.line() for each in found.left_out] == ["3 pictures (pred/0.png, pred/1.png, cover.png): beside the splits"]
    assert found.splits_from == "the folders test and train; validation is a tenth of train, by content"


def test_splits_inside_classes() -> None:
    found = laid_out(paths(cat__train=2, cat__test=1, dog__train=1, dog__test=1), "x")
    assert (found.classes, found.labels.tolist()) == (("cat", "dog"), [0, 0, 0, 1, 1])
    assert found.own is not None
    assert found.own.tolist() == [TRAIN, TRAIN, TEST, TRAIN, TEST]


def test_folders_inside_classes_are_no_splits_without_train() -> None:
    found = laid_out(paths(cat__val=2, cat__test=1, dog__val=1, dog__test=1), "x")
    assert (found.classes, found.own) == (("cat", "dog"), None)


def test_two_domains() -> None:
    found = laid_out(paths(trainA=2, trainB=1, testA=1, testB=1), "x")
    assert found.domains is not None
    assert found.own is not None
    assert found.domains.tolist() == ["A", "A", "B", "A", "B"]
    assert found.own.tolist() == [TRAIN, TRAIN, TRAIN, TEST, TEST]
    pooled = laid_out(paths(trainA=2, trainB=1, testA=1), "x", "splits")
    assert pooled.domains is None


def test_what_could_be_two_things_is_asked() -> None:
    with pytest.raises(ValueError, match=r"images and masks, with 3 files of the same names: partners .*--pair.*classes"):
        laid_out(paths(images=3, masks=3), "x")
    with pytest.raises(ValueError, match=r"partners .*two domains .x/A --other x/B., or classes"):
        laid_out(paths(A=3, B=3), "x")
    with pytest.raises(ValueError, match=r"train holds folders of its own and lies beside cat: .*--folders splits.*classes"):
        laid_out(paths(train__a=2, train__b=2, cat=3), "x")
    with pytest.raises(ValueError, match=r"test and val could be two splits without a third called train"):
        laid_out(paths(test=3, val=3, cat=1), "x")
    assert laid_out(paths(images=3, masks=3), "x", "classes").classes == ("images", "masks")
    assert laid_out(paths(train__a=2, train__b=2, cat=3), "x", "splits").classes == ("a", "b")
    assert laid_out(paths(images=3, masks=3), "x", "nothing").classes == ()


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match=r"--folders splits: no folder of x has the name of a train split .cat and dog."):
        laid_out(paths(cat=1, dog=1), "x", "splits")
    with pytest.raises(ValueError, match=r"--folders domains: x has no folders like trainA and trainB"):
        laid_out(paths(train=1, test=1), "x", "domains")


def test_classes_that_look_like_words_of_splits_stay_classes() -> None:
    for names in (("train", "car", "plane"), ("a", "b"), ("real", "fake"), ("test tubes", "flasks")):
        assert laid_out(paths(**dict.fromkeys(names, 2)), "x").classes == tuple(sorted(names))


def test_folders_called_by_numbers_are_in_their_order() -> None:
    assert laid_out(paths(**{str(n): 1 for n in range(12)}), "x").classes == tuple(map(str, range(12)))


def test_a_picture_outside_the_folders_has_no_label() -> None:
    found = laid_out([*paths(cat=1, dog=1), "cover.png"], "x")
    assert found.labels.tolist() == [0, 1, -1]
    assert np.array_equal(found.keep, [True, True, True])


@pytest.mark.parametrize("names", [("pets_train", "pets_test"), ("train-pets", "val-pets"), ("PetsTrain", "PetsTest")])
def test_names_that_differ_in_the_word_of_a_split_are_splits(names: tuple[str, str]) -> None:
    found = laid_out(paths(**{f"{split}__{split}__{name}": 2 for split in names for name in ("cat", "dog")}), "x")
    assert found.classes == ("cat", "dog")
    assert found.own is not None
    assert sorted(found.own.tolist())[:4] == [TRAIN] * 4
    both = paths(train_cat=1, test_cat=1, train_dog=1, test_dog=1)
    with pytest.raises(ValueError, match=r"could be splits of several classes, or classes: move them to train/CLASS"):
        laid_out(both, "x")
    assert len(laid_out(both, "x", "classes").classes) == 4


def test_a_folder_around_a_split_is_no_class() -> None:
    for inner in ("{split}/{split}/{name}", "{split}/images/{name}", "{split}/of-{split}/{name}"):
        names = [f"{inner.format(split=split, name=name)}/{n}" for split in ("train", "test") for name in "ab" for n in "12"]
        assert laid_out(names, "x").classes == ("a", "b"), inner
    lone = laid_out(["train/a/images/1", "train/b/images/1", "val/images/1", "val/images/2", "beside/1"], "x")
    assert (lone.classes, lone.labels.tolist()) == (("a", "b"), [0, 1, -1, -1, -1])
    one = laid_out(["train/good/1", "train/good/2", "test/good/1", "test/bad/1"], "x")
    assert (one.classes, one.labels.tolist()) == (("bad", "good"), [1, 1, 1, 0])


def test_folders_beside_splits_inside_classes_are_left_out() -> None:
    found = laid_out(paths(a__train=2, a__test=1, a__truth=1, b__train=1, b__test=1), "x")
    assert found.keep.tolist() == [True, True, True, False, True, True]
    assert found.splits_from.startswith("the folders test and train in them")
    assert [each.line() for each in found.left_out] == ["1 picture (a/truth/0.png): beside the splits"]


@pytest.mark.parametrize(
    ("folders", "place", "answer"),
    [
        (("JPEGImages", "SegmentationClass"), "x/JPEGImages --pair x/SegmentationClass", "classes"),
        (("A__train", "A__test", "B__train", "B__test"), "x/A --pair x/B", "classes"),
        (("train__images", "train__masks", "test__images", "test__masks"), "x/train/images --pair x/train/masks", "splits"),
        (("gt", "input", "masks"), "x/gt --pair x/input", "classes"),
    ],
)
def test_partners_are_asked_about_wherever_they_lie(
    folders: tuple[str, ...], place: str, answer: Literal["classes", "splits"]
) -> None:
    names = paths(**dict.fromkeys(folders, 3))
    with pytest.raises(ValueError, match=f"{place}.* or classes .--folders {answer}."):
        laid_out(names, "x")
    assert not set(laid_out(names, "x", answer).classes) & {"train", "test"}


# --- two pictures side by side ---------------------------------------------------------------------------------------


def halves(path: Path, count: int = 60, wide: int = 25) -> Path:
    """Pictures whose left half is reddish and whose right half is bluish, in `train` and `test`."""
    for number in range(count):
        picture = np.zeros((12, wide, 3), np.uint8)
        picture[:, : wide // 2, 0], picture[:, wide - wide // 2 :, 2] = 100 + number, 100 + number
        place = path / ("train" if number % 4 else "test")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:03}.png")
    return path


def test_pictures_twice_as_wide_as_high_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is twice as wide as high: a pair side by side.*--halves pair.*--halves one"):
        opened(halves(tmp_path / "a", wide=24))
    assert opened(tmp_path / "a", halves="one").space.shape == (3, 12, 24)
    assert opened(halves(tmp_path / "b", wide=25)).space.shape == (3, 12, 25)


@pytest.mark.parametrize("domain", [None, "B", "A"])
def test_halves_of_pictures_are_pairs(tmp_path: Path, domain: str | None) -> None:
    """The right half is learnt and the left one given, or the other way round; the same after opening again."""
    data = opened(halves(tmp_path / "a"), halves="pair", **({"domain": domain} if domain else {}))
    batch = open_again(data.opened())["train"][:20]
    red, blue = (batch.x, batch.given["source"]) if domain == "A" else (batch.given["source"], batch.x)
    assert red.shape == blue.shape == (20, 3, 12, 12)
    assert red[:, 2].max() == blue[:, 0].max() == 0
    assert torch.equal(red[:, 0], blue[:, 2])
    assert data.count("test") == 15
    side = "right" if domain == "A" else "left"
    assert data.overview.added == (f"its partner in the {side} halves as `source`, by name: 60 pairs",)


def test_halves_of_large_and_turned_pictures_are_cut_before_they_are_resized(tmp_path: Path) -> None:
    """JPEG's own reduction and an orientation would put the cut elsewhere."""
    (tmp_path / "a").mkdir()
    for number in range(60):
        x = np.zeros((200, 400, 3), np.uint8)
        x[:, :200], x[:, 200:, 2] = (200, number * 3, 0), 200
        image, exif = Image.fromarray(x), Image.Exif()
        if number % 2:
            image, exif[0x0112] = image.rotate(90, expand=True), 6
        image.save(tmp_path / "a" / f"{number}.jpg", quality=95, exif=exif)
    with pytest.raises(ValueError, match="--halves pair"):
        opened(tmp_path / "a")
    batch = opened(tmp_path / "a", halves="pair", size=10)["train"][:30]
    assert int(batch.given["source"][:, 0].min()) > 190
    assert int(batch.x[:, 0].max()) < 10


def test_partners_in_one_folder_are_asked_about() -> None:
    for folder in ("", "benign/"):
        for end in ("_mask", "-GT", ".label"):
            names = [f"{folder}{n}{which}.png" for n in range(9) for which in ("", end)]
            with pytest.raises(ValueError, match=rf"x holds 9 files like 0{end} beside others .*--folders nothing, or classes"):
                laid_out(names, "x")
            assert laid_out(names, "x", "nothing").classes == ()
    assert laid_out([*(f"{n}.png" for n in range(9)), "3_mask.png", "5-edited.png"], "x").classes == ()
