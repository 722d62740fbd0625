"""A mask of damage that the user brings: any picture of the same size, light where the damage is."""

from __future__ import annotations

import numpy as np

from resilver.errors import PictureError
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas

_STRIP = 512


def with_mask(picture: Picture, found: Picture, name: str = "The mask") -> Picture:
    """The picture with a mask (height, width) of 0 and 255: 255 where ``found`` is light and not transparent.

    Raises:
        PictureError: their sizes differ.
    """
    if (found.width, found.height) != (picture.width, picture.height):
        raise PictureError(
            f"{name} has {found.width} x {found.height} pixels and the picture {picture.width} x {picture.height}; "
            "a mask must be as large as its picture."
        )
    made = canvas.allocate((picture.height, picture.width), np.uint8)
    for top in range(0, found.height, _STRIP):
        rows = slice(top, top + _STRIP)
        made[rows] = 255 * _marked(found.pixels[rows].max(axis=2), found.peak)
        if found.alpha is not None:
            made[rows] *= _marked(found.alpha[rows], found.peak)
        canvas.release(made)
        canvas.release(found.pixels)
    return picture.replace(mask=made)


def _marked(plane: Pixels, peak: int) -> Pixels:
    return (plane > peak // 2).astype(np.uint8)
