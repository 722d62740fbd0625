"""The figures of the colorizer: against gray, on people and scenes of the validation shard at 128 pixels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import colour
from training.apply import Net, Plane, logits, painted
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


def _row(truth: NDArray[np.uint8], lab: Plane, ab: Plane) -> tuple[float, float, float, float]:
    """PSNR, mean square of the error in ab, colourfulness, the truth's colourfulness."""
    got = colour.rgb(np.dstack([lab[..., 0], ab]))
    error = float(((lab[..., 1:] - ab) ** 2).mean())
    return _psnr(truth, got), error, colourfulness(got), colourfulness(truth)


def _rows(truth: NDArray[np.uint8], net: Net, rarity: Plane) -> list[tuple[float, float, float, float]]:
    """Gray, then every vividness."""
    lab = colour.lab(truth)
    found = logits(net, lab[..., 0])
    ways = [painted(found, rarity, vividness, truth.shape) for vividness in VIVIDNESSES]
    return [_row(truth, lab, ab) for ab in (np.zeros_like(lab[..., 1:]), *ways)]


def colouring(net: Net, rarity: Plane, folder: Path, part: int = 1) -> Iterator[str]:
    """Lines for gray and for the whole range of vividness, on every `part`-th picture."""
    for category in ("people", "scenes"):
        photos = [square(photo.pixels) for photo in validation_photos(folder, (category,))[::part]]
        psnr, errors, own, true = np.mean([_rows(photo, net, rarity) for photo in photos], 0).T
        gains, shares, errors = psnr - psnr[0], own / true, np.sqrt(errors)
        yield f"{category}: gray {psnr[0]:.2f} dB, ab RMSE {errors[0]:.2f}"
        for vividness, gain, error, share in zip(VIVIDNESSES, gains[1:], errors[1:], shares[1:], strict=True):
            yield f"  vividness {vividness:.1f}: {gain:+.2f} dB, ab RMSE {error:.2f}, colourfulness {share:.2f}"
        even = float(np.interp(0, -gains[1:], shares[1:])) if gains[-1] < 0 else float(shares[-1])
        yield f"  as good as gray at a colourfulness of {even:.2f}"
