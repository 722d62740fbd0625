"""Finding the photograph inside its mount, paper margin or film edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# A margin is a run of lines of one brightness that ends in a step across most of the line; skies and
# backdrops end gradually or along no straight line
_EVEN = 16.0
_STEP = 14.0
_STEP_SHARE = 0.6
# A wider margin than this on one side is taken for a part of the photograph
_WIDEST = 0.2
# Mount, paper and film edge may lie around each other
_NESTED = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle as parts (0..1) of the height and the width."""

    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0

    def cut(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The part of an array (height, width, ...) that lies inside."""
        height, width = array.shape[:2]
        rows = slice(round(self.top * height), max(round(self.top * height) + 1, round(self.bottom * height)))
        columns = slice(round(self.left * width), max(round(self.left * width) + 1, round(self.right * width)))
        return array[rows, columns]


def find_photograph(luma: Floats) -> Frame:
    """The rectangle of the photograph in a small luma picture (height, width), 0..255."""
    height, width = luma.shape
    smooth = np.asarray(cv2.GaussianBlur(luma, (0, 0), 0.7), np.float32)
    top = bottom = left = right = 0
    for _ in range(_NESTED):
        inner = smooth[top : height - bottom, left : width - right]
        if min(inner.shape) < 32:
            break
        found = (_margin(inner), _margin(inner[::-1]), _margin(inner.T), _margin(inner.T[::-1]))
        if not any(found):
            break
        top, bottom, left, right = top + found[0], bottom + found[1], left + found[2], right + found[3]
    return Frame(top / height, 1 - bottom / height, left / width, 1 - right / width)


def _margin(luma: Floats) -> int:
    """How many lines at the top belong to a margin."""
    lines, length = luma.shape
    # the ends of a line may lie in the margins of the other two sides
    middle = luma[: max(4, int(lines * _WIDEST)), length // 6 : length - length // 6]
    median = np.median(middle, axis=1)
    spread = np.quantile(middle, 0.9, axis=1) - np.quantile(middle, 0.1, axis=1)
    even = (spread < _EVEN) & (np.abs(median - median[0]) < _EVEN)
    if even.all() or not even[0]:
        return 0
    end = int(np.argmin(even))
    inside = middle[min(end + 2, len(middle) - 1)]
    jump = np.abs(inside - median[0]) > _STEP
    return min(end + 2, lines // 4) if jump.mean() >= _STEP_SHARE else 0
