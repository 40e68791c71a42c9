"""Files made to harm whoever reads them: each lies in a folder of its own, beside nothing else."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from tests.data.files import noise

GOOD = 30  # pictures beside what is hostile, enough to learn from
MB = 2**20
Maker = Callable[[Path], Path]


def png(seed: int, side: int = 12) -> bytes:
    out = io.BytesIO()
    Image.fromarray(noise(seed, side, side)).save(out, "PNG")
    return out.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    for number in range(GOOD):
        yield f"{number:03}.png", png(number)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_of_size(width: int, height: int, content: bytes = b"") -> bytes:
    """A PNG that says it has this size, of these deflated rows."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """So many zeros, deflated."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(min(MB, size - done))) for done in range(0, size, MB)]
    return b"".join([*parts, packer.flush()])


def written(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sparse(path: Path, size: int) -> Path:
    """A file made so long without being written."""
    with path.open("ab") as file:
        file.truncate(size)
    return path.parent if path.parent.name == "d" else path


def gz_zeros(path: Path, size: int, head: bytes) -> Path:
    """A gzipped file that begins so and goes on with zeros."""
    with gzip.open(path, "wb", 9) as file:
        file.write(head)
        for _ in range(0, size, MB):
            file.write(bytes(MB))
    return path
