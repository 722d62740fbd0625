"""Colour as a choice among bins of Lab's a and b (Zhang, Isola, Efros 2016), and the way back to a colour.

The network is trained with classes weighted by rarity^TRAINED. At run time `vividness` moves the weighting: 0 gives
the probabilities as they are (careful), 1 fully rebalanced ones (vivid). The mean of the distribution is the colour, so
that where the network is unsure the colour is held back by itself.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
STEP = 10.0  # Lab units between bins
REACH = 110
TRAINED = 0.5  # exponent of the class weights during training
SHARPNESS = 1.0  # softmax temperature is its inverse


def lab(rgb: NDArray[np.uint8]) -> Floats:
    """CIE Lab (height, width, 3) of sRGB bytes: L in 0..100."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def rgb(lab_pixels: Floats) -> NDArray[np.uint8]:
    """sRGB bytes of CIE Lab."""
    return (np.clip(cv2.cvtColor(lab_pixels.astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1) * 255 + 0.5).astype(np.uint8)


def bins() -> Floats:
    """Centres (count, 2) of the bins that sRGB reaches."""
    axis = np.arange(0, 256, 8, dtype=np.uint8)
    cube = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(1, -1, 3)
    reached = np.unique(np.round(lab(cube)[0, :, 1:] / STEP).astype(int), axis=0)
    return (reached[(np.abs(reached) * STEP <= REACH).all(1)] * STEP).astype(np.float32)


CENTRES = bins()
_TABLE = np.zeros((2 * REACH // 10 + 1,) * 2, np.int64)
for _row in range(_TABLE.shape[0]):
    for _column in range(_TABLE.shape[1]):
        _place = np.array([_row * STEP - REACH, _column * STEP - REACH], np.float32)
        _TABLE[_row, _column] = int(((CENTRES - _place) ** 2).sum(1).argmin())


def nearest(ab: Floats) -> NDArray[np.int64]:
    """The bin of each colour (..., 2)."""
    places = np.clip(np.round(ab / STEP).astype(int) + REACH // 10, 0, 2 * REACH // 10)
    return _TABLE[places[..., 0], places[..., 1]]


def shared(ab: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The four bins around each colour (4, height, width) and its shares in them, so that their mean is the colour."""
    low = np.floor(ab / STEP)
    part = ab / STEP - low
    corners = [(i, j) for i in (0, 1) for j in (0, 1)]
    labels = np.stack([nearest((low + np.array(corner, np.float32)) * STEP) for corner in corners])
    shares = np.stack([np.abs(1 - i - part[..., 0]) * np.abs(1 - j - part[..., 1]) for i, j in corners])
    return labels, shares.astype(np.float32)


def rarity(labels: list[NDArray[np.int64]]) -> Floats:
    """Weight of each bin, 1 on average over the pixels: the inverse of half its share plus half the even share."""
    counts = np.bincount(np.concatenate([part.ravel() for part in labels]), minlength=len(CENTRES))
    share = counts / counts.sum()
    weights = 1 / (0.5 * share + 0.5 / len(CENTRES))
    return (weights / (share * weights).sum()).astype(np.float32)


def decode(logits: Floats, weights: Floats, vividness: float) -> Floats:
    """Colours (height, width, 2) of logits (bins, height, width)."""
    moved = SHARPNESS * (logits + np.float32(vividness - TRAINED) * np.log(weights)[:, None, None])
    chances = np.exp(moved - moved.max(0))
    return np.einsum("khw,kc->hwc", chances / chances.sum(0), CENTRES).astype(np.float32)
