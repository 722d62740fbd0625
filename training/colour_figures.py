"""The figures of the colorizer: against gray, on people and scenes of the validation shard at 128 pixels."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import colour
from training.apply import Colour, Plane
from training.data import validation_photos

SIDE = 128
VIVIDNESSES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Short side to 128; of wide pictures the middle, of tall ones from 30 % of what is left over."""
    height, width = pixels.shape[:2]
    scale = SIDE / min(height, width)
    size = (max(SIDE, round(width * scale)), max(SIDE, round(height * scale)))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    top, left = round((small.shape[0] - SIDE) * 0.3), (small.shape[1] - SIDE) // 2
    return np.ascontiguousarray(small[top : top + SIDE, left : left + SIDE])


def colourfulness(pixels: NDArray[np.uint8]) -> float:
    """Hasler and Suesstrunk 2003."""
    red, green, blue = (pixels[..., i].astype(np.float32) for i in range(3))
    first, second = red - green, (red + green) / 2 - blue
    return float(np.hypot(first.std(), second.std()) + 0.3 * np.hypot(first.mean(), second.mean()))


def _psnr(truth: NDArray[np.uint8], got: NDArray[np.uint8]) -> float:
    return float(20 * np.log10(255) - 10 * np.log10(np.mean((truth.astype(np.float32) - got) ** 2) + 1e-9))


def _row(photos: list[NDArray[np.uint8]], paint: Callable[[Plane], Plane]) -> tuple[float, float, float]:
    """Mean PSNR, mean ab RMSE, colourfulness over the truth's."""
    found = []
    for truth in photos:
        lab = colour.lab(truth)
        ab = paint(lab[..., 0])
        got = colour.rgb(np.dstack([lab[..., 0], ab]))
        error = float(np.sqrt(((lab[..., 1:] - ab) ** 2).mean()))
        found.append((_psnr(truth, got), error, colourfulness(got), colourfulness(truth)))
    psnr, error, own, true = np.mean(found, 0)
    return float(psnr), float(error), float(own / true)


def colouring(run: Colour, folder: Path) -> Iterator[str]:
    """Lines for gray and for the whole range of vividness."""
    for category in ("people", "scenes"):
        photos = [square(photo.pixels) for photo in validation_photos(folder, (category,))]
        gray, error, _ = _row(photos, lambda lightness: np.zeros((*lightness.shape, 2), np.float32))
        yield f"{category}: gray {gray:.2f} dB, ab RMSE {error:.2f}"
        curve = []
        for vividness in VIVIDNESSES:
            psnr, error, share = _row(photos, lambda lightness, v=vividness: run(lightness, v))
            curve.append((psnr - gray, share))
            yield f"  vividness {vividness:.1f}: {psnr - gray:+.2f} dB, ab RMSE {error:.2f}, colourfulness {share:.2f}"
        gains, shares = np.array(curve).T
        even = float(np.interp(0, -gains, shares)) if gains[-1] < 0 else float(shares[-1])
        yield f"  as good as gray at a colourfulness of {even:.2f}"
