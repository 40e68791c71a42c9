"""Files on which readers are tried: ordinary, awkward and broken ones."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

RED = (200, 40, 30)


def noise(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8 that no other seed gives."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def folder(
    path: Path, count: int = 60, classes: tuple[str, ...] = (), size: int = 12, channels: int = 3, first: int = 0
) -> Path:
    """`count` random PNGs, dealt out to folders of the classes in turn."""
    for number in range(first, first + count):
        place = path / classes[number % len(classes)] if classes else path
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number, size, size, channels)).save(place / f"{number:03}.png")
    return path


def jpeg(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", **options)
    return out.getvalue()


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def mnist_like(path: Path, train: int = 60, test: int = 20, side: int = 6, pack: bool = True) -> Path:
    """The four files, with labels i % 3."""
    path.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(5)
    for part, count in (("train", train), ("t10k", test)):
        files = {
            f"{part}-images-idx3-ubyte": idx(generator.integers(0, 256, (count, side, side))),
            f"{part}-labels-idx1-ubyte": idx(np.arange(count) % 3),
        }
        for name, content in files.items():
            (path / (name + ".gz" * pack)).write_bytes(gzip.compress(content) if pack else content)
    return path


def awkward(path: Path) -> dict[str, tuple[int, int, int]]:
    """Pictures that can be read, each 20 x 20 (or so) of one colour: name -> the colour that must come out."""
    path.mkdir(parents=True, exist_ok=True)
    plain = Image.new("RGB", (20, 20), RED)
    plain.save(path / "plain.png")
    plain.save(path / "plain.jpg", quality=100, subsampling=0)
    plain.save(path / "plain.bmp")
    plain.save(path / "plain.tif")
    plain.save(path / "plain.webp", lossless=True)
    plain.save(path / "UPPER.PNG")
    plain.convert("P", palette=Image.Palette.ADAPTIVE).save(path / "palette.png")
    plain.convert("CMYK").save(path / "cmyk.jpg", quality=100, subsampling=0)
    plain.resize((60, 20)).save(path / "wide.png")
    plain.resize((5, 90)).save(path / "tall.png")
    plain.save(path / "moving.gif", save_all=True, append_images=[Image.new("RGB", (20, 20), "blue")], duration=50)
    Image.new("L", (20, 20), 90).save(path / "grey.png")
    Image.new("LA", (20, 20), (90, 255)).save(path / "grey-alpha.png")
    Image.new("1", (20, 20), 1).save(path / "bits.png")
    Image.fromarray(np.full((20, 20), 90 * 257, np.uint16)).save(path / "sixteen.png")
    Image.fromarray(np.full((20, 20), 90 * 257, np.uint16)).save(path / "sixteen.tif")
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(path / "clear.png")
    Image.new("RGBA", (20, 20), (*RED, 128)).save(path / "half.png")
    see_through = plain.convert("P", palette=Image.Palette.ADAPTIVE)
    see_through.save(path / "palette-clear.png", transparency=0)
    half = tuple(round(channel * 128 / 255 + 127) for channel in RED)
    grey, white = (90, 90, 90), (255, 255, 255)
    special = {"clear.png": white, "palette-clear.png": white, "bits.png": white, "half.png": half}
    special |= dict.fromkeys(("grey.png", "grey-alpha.png", "sixteen.png", "sixteen.tif"), grey)
    return {file.name: special.get(file.name, RED) for file in path.iterdir()}


def broken(path: Path) -> dict[str, str]:
    """Files that cannot be read: name -> a word of the reason."""
    path.mkdir(parents=True, exist_ok=True)
    whole = jpeg(noise(0, 64, 64))
    (path / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (path / "empty.png").write_bytes(b"")
    (path / "text.png").write_text("I am no picture, whatever I am called.", encoding="utf-8")
    (path / "head.jpg").write_bytes(whole[:10])
    Image.new("RGB", (1, 1), RED).save(path / "dot.png")
    Image.fromarray(np.full((20, 20), 0.5, np.float32)).save(path / "floats.tif")
    Image.fromarray(np.full((20, 20), 70_000, np.int32)).save(path / "wide.tif")
    return {
        "truncated.jpg": "truncated", "empty.png": "empty", "text.png": "not a readable picture", "head.jpg": "truncated",
        "dot.png": "1 x 1", "floats.tif": "floating", "wide.tif": "32-bit",
    }  # fmt: skip
