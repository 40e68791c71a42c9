"""A .zip or .tar of pictures, or several of them (shards), read without unpacking.

Nothing is written, links are not followed, and a path that leads out of the archive is left out. What is read of a member, and
what all of them unpack to, is bounded.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from genlab.core.words import plural
from genlab.data.base import Opened
from genlab.data.bounds import most_of
from genlab.data.captions import LONGEST, SUFFIXES, Beside, from_files
from genlab.data.formats import suffix_of
from genlab.data.options import Request
from genlab.data.overview import LeftOut
from genlab.data.picture_files import PictureFiles, is_picture
from genlab.data.store import PictureItem
from genlab.data.walk import FOREIGN, printable

LARGEST = 2**28  # bytes of one picture
CAPTIONS = 2**28  # bytes of all texts beside pictures
MOST = 2_000_000  # files
DRIVE = re.compile(r"[A-Za-z]:")
TOO_LARGE = f"it unpacks to more than {LARGEST:,} bytes"
Archive = zipfile.ZipFile | tarfile.TarFile


@dataclass
class Members:
    """The files in archives, by their names there.

    at   (the archive, the number of the member in it): of a name that occurs twice in one, the last, as unpacking leaves it
    """

    at: dict[str, tuple[Path, int]] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def left_out(self) -> tuple[LeftOut, ...]:
        return (
            *LeftOut.of(self.outside, "file", "its path leads out of the archive"),
            *LeftOut.of(self.links, "link", "links and devices in an archive are not followed"),
            *LeftOut.of(self.twice, "file", "another of the same name comes later in the archive"),
        )


def read(request: Request, shards: Sequence[Path] = ()) -> Opened:
    """The pictures of an archive, or of all shards together."""
    paths = shards or (request.path,)
    members = _members(request, paths)
    shown = sorted(filter(_shown, members.at))
    if not any(map(is_picture, shown)):
        left = "".join(f"; {each.line()}" for each in members.left_out())
        raise ValueError(
            f"{request.path} holds no pictures ({plural(len(shown), 'file')}{left}); unpack it and name what to learn from"
        )
    stats = [[path.stat().st_size, path.stat().st_mtime_ns] for path in paths]

    def contents(names: Sequence[str], most: int) -> Iterator[tuple[str, bytes]]:
        wanted = {members.at[name]: name for name in names}
        for path in paths:
            with _opened(path) as archive:
                yield from _contents(archive, {number: name for (at, number), name in wanted.items() if at == path}, most)

    def items(names: Sequence[str]) -> Iterator[PictureItem]:
        for name, content in contents(names, LARGEST):
            yield PictureItem(name, content, TOO_LARGE if len(content) > LARGEST else "")

    def beside(names: Sequence[str]) -> Beside:
        texts: dict[str, str] = {}
        total = 0
        for name, content in contents([name for name in shown if suffix_of(name) in SUFFIXES], LONGEST):
            total += len(content)
            if len(content) > LONGEST or total > CAPTIONS:
                raise ValueError(f"{name} in {request.path} is too long for a caption; a caption is a line or a few")
            texts[name] = content.decode("utf-8", "replace")
        return from_files(names, texts)

    return PictureFiles(shown, items, lambda name: [name, stats], beside, members.left_out()).read(request)


@contextmanager
def _opened(path: Path) -> Iterator[Archive]:
    """The archive; ValueError where it is damaged or locked."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
        if head == b"PK":
            with zipfile.ZipFile(path) as archive:
                yield archive
        else:
            with gzip.open(path) if head == b"\x1f\x8b" else path.open("rb") as file:
                source = _Modest(file)
                with tarfile.open(fileobj=source, mode="r:") as archive:  # pyright: ignore[reportArgumentType, reportCallIssue]
                    yield archive
    except Exception as error:  # whatever zipfile, tarfile and zlib raise about a broken file
        if isinstance(error, OSError) and error.filename is not None:
            raise
        why = (
            "locked by a password"
            if "password" in str(error)
            else f"damaged ({(str(error) or type(error).__name__).splitlines()[0][:80]})"
        )
        raise ValueError(f"{path} is {why}; unpack it and name the folder") from None


class _Modest:
    """What a tar archive is read from: never so much at once that a header which lies about its size fills the memory."""

    def __init__(self, file: Any):
        self._file = file
        self.last = b""
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= 2 * LONGEST:
            raise tarfile.ReadError("a header says that more follows than can be")
        self.last = self._file.read(size)
        return self.last


def _members(request: Request, paths: Sequence[Path]) -> Members:
    """The files in the archives."""
    found = Members()
    for path in paths:
        for number, (stored, is_link) in enumerate(_listed(path)):
            name = _name(stored)
            if is_link:
                found.links.append(name or printable(stored))
            elif not name:
                found.outside.append(printable(stored))
            else:
                earlier = found.at.get(name, (path, 0))[0]
                if earlier != path:
                    raise ValueError(f"{earlier.name} and {path.name} both hold {name}; name one of them")
                found.twice += [name] if name in found.at else []
                found.at[name] = path, number
            if number > MOST:
                raise ValueError(f"{request.path} holds more than {MOST:,} files; unpack it and name the folder")
    return found


def _listed(path: Path) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a link or a device) of everything in an archive but its folders; ValueError for a bomb."""
    most, total = most_of(path.stat().st_size), 0
    with _opened(path) as archive:
        for member in _all(archive):
            total += max(0, _size(member))
            if total > most:
                break
            yield (
                (member.filename, _is_link(member)) if isinstance(member, zipfile.ZipInfo) else (member.name, _is_link(member))
            )
    if total > most:
        raise ValueError(f"{path} unpacks to more than {most:,} bytes, far beyond its size; unpack it and name the folder")


def _size(member: zipfile.ZipInfo | tarfile.TarInfo) -> int:
    return member.file_size if isinstance(member, zipfile.ZipInfo) else member.size


def _is_link(member: zipfile.ZipInfo | tarfile.TarInfo) -> bool:
    if isinstance(member, tarfile.TarInfo):
        return not member.isreg()
    return member.external_attr >> 28 in (0o1, 0o2, 0o6, 0o12)  # pipes, devices and links of Unix


def _all(archive: Archive) -> Iterator[zipfile.ZipInfo | tarfile.TarInfo]:
    """Everything in an archive but its folders, in order."""
    if isinstance(archive, zipfile.ZipFile):
        yield from (member for member in archive.infolist() if not member.is_dir())
        return
    forgetful: Any = archive
    while (member := archive.next()) is not None:
        if not member.isdir():
            yield member
        forgetful.members = []  # which it would keep for all
    source: Any = archive.fileobj
    if source.last != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it ends before its end, or goes on with no file")


def is_archive(name: str) -> bool:
    return name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz"))


def _name(stored: str) -> str:
    """A member's name without a beginning at the root, as unpacking takes it off; "" for one that leads out of the archive."""
    parts = [part for part in stored.replace("\\", "/").split("/") if part not in ("", ".")]
    parts = parts[1:] if parts and DRIVE.fullmatch(parts[0]) else parts
    return "" if ".." in parts else printable("/".join(parts))


def _shown(name: str) -> bool:
    return not any(part.startswith(".") or part.lower() in FOREIGN for part in name.split("/"))


def _contents(archive: Archive, wanted: Mapping[int, str], most: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the members of these numbers, cut after one byte more than `most`."""
    for number, member in enumerate(_all(archive)):
        if number in wanted:
            with _file(archive, member) as file:
                parts, left = [], most + 1
                while left > 0 and (part := file.read(min(left, LONGEST))):
                    parts.append(part)
                    left -= len(part)
            yield wanted[number], b"".join(parts)


def _file(archive: Any, member: Any) -> IO[bytes]:
    return archive.open(member) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(member)
