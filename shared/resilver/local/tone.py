"""Fading and casts: every channel's levels are spread again, as one table a channel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from resilver.engine import Report
from resilver.local.measure import Assessment
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas

Curves = npt.NDArray[np.float64]

# Where the photograph's own black and white go, of 255. Not to the ends: prints have no such black, and
# paper or film edges beyond the photograph's own tones must keep theirs
_BLACK, _WHITE = 8.0, 246.0
# Steeper curves show grain and banding rather than the picture
_STEEPEST = 2.6
# Table positions over which the corners of the curve are rounded, as a part of its length
_ROUNDING = 0.008
_ROWS = 512


@dataclass(frozen=True, slots=True)
class _Kept:
    """How much of the tint of its black and of its white a picture keeps (0..1)."""

    black: float
    white: float


def _kept(assessment: Assessment) -> _Kept:
    if not assessment.bw:
        # the ends of a colour picture may be coloured by right, and skin turns gray when they lose all of it:
        # a third of their tint stays
        return _Kept(0.35, 0.35)
    if assessment.yellowed:
        return _Kept(0.3, 0.3)
    # a toned print was toned on purpose: what is mended is its fading
    return _Kept(0.6, 0.75)


def mend_tone(picture: Picture, assessment: Assessment, strength: float, report: Report) -> Picture:
    """The picture with its levels spread and its cast taken back, ``strength`` 0 (not at all) to 1.

    Depth, channels and alpha stay; nothing that differed becomes equal except by rounding.

    Raises:
        Cancelled: the report asked to stop.
    """
    table = _table(curves(assessment, picture.peak + 1), picture, strength)
    made = canvas.allocate(picture.pixels.shape, picture.pixels.dtype)
    for top in range(0, picture.height, _ROWS):
        report.progress(top / picture.height, "levels")
        rows = slice(top, top + _ROWS)
        for channel in range(picture.pixels.shape[2]):
            made[rows, :, channel] = table[channel][picture.pixels[rows, :, channel]]
        canvas.release(made)
        canvas.release(picture.pixels)
    return picture.replace(pixels=made)


def curves(assessment: Assessment, size: int = 256) -> Curves:
    """The curves (3, size) for red, green and blue, 0..1 to 0..1; each rises everywhere.

    Between the photograph's black and white they are straight, which undoes an even fading exactly;
    beyond, they go on to 0 and 1, so that neither shadows nor paper are clipped.
    """
    black, white = np.array(assessment.black), np.array(assessment.white)
    keep = _kept(assessment)
    black_to = min(_BLACK, black.min()) + keep.black * (black - black.min())
    white_to = max(_WHITE, white.max()) - keep.white * (white.max() - white)
    black, white = _no_steeper(black, white, white_to - black_to)
    level = np.linspace(0, 255, size)
    made = [
        np.interp(level, [0, low, high, 255], [0, low_to, high_to, 255])
        for low, high, low_to, high_to in zip(black, white, black_to, white_to, strict=True)
    ]
    return np.stack([_rounded(curve) for curve in made]) / 255


def _no_steeper(black: Curves, white: Curves, span_to: Curves) -> tuple[Curves, Curves]:
    """Black and white moved apart where the curve between them would be too steep."""
    missing = np.maximum(span_to / _STEEPEST - (white - black), 0)
    # evenly in proportion to the room on each side
    share = black / np.maximum(black + 255 - white, 1e-6)
    return np.maximum(black - missing * share, 0.5), np.minimum(white + missing * (1 - share), 254.5)


def _rounded(curve: Curves) -> Curves:
    width = _ROUNDING * len(curve)
    margin = int(4 * width) + 1
    # continued by its mirror through the end points, so that 0 and 255 stay where they are
    before, after = 2 * curve[0] - curve[margin:0:-1], 2 * curve[-1] - curve[-2 : -margin - 2 : -1]
    whole = np.concatenate([before, curve, after])
    return np.asarray(cv2.GaussianBlur(whole[None], (0, 0), width)[0, margin:-margin], np.float64)


def _table(made: Curves, picture: Picture, strength: float) -> Pixels:
    if picture.gray:
        made = made[1:2]
    identity = np.linspace(0, 1, picture.peak + 1)
    mixed = identity + strength * (made - identity)
    return np.rint(np.clip(mixed, 0, 1) * picture.peak).astype(picture.pixels.dtype)
