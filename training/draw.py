"""Drawn things: line art and lettering to learn from, and shapes that look like damage and are none."""

import string

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Canvas = NDArray[np.uint8]  # OpenCV smooths edges on bytes only
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
         cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)  # fmt: skip
LETTERS = string.ascii_letters + string.digits + ".,-&'()"
FINE = 4  # subpixel bits of coordinates


def points(rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.int32]:
    """Random places (count, 2), x before y, in units of 1/16 pixel."""
    return (rng.random((count, 2)) * (width, height) * (1 << FINE)).astype(np.int32)


def lettering(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """A line of letters somewhere on the canvas."""
    height, width = canvas.shape
    text = "".join(rng.choice(list(LETTERS + " " * 10), int(rng.integers(2, 24))))
    place = (int(rng.integers(-10, width // 2)), int(rng.integers(8, height)))
    size = float(rng.uniform(0.3, 1.4))
    cv2.putText(canvas, text, place, int(rng.choice(FONTS)), size, tone, int(rng.integers(1, 3)), cv2.LINE_AA)


def shape(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """A polygon, an ellipse or a line, filled or as an outline."""
    draw = (polygon, ellipse, line)[int(rng.choice(3, p=[0.4, 0.3, 0.3]))]
    draw(canvas, tone, rng)


def polygon(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """Of three to five corners, filled or as an outline."""
    corners = points(rng, int(rng.integers(3, 6)), *canvas.shape)
    if rng.random() < 0.6:
        cv2.fillPoly(canvas, [corners], tone, cv2.LINE_AA, FINE)
    else:
        cv2.polylines(canvas, [corners], True, tone, int(rng.integers(1, 6)), cv2.LINE_AA, FINE)


def ellipse(canvas: Canvas, tone: int, rng: np.random.Generator, filled: float = 0.6) -> None:
    """Filled in the share `filled`, else an outline."""
    height, width = canvas.shape
    axes = points(rng, 1, height // 3, width // 3)[0] + 16
    thick = -1 if rng.random() < filled else int(rng.integers(1, 6))
    centre = points(rng, 1, height, width)[0]
    cv2.ellipse(canvas, centre.tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, tone, thick,
                cv2.LINE_AA, FINE)  # fmt: skip


def line(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """From anywhere to anywhere."""
    cv2.polylines(canvas, [points(rng, 2, *canvas.shape)], False, tone, int(rng.integers(1, 6)), cv2.LINE_AA, FINE)


def graphic(side: int, rng: np.random.Generator) -> Plane:
    """A square of line art, flat fills and lettering, luminance in 0..1, drawn at twice the size and reduced."""
    paper = float(rng.choice([0.0, 1.0, rng.random()], p=[0.1, 0.5, 0.4]))
    slope = float(rng.uniform(-0.5, 0.5)) if rng.random() < 0.3 else 0.0
    row = np.clip(np.linspace(paper, paper + slope, 2 * side), 0, 1) * 255
    big = np.tile(row.astype(np.uint8), (2 * side, 1))
    for _ in range(int(rng.integers(2, 14))):
        tone = int(rng.choice([0, 255, rng.integers(256)], p=[0.35, 0.15, 0.5]))
        (lettering if rng.random() < 0.3 else shape)(big, tone, rng)
    return big.reshape(side, 2, side, 2).mean((1, 3), dtype=np.float32) / 255
