"""What is wrong with a picture, measured before anything is done to it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from resilver.local.chroma import is_bw
from resilver.picture import Picture
from resilver.picture_io.canvas import release

Floats = npt.NDArray[np.float32]

# Colours and tones are measured on a copy of about this long side
_SMALL = 384


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The measurements of one picture, in 8-bit units whatever its depth.

    ``bw``: gray or of one tone. ``noise``: the standard deviation of its grain.
    ``jpeg_quality``: of the file it came from, ``None`` if it was no JPEG.
    """

    bw: bool
    noise: float
    jpeg_quality: int | None

    @property
    def wrong(self) -> tuple[str, ...]:
        """What Restore would do, as phrases."""
        return ()


def assess(picture: Picture) -> Assessment:
    """Measure a picture at a cost that hardly grows with its size; what is transparent does not count."""
    small = reduced(picture)
    return Assessment(bw=is_bw(small), noise=0.0, jpeg_quality=picture.jpeg_quality)


def reduced(picture: Picture) -> Floats:
    """A copy in RGB, 0..255, whose pixels are means of whole squares; its long side is 384 to 767 or less."""
    factor = max(1, max(picture.height, picture.width) // _SMALL)
    height, width = max(1, picture.height // factor), max(1, picture.width // factor)
    made = np.empty((height, width, 3), np.float32)
    rows = max(1, 512 // factor)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = picture.pixels[top * factor : bottom * factor, : width * factor]
        small = cv2.resize(strip, (width, bottom - top), interpolation=cv2.INTER_AREA)
        made[top:bottom] = small.reshape(bottom - top, width, -1) * np.float32(255 / picture.peak)
        release(picture.pixels)
    return made
