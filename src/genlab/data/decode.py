"""One picture file becomes levels: any mode, any orientation, any size."""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from genlab.data.signatures import HEAD, PICTURES, of_bytes, signature
from genlab.data.unread import MADE_BY

ENLARGED = 8  # times at most: what is smaller holds nothing to see at that size
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap width and height
FLOATS = "its levels are 32-bit floating point numbers without a fixed white; save it with 8 or 16 bits"
WIDE = "its levels are 32-bit integers; save it with 8 or 16 bits"
TOO_MANY = "it has too many pixels, hundreds of millions; make it smaller"
TOO_HIGH = "its levels go up to {:,}, beyond the {:,} that --levels allows"
Content = Path | bytes  # a file, or what is in one
Half = Literal["", "left", "right"]  # of a picture; "": all of it


class Picture(NamedTuple):
    """A decoded picture.

    levels   (3, H, W) uint8
    size     (height, width) of the upright picture before it was fitted
    peak     largest level of one with 16 bits a channel; -1 for all others
    moving   whether its file holds more pictures than this one, the first
    own      whether genlab made it
    indexed  whether its pixels are numbers into a palette
    """

    levels: np.ndarray
    size: tuple[int, int]
    peak: int
    moving: bool
    own: bool
    indexed: bool


@cache
def reads_heic() -> bool:
    """Whether Pillow has the plug-in for pictures in HEIC, as telephones take them; it is then registered."""
    try:
        from pillow_heif import register_heif_opener  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    register_heif_opener()
    return True


def measured(content: Content) -> tuple[int, int]:
    """(height, width) of the upright picture, from its header alone. Raises as `decoded` does."""
    with _reasons(), _opened(content) as image:
        width, height = image.size
        return (width, height) if _orientation(image) in TURNED else (height, width)


def decoded(
    content: Content, shape: tuple[int, int], levels: int | None = None, label_map: bool = False, half: Half = ""
) -> Picture:
    """The picture composited on white, upright, fitted to shape (H, W). ValueError says why it cannot be read.

    levels      of a file that uses fewer than it could hold. Up to 256 they stay as they are, more are scaled to 256
    label_map   whether pixels are numbers of classes: a palette's numbers stay, and fitting takes the nearest pixel
    half        which half is the picture
    """
    with _reasons(), _opened(content) as image:
        height, width = shape
        (across, down), orientation, indexed = image.size, _orientation(image), image.mode == "P"
        moving, own, peak = bool(getattr(image, "is_animated", False)), made_here(image), -1
        if image.format == "JPEG" and height == width and not label_map and not half:
            image.draft(None, (2 * width, 2 * height))  # decodes at 1/2, 1/4 or 1/8 where at least twice the size remains
        turned = ImageOps.exif_transpose(image) if orientation > 1 else image
        if half:
            turned, across, down, orientation = _cut(turned, half), turned.width // 2, turned.height, 1
        if turned.mode.startswith("I"):
            peak = int(np.asarray(turned.convert("I")).max())
        most = (levels or 65536) - 1
        fit = numbered(turned) if label_map else opaque(turned, most)
        if most < 255 and (highest := int(np.asarray(fit).max())) > most:
            raise ValueError(TOO_HIGH.format(highest, most))
        if fit.size != (width, height):
            fit = square(fit, width, Image.Resampling.NEAREST if label_map else Image.Resampling.BICUBIC)
        pixels = np.minimum(np.asarray(fit.convert("RGB")), most if most < 255 else 255)
    size = (across, down) if orientation in TURNED else (down, across)
    return Picture(pixels.transpose(2, 0, 1), size, peak, moving, own, indexed)


def _cut(image: Image.Image, half: Half) -> Image.Image:
    """The left or the right half of a picture, both equally wide."""
    wide = image.width // 2
    return image.crop((0, 0, wide, image.height) if half == "left" else (image.width - wide, 0, image.width, image.height))


def made_here(image: Image.Image) -> bool:
    """Whether genlab wrote this PNG or GIF."""
    said = image.info.get("Software") or image.info.get("comment")
    return said in (MADE_BY, MADE_BY.encode())


def numbered(image: Image.Image) -> Image.Image:
    """A label map's numbers as grey levels."""
    if image.mode == "P":
        return Image.fromarray(np.asarray(image))
    if image.mode.startswith("I") or image.mode in ("L", "1"):
        numbers = np.asarray(image.convert("I")) // (255 if image.mode == "1" else 1)
        if numbers.min() < 0 or numbers.max() > 255:
            raise ValueError(f"its numbers go up to {numbers.max()}; a label map has numbers from 0 to 255")
        return Image.fromarray(numbers.astype(np.uint8))
    bands = image.convert("RGB").split()
    if bands[0].tobytes() != bands[1].tobytes() or bands[0].tobytes() != bands[2].tobytes():
        raise ValueError("it has colours; a label map has one number a pixel, in a palette or as grey")
    return bands[0]


def opaque(image: Image.Image, white: int = 65535) -> Image.Image:
    """The picture with 8 bits a channel, composited on white where it is transparent.

    white   the level of white in pictures of 16 bits: 65535, or less in a file that uses fewer
    """
    if image.mode.startswith("I"):
        wide = np.asarray(image.convert("I"))
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError(WIDE)
        if wide.max() > white:
            raise ValueError(TOO_HIGH.format(wide.max(), white))
        small = wide if white <= 255 else (wide * 255 + white // 2) // white
        return Image.fromarray(small.astype(np.uint8))
    if image.mode == "F":
        raise ValueError(FLOATS)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def square(image: Image.Image, size: int, resampling: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    """The middle of the picture, size x size: as if its shorter side were resized (with antialiasing), the rest cut off."""
    width, height = image.size
    side = min(width, height)
    if side * ENLARGED < size or side < 2:
        raise ValueError(f"{width} x {height} pixels are too few for a picture of {size} x {size}")
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), resampling, box=(left, top, left + side, top + side))


def grey_or_colour(x: np.ndarray) -> np.ndarray:
    """(C, H, W) with one channel where all three are equal: a grey picture has the same digest in a set of coloured ones."""
    return x[:1] if len(x) == 3 and np.array_equal(x[0], x[1]) and np.array_equal(x[0], x[2]) else x


def _opened(content: Content) -> Image.Image:
    if (content.stat().st_size if isinstance(content, Path) else len(content)) == 0:
        raise ValueError("it is empty")
    try:
        return Image.open(content if isinstance(content, Path) else io.BytesIO(content))
    except UnidentifiedImageError:
        known = signature(content) if isinstance(content, Path) else of_bytes(content[:HEAD])
        if known is None or known.what.startswith(PICTURES):
            raise
        raise ValueError(f"it is {known.what}{known.remedy and f'; {known.remedy}'}") from None
    except Image.DecompressionBombError:
        raise ValueError(TOO_MANY) from None


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 ... 8; 1 (upright) where there is none, or none that can be read."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1
    return found if isinstance(found, int) else 1


class _reasons:
    """Turns every error that Pillow raises for a broken file into a ValueError with a reason."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnidentifiedImageError):
            raise ValueError("not a readable picture") from None
        if isinstance(error, OSError) and error.errno is not None:
            raise ValueError(f"it cannot be opened: {error.strerror}") from None
        if isinstance(error, Exception) and not isinstance(error, ValueError | MemoryError):
            raise ValueError(str(error) or type(error).__name__) from None
