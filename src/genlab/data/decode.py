"""One picture file becomes levels: any mode, any orientation, any size."""

from __future__ import annotations

from PIL import Image

ENLARGED = 8  # times at most: what is smaller holds nothing to see at that size
Image.MAX_IMAGE_PIXELS = None if Image.MAX_IMAGE_PIXELS is None else max(Image.MAX_IMAGE_PIXELS, 400_000_000)


def square(image: Image.Image, size: int) -> Image.Image:
    """The middle of the picture, size x size: as if its shorter side were resized (with antialiasing), the rest cut off."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    if (width, height) == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
