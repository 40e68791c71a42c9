"""One picture file becomes levels: any mode, any orientation, any size."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

ENLARGED = 8  # times at most: what is smaller holds nothing to see at that size
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap width and height
FLOATS = "its levels are 32-bit floating point numbers without a fixed white; save it with 8 or 16 bits"
WIDE = "its levels are 32-bit integers; save it with 8 or 16 bits"
Content = Path | bytes  # a file, or what is in one


def measured(content: Content) -> tuple[int, int]:
    """(height, width) of the upright picture, from its header alone. Raises as `decoded` does."""
    with _reasons(), _opened(content) as image:
        width, height = image.size
        return (width, height) if _orientation(image) in TURNED else (height, width)


def decoded(content: Content, shape: tuple[int, int]) -> np.ndarray:
    """(3, H, W) uint8, composited on white, upright, fitted to shape (H, W). ValueError says why it cannot be read."""
    with _reasons(), _opened(content) as image:
        height, width = shape
        if image.format == "JPEG" and height == width:
            image.draft(None, (2 * width, 2 * height))  # decodes at 1/2, 1/4 or 1/8 where at least twice the size remains
        turned = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        fit = opaque(turned)
        if fit.size != (width, height):
            fit = square(fit, width)
        levels = np.asarray(fit.convert("RGB"))
    return levels.transpose(2, 0, 1)


def opaque(image: Image.Image) -> Image.Image:
    """The picture with 8 bits a channel, composited on white where it is transparent."""
    if image.mode.startswith("I"):
        wide = np.asarray(image.convert("I"))
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError(WIDE)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError(FLOATS)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def square(image: Image.Image, size: int) -> Image.Image:
    """The middle of the picture, size x size: as if its shorter side were resized (with antialiasing), the rest cut off."""
    width, height = image.size
    side = min(width, height)
    if side * ENLARGED < size or side < 2:
        raise ValueError(f"{width} x {height} pixels are too few for a picture of {size} x {size}")
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def grey_or_colour(x: np.ndarray) -> np.ndarray:
    """(C, H, W) with one channel where all three are equal: a grey picture has the same digest in a set of coloured ones."""
    return x[:1] if len(x) == 3 and np.array_equal(x[0], x[1]) and np.array_equal(x[0], x[2]) else x


def _opened(content: Content) -> Image.Image:
    if (content.stat().st_size if isinstance(content, Path) else len(content)) == 0:
        raise ValueError("it is empty")
    return Image.open(content if isinstance(content, Path) else io.BytesIO(content))


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
            raise ValueError("it is no picture of a known format, or a damaged one") from None
        if isinstance(error, OSError) and error.errno is not None:
            raise ValueError(f"it cannot be opened: {error.strerror}") from None
        if isinstance(error, Exception) and not isinstance(error, ValueError | MemoryError):
            raise ValueError(str(error) or type(error).__name__) from None
