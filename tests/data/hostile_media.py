"""Pictures, recordings, clips and parquet made to harm whoever reads them."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.files import noise
from tests.data.hostile import GOOD, MB, Maker, chunk, gz_zeros, pictures, png, png_of_size, sparse, written, zeros


def among(at: Path, **others: bytes) -> Path:
    """A folder of good pictures and these, `name__png` for name.png."""
    for name, content in (*pictures(), *((name.replace("__", "."), content) for name, content in others.items())):
        written(at / "d" / name, content)
    return at / "d"


def gif(frames: int, width: int = 8, height: int = 8) -> bytes:
    """Frames of one pixel on a screen of this size."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b";"


def wav(
    frames: int = 400, channels: int = 1, rate: int = 8000, bits: int = 16, size: int | None = None, seed: int = 0
) -> bytes:
    content = np.random.default_rng(seed).integers(0, 256, frames * 2, np.uint8).tobytes()
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate % 2**32, rate * block % 2**32, block % 2**16, bits)
    size = len(content) if size is None else size
    return (
        b"RIFF"
        + struct.pack("<I", (size + 36) % 2**32)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + head
        + b"data"
        + struct.pack("<I", size)
        + content
    )


def sounds(at: Path, *hostile: bytes, suffix: str = "wav") -> Path:
    for number in range(GOOD):
        written(at / "d" / f"{number}.wav", wav(seed=number))
    for number, content in enumerate(hostile):
        written(at / "d" / f"bad{number}.{suffix}", content)
    return at / "d"


def flac_bomb() -> bytes:
    import soundfile

    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 8000, 8, format="FLAC") as sound:
        for _ in range(40):
            sound.write(np.zeros((2**18, 8), np.int16))
    return out.getvalue()


def clips(at: Path, *hostile: bytes) -> Path:
    for number in range(GOOD):
        out = io.BytesIO()
        frames = [Image.fromarray(noise(10 * number + n, 8, 8)) for n in range(4)]
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
        written(at / "d" / f"{number}.gif", out.getvalue())
    for number, content in enumerate(hostile):
        written(at / "d" / f"bad{number}.gif", content)
    return at / "d"


def table(path: Path, **columns: object) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)  # pyright: ignore[reportArgumentType]
    return path


def parquet_bomb(path: Path, wide: int, count: int) -> Path:
    """Rows of the same zeros: a dictionary holds them once."""
    import pyarrow as pa

    return table(path, image=pa.array([bytes(wide)] * count))


def parquet_paths(path: Path) -> Path:
    """Rows that name a picture by its place on the disk, and by a path that climbs."""
    import pyarrow as pa

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    paths = (str(path.with_name("x.png")), f"../{path.parent.name}/x.png", "a\0b.png")
    return table(path, image=pa.array([{"bytes": None, "path": each} for each in paths] * 10, kind))


def parquet_lies(path: Path, places: int = 40, seed: int = 0) -> Path:
    """Bytes of its footer are others."""
    table(path, image=[content for _, content in pictures()], label=list(range(GOOD)))
    whole, chance = bytearray(path.read_bytes()), random.Random(seed)
    length = int.from_bytes(whole[-8:-4], "little")
    for _ in range(places):
        whole[-8 - chance.randrange(length)] = chance.randrange(256)
    return written(path, bytes(whole))


MEDIA: dict[str, Maker] = {
    "picture of 2^31": lambda at: among(at, big__png=png_of_size(2**31 - 1, 2**31 - 1)),
    "picture of rows": lambda at: among(at, big__png=png_of_size(30_000, 30_000, zeros(30_001 * 3000))),
    "picture below the bound": lambda at: among(at, big__png=png_of_size(9000, 9000, zeros(9001 * 9000))),
    "picture of chunks": lambda at: among(at, text__png=png(0)[:33] + chunk(b"zTXt", b"a\0\0" + zeros(300 * MB)) + png(0)[33:]),
    "tiff of pages": lambda at: among(at, loop__tif=b"II*\0" + struct.pack("<IHHHIII", 8, 1, 256, 3, 1, 9, 8)),
    "screen": lambda at: among(at, screen__gif=gif(1, 65535, 65535)),
    "screens": lambda at: clips(at, gif(40, 65535, 65535)),
    "frames": lambda at: clips(at, gif(100_000)),
    "frames of a screen": lambda at: clips(at, gif(9000, 4000, 4000)),
    "frames among stills": lambda at: among(at, frames__gif=gif(100_000)),
    "bmp": lambda at: among(
        at, b__bmp=b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2**31 - 1, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "ppm": lambda at: among(at, p__ppm=b"P6 99999999 99999999 255\n", q__ppm=b"P6 " + b"9" * 5000 + b" 1 255\n"),
    "wav length": lambda at: sounds(at, wav(size=2**32 - 1)),
    "wav rate": lambda at: sounds(at, wav(rate=0)),
    "wav rates": lambda at: sounds(at, wav(rate=2**32 - 1)),
    "wav channels": lambda at: sounds(at, wav(channels=0)),
    "wav many channels": lambda at: sounds(at, wav(channels=1000, frames=4000)),
    "wav bits": lambda at: sounds(at, wav(bits=0), wav(bits=7), wav(bits=255)),
    "flac bomb": lambda at: sounds(at, flac_bomb(), suffix="flac"),
    "sparse wav": lambda at: sparse_wav(at),
    "parquet bomb": lambda at: parquet_bomb(at / "x.parquet", 20 * MB, 30),
    "parquet bomb of one": lambda at: parquet_bomb(at / "x.parquet", 200 * MB, 1),
    "parquet footer": lambda at: parquet_lies(at / "x.parquet"),
    "parquet length": lambda at: written(at / "x.parquet", b"PAR1" + bytes(100) + struct.pack("<I", 2**31) + b"PAR1"),
    "parquet columns": lambda at: table(at / "x.parquet", **{f"c{n}": [1.5] * 30 for n in range(5000)}),
    "parquet path": lambda at: parquet_paths(written(at / "x.png", png(0)).with_name("x.parquet")),
    "idx bomb": lambda at: idx_bomb(at / "d"),
    "parquet huge number": lambda at: table(at / "x.parquet", a=["9" * 5000] * 30, b=[1.5] * 30),
}  # fmt: skip


def idx_bomb(at: Path) -> Path:
    for part in ("train", "t10k"):
        head = b"\0\0\x08\x03" + struct.pack(">III", 300_000, 60, 60)
        gz_zeros(written(at / f"{part}-images-idx3-ubyte.gz", b""), 300_000 * 3600, head)
    return at


def sparse_wav(at: Path) -> Path:
    """Four gigabytes of silence that take no room."""
    folder = sounds(at, wav(size=2**32 - 100))
    sparse(folder / "bad0.wav", 2**32 - 1)
    return folder
