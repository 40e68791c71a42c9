"""A folder: of pictures at any depth, of MNIST's IDX files, or of parquet files.

The class of a picture is its top folder when there is more than one. Where the top folders are called train and test (or
validation), they are the splits, and the folders in them the classes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from genlab.data import idx, parquet, splits
from genlab.data.examples import Examples, Stored
from genlab.data.formats import LATER, PICTURES, SOUND
from genlab.data.levels import pictures
from genlab.data.options import Request
from genlab.data.store import PictureItem, PictureManifest, decode_cached

OWN = {
    "train": splits.TRAIN, "training": splits.TRAIN, "test": splits.TEST, "testing": splits.TEST,
    "val": splits.VALIDATION, "valid": splits.VALIDATION, "validation": splits.VALIDATION,
}  # fmt: skip


def read(request: Request) -> Examples:
    files = sorted(_walk(request.path))
    names = [Path(name) for name, _ in files]
    found = [(name, stat) for name, stat in files if Path(name).suffix.lower() in PICTURES]
    kinds = {
        "IDX files": any(idx.is_idx(name.name) for name in names),
        "parquet": any(name.suffix.lower() == ".parquet" for name in names),
        "pictures": bool(found),
    }
    there = [kind for kind, is_there in kinds.items() if is_there]
    if len(there) > 1:
        raise ValueError(f"{request.path} holds {' and '.join(there)}; name the one folder or file to learn from")
    if there != ["pictures"]:
        readers = {"IDX files": idx.read, "parquet": parquet.read}
        if not there:
            raise ValueError(_nothing(request.path, names))
        return readers[there[0]](request)
    manifest = _manifest(request.path, found)
    stored = decode_cached(request, manifest)
    if len(files) > len(found):
        stored = replace(stored, facts={"files that are no pictures": len(files) - len(found)})
    return pictures(request, stored if request.options.unconditional else _compact(stored))


def _walk(root: Path, under: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """(path from the root, stat) of every file that is not hidden."""
    with os.scandir(root / under) as entries:
        for entry in entries:
            name = f"{under}{entry.name}"
            if entry.name.startswith((".", "__MACOSX")):
                continue
            if entry.is_dir():
                yield from _walk(root, f"{name}/")
            elif entry.is_file():
                yield name, entry.stat()


def _manifest(root: Path, pictures: list[tuple[str, os.stat_result]]) -> PictureManifest:
    tops = {name.split("/")[0] for name, _ in pictures if "/" in name}
    own = len(tops) > 1 and {OWN.get(top.lower()) for top in tops} >= {splits.TRAIN} and all(top.lower() in OWN for top in tops)
    depth = 1 if own else 0  # of the folder that is the class
    groups = sorted({folders[depth] for name, _ in pictures if len(folders := name.split("/")[:-1]) > depth})
    classes = {name: number for number, name in enumerate(groups)} if len(groups) > 1 else {}

    def items() -> Iterator[PictureItem]:
        for name, _ in pictures:
            folders = name.split("/")[:-1]
            label = classes.get(folders[depth], -1) if len(folders) > depth else -1
            yield PictureItem(name, root / name, label, OWN[folders[0].lower()] if own and folders else -1)

    key = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in pictures]
    return PictureManifest(items, len(pictures), key, tuple(classes))


def _compact(stored: Stored) -> Stored:
    """The pictures without classes that have none; pictures outside the folders of classes keep the label -1, "no label"."""
    if stored.labels is None:
        return stored
    there = sorted(set(stored.labels[stored.labels >= 0].tolist()))
    labels = stored.labels.copy()
    for number, label in enumerate(there):
        labels[stored.labels == label] = number
    return replace(stored, labels=labels, classes=tuple(stored.classes[label] for label in there))


def _nothing(path: Path, names: list[Path]) -> str:
    """The message for a folder without pictures."""
    kinds = Counter(name.suffix.lower() or "no suffix" for name in names)
    if not kinds:
        return f"{path} is empty; name a folder with pictures in it"
    kind, count = kinds.most_common(1)[0]
    if any(sound in kinds for sound in SOUND):
        return f"{path} holds recordings; {LATER}"
    hint = "; to learn a text, name one file" if kind in (".txt", ".md") else ""
    single = next(
        (f"; to learn from one file, name it: {name}" for name in names if name.suffix in (".npz", ".npy", ".csv")), hint
    )
    return (
        f"{path} holds no pictures ({count} of its {len(names)} files are {kind}){single}; pictures are {', '.join(PICTURES)}"
    )
