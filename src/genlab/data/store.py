"""Decoded pictures, kept in the cache by name alone.

Labels, captions and splits are the reader's, which knows more when all pictures are decoded: which of them cannot be read, and
which were made by genlab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.core.words import plural
from genlab.data import splits, unread
from genlab.data.cache import array, cached, flushed, parallel_map, read_record, write_array, write_record
from genlab.data.decode import Content, Half, Picture, decoded, grey_or_colour, measured
from genlab.data.examples import Examples, Stored, classes_there
from genlab.data.levels import of_maps, pictures
from genlab.data.options import Options, Request
from genlab.data.overview import NAMED as SHOWN
from genlab.data.overview import Overview

OWN, OTHERWISE = 64, 32  # pixels: the largest original size that is kept, and the size for pictures of several sizes
BLOCK = 1024  # pictures copied at once


class PictureItem(NamedTuple):
    name: str  # for messages
    content: Content
    why: str = ""  # it cannot be read, where that is known already


@dataclass(frozen=True)
class PictureManifest:
    """The pictures of a source, to be decoded.

    items    gives all of them, from the first, at each call
    key      JSON values that change whenever the source does
    half     which half of each file is the picture
    """

    items: Callable[[], Iterable[PictureItem]]
    total: int
    key: Any
    half: Half = ""


@dataclass
class Survey:
    """What the files of the pictures were like.

    sizes      how many different sizes, (height, width), there were; the smallest and the largest of them by area
    peak       the largest level of pictures with 16 bits a channel; -1 where there are none
    indexed    whether all of them are numbers into palettes
    moving     the number of files that hold several pictures, of which the first is used, and the first few of them by name
    """

    sizes: int = 0
    smallest: Sequence[int] = ()
    largest: Sequence[int] = ()
    peak: int = -1
    indexed: bool = True
    moving: int = 0
    moving_names: Sequence[str] = ()

    def add(self, name: str, picture: Picture) -> None:
        self.peak = max(self.peak, picture.peak)
        self.indexed &= picture.indexed
        self.moving += picture.moving
        if picture.moving and self.moving <= SHOWN:
            self.moving_names = [*self.moving_names, name]

    def count(self, sizes: set[tuple[int, int]]) -> None:
        ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
        self.sizes, (self.smallest, self.largest) = len(ordered), (ordered[0], ordered[-1]) if ordered else ((), ())

    @property
    def side_by_side(self) -> bool:
        """Whether every picture may be two: all have one size, twice as wide as high."""
        return self.sizes == 1 and self.largest[1] == 2 * self.largest[0]

    def sized(self) -> str:
        """The sizes in words."""
        first, last = (f"{width} × {height}" for height, width in (self.smallest, self.largest))
        return f"of {first} pixels" if self.sizes == 1 else f"of {self.sizes:,} sizes, {first} to {last} pixels"


@dataclass(frozen=True)
class Decoded:
    """The pictures of a manifest that could be decoded.

    x         (n, C, H, W) uint8
    digests   (n, 16) uint8
    numbers   (n,) of the manifest's items
    names     of all n
    skipped   (name, reason) of those that could not be decoded
    own       names of those that genlab made
    """

    x: np.ndarray
    digests: np.ndarray
    numbers: np.ndarray
    names: list[str]
    skipped: list[tuple[str, str]]
    own: list[str]
    survey: Survey

    def examples(
        self,
        request: Request,
        labels: np.ndarray,
        classes: tuple[str, ...],
        own: np.ndarray | None,
        noted: Overview,
        texts: Sequence[str] = (),
        words: Sequence[str] = (),
    ) -> Examples:
        """The pictures as data.

        labels, own, texts   of the decoded pictures, -1 and "" for none
        words                further kinds of data whose options suit them
        """
        left = (
            *noted.left_out,
            *unread.left_out("picture", self.skipped, self.own),
        )
        odd = (*noted.odd, *self._odd())
        noted = replace(noted, found=self.survey.sized(), made=self._made(request), left_out=left, odd=odd)
        known, classes = classes_there(labels, classes)
        texts = texts if any(texts) else ()
        stored = Stored(self.x, self.digests, known, classes, own, self.names, self.skipped, noted, texts)
        try:
            return pictures(request, stored, self._levels(request), *words, indexed=self.survey.indexed)
        except ValueError as error:
            if self.survey.moving and len(self.x) < splits.ENOUGH:
                raise ValueError(f"{error}; {next(self._odd())}") from None
            raise

    def _levels(self, request: Request) -> int:
        if request.options.label_maps:
            return of_maps(self.x)
        return min(request.options.levels or 256, 256)

    def _made(self, request: Request) -> str:
        """How the examples were made of pictures of these sizes."""
        if self.survey.sizes == 1 and tuple(self.survey.largest) == self.x.shape[2:]:
            return "as they are"
        if request.options.size is not None:
            return "cut to squares and resized, as --size says"
        why = "since their sizes differ" if self.survey.sizes > 1 else f"since they are larger than {OWN}"
        return f"cut to squares and resized, {why}: --size N for another size"

    def _odd(self) -> Iterator[str]:
        survey = self.survey
        if survey.moving:
            names = ", ".join(survey.moving_names)
            more = ", ..." if survey.moving > len(survey.moving_names) else ""
            each = f"{plural(survey.moving, 'file')} of several pictures each, of which the first is learnt ({names}{more})"
            paged = all(name.lower().endswith((".tif", ".tiff")) for name in survey.moving_names)
            yield f"{each}; {'save each page as a file to learn all' if paged else '--frames N learns clips'}"
        if 0 <= survey.peak < 65535 // 4:
            bits = max(1, survey.peak.bit_length())
            yield f"the pictures use {bits} of 16 bits, nothing above {survey.peak:,}: they will look dark; --levels {2**bits}"


def decode_cached(request: Request, manifest: PictureManifest) -> Decoded:
    """The decoded pictures of a manifest, from the cache if they are in it."""
    how = [request.options.size, request.options.levels, request.options.label_maps, manifest.half]

    def write(part: Path) -> None:
        shape: tuple[int, int] | None = _shape(request, manifest)
        while shape is not None:
            shape = _fill(part, request, manifest, shape)

    found = cached(request, "pictures", how, manifest.key, write, _loaded)
    unread.check(request, "picture", len(found.names), found.skipped, found.own)
    return found


def _loaded(entry: Path) -> Decoded | None:
    """The entry's pictures; None where it is missing or damaged."""
    try:
        record, x = read_record(entry), array(entry / "x.npy")
        rows = np.load(entry / "rows.npy", allow_pickle=False)
        if list(x.shape) != record["shape"] or len(rows) != len(x):
            return None
        skipped = [(name, reason) for name, reason in record["skipped"]]
        survey = Survey(**record["survey"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Decoded(x, rows["digest"], rows["number"], record["names"], skipped, record["own"], survey)


def _fill(part: Path, request: Request, manifest: PictureManifest, shape: tuple[int, int]) -> tuple[int, int] | None:
    """Decode into `part`: x.npy, rows.npy, record.json. No memory map is written: on a full disk it would kill the process.

    Returns another shape where the pictures ask for it: as soon as two sizes are seen where one was expected.
    """
    names: list[str] = []
    numbers: list[int] = []
    skipped: list[tuple[str, str]] = []
    own: list[str] = []
    digests: list[bytes] = []
    sizes: set[tuple[int, int]] = set()
    survey, colour = Survey(), False
    with (part / "raw").open("wb") as raw:
        outcomes = parallel_map(lambda item: _tried(item, shape, request.options, manifest.half), manifest.items(), _held)
        for number, (name, picture) in enumerate(outcomes):
            if isinstance(picture, str):
                skipped.append((name, picture))
            elif picture.own:
                own.append(name)
            else:
                small = grey_or_colour(picture.levels)
                colour |= len(small) == 3
                digests.append(splits.digest(small.tobytes()))
                names.append(name)
                numbers.append(number)
                sizes.add(picture.size)
                survey.add(name, picture)
                raw.write(picture.levels.tobytes())
                if request.options.size is None and len(sizes) > 1 and shape != (OTHERWISE, OTHERWISE):
                    return _fitting(sizes)
            request.progress(number + 1, manifest.total, "decoding pictures")
    if request.options.size is None and sizes and (better := _fitting(sizes)) != shape:
        return better
    channels = 3 if colour else 1
    _reshaped(part, (len(names), 3, *shape), channels)
    rows = np.zeros(len(names), [("digest", np.uint8, 16), ("number", np.int64)])
    rows["digest"], rows["number"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16), numbers
    write_array(part / "rows.npy", rows)
    survey.count(sizes)
    record = {"shape": [len(names), channels, *shape], "names": names, "own": own, "survey": asdict(survey)}
    write_record(part, record | {"skipped": skipped, "source": request.source})
    return None


def _held(item: PictureItem) -> int:
    """Bytes of a picture that is not read from a file of its own."""
    return len(item.content) if isinstance(item.content, bytes) else 0


def _tried(item: PictureItem, shape: tuple[int, int], options: Options, half: Half) -> tuple[str, Picture | str]:
    """The item's name with the picture, or with the reason why it cannot be decoded."""
    if item.why:
        return item.name, item.why
    try:
        return item.name, decoded(item.content, shape, options.levels, options.label_maps, half)
    except ValueError as error:
        if options.size is None and shape != (OTHERWISE, OTHERWISE):  # it may be too small for that, and not for this
            return _tried(item, (OTHERWISE, OTHERWISE), options, half)
        return item.name, str(error)


def _reshaped(part: Path, shape: tuple[int, ...], channels: int) -> None:
    """raw -> x.npy with the first `channels` channels."""
    with (part / "raw").open("rb") as raw, (part / "x.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (shape[0], channels, *shape[2:])}
        np.lib.format.write_array_header_1_0(file, header)
        size = int(np.prod(shape[1:]))
        while block := raw.read(BLOCK * size):
            file.write(np.frombuffer(block, np.uint8).reshape(-1, *shape[1:])[:, :channels].tobytes())
        flushed(file)
    (part / "raw").unlink()


def _shape(request: Request, manifest: PictureManifest) -> tuple[int, int]:
    """(H, W) of the examples: what was asked for, else as if all were like the first, which decoding them finds out."""
    if request.options.size is not None:
        return request.options.size, request.options.size
    for item in manifest.items():
        if item.why:
            continue
        try:
            height, width = measured(item.content)
        except ValueError:
            continue  # the decoding says why
        return _fitting({(height, width // 2 if manifest.half else width)})
    return OTHERWISE, OTHERWISE


def _fitting(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    """(H, W) of examples made of pictures of these sizes: their own where they have one and it is small."""
    only = next(iter(sizes)) if len(sizes) == 1 else None
    return only if only is not None and 1 < max(only) <= OWN else (OTHERWISE, OTHERWISE)
