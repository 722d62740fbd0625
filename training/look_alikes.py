"""Drawn things that look like damage and are none: a detector learns from them what to leave alone."""

from collections.abc import Callable

import cv2
import numpy as np

from training import degrade
from training.draw import Canvas, Plane, ellipse, lettering, polygon


def _captions(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 4))):
        lettering(canvas, tone, rng)


def _frames(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    height, width = canvas.shape
    inset, thick = int(rng.integers(0, 24)), int(rng.integers(1, 24))
    for _ in range(int(rng.integers(1, 3))):
        cv2.rectangle(canvas, (inset, inset), (width - 1 - inset, height - 1 - inset), tone, thick, cv2.LINE_AA)
        inset, thick = inset + thick + int(rng.integers(2, 8)), int(rng.integers(1, 3))


def _beads(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """A row of beads or buttons, some with a rim of the other tone."""
    place, heading = rng.random(2) * canvas.shape[::-1], rng.uniform(0, 2 * np.pi)
    size, rim = int(rng.integers(1, 7)), rng.random() < 0.5
    for _ in range(int(rng.integers(3, 25))):
        heading += rng.normal(0, 0.12)
        place = place + np.array([np.cos(heading), np.sin(heading)]) * size * rng.uniform(2.2, 4)
        cv2.circle(canvas, place.astype(int).tolist(), size, tone, -1, cv2.LINE_AA)
        if rim and size > 2:
            cv2.circle(canvas, place.astype(int).tolist(), size, 255 - tone, 1, cv2.LINE_AA)


def _shapes(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:  # noqa: ARG001
    """Polygons and rings; a single line or disc cannot be told from a scratch or a spot."""
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.6:
            polygon(canvas, int(rng.integers(256)), rng)
        else:
            ellipse(canvas, int(rng.integers(256)), rng, filled=0)


def _hatching(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    height, width = canvas.shape
    step, slant, thick = int(rng.integers(3, 12)), int(rng.integers(-30, 30)), int(rng.integers(1, 3))
    left, top = int(rng.integers(0, width // 2)), int(rng.integers(0, height // 2))
    for offset in range(0, int(rng.integers(20, width // 2)), step):
        cv2.line(canvas, (left + offset, top), (left + offset + slant, top + height // 3), tone, thick, cv2.LINE_AA)


def _cloth(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """Checks, stripes or dots inside an ellipse, at any angle, as on shirts, ties and dresses."""
    height, width = canvas.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    angle, step = rng.uniform(0, np.pi), rng.uniform(3, 14)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = np.cos(angle) * rows - np.sin(angle) * columns
    thin, kind = rng.uniform(0.15, 0.5), rng.random()
    first, second = (along / step) % 1 < thin, (across / step) % 1 < thin
    pattern = first | second if kind < 0.4 else first if kind < 0.7 else first & second
    centre, axes = rng.random(2) * (width, height), rng.uniform(0.1, 0.5, 2) * (width, height)
    inside = ((columns - centre[0]) / axes[0]) ** 2 + ((rows - centre[1]) / axes[1]) ** 2 < 1
    canvas[pattern & inside] = tone


def _courses(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """The joints of bricks, boards, tiles or panes, on a slant and inside some part of the picture."""
    height, width = canvas.shape
    high, long = rng.uniform(4, 14), rng.uniform(1, 4)
    angle, lean = rng.normal(0, 0.12), rng.normal(0, 0.12)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    down = (rows + np.tan(angle) * columns + rng.uniform(0, high)) / high
    along = (columns + np.tan(lean) * rows) / (high * long) + 0.5 * (rng.random() < 0.7) * (np.floor(down) % 2)
    thin = rng.uniform(0.8, 2.5) / high
    joints = down % 1 < thin
    if rng.random() < 0.8:  # else boards
        joints |= along % 1 < thin / long
    left, top = rng.random(2) * (width, height) * 0.4
    inside = (columns > left) & (rows > top) & (columns < left + rng.uniform(0.5, 1) * width)
    canvas[joints & inside] = tone


def _handwriting(canvas: Canvas, tone: int, rng: np.random.Generator) -> None:
    """A line or two of loops, as with a pen: sums of waves that run on to the right."""
    size, slant, thick = rng.uniform(2, 7), rng.normal(0.3, 0.3), int(rng.integers(1, 3))
    place, turn = rng.random(2) * canvas.shape[::-1], rng.normal(0, 0.1)
    for _ in range(int(rng.integers(1, 3))):
        time = np.arange(0, rng.uniform(15, 80), 0.35)
        phases, tall = rng.uniform(0, 6.3, 4), 1 + 0.8 * np.sin(0.31 * time + rng.uniform(0, 6.3)) ** 4
        up = np.sin(time + phases[0]) * tall + 0.4 * np.sin(1.7 * time + phases[1])
        right = 0.55 * time + 0.9 * np.cos(time + phases[2]) + 0.3 * np.sin(0.6 * time + phases[3]) + slant * up
        path = size * np.stack([right * np.cos(turn) + up * np.sin(turn), right * np.sin(turn) - up * np.cos(turn)], 1)
        word = np.split(place + path, np.sort(rng.integers(1, len(time), int(rng.integers(0, 5)))))
        cv2.polylines(canvas, [part.astype(np.int32) for part in word if len(part)], False, tone, thick, cv2.LINE_AA)
        place = place + np.array([rng.normal(0, 3), size * rng.uniform(3.5, 6)])


KINDS: tuple[tuple[Callable[[Canvas, int, np.random.Generator], None], float], ...] = (
    (_captions, 0.15),
    (_frames, 0.16),
    (_beads, 0.14),
    (_shapes, 0.2),
    (_hatching, 0.08),
    (_cloth, 0.15),
    (_courses, 0.09),
    (_handwriting, 0.03),
)


def look_alikes(picture: Plane, rng: np.random.Generator) -> Plane:
    """Draws one kind of thing: sharp, thin or bright, and no damage; at times nearly see-through."""
    canvas = degrade.quantise(picture)
    draw = KINDS[rng.choice(len(KINDS), p=[share for _, share in KINDS])][0]
    # what is small and dark looks like chips and dust of old scans: the more of it, the fewer of those were found
    dark = rng.random() < (0.2 if draw in (_captions, _beads, _handwriting) else 0.5)
    draw(canvas, int(rng.integers(0, 50) if dark else rng.integers(200, 256)), rng)
    cover = np.float32(rng.uniform(0.3, 1) if rng.random() < 0.4 else 1)
    return picture + cover * (canvas.astype(np.float32) / 255 - picture)
