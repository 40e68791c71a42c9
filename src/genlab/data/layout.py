"""What the folders of a folder of pictures mean: classes, splits, domains, or nothing.

    cat/ dog/                          classes
    train/{cat,dog} test/{cat,dog}     splits, and classes in them; a split without such folders has no labels
    cat/{train,test} dog/{train,test}  the same inside out
    trainA/ trainB/ testA/ testB/      two domains, each in its splits
    pets/{cat,dog}                     a folder around all others means nothing

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
PARTNERS = {
    "image", "images", "img", "imgs", "photo", "photos", "input", "inputs", "source", "sources", "mask", "masks", "label",
    "labels", "annotation", "annotations", "seg", "segmentation", "segmentations", "target", "targets", "gt", "groundtruth",
    "sketch", "sketches", "edges", "lr", "hr", "A", "B", "noisy", "clean", "output", "outputs",
}  # fmt: skip


class Role(NamedTuple):
    """What the name of a folder says: a split, and a domain ("A", "B" or "")."""

    side: int
    domain: str = ""


def role_of(folder: str) -> Role | None:
    """The split that a folder's name means; None where it holds a word that is no part of such names."""
    side, domain = None, ""
    for token in TOKENS.findall(folder):
        word = token.lower()
        begun = next((known for known in sorted(WORDS, key=len, reverse=True) if word.startswith(known)), None)
        if begun and side is None and (word == begun or word[len(begun) :] in FILLERS):
            side = WORDS[begun]
        elif side is not None and word in ("a", "b") and not domain:
            domain = word.upper()
        elif word not in FILLERS and not token.isdigit():
            return None
    return None if side is None else Role(side, domain)


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
    inner = Nesting([name.split("/")[:-1] for name in names])
    while len(inner.tops()) == 1:
        inner = inner.inside()
    tops = inner.tops()
    if folders == "nothing" or not tops:
        why = "--folders nothing" if tops else "the pictures lie in one folder"
        return _classes(names, inner, False, why)
    roles = {top: role for top in tops if (role := role_of(top)) is not None}
    if folders == "classes":
        return _classes(names, inner, True, "the folders, as --folders classes says")
    if folders in ("splits", "domains", "pairs") or _are_splits(roles, tops, inner, root):
        return _splits(names, inner, roles, root, folders)
    if all(_inside_out(inner, numbers) for numbers in tops.values()):
        return _inner_splits(names, inner)
    if (asked := _partners(names, tops)) and folders is None:
        raise ValueError(asked.format(root=root))
    return _classes(names, inner, True, "the folders")


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
    """Whether all pictures of a class lie in folders that are splits, train among them."""
    found = {inner.of[number][1] if len(inner.of[number]) > 1 else "" for number in numbers}
    roles = {role.side for name in found if (role := role_of(name)) is not None and not role.domain}
    return all(role_of(name) is not None for name in found) and splits.TRAIN in roles and len(roles) > 1


def _partners(names: Sequence[str], tops: dict[str, list[int]]) -> str:
    """The question about two folders that may hold partners; "" where they do not look like it."""
    if len(tops) != 2 or not all(top in PARTNERS or (len(top) > 1 and top.lower() in PARTNERS) for top in tops):
        return ""
    stems = [{PurePosixPath(names[number]).stem for number in numbers} for numbers in tops.values()]
    one, two = tops
    shared = len(stems[0] & stems[1])
    alike = f", with {plural(shared, 'file')} of the same names" if shared else ""
    return (
        f"{{root}} holds {one} and {two}{alike}: partners (name one and pair it with the other: {{root}}/{one} --pair "
        f"{{root}}/{two}), two domains ({{root}}/{one} --other {{root}}/{two}), or two classes (--folders classes)?"
    )


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
    while len(deeper.tops()) == 1:
        deeper = deeper.inside()
    classed = _classes(names, deeper, True, "the folders in them" if deeper.tops() else "the splits hold no folders")
    own = np.array([each.side if each else -1 for each in role], np.int8)
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


def _inner_splits(names: Sequence[str], inner: Nesting) -> Layout:
    """The top folders as classes, the folders in them as splits."""
    classed = _classes(names, inner, True, "the folders")
    own = np.array([_side(folders) for folders in inner.of], np.int8)
    said = sorted({folders[1] for folders in inner.of if len(folders) > 1})
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
