"""Masks that users bring."""

from __future__ import annotations

import numpy as np
import pytest

from resilver.errors import PictureError
from resilver.picture import Picture
from resilver.picture_io.mask import with_mask

PHOTO = Picture(pixels=np.zeros((3, 4, 3), np.uint16))


def test_the_lightest_channel_counts():
    """A mask may be gray or painted in a colour, of any depth; its lightness is the share in 8 bits."""
    red = np.zeros((3, 4, 3), np.uint8)
    red[1, 2], red[2, 3] = (200, 0, 10), 128
    for found in (Picture(pixels=red), Picture(pixels=red.astype(np.uint16) * 257)):
        mask = with_mask(PHOTO, found).mask
        assert mask.dtype == np.uint8
        assert (mask[1, 2], mask[2, 3], mask.sum()) == (200, 128, 328)


def test_what_is_transparent_is_no_mask():
    """Strokes on a transparent layer count as far as they can be seen."""
    light = np.full((3, 4, 1), 255, np.uint8)
    alpha = np.zeros((3, 4), np.uint8)
    alpha[0, 0], alpha[0, 1] = 255, 51
    mask = with_mask(PHOTO, Picture(pixels=light, alpha=alpha)).mask
    assert (mask[0, 0], mask[0, 1], mask.sum()) == (255, 51, 306)


def test_it_is_as_large_as_the_picture():
    """Another size is refused, and the sentence names both."""
    with pytest.raises(PictureError, match=r"mask\.png has 3 x 4 pixels and the picture 4 x 3"):
        with_mask(PHOTO, Picture(pixels=np.zeros((4, 3, 1), np.uint8)), "mask.png")
