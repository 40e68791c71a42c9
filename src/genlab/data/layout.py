"""What the folders of a folder of pictures mean: classes, splits, domains, or nothing.

    cat/ dog/                          classes
    train/{cat,dog} test/{cat,dog}     splits, and classes in them; a split without such folders has no labels
    cat/{train,test} dog/{train,test}  the same inside out
    pets_train/{cat,dog} pets_test/…   splits too: the names differ in nothing but the word of a split
    trainA/ trainB/ testA/ testB/      two domains, each in its splits
    pets/{cat,dog}                     a folder around all others, or in one of the same name, means nothing

Splits have many names: train, training_set, seg_train, train2017, dev, val. Where a folder could be a class or a split the user
is asked, and `folders` is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from genlab.core.words import plural, word_list
from genlab.data import splits
from genlab.data.formats import stem_of
from genlab.data.options import Folders
from genlab.data.overview import LeftOut

WORDS = {
    "train": splits.TRAIN, "training": splits.TRAIN, "trn": splits.TRAIN,
    "val": splits.VALIDATION, "valid": splits.VALIDATION, "validation": splits.VALIDATION, "dev": splits.VALIDATION,
    "eval": splits.VALIDATION, "evaluation": splits.VALIDATION,
    "test": splits.TEST, "testing": splits.TEST, "tst": splits.TEST, "holdout": splits.TEST,
}  # fmt: skip
FILLERS = {
    "set", "data", "dataset", "split", "images", "image", "imgs", "img", "pictures", "photos", "samples", "seg", "folder",
}  # fmt: skip
TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
TWIN = re.compile(r"[ _.-](?P<word>[A-Za-z]+)$")
PARTNERS = {
    "image", "images", "img", "imgs", "photo", "photos", "input", "inputs", "source", "sources", "mask", "masks", "label",
    "labels", "annotation", "annotations", "seg", "segmentation", "segmentations", "target", "targets", "gt", "groundtruth",
    "sketch", "sketches", "edges", "lr", "hr", "noisy", "clean", "output", "outputs",
}  # fmt: skip


class Role(NamedTuple):
    """What the name of a folder says: a split, and a domain ("A", "B" or "")."""

    side: int
    domain: str = ""


def role_of(folder: str) -> Role | None:
    """The split that a folder's name means; None where it holds a word that is no part of such names."""
    role, rest = in_words(folder)
    return None if rest else role


def in_words(name: str) -> tuple[Role | None, tuple[str, ...]]:
    """(the split that a name holds a word of, in lower case the words that are no part of the names of splits)."""
    side, domain = None, ""
    rest: list[str] = []
    for token in TOKENS.findall(name):
        word = token.lower()
        begun = next((known for known in sorted(WORDS, key=len, reverse=True) if word.startswith(known)), None)
        if begun and side is None and (word == begun or word[len(begun) :] in FILLERS):
            side = WORDS[begun]
        elif side is not None and word in ("a", "b") and not domain:
            domain = word.upper()
        elif word not in FILLERS and not token.isdigit():
            rest.append(word)
    return (None if side is None else Role(side, domain)), tuple(rest)


@dataclass(frozen=True)
class Layout:
    """What the folders mean, picture by picture.

    labels   (N,) numbers of `classes`, -1 for none
    own      (N,) int8 of splits.TRAIN ..., or None where the folders name no splits
    domains  (N,) "A" or "B", or None where there is one domain
    keep     (N,) bool: False for pictures in folders beside the splits
    """

    labels: np.ndarray
    classes: tuple[str, ...]
    classes_from: str
    splits_from: str = "by content"
    own: np.ndarray | None = None
    domains: np.ndarray | None = None
    keep: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    left_out: tuple[LeftOut, ...] = ()


class Nesting(NamedTuple):
    """The folders that each picture lies in, below those that lie around all pictures."""

    of: list[list[str]]

    def tops(self) -> dict[str, list[int]]:
        """Numbers of the pictures in each top folder, by its name in order; pictures in no folder are left out."""
        found: dict[str, list[int]] = {}
        for number, folders in enumerate(self.of):
            if folders:
                found.setdefault(folders[0], []).append(number)
        return dict(sorted(found.items()))

    def inside(self) -> Nesting:
        """The same without the folder around all."""
        return Nesting([folders[1:] for folders in self.of])


def laid_out(names: Sequence[str], root: str, folders: Folders | None = None) -> Layout:
    """The layout of pictures with these paths below `root`, parts set apart by "/".

    folders   the user's word on what the top folders are
    ValueError, with both readings and the option for each, where they could be two things.
    """
    within = [name.rpartition("/")[0] for name in names]
    parts = {folder: _unrepeated(folder.split("/")) if folder else [] for folder in set(within)}
    inner = Nesting([parts[folder] for folder in within])
    while len(tops := inner.tops()) == 1:
        inner = inner.inside()
    if folders is None:
        _ask_of_twins(names, root)
    if folders == "nothing" or not tops:
        why = "--folders nothing" if tops else "all lie in one folder"
        return _classes(names, inner, False, why)
    if folders == "classes":
        return _classes(names, inner, True, "the folders, as --folders classes says")
    roles = _roles(tops, root, folders)
    if folders in ("splits", "domains", "pairs") or _are_splits(roles, tops, inner, root):
        return _splits(names, inner, roles, root, folders)
    if folders is None:
        _ask_of_partners(names, tops, root, root, "classes")
    if all(_inside_out(inner, numbers) for numbers in tops.values()):
        return _inner_splits(names, inner)
    return _classes(names, inner, True, "the folders")


def _unrepeated(folders: Sequence[str]) -> list[str]:
    """Folders without those in one of the same name."""
    return [folder for place, folder in enumerate(folders) if not place or folder != folders[place - 1]]


def _roles(tops: dict[str, list[int]], root: str, folders: Folders | None) -> dict[str, Role]:
    """The splits that names of folders mean: all of a name, or the one word in which it differs from others."""
    bare = {top: role for top in tops if (role := role_of(top)) is not None}
    named: dict[tuple[str, ...], dict[str, Role]] = {}
    for top in tops:
        role, rest = in_words(top)
        if role is not None and rest:
            named.setdefault(rest, {})[top] = role
    several = [roles for roles in named.values() if _complete(roles)]
    if bare or not several:
        return bare
    if len(several) > 1 and folders is None:
        raise ValueError(
            f"{root}: {word_list([top for roles in several for top in roles])} could be splits of several classes, or classes: "
            "move them to train/CLASS and test/CLASS, or say --folders classes"
        )
    return several[0]


def _complete(roles: dict[str, Role]) -> bool:
    """Whether there is a train split, and another one."""
    sides = {role.side for role in roles.values()}
    return splits.TRAIN in sides and len(sides) > 1


def _are_splits(roles: dict[str, Role], tops: dict[str, list[int]], inner: Nesting, root: str) -> bool:
    """Whether top folders are splits; ValueError where that cannot be known."""
    sides, domains = {role.side for role in roles.values()}, {role.domain for role in roles.values()}
    if splits.TRAIN in sides and (len(sides) > 1 or domains == {"A", "B"}):
        return True
    named = word_list(list(roles))
    either = "rename them, or say --folders classes or --folders splits"
    if len(sides) > 1:
        raise ValueError(f"{root}: {named} could be two splits without a third called train, or two classes; {either}")
    deeper = [top for top in roles if len({inner.of[number][1] for number in tops[top] if len(inner.of[number]) > 1}) > 1]
    if deeper:
        others = word_list([top for top in tops if top not in roles])
        raise ValueError(
            f"{root}: {deeper[0]} holds folders of its own and lies beside {others}: a split beside other things "
            f"(--folders splits), or one class of several (--folders classes)?"
        )
    return False


def _inside_out(inner: Nesting, numbers: Sequence[int]) -> bool:
    """Whether a class holds folders that are splits, train among them; others beside these are left out."""
    found = {inner.of[number][1] for number in numbers if len(inner.of[number]) > 1}
    return _complete({name: role for name in found if (role := role_of(name)) is not None and not role.domain})


def _ask_of_partners(names: Sequence[str], tops: dict[str, list[int]], root: str, place: str, answer: str) -> None:
    """ValueError, with all readings, about folders that may hold partners.

    place    of these folders, from where the user names them
    answer   of --folders, by which they are classes
    """
    if len(tops) < 2 or not all(_partner(top) for top in tops):
        return
    stems = [{stem_of(names[number]).rpartition("/")[2] for number in numbers} for numbers in tops.values()]
    shared = len(set.intersection(*stems))
    if len(tops) > 2 and not shared:
        return
    one, two = list(tops)[:2]
    alike = f", with {plural(shared, 'file')} of the same names" if shared else ""
    raise ValueError(
        f"{root} holds {word_list(list(tops))}{alike}: partners (name one and pair it with the other: {place}/{one} --pair "
        f"{place}/{two}), two domains ({place}/{one} --other {place}/{two}), or classes (--folders {answer})?"
    )


def _ask_of_twins(names: Sequence[str], root: str) -> None:
    """ValueError, with both readings, about partners in one folder, told by the end of their names: 7.png and 7_mask.png."""
    stems = set(map(stem_of, names))
    ends = [(stem, end) for stem in stems if (end := TWIN.search(stem)) and end["word"].lower() in PARTNERS]
    twins = sorted(stem for stem, end in ends if stem[: end.start()] in stems)
    if 3 * len(twins) > len(names):
        raise ValueError(
            f"{root} holds {plural(len(twins), 'file')} like {PurePosixPath(twins[0]).name} beside others of the same names "
            "without that end: partners (move them to a folder of their own and --pair it), or pictures like all others "
            "(--folders nothing, or classes)?"
        )


def _partner(folder: str) -> bool:
    """Whether a folder's name says that what is in it may belong to what is in another."""
    tokens = TOKENS.findall(folder)
    return folder in ("A", "B") or any(len(token) > 1 and token.lower() in PARTNERS for token in tokens)


def _classes(names: Sequence[str], inner: Nesting, classes: bool, why: str) -> Layout:
    """The top folders as classes, or as nothing."""
    groups = sorted(inner.tops(), key=_by_number) if classes else []
    number = {name: place for place, name in enumerate(groups)}
    labels = np.array([number.get(folders[0], -1) if folders else -1 for folders in inner.of], np.int64)
    return Layout(labels, tuple(groups), why, keep=np.ones(len(names), bool))


def _by_number(name: str) -> tuple[int, str]:
    """Folders called by whole numbers come in the order of these: 2 before 10."""
    return (int(name), name) if name.isascii() and name.isdigit() and len(name) < 16 else (10**16, name)


def _splits(names: Sequence[str], inner: Nesting, roles: dict[str, Role], root: str, folders: Folders | None) -> Layout:
    """The top folders as splits, and the folders in them as classes."""
    if splits.TRAIN not in {role.side for role in roles.values()}:
        raise ValueError(
            f"--folders {folders}: no folder of {root} has the name of a train split ({word_list(list(inner.tops()))}); "
            "rename it to train, or leave the option out"
        )
    role = [roles.get(each[0]) if each else None for each in inner.of]
    domains = np.array([each.domain if each else "" for each in role])
    two = folders != "splits" and {"A", "B"} <= set(domains.tolist())
    if folders in ("domains", "pairs") and not two:
        raise ValueError(
            f"--folders {folders}: {root} has no folders like trainA and trainB; name two folders, --pair or --other"
        )
    keep = np.array([each is not None and (not two or each.domain != "") for each in role])
    deeper = Nesting([each[1:] if kept else [] for each, kept in zip(inner.of, keep, strict=True)])
    own = np.array([each.side if each else -1 for each in role], np.int8)
    deeper = _unwrapped(deeper, own)
    if folders is None and not two:
        train = next(top for top, role in roles.items() if role.side == splits.TRAIN)
        _ask_of_partners(names, deeper.tops(), root, f"{root}/{train}", "splits")
    classed = _classes(names, deeper, True, "the folders in them" if deeper.tops() else "the splits hold no folders")
    beside = [name for name, kept in zip(names, keep.tolist(), strict=True) if not kept]
    said = f"the folders {word_list(list(roles))}" + splits.completion(own[keep])
    return Layout(
        classed.labels,
        classed.classes,
        classed.classes_from,
        said,
        own,
        domains if two else None,
        keep,
        LeftOut.of(beside, "picture", "beside the splits"),
    )


def _unwrapped(nesting: Nesting, own: np.ndarray) -> Nesting:
    """The folders in splits (N,) without those around all of a split which no other split has: classes are in several."""
    found = nesting
    for side in np.unique(own[own >= 0]).tolist():
        inside = [number for number, each in enumerate(own.tolist()) if each == side]
        while (around := {tuple(found.of[number][:1]) for number in inside}) and len(around) == 1 and (only := around.pop()):
            elsewhere = {tuple(found.of[number][:1]) for number in np.flatnonzero((own >= 0) & (own != side)).tolist()}
            if only in elsewhere and elsewhere != {only}:
                break
            found = Nesting([each[1:] if tuple(each[:1]) == only else each for each in found.of])
    return found


def _inner_splits(names: Sequence[str], inner: Nesting) -> Layout:
    """The top folders as classes, the folders in them as splits."""
    classed = _classes(names, inner, True, "the folders")
    own = np.array([_side(folders) for folders in inner.of], np.int8)
    said = sorted({folders[1] for folders, side in zip(inner.of, own.tolist(), strict=True) if side >= 0})
    left = [name for name, side in zip(names, own.tolist(), strict=True) if side < 0]
    return Layout(
        classed.labels,
        classed.classes,
        classed.classes_from,
        f"the folders {word_list(said)} in them" + splits.completion(own[own >= 0]),
        own,
        None,
        own >= 0,
        LeftOut.of(left, "picture", "beside the splits"),
    )


def _side(folders: Sequence[str]) -> int:
    role = role_of(folders[1]) if len(folders) > 1 else None
    return -1 if role is None else role.side
