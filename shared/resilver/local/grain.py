"""Grain and JPEG blocks, measured on full-resolution samples of a picture's luma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_SIDE = 8  # of a block: JPEG's own, and large enough to see grain that a scanner's lens has blurred
# Blocks that are nearly black or white have lost their noise to clipping
_DARKEST, _LIGHTEST = 14.0, 241.0
# The flattest twentieth of the blocks shows the noise and next to nothing of the picture; its spread
# lies this much under that of all of them (measured on white noise)
_FLATTEST = 0.05
_BIAS = 1.09
# Immerkaer's mask: blind to planes, unit gain for white noise when divided by 6
_SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


@dataclass(frozen=True, slots=True)
class Grain:
    """Noise in luma, and what tells it from texture.

    ``sigma``: its standard deviation in 8-bit units. ``evenness``: of the very flattest blocks over the
    flattest, 0.8 and more for white noise of any strength, less for grass and fur. ``share``: of the
    flattest over busier blocks, near 1 if there is little else.
    """

    sigma: float
    evenness: float
    share: float


def grain(patches: Sequence[Floats]) -> Grain:
    """Measure the grain in luma patches (height, width) in 0..255 of at least 8 pixels a side.

    The deviation is that of the flattest blocks after a curved surface is taken from each, so it still
    sees the coarse remains of grain after JPEG, to which estimates from the finest wavelet are blind.
    """
    blocks = np.concatenate([_blocks(patch) for patch in patches])
    mean = blocks.mean(axis=1)
    lit = blocks[(mean > _DARKEST) & (mean < _LIGHTEST)]
    if len(lit) < 24:
        return Grain(0.0, 0.0, 0.0)
    spread = np.sqrt(np.square(lit @ _UNBEND).sum(axis=1) / (_SIDE * _SIDE - 6))
    flattest, flat, busier = np.quantile(spread, (0.01, _FLATTEST, 0.25))
    return Grain(float(flat) * _BIAS, float(flattest / (flat + 0.3)), float(flat / (busier + 0.3)))


def fine_noise(patches: Sequence[Floats]) -> float:
    """The standard deviation of noise from pixel to pixel in patches of one or more channels.

    Next to 0 after JPEG. The mean over the channels, for which filters work.
    """
    found = []
    for channel in range(patches[0].shape[2]):
        steps = [np.abs(cv2.filter2D(patch[..., channel], -1, _SECOND_DIFFERENCE)).ravel() for patch in patches]
        # a quarter of |x| lies under 0.3186 sigma for white noise; the lower end knows little of edges
        found.append(np.quantile(np.concatenate(steps), 0.25) / 0.3186)
    return float(np.mean(found))


def blockiness(patches: Sequence[Floats]) -> float:
    """How much larger steps are on the grid of 8 pixels than beside it, in 8-bit levels.

    ``patches`` begin at multiples of 8 pixels from one another.
    """
    profile = np.zeros((2, _SIDE))
    for patch in patches:
        for axis, lines in enumerate((patch, patch.T)):
            profile[axis] += _steps(lines) / len(patches)
    return float(np.mean([line.max() - np.median(line) for line in profile]))


def _steps(lines: Floats) -> npt.NDArray[np.float64]:
    """The mean step at each of the 8 phases, beyond what the slopes on both sides explain."""
    if lines.shape[1] < 3 * _SIDE:
        return np.zeros(_SIDE)
    difference = np.abs(np.diff(lines, axis=1))
    beyond = difference[:, 1:-1] - (difference[:, :-2] + difference[:, 2:]) / 2
    # steps above 24 levels are the picture's own edges
    beyond = np.where(difference[:, 1:-1] < 24, beyond, 0)
    means = beyond.mean(axis=0)
    return np.array([means[phase::_SIDE].mean() for phase in range(_SIDE)])


def _blocks(patch: Floats) -> Floats:
    height, width = (side - side % _SIDE for side in patch.shape)
    cut = patch[:height, :width].reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE)
    return cut.swapaxes(1, 2).reshape(-1, _SIDE * _SIDE)


def _unbend() -> Floats:
    """The projection of a block onto what no surface of the second degree explains."""
    y, x = (axis.ravel() for axis in np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2)
    surface = np.stack([np.ones(_SIDE * _SIDE), x, y, x * x, y * y, x * y], axis=1)
    return np.asarray(np.eye(_SIDE * _SIDE) - surface @ np.linalg.pinv(surface), np.float32)


_UNBEND = _unbend()
