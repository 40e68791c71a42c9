"""Pictures in files, in a folder or an archive: what their folders mean, and what stands beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genlab.core.program import installing
from genlab.core.words import plural
from genlab.data import patterns
from genlab.data.base import Opened
from genlab.data.captions import Beside
from genlab.data.decode import Half, reads_heic
from genlab.data.examples import Examples, classed
from genlab.data.formats import HEIC, PICTURES, suffix_of
from genlab.data.layout import Layout, laid_out
from genlab.data.options import Request
from genlab.data.overview import LeftOut, Overview
from genlab.data.paired import Paired, Unpaired
from genlab.data.store import Decoded, PictureItem, PictureManifest, decode_cached


def is_picture(name: str) -> bool:
    """Whether a file is a picture that can be read here, by its suffix."""
    suffix = suffix_of(name)
    return suffix in PICTURES or (suffix in HEIC and reads_heic())


@dataclass(frozen=True)
class PictureFiles:
    """The pictures among the files of a folder or an archive.

    names      of all files, those of the pictures among them; parts set apart by "/"
    items      the pictures of these names, to be decoded
    key        JSON values of a picture's file, which change whenever it does
    beside     captions and labels of the pictures of these names
    left_out   what was passed over
    unnamed    names of pictures whose names do not say that they are some
    """

    names: Sequence[str]
    items: Callable[[Sequence[str]], Iterable[PictureItem]]
    key: Callable[[str], Any]
    beside: Callable[[Sequence[str]], Beside]
    left_out: tuple[LeftOut, ...] = ()
    unnamed: frozenset[str] = frozenset()

    def read(self, request: Request) -> Opened:
        """Examples; two sources in one where the folders are domains."""
        found = [name for name in self.names if is_picture(name) or name in self.unnamed]
        first = laid_out(found, request.name, request.options.folders)
        kept = [name for name, keep in zip(found, first.keep.tolist(), strict=True) if keep]
        beside = self.beside(kept)
        key = [self.key(name) for name in kept]
        learnt, given = _halves(request)
        manifest = PictureManifest(lambda: self.items(kept), len(kept), key, learnt)
        decoded = decode_cached(request, manifest)
        partners = decode_cached(request, replace(manifest, half=given)) if given else None
        # Again, of the pictures alone that there are: what is broken or was made by genlab has no say in what a folder means.
        whole = decoded.names == found
        layout = first if whole else laid_out(decoded.names, request.name, request.options.folders)
        if layout.domains is None and partners is None and request.options.domain is not None:
            raise ValueError(f"{request.name} has no folders like trainA and trainB; leave --domain out")
        if request.options.halves is None and decoded.survey.side_by_side:
            raise ValueError(
                f"every picture of {request.name} is twice as wide as high: a pair side by side, of which the right one is "
                "learnt and the left one given (--halves pair), or one picture (--halves one)?"
            )
        layout = _labelled(layout, decoded.names, beside, request.options.pattern)
        noted = Overview(
            classes_from=layout.classes_from,
            splits_from=layout.splits_from,
            texts_from=beside.texts_from,
            left_out=(*self.left_out, *first.left_out, *self._others({*found, *beside.used}), *beside.left_out),
            odd=tuple(self._odd(kept, layout)),
        )
        texts = [beside.texts.get(name, "") for name in decoded.names]
        if partners is not None:
            if layout.domains is not None:
                raise ValueError(f"--halves: {request.name} has two domains in its folders already; leave it out")
            parts = [_part(request, each, layout, noted, texts, half) for each, half in ((decoded, learnt), (partners, given))]
            return Paired.within(parts[0], parts[1], request)
        if layout.domains is not None:
            return _domains(request, decoded, layout, noted, texts)
        return decoded.examples(request, layout.labels, layout.classes, layout.own, noted, texts, ("folders", "moving"))

    def _odd(self, names: Sequence[str], layout: Layout) -> Iterator[str]:
        if self.unnamed:
            yield f"{plural(len(self.unnamed), 'file')} known as pictures by their first bytes alone"
        frames = {name.rpartition("/")[2] for name in names}
        if len(layout.classes) > len(frames) > 1 and all(any(map(str.isdigit, name)) for name in frames):
            yield (
                f"the {len(layout.classes):,} folders hold files of the same {len(frames)} names: if each is a clip, "
                f"--frames {len(frames)} learns clips"
            )

    def _others(self, used: set[str]) -> tuple[LeftOut, ...]:
        """Files that are not learnt from."""
        others = [name for name in self.names if name not in used]
        heic = [name for name in others if suffix_of(name) in HEIC]
        return (
            *LeftOut.of(heic, "picture", f"HEIC, which needs an extra: {installing('heic')}"),
            *LeftOut.of(_by_suffix([name for name in others if name not in set(heic)]), "file", "no pictures"),
        )


def _halves(request: Request) -> tuple[Half, Half]:
    """The half of each picture that is learnt, and the one that is given; nothing where a picture is one."""
    if request.options.halves != "pair":
        return "", ""
    return ("left", "right") if request.options.domain == "A" else ("right", "left")


def _part(request: Request, decoded: Decoded, layout: Layout, noted: Overview, texts: Sequence[str], half: str) -> Examples:
    """One half of each picture."""
    bare = replace(request, name=f"the {half} halves", options=replace(request.options, halves=None, domain=None))
    return decoded.examples(bare, layout.labels, layout.classes, layout.own, noted, texts, ("folders", "moving"))


def _labelled(layout: Layout, names: Sequence[str], beside: Beside, pattern: str | None) -> Layout:
    """The layout with labels by a pattern of the names, or else of a table of metadata, in place of those of the folders."""
    said = [beside.labels.get(name, "") for name in names]
    if pattern is not None:
        fields = patterns.fields(pattern, names, layout.own)
        if list(fields) != ["label"]:
            raise ValueError(
                f"--pattern {pattern}: names of pictures say their label alone; write {{label}} once, {{_}} for the rest"
            )
        labels, classes = classed(np.array(fields["label"]))
        return replace(layout, labels=labels, classes=classes, classes_from=f"the files' names, {pattern}")
    if any(said):
        labels, classes = classed(np.array(said))
        return replace(layout, labels=labels, classes=classes, classes_from=beside.labels_from)
    if len(layout.classes) < 2 and (offered := patterns.offered(names, layout.own)):
        return replace(layout, classes_from=f"{layout.classes_from}; {offered}")
    return layout


def _by_suffix(names: Sequence[str]) -> list[str]:
    """The names, the first of each suffix before the others, so that the few that are shown say which formats there are."""
    seen = Counter[str]()
    ranked = []
    for name in names:
        suffix = suffix_of(name)
        ranked.append((seen[suffix], name))
        seen[suffix] += 1
    return [name for _, name in sorted(ranked)]


def _domains(request: Request, decoded: Decoded, layout: Layout, noted: Overview, texts: Sequence[str]) -> Opened:
    """The pictures of one domain, with those of the other as partners, or as `other` while training."""
    paired = request.options.folders == "pairs"
    learnt = request.options.domain or ("B" if paired else "A")
    parts = [_of_domain(request, decoded, layout, noted, texts, domain) for domain in (learnt, "AB".replace(learnt, ""))]
    return (Paired if paired else Unpaired).within(parts[0], parts[1], request)


def _of_domain(
    request: Request, decoded: Decoded, layout: Layout, noted: Overview, texts: Sequence[str], domain: str
) -> Examples:
    assert layout.domains is not None
    chosen = np.flatnonzero(layout.domains == domain)
    own = None if layout.own is None else layout.own[chosen]
    names = [decoded.names[number] for number in chosen.tolist()]
    part = replace(decoded, x=decoded.x[chosen], digests=decoded.digests[chosen], names=names)
    bare = replace(request, name=f"{request.name}, {domain}", options=replace(request.options, folders=None, domain=None))
    return part.examples(bare, layout.labels[chosen], layout.classes, own, noted, [texts[number] for number in chosen.tolist()])
