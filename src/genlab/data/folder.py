"""A folder: of pictures at any depth, of MNIST's IDX files, or of parquet files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genlab.core.words import plural, word_list
from genlab.data import archive, clips, idx, parquet, recordings
from genlab.data.base import Opened
from genlab.data.captions import beside
from genlab.data.formats import ELSEWHERE, HEIC, PICTURES
from genlab.data.options import Request
from genlab.data.picture_files import PictureFiles, is_picture
from genlab.data.store import PictureItem
from genlab.data.walk import Walk, product, walk

READERS = {"IDX files": idx.read, "parquet": parquet.read}


def read(request: Request) -> Opened:
    if made := product(request.path):
        raise ValueError(f"{request.path} is {made} of genlab's own, nothing to learn from; name a folder of your data")
    walked = walk(request.path, request.progress)
    kinds = {
        "IDX files": any(idx.is_idx(file.path.name) for file in walked.files),
        "parquet": any(file.path.suffix.lower() == ".parquet" for file in walked.files),
        "pictures": any(is_picture(file.name) for file in walked.files),
        "recordings": any(recordings.is_recording(file.name) for file in walked.files),
        "videos": any(clips.is_video(file.name) for file in walked.files),
    }
    there = [kind for kind, is_there in kinds.items() if is_there]
    if not there and (shards := [file.path for file in walked.files if archive.is_archive(file.name)]):
        return archive.read(request, shards)
    if len(there) > 1:
        raise ValueError(f"{request.path} holds {' and '.join(there)}; name the one folder or file to learn from")
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
    return _pictures(request, walked)


def _pictures(request: Request, walked: Walk) -> Opened:
    files = {file.name: file for file in walked.files}
    paths = {file.name: file.path for file in walked.files}

    def items(names: Sequence[str]) -> Iterator[PictureItem]:
        return (PictureItem(name, paths[name]) for name in names)

    def key(name: str) -> Any:
        return [name, files[name].stat.st_size, files[name].stat.st_mtime_ns]

    return PictureFiles(list(files), items, key, lambda names: beside(names, paths), walked.left_out()).read(request)


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
        return f"{path} holds {plural(count, 'picture')} in HEIC, which needs an extra: pip install 'genlab[heic]'"
    hint = "; to learn a text, name one file" if kind in (".txt", ".md") else ""
    single = next(
        (f"; to learn from one file, name it: {name}" for name in names if name.suffix in (".npz", ".npy", ".csv")), hint
    )
    if kind == "without a suffix":
        single = "; genlab knows pictures by their suffix: rename them, as to NAME.jpg"
    of = f"{count:,} of its {plural(len(names), 'file')} {'is' if count == 1 else 'are'} {kind}"
    return f"{path} holds no pictures ({of}){single}; pictures are {', '.join(PICTURES)}"
