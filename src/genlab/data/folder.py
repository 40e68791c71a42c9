"""A folder: of pictures at any depth, of MNIST's IDX files, or of parquet files."""

from __future__ import annotations

import mimetypes
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genlab.core.program import installing
from genlab.core.words import plural, word_list
from genlab.data import archive, clips, idx, parquet, recordings
from genlab.data.base import Opened
from genlab.data.captions import beside
from genlab.data.formats import ELSEWHERE, FILES, HEIC, PICTURES, SOUND, VIDEO, suffix_of
from genlab.data.options import Request
from genlab.data.picture_files import PictureFiles, is_picture
from genlab.data.signatures import PICTURES as PICTURE
from genlab.data.signatures import signature
from genlab.data.store import PictureItem
from genlab.data.walk import Found, Walk, product, walk

SAID = frozenset(  # suffixes that say what a file is
    suffix
    for table in mimetypes.MimeTypes(filenames=()).types_map
    for suffix in (*table, *PICTURES, *HEIC, *SOUND, *VIDEO, *ELSEWHERE, *FILES)
)
READERS = {"IDX files": idx.read, "parquet": parquet.read}


def read(request: Request) -> Opened:
    if made := product(request.path):
        raise ValueError(f"{request.path} is {made} of genlab's own, nothing to learn from; name a folder of your data")
    walked = walk(request.path, request.progress)
    examples = {suffix_of(file.file): file.file for file in walked.files}  # a name of each suffix, which tells most kinds
    silent = examples.keys() - SAID
    unnamed = frozenset(file.name for file in walked.files if silent and _is_unnamed_picture(file))
    kinds = {
        "IDX files": any(idx.is_idx(file.file) for file in walked.files),
        "parquet": ".parquet" in examples,
        "pictures": bool(unnamed) or any(map(is_picture, examples.values())),
        "recordings": any(map(recordings.is_recording, examples.values())),
        "videos": any(map(clips.is_video, examples.values())),
    }
    there = [kind for kind, is_there in kinds.items() if is_there]
    if not there and (shards := [file.path for file in walked.files if archive.is_archive(file.name)]):
        return archive.read(request, shards)
    if (kind := request.options.kind) in there:
        there = [kind]
    elif kind is not None:
        raise ValueError(f"--kind {kind}: {request.path} holds {word_list(there) or 'none of them'}; leave it out")
    if len(there) > 1:
        ways = " or ".join(f"--kind {kind}" for kind in there if kind not in READERS)
        hint = f", or say {ways}" if ways else ""
        raise ValueError(f"{request.path} holds {word_list(there)}; name the one folder or file to learn from{hint}")
    if not there:
        raise ValueError(_nothing(request.path, walked))
    if there[0] in READERS:
        return READERS[there[0]](request)
    if there[0] == "recordings":
        return recordings.read(request, walked)
    moving = request.options.frames is None and (there[0] == "videos" or clips.all_move(walked))
    if moving or (request.options.frames or 1) > 1:
        return clips.read(request, walked)
    if there[0] == "videos":
        raise ValueError(f"--frames 1: {request.path} holds videos; stills are learnt of pictures: leave it out")
    return _pictures(request, walked, unnamed)


def _is_unnamed_picture(file: Found) -> bool:
    """Whether a file is a picture by its first bytes, where its name does not say what it is."""
    if suffix_of(file.name) in SAID:
        return False
    known = signature(file.path)
    return known is not None and known.what.startswith(PICTURE)


def _pictures(request: Request, walked: Walk, unnamed: frozenset[str]) -> Opened:
    files = {file.name: file for file in walked.files}

    def items(names: Sequence[str]) -> Iterator[PictureItem]:
        return (PictureItem(name, files[name].path) for name in names)

    def key(name: str) -> Any:
        return [name, files[name].size, files[name].changed]

    return PictureFiles(list(files), items, key, lambda names: beside(names, files), walked.left_out(), unnamed).read(request)


def _nothing(path: Path, walked: Walk) -> str:
    """The message for a folder without pictures."""
    names = [file.path for file in walked.files]
    kinds = Counter(name.suffix.lower() or "without a suffix" for name in names)
    if not kinds:
        if passed := walked.left_out():
            return f"{path} holds nothing to learn from: {word_list([each.line() for each in passed])}"
        return f"{path} is empty; name a folder with pictures in it"
    kind, count = kinds.most_common(1)[0]
    if kind in ELSEWHERE:
        return f"{path} holds recordings as {kind}, which are not read here; convert each: ffmpeg -i NAME{kind} NAME.wav"
    if kind in HEIC:
        return f"{path} holds {plural(count, 'picture')} in HEIC, which needs an extra: {installing('heic')}"
    hint = "; to learn a text, name one file, or join them in one" if kind in (".txt", ".md") else ""
    first = next(name for name in names if (name.suffix.lower() or "without a suffix") == kind)
    if (known := signature(first)) is not None and known.remedy and kind not in (".npz", ".npy"):
        return f"{path} holds no pictures: {first.name} is {known.what}; {known.remedy}"
    single = next(
        (f"; to learn from one file, name it: {name}" for name in names if name.suffix in (".npz", ".npy", ".csv")), hint
    )
    if kind in (".npy", ".npz") and count > 1:
        single += "; to learn from all, join them in one: numpy.save('all.npy', numpy.stack([...]))"
    of = f"{count:,} of its {plural(len(names), 'file')} {'is' if count == 1 else 'are'} {kind}"
    return f"{path} holds no pictures ({of}){single}; pictures are {', '.join(PICTURES)}"
