"""A part of a picture, computed by itself so that it looks as it will in the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from resilver.local.frame import Frame
from resilver.picture import Box, Picture

# Filters look so far around a pixel that more changes little; JPEG's blocks and networks begin at multiples of 16
_MARGIN, _GRID = 32, 16
_SAMPLE = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The ``detail`` of ``whole`` with a margin around it."""

    whole: Picture
    detail: Box

    @property
    def box(self) -> Box:
        """Of what is computed."""
        x, y, width, height = self.detail
        left, top = max(0, (x - _MARGIN) // _GRID * _GRID), max(0, (y - _MARGIN) // _GRID * _GRID)
        right, bottom = min(self.whole.width, x + width + _MARGIN), min(self.whole.height, y + height + _MARGIN)
        return left, top, right - left, bottom - top

    def cut(self) -> Picture:
        """The pixels to compute, copied."""
        return _cut(self.whole, self.box)

    def trim(self, picture: Picture) -> Picture:
        """The detail alone of what was computed, which may be enlarged."""
        left, top, width, _ = self.box
        factor = picture.width // width
        x, y, *size = self.detail
        return _cut(picture, ((x - left) * factor, (y - top) * factor, size[0] * factor, size[1] * factor))

    def frame(self, whole: Frame) -> Frame:
        """What of the photograph's rectangle in the whole lies in the part."""
        left, top, width, height = self.box
        down = np.clip((np.array([whole.top, whole.bottom]) * self.whole.height - top) / height, 0, 1)
        across = np.clip((np.array([whole.left, whole.right]) * self.whole.width - left) / width, 0, 1)
        return Frame(*map(float, (*down, *across)))

    def sample(self) -> Picture:
        """The whole, with few of its pixels."""
        step = max(1, math.isqrt(self.whole.width * self.whole.height // _SAMPLE))
        pixels = np.ascontiguousarray(self.whole.pixels[::step, ::step])
        return self.whole.replace(pixels=pixels, alpha=None, mask=None)

    def of(self, small: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Of a ``small`` copy (height, width, channels) of the whole the part, as large as it is; bilinear."""
        left, top, width, height = self.box
        across, down = small.shape[1] / self.whole.width, small.shape[0] / self.whole.height
        places = np.array([[across, 0, (left + 0.5) * across - 0.5], [0, down, (top + 0.5) * down - 0.5]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        made = cv2.warpAffine(small, places, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(made, np.float32).reshape(height, width, -1)


def _cut(picture: Picture, box: Box) -> Picture:
    x, y, width, height = box
    place = np.s_[y : y + height, x : x + width]
    planes = {"pixels": picture.pixels, "alpha": picture.alpha, "mask": picture.mask}
    return picture.replace(
        **{name: None if plane is None else np.ascontiguousarray(plane[place]) for name, plane in planes.items()}
    )
