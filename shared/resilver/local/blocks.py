"""Blocks of a picture as floats, continued beyond its edges, and what was made of them as pixels again."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from resilver.local.devices import Floats
from resilver.picture import Pixels

Span = tuple[int, int]


class Blocks:
    """A picture in blocks with a margin.

    ``pixels``: (height, width, 1 or 3), uint8 or uint16. Colours where ``alpha`` is 0 are replaced by those
    of their neighbours. ``border``: how the picture goes on beyond its edge. ``rgb``: give gray as three
    equal channels.
    """

    def __init__(
        self, pixels: Pixels, alpha: Pixels | None, margin: int, border: Literal["edge", "reflect"], rgb: bool
    ) -> None:
        self.pixels, self._alpha = pixels, alpha
        self._margin, self._border, self._rgb = margin, border, rgb
        self.channels = pixels.shape[2]
        self._peak = np.float32(np.iinfo(pixels.dtype).max)

    def block(self, rows: Span, columns: Span) -> Floats:
        """The core between the given rows and columns with the margin around it, (channels, h, w) in 0..1."""
        height, width = self.pixels.shape[:2]
        margin = self._margin
        top, bottom, above, below = _clip(rows[0] - margin, rows[1] + margin, height)
        left, right, before, after = _clip(columns[0] - margin, columns[1] + margin, width)
        part = self.pixels[top:bottom, left:right].astype(np.float32) / self._peak
        if self._alpha is not None:
            part = _fill_transparent(part, self._alpha[top:bottom, left:right] > 0)
        part = np.pad(part, ((above, below), (before, after), (0, 0)), mode=self._border)
        if self.channels == 1 and self._rgb:
            part = part.repeat(3, axis=2)
        return np.ascontiguousarray(part.transpose(2, 0, 1))

    def rounded(self, made: Floats) -> Pixels:
        """What a stage made of a block as (height, width, channels) in the picture's own type."""
        if self.channels == 1 and len(made) == 3:
            made = made.mean(axis=0, keepdims=True)
        scaled = np.clip(made, 0, 1) * self._peak + np.float32(0.5)
        return scaled.astype(self.pixels.dtype).transpose(1, 2, 0)


def _clip(start: int, end: int, length: int) -> tuple[int, int, int, int]:
    """The part of start..end inside 0..length, and how much is missing before and after it."""
    inside = max(start, 0), min(end, length)
    return *inside, inside[0] - start, end - inside[1]


def _fill_transparent(part: Floats, visible: Pixels) -> Floats:
    """Colours for invisible pixels: the mean of the visible ones nearby (normalised convolution)."""
    if visible.all() or not visible.any():
        return part
    weight = visible.astype(np.float32)[..., None]
    spread = [cv2.GaussianBlur(plane, (0, 0), 3.0).reshape(*visible.shape, -1) for plane in (part * weight, weight)]
    # a little of the block's mean decides where nothing visible is near
    mean = (part * weight).sum((0, 1)) / weight.sum()
    nearby = (spread[0] + 1e-6 * mean) / (spread[1] + 1e-6)
    return np.where(weight > 0, part, nearby).astype(np.float32)
