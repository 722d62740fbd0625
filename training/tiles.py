"""Squares for contact sheets: whole pictures and crops of faces or fine detail."""

import textwrap

import cv2
import numpy as np
from PIL import Image, ImageDraw

from training.data import Bytes

TILE = 300  # side of a square
CROPS = {  # left, top of a face or fine detail, by the file name's start
    "01": (300, 330),
    "02": (300, 210),
    "03": (60, 60),
    "04": (150, 20),
    "05": (390, 340),
    "06": (320, 330),
    "07": (250, 200),
    "08": (120, 220),
}


def place(name: str) -> tuple[int, int]:
    """Where to look closely in the file of that name: left, top."""
    return CROPS.get(name[:2], (0, 0))


def crop(pixels: Bytes, place: tuple[int, int], side: int) -> Bytes:
    """A square of `side` pixels, moved inwards where the picture ends, small pictures brought up by repetition."""
    left, top = min(place[0], max(0, pixels.shape[1] - side)), min(place[1], max(0, pixels.shape[0] - side))
    cut = pixels[max(0, top) :, max(0, left) :][:side, :side]
    return cv2.resize(cut, (TILE, TILE), interpolation=cv2.INTER_NEAREST if side < TILE else cv2.INTER_AREA)


def whole(pixels: Bytes) -> Bytes:
    """The picture inside a square."""
    scale = TILE / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    square = np.full((TILE, TILE, 3), 255, np.uint8)
    square[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return square


def words(sentence: str) -> Bytes:
    """A square that says why there is no picture."""
    square = Image.new("RGB", (TILE, TILE), "white")
    ImageDraw.Draw(square).text((12, 12), textwrap.fill(sentence, 40), fill="black")
    return np.asarray(square)
