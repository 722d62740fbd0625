"""Pictures made gray, toned, faded, noisy and compressed, for the programs that measure the measurements.

Every function takes RGB as uint8 (height, width, 3) and a random generator and gives the same kind.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Rgb = npt.NDArray[np.uint8]
Damage = Callable[[Rgb, np.random.Generator], Rgb]

SHARED = Path(__file__).parents[2] / "shared"
_TONES = np.array(
    [
        (1.07, 0.74, 0.43),
        (1.0, 0.86, 0.7),
        (0.95, 0.92, 1.0),
        (0.55, 0.8, 1.0),
        (1.0, 0.96, 0.88),
        (0.85, 1.0, 0.8),
        (1.0, 0.88, 0.9),
    ]
)


def pictures(shard: str, part: int = 1) -> Iterator[tuple[str, Rgb]]:
    """Every ``part``-th picture of a shard of the shared data, with its name."""
    with tarfile.open(SHARED / "data" / shard) as shelf:
        for number, member in enumerate(shelf):
            file = shelf.extractfile(member) if number % part == 0 else None
            if file is not None:
                with Image.open(file) as image:
                    yield member.name, np.asarray(image.convert("RGB"))


def rounded(values: npt.NDArray[np.floating]) -> Rgb:
    """0..255 as uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def jpeg(rgb: Rgb, quality: int) -> Rgb:
    """There and back, with halved chroma."""
    buffer = BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image)


def compressed(quality: int) -> Damage:
    """Return JPEG as a damage."""
    return lambda rgb, _chance: jpeg(rgb, quality)


def gray(rgb: Rgb, _chance: np.random.Generator) -> Rgb:
    """BT.601 luma in all three channels."""
    luma = rounded(rgb @ np.array([0.299, 0.587, 0.114]))
    return np.repeat(luma[..., None], 3, axis=2)


def noisy(sigma: float) -> Damage:
    """Return white noise, different in each channel."""
    return lambda rgb, chance: rounded(rgb + chance.normal(0, sigma, rgb.shape))


def blotched(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """Coarse noise in each channel, as scanners leave it after their own smoothing."""
    noise = cv2.GaussianBlur(chance.normal(0, 1, rgb.shape), (0, 0), 1.2)
    return rounded(rgb + noise * chance.uniform(1, 4) / noise.std())


def slightly_cast(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """A few percent more or less in each channel."""
    return rounded(gray(rgb, chance) * chance.uniform(0.93, 1, 3) + chance.uniform(0, 8, 3))


def toned(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """Dyed, toned with neutral ends, printed in two inks, or split-toned, in a random tone and strength."""
    level = gray(rgb, chance)[..., :1] / 255
    tone, other = (1 + chance.uniform(0.3, 1.0) * (_TONES[chance.choice(len(_TONES), 2)] - 1))[:2]
    ink = chance.uniform(0, 60, 3) / 255
    paper = np.array([1, chance.uniform(0.88, 1), chance.uniform(0.7, 1)])
    ways = (
        level * tone,
        level ** (2 - tone),
        ink + (paper - ink) * level,
        level * ((1 - level) * tone + level * other),
    )
    return rounded(ways[chance.integers(len(ways))] * 255)


def faded(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """Little contrast left: 45 to 65 % of it, on a black of 12 to 30 %."""
    return rounded(rgb * chance.uniform(0.45, 0.65) + 255 * chance.uniform(0.12, 0.3))


def yellowed(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """Faded, on paper that has lost 15 to 35 % of its blue."""
    paper = np.array([1, chance.uniform(0.92, 0.97), chance.uniform(0.65, 0.85)])
    return rounded((rgb * chance.uniform(0.5, 0.65) + 255 * chance.uniform(0.12, 0.25)) * paper)


def reddened(rgb: Rgb, chance: np.random.Generator) -> Rgb:
    """Return a colour print whose cyan dye has gone first."""
    black = np.array([chance.uniform(0.2, 0.35), chance.uniform(0.08, 0.17), chance.uniform(0.08, 0.2)])
    white = np.array([chance.uniform(0.85, 0.97), chance.uniform(0.7, 0.82), chance.uniform(0.68, 0.84)])
    return rounded(255 * black + (white - black) * rgb)


def chained(*damages: Damage) -> Damage:
    """One after the other."""

    def apply(rgb: Rgb, chance: np.random.Generator) -> Rgb:
        for damage in damages:
            rgb = damage(rgb, chance)
        return rgb

    return apply


def psnr(one: Rgb, other: Rgb) -> float:
    """Decibels over all channels."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
