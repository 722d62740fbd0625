"""Colours of single points, which the user knows, spread over what belongs to them.

A colour goes as far as lightness changes little on the way (geodesic distances, as in Yatziv and Sapiro 2006, "Fast
image and video colorization using chrominance blending"); beyond, the guessed colours stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from resilver.errors import RecipeError
from resilver.picture import Picture
from resilver.recipe import Hint

Floats = npt.NDArray[np.float32]

# The short side on which the way is looked for
_SIDE = 384
# A step of so much L* from one pixel to the next is half of what ends a colour; slow shading and weak texture
# count next to nothing, being squared
_STEP = 6.0
# What a way as long as the short side adds
_FAR = 0.7
# Pixels by which a point may be beside what was meant
_NEARBY = 3
# How soon the nearer of two points wins, and from where on none of them has a say
_NEARER, _FURTHEST = 6.0, 100.0


def follow(ab: Floats, lightness: Floats, hints: Sequence[Hint], picture: Picture) -> Floats:
    """Colours ab (h, w, 2) that follow the hints, of guessed ones of any size.

    ``lightness``: CIE L* (height, width) of a copy of the picture in any size.

    Raises:
        RecipeError: a point lies outside of the picture.
    """
    small = _small(lightness)
    height, width = small.shape
    guessed = np.asarray(cv2.resize(ab, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    cost = _cost(small)
    nearest = np.full(small.shape, _FURTHEST)
    weights, mixed = np.zeros((height, width, 1)), np.zeros((height, width, 2))
    for hint in hints:
        if hint.x >= picture.width or hint.y >= picture.height:
            raise RecipeError(
                f"The point {hint.x},{hint.y} lies outside the picture, which has {picture.width} x {picture.height} "
                "pixels; give a point inside."
            )
        place = hint.y * height // picture.height, hint.x * width // picture.width
        distance = _distances(cost, _beside_edges(cost, *place))
        nearest = np.minimum(nearest, distance)
        weight = np.exp(-_NEARER * np.minimum(distance, _FURTHEST))[..., None]  # never 0 in double precision
        weights += weight
        mixed += weight * _ab(hint.colour)
    share = np.exp(-np.square(nearest))[..., None]
    made: Floats = (guessed + share * (mixed / weights - guessed)).astype(np.float32)
    return made


def _small(lightness: Floats) -> Floats:
    """Of at most so many pixels, and without grain."""
    scale = min(1.0, _SIDE / min(lightness.shape))
    size = [max(1, round(side * scale)) for side in lightness.shape[::-1]]
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA).reshape(size[::-1]).astype(np.float32)
    return np.asarray(cv2.bilateralFilter(small, 9, 20, 4), np.float32)


def _cost(small: Floats) -> npt.NDArray[np.float64]:
    """What it costs to go over each pixel."""
    spread = np.ones((2, 2), np.uint8)  # a step counts for one of its two pixels, whichever way it is gone
    step = cv2.dilate(small, spread) - cv2.erode(small, spread)
    made: npt.NDArray[np.float64] = np.square(step / _STEP, dtype=np.float64) + _FAR / min(small.shape)
    return made


def _beside_edges(cost: npt.NDArray[np.float64], y: int, x: int) -> tuple[int, int]:
    """The calmest pixel nearby: on an edge itself a colour would be shut in."""
    top, left = max(0, y - _NEARBY), max(0, x - _NEARBY)
    window = cost[top : y + _NEARBY + 1, left : x + _NEARBY + 1]
    down, right = np.unravel_index(int(np.argmin(window)), window.shape)
    return top + int(down), left + int(right)


def _distances(cost: npt.NDArray[np.float64], start: tuple[int, int]) -> npt.NDArray[np.float64]:
    from skimage.graph import MCP_Geometric

    found, _ = MCP_Geometric(cost).find_costs([start])
    return np.asarray(found, np.float64)


def _ab(colour: str) -> Floats:
    rgb = np.array([[[int(colour[place : place + 2], 16) for place in (1, 3, 5)]]], np.float32) / 255
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.float32)[0, 0, 1:]
