"""Synthetic damage of old prints and negatives, over pictures with look-alikes that a detector must leave alone.

Planes are luminance (height, width) float32 in 0..1. Kinds and shares follow a look at real scans: scratches, branching
cracks (half of them dark-rimmed), folds, dust and hairs, losses and stains. Large soft stains are rare: a detector
trained on many took shirt fronts and collars for damage.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.draw import FINE, Canvas, Plane, points
from training.look_alikes import look_alikes

VISIBLE, OVER_GRAIN = 12 / 255, 2.0  # a smaller change is lost in grain; its label would ask for the impossible
MINIMUM_ALPHA = 0.2
RULED = 0.4  # share of scratches
HARDLY = 64  # of 255: what covers less of a pixel was not drawn there


@dataclass(frozen=True)
class Damaged:
    """`given` with damage, `truth` without, `mask` 1 where the damage can be seen; float32 planes of one size.

    Grain and JPEG are in both: to take them away is the denoiser's task.
    """

    given: Plane
    truth: Plane
    mask: Plane


def _wander(
    rng: np.random.Generator, start: NDArray, heading: float, steps: int, length: float, bend: float
) -> NDArray:
    """A random walk (steps + 1, 2) of pixel positions; `bend` is the spread of each turn in radians."""
    angles = heading + np.cumsum(rng.normal(0, bend, steps))
    moves = np.stack([np.cos(angles), np.sin(angles)], 1) * length * rng.uniform(0.5, 1.5, (steps, 1))
    return np.vstack([start, start + np.cumsum(moves, 0)])


def _stroke(canvas: Canvas, path: NDArray, widths: NDArray) -> None:
    """Draws a path whose width in pixels changes from piece to piece; below one pixel it gets fainter instead."""
    fine = (path * (1 << FINE)).astype(np.int32)
    for first, second, width in zip(fine[:-1], fine[1:], widths, strict=True):
        tone = int(255 * min(1.0, max(0.3, width)))
        cv2.line(canvas, first.tolist(), second.tolist(), tone, max(1, round(width)), cv2.LINE_AA, FINE)


def _start(canvas: Canvas, rng: np.random.Generator) -> NDArray:
    return rng.random(2) * (canvas.shape[1], canvas.shape[0])


def scratch(canvas: Canvas, rng: np.random.Generator) -> None:
    """A long, nearly straight line; half of them run along the film."""
    if rng.random() < RULED:
        ruled(canvas, rng)
        return
    steps = int(rng.integers(4, 20))
    heading = rng.normal(np.pi / 2, 0.06) if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi)
    length = max(canvas.shape) * rng.uniform(0.2, 1.2) / steps
    path = _wander(rng, _start(canvas, rng), heading, steps, length, 0.03)
    _stroke(canvas, path, np.abs(rng.uniform(0.5, 2.6) * rng.uniform(0.6, 1.3, steps)))


def ruled(canvas: Canvas, rng: np.random.Generator) -> None:
    """A scratch as if drawn with a ruler, of one width: one to three straight pieces, often across the whole picture.

    Without it a detector that had seen hatching, frames and letters took no straight line for damage.
    """
    pieces = int(rng.choice([1, 1, 2, 3]))
    heading = rng.choice([0, 0.5, 0.5]) * np.pi + rng.normal(0, 0.03)
    if rng.random() < 0.5:
        heading = rng.uniform(0, 2 * np.pi)
    reach = max(canvas.shape) * (2.0 if rng.random() < 0.5 else rng.uniform(0.2, 1.0))
    start = _start(canvas, rng) - np.array([np.cos(heading), np.sin(heading)]) * reach * rng.uniform(0.2, 0.8)
    path = _wander(rng, start, heading, pieces, reach / pieces, 0.1)
    _stroke(canvas, path, np.full(pieces, rng.uniform(0.5, 4.5)))


def crack(canvas: Canvas, rng: np.random.Generator, depth: int = 0, origin: NDArray | None = None) -> None:
    """A jagged walk with branches."""
    steps = int(rng.integers(8, 40)) >> depth
    start = _start(canvas, rng) if origin is None else origin
    path = _wander(rng, start, rng.uniform(0, 2 * np.pi), max(3, steps), rng.uniform(3, 9), 0.35)
    _stroke(canvas, path, np.abs(rng.uniform(0.7, 3.0) / (1 + depth) * rng.uniform(0.4, 1.6, len(path) - 1)))
    if depth < 2:
        for branch in path[rng.random(len(path)) < 0.1]:
            crack(canvas, rng, depth + 1, branch)


def crease(canvas: Canvas, rng: np.random.Generator) -> None:
    """A fold of several nearly straight pieces from the edge inwards, or straight across, its emulsion broken."""
    height, width = canvas.shape
    along = int(rng.integers(2))
    start = rng.random(2) * (width, height)
    start[along] = -4.0
    heading = (0.0, np.pi / 2)[along] + rng.normal(0, 0.5)
    pieces = 1 if rng.random() < 0.4 else int(rng.integers(2, 6))
    reach = max(height, width) * (1.5 if pieces == 1 else rng.uniform(0.3, 1.2))
    knees = _wander(rng, start, heading, pieces, reach / pieces, 0.35)
    steps = np.linspace(0, pieces, 40)
    path = np.stack([np.interp(steps, np.arange(pieces + 1), knees[:, axis]) for axis in (0, 1)], 1)
    path += rng.normal(0, rng.uniform(0.2, 1.0), path.shape)
    _stroke(canvas, path, np.abs(rng.normal(rng.uniform(0.8, 3.5), 0.7, 39)) + 0.4)
    if rng.random() < 0.6:
        canvas[_noise(canvas.shape, rng.uniform(0.6, 2.0), rng) > rng.uniform(0.5, 1.5)] = 0
    if rng.random() < 0.4:  # flakes beside the fold
        near = cv2.dilate(canvas, np.ones((15, 15), np.uint8)) > 0
        canvas[near & (_noise(canvas.shape, rng.uniform(0.5, 1.0), rng) > 2.2)] = 255


def dust(canvas: Canvas, rng: np.random.Generator) -> None:
    """Specks, single or in clusters, and at times a hair."""
    places = points(rng, int(rng.integers(3, 50)), *canvas.shape)
    if rng.random() < 0.3:
        places = (places[:1] + rng.normal(0, 12 << FINE, places.shape)).astype(np.int32)
    for centre in places:
        size = rng.choice([1.0, 2.5, 5.0], p=[0.65, 0.25, 0.1])
        axes = (rng.uniform(0.3, 1.2, 2) * size * (1 << FINE)).astype(int) + 1
        cv2.ellipse(canvas, centre.tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 255, -1,
                    cv2.LINE_AA, FINE)  # fmt: skip
    for _ in range(int(rng.integers(0, 3))):
        path = _wander(rng, _start(canvas, rng), rng.uniform(0, 2 * np.pi), 14, rng.uniform(1, 4), 0.35)
        _stroke(canvas, path, np.full(14, rng.uniform(0.5, 1.4)))


@functools.cache
def _noise_bank(octave: int) -> list[Plane]:
    """Smooth noise of unit variance for one range of widths; drawing it anew took half of a sample's time."""
    rng = np.random.default_rng(octave)
    sigma = 0.5 * 2 ** (octave / 2)
    fields = [cv2.GaussianBlur(rng.standard_normal((512, 512), np.float32), (0, 0), sigma) for _ in range(24)]
    return [(field - field.mean()) / field.std() for field in fields]


def _noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Plane:
    """Smooth noise of unit variance, a mirrored cut-out of a stored field; shapes up to 512."""
    bank = _noise_bank(max(0, round(2 * math.log2(sigma / 0.5))))
    field = bank[rng.integers(len(bank))]
    top, left = (int(rng.integers(512 - length + 1)) for length in shape)
    cut = field[top : top + shape[0], left : left + shape[1]]
    return cut[:: int(rng.choice([-1, 1])), :: int(rng.choice([-1, 1]))] * np.float32(rng.choice([-1, 1]))


def loss(canvas: Canvas, rng: np.random.Generator, largest: float = 0.1) -> None:
    """A spot with a ragged edge, often at the picture's edge, where the picture is gone or discoloured."""
    height, width = canvas.shape
    centre = _start(canvas, rng)
    if rng.random() < 0.5:
        centre[int(rng.integers(2))] = rng.choice([0, height, width])
    radius = rng.uniform(0.015, largest) * max(height, width)
    rows, columns = np.ogrid[:height, :width]
    stretch = rng.uniform(0.5, 2.0)
    distance = np.hypot((columns - centre[0]) / stretch, (rows - centre[1]) * stretch) / radius
    edge = _noise(canvas.shape, rng.uniform(1.5, 8), rng) * 0.25 + 1
    canvas[distance < edge] = 255


def hole(canvas: Canvas, rng: np.random.Generator) -> None:
    """A loss of up to a fifth of the side."""
    loss(canvas, rng, largest=0.2)


def blot(canvas: Canvas, rng: np.random.Generator) -> None:
    """A round spot of one tone with a smooth edge, sharp or soft."""
    radius = rng.uniform(0.01, 0.12) * max(canvas.shape)
    axes = (radius * rng.uniform(0.6, 1.4, 2) * (1 << FINE)).astype(int)
    centre = (_start(canvas, rng) * (1 << FINE)).astype(int)
    cv2.ellipse(canvas, centre.tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 255, -1,
                cv2.LINE_AA, FINE)  # fmt: skip
    if rng.random() < 0.4:
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.05, 0.4) * radius)


def chips(canvas: Canvas, rng: np.random.Generator) -> None:
    """Ragged pieces of emulsion that came off a plate, each by itself or a few close together."""
    for _ in range(int(rng.integers(1, 8))):
        middle, size = _start(canvas, rng), rng.uniform(1, 7)
        for _ in range(int(rng.choice([1, 1, 3, 8]))):
            corners = int(rng.integers(4, 9))
            angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
            reach = size * rng.uniform(0.3, 1.3, (corners, 1)) * (1, rng.uniform(0.3, 1))
            piece = middle + rng.normal(0, 2 * size, 2) + np.stack([np.cos(angles), np.sin(angles)], 1) * reach
            cv2.fillPoly(canvas, [(piece * (1 << FINE)).astype(np.int32)], 255, cv2.LINE_AA, FINE)


Draw = Callable[[Canvas, np.random.Generator], None]
Kinds = tuple[tuple[Draw, float, int], ...]  # what is drawn, in which share of the pictures, how often at most
KINDS: Kinds = ((scratch, 0.55, 4), (crack, 0.4, 2), (crease, 0.45, 4), (dust, 0.65, 2), (loss, 0.3, 3))
# twice as much of it
BOLD: Kinds = ((scratch, 0.8, 4), (crack, 0.65, 2), (crease, 0.35, 1), (dust, 0.75, 1), (hole, 0.5, 1))
# of plain shape: to learn from, never to measure on
SIMPLE: Kinds = ((ruled, 0.7, 5), (blot, 0.4, 3), (chips, 0.7, 3), (dust, 0.4, 1), (hole, 0.2, 1))


def _paint(
    picture: Plane,
    canvas: Canvas,
    alpha: float,
    rng: np.random.Generator,
    *,
    bright: float = 0.65,
    rim: bool,
    hard: bool = False,
) -> Plane:
    """Lays one kind of damage over the picture, with paper structure; `bright`: how often; `hard`: edges stay sharp."""
    cover = canvas.astype(np.float32) / 255
    level = rng.uniform(0.75, 1.05) if rng.random() < bright else rng.uniform(-0.05, 0.3)
    paint = np.float32(level) + _noise(picture.shape, rng.uniform(0.6, 2), rng) * np.float32(rng.uniform(0, 0.06))
    if rim:
        around = cv2.GaussianBlur(cv2.dilate(cover, np.ones((3, 3))), (0, 0), 0.8) * (1 - cover)
        picture = picture * (1 - np.float32(rng.uniform(0.2, 0.6)) * around)
    soft = (cover if hard else degrade.blur(cover, rng.choice([0.0, 0.5, 0.9]))) * np.float32(alpha)
    return picture * (1 - soft) + paint * soft


def age(picture: Plane, rng: np.random.Generator) -> Plane:
    """Fades, brightens or hardens a picture: contrast, black point, gamma."""
    if rng.random() < 0.5:
        return picture
    low, high = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    # interpolation leaves values just below 0, whose power is no number
    return (low + (high - low) * np.clip(picture, 0, 1) ** rng.uniform(0.7, 1.4)).astype(np.float32)


def damage(
    picture: Plane, rng: np.random.Generator, *, clean: float = 0.2, alike: float = 0.45, kinds: Kinds = KINDS
) -> Damaged:
    """Damages a picture at random; `clean` and `alike` are the shares left whole and with look-alikes drawn in."""
    truth = age(picture, rng)
    if rng.random() < alike:
        truth = look_alikes(truth, rng)
    given = truth
    if rng.random() >= clean:
        for draw, share, most in kinds:
            if rng.random() < share:
                given = _add(given, draw, int(rng.integers(1, most + 1)), rng)
    if rng.random() < 0.6:
        sigma = rng.uniform(0.3, 0.8)
        given, truth = degrade.blur(given, sigma), degrade.blur(truth, sigma)
    level = float(rng.uniform(1, 9)) if rng.random() < 0.6 else 0.0
    mask = (np.abs(given - truth) > max(VISIBLE, OVER_GRAIN * level / 255)).astype(np.float32)
    if level:
        noise = degrade.grain(np.zeros_like(truth), level, rng)
        given, truth = given + noise, truth + noise
    if rng.random() < 0.5:
        quality = int(rng.integers(50, 96))
        given, truth = degrade.jpeg(given, quality), degrade.jpeg(truth, quality)
    return Damaged(np.clip(given, 0, 1), np.clip(truth, 0, 1), mask)


def _add(picture: Plane, draw: Draw, count: int, rng: np.random.Generator) -> Plane:
    for _ in range(count):
        canvas = np.zeros(picture.shape, np.uint8)
        draw(canvas, rng)
        alpha = rng.uniform(0.5 if draw in (loss, hole, blot, chips) else MINIMUM_ALPHA, 1.0)
        rim = draw in (crack, chips) and rng.random() < 0.5
        picture = _paint(picture, canvas, alpha, rng, bright=0.4 if draw is chips else 0.65, rim=rim)
    return picture


def drawn(picture: Plane, rng: np.random.Generator) -> Damaged:
    """Bold damage with hard edges and nothing else; the mask is all that was drawn, whether it can be seen or not."""
    given, mask = picture, np.zeros(picture.shape, np.bool_)
    for draw, share, most in BOLD:
        for _ in range(int(rng.integers(1, most + 1)) if rng.random() < share else 0):
            canvas = np.zeros(picture.shape, np.uint8)
            draw(canvas, rng)
            rim = draw is crack and rng.random() < 0.5
            given = _paint(given, canvas, rng.uniform(MINIMUM_ALPHA, 1.0), rng, rim=rim, hard=True)
            mask |= canvas > HARDLY
    return Damaged(np.clip(given, 0, 1), picture, mask.astype(np.float32))


def mistaken(picture: Plane, rng: np.random.Generator) -> NDArray[np.bool_]:
    """What a detector might take for damage in a picture without: strokes anywhere, or fine things that stand out."""
    canvas = np.zeros(picture.shape, np.uint8)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            (scratch, crack, dust, loss)[rng.integers(4)](canvas, rng)
        return canvas > HARDLY
    plane = degrade.quantise(picture)
    stands_out = cv2.absdiff(plane, cv2.medianBlur(plane, int(rng.choice([5, 9, 15])))) > rng.integers(12, 40)
    return stands_out & (_noise(picture.shape, rng.uniform(4, 12), rng) > rng.uniform(-0.5, 1))


def fill(picture: Plane, mask: Plane, radius: int = 3) -> Plane:
    """The classical fill (Navier-Stokes, Bertalmio 2001) inside `mask`, on 8 bits."""
    filled = cv2.inpaint(degrade.quantise(picture), (mask > 0).astype(np.uint8), radius, cv2.INPAINT_NS)
    return np.where(mask > 0, filled.astype(np.float32) / 255, picture)
