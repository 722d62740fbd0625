"""A mask of damage that the user brings: any picture of the same size, the lighter the more is filled."""

from __future__ import annotations

import numpy as np

from resilver.errors import PictureError
from resilver.picture import Picture
from resilver.picture_io import canvas

_STRIP = 512


def with_mask(picture: Picture, found: Picture, name: str = "The mask") -> Picture:
    """The picture with a mask (height, width), 0..255: the lightest channel of ``found``, 0 where it is transparent.

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
        light = found.pixels[rows].max(axis=2).astype(np.float32)
        if found.alpha is not None:
            light *= found.alpha[rows] / np.float32(found.peak)
        made[rows] = np.rint(light * np.float32(255 / found.peak))
        canvas.release(made)
        canvas.release(found.pixels)
    return picture.replace(mask=made)
