"""A .zip or .tar of pictures, or several of them (shards), read without unpacking.

Nothing is written, so a path that leads elsewhere leads nowhere.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from genlab.core.words import plural
from genlab.data.base import Opened
from genlab.data.captions import LONGEST, SUFFIXES, Beside, from_files
from genlab.data.options import Request
from genlab.data.picture_files import PictureFiles, is_picture
from genlab.data.store import PictureItem
from genlab.data.walk import FOREIGN

LARGEST = 2**28  # bytes of one picture
MOST = 2_000_000  # files
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError, OSError)


def read(request: Request, shards: Sequence[Path] = ()) -> Opened:
    """The pictures of an archive, or of all shards together."""
    paths = shards or (request.path,)
    members = _members(request, paths)
    if not any(map(is_picture, members)):
        raise ValueError(
            f"{request.path} holds no pictures ({plural(len(members), 'file')}); unpack it and name what to learn from"
        )
    stats = [[path.stat().st_size, path.stat().st_mtime_ns] for path in paths]

    def contents(names: set[str], most: int) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            with _opened(path) as archive:
                yield from _contents(archive, names, most)

    def items(names: Sequence[str]) -> Iterator[PictureItem]:
        return (PictureItem(name, content) for name, content in contents(set(names), LARGEST))

    def beside(names: Sequence[str]) -> Beside:
        texts = {name for name in members if PurePosixPath(name).suffix.lower() in SUFFIXES}
        read = {name: text.decode("utf-8", "replace") for name, text in contents(texts, LONGEST)} if texts else {}
        return from_files(names, read)

    return PictureFiles(members, items, lambda name: [name, stats], beside).read(request)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """The archive; ValueError where it is damaged or locked."""
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        if is_zip:
            with zipfile.ZipFile(path) as archive:
                yield archive
        else:
            with tarfile.open(path) as archive:
                yield archive
    except BROKEN as error:
        why = "locked by a password" if "password" in str(error) else f"damaged ({str(error).splitlines()[0]})"
        raise ValueError(f"{path} is {why}; unpack it and name the folder") from None


def _members(request: Request, paths: Sequence[Path]) -> list[str]:
    """Names of the files in the archives that are neither hidden nor other programs', sorted."""
    names: dict[str, Path] = {}
    for path in paths:
        with _opened(path) as archive:
            for name, _ in _files(archive):
                if names.setdefault(name, path) != path:
                    raise ValueError(f"{names[name].name} and {path.name} both hold {name}; name one of them")
                if len(names) > MOST:
                    raise ValueError(f"{request.path} holds more than {MOST:,} files; unpack it and name the folder")
    return sorted(filter(_shown, names))


def _files(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[tuple[str, Any]]:
    """(name, member) of every file, at most one more than MOST."""
    members: Any = archive.infolist() if isinstance(archive, zipfile.ZipFile) else archive
    for number, member in enumerate(members):
        if number > MOST:
            return
        if isinstance(member, zipfile.ZipInfo) and not member.is_dir():
            yield _name(member.filename), member
        elif isinstance(member, tarfile.TarInfo) and member.isreg():
            yield _name(member.name), member


def is_archive(name: str) -> bool:
    return name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz"))


def _name(stored: str) -> str:
    """A member's name, which leads nowhere: without a beginning at the root, "." and ".."."""
    parts = [part for part in stored.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts).encode("utf-8", "backslashreplace").decode()


def _shown(name: str) -> bool:
    return not any(part.startswith(".") or part.lower() in FOREIGN for part in name.split("/"))


def _contents(archive: zipfile.ZipFile | tarfile.TarFile, wanted: set[str], most: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of these members, each once; nothing in place of one that has more than `most` bytes."""
    done: set[str] = set()
    for name, member in _files(archive):
        if name not in wanted or name in done:
            continue
        done.add(name)
        opened: IO[bytes] | None = archive.open(member) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(member)
        if opened is None:
            yield name, b""
            continue
        with opened as file:
            content = file.read(most + 1)
        yield name, content if len(content) <= most else b""
