"""Makes a photograph old: `python samples/age.py PICTURE OUT.jpg [--look print|slide] [--seed N]`.

`print`: a black-and-white print on warm paper with a white margin; `slide`: a colour print of the
seventies. Both are softened, faded, yellowed, given grain, some dust and a fine scratch or two, and a
JPEG's blocks. The same picture and seed always give the same file.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]


def age(rgb: Floats, look: str, seed: int) -> Floats:
    """An old version of RGB in 0..1, larger by its margin where the look has one."""
    chance = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(rgb, (0, 0), 0.7)
    faded = _faded_print(soft) if look == "print" else _faded_colours(soft)
    damaged = _scratched(_dusty(_vignette(faded), chance), chance)
    if look == "print":
        damaged = _with_margin(damaged)
    return np.clip(damaged + _grain(damaged.shape, chance), 0, 1)


def _faded_print(rgb: Floats) -> Floats:
    gray = rgb @ np.float32([0.299, 0.587, 0.114])
    black, paper = np.float32([0.29, 0.25, 0.20]), np.float32([0.86, 0.80, 0.68])
    return black + (paper - black) * gray[..., None]


def _faded_colours(rgb: Floats) -> Floats:
    # the cyan dye goes first, the yellowing of the paper comes on top
    black, paper = np.float32([0.30, 0.17, 0.16]), np.float32([0.92, 0.80, 0.70])
    return black + (paper - black) * rgb


def _vignette(rgb: Floats) -> Floats:
    height, width = rgb.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return rgb * (1 - 0.06 * (x * x + y * y))[..., None]


def _dusty(rgb: Floats, chance: np.random.Generator) -> Floats:
    layer = np.zeros(rgb.shape[:2], np.float32)
    height, width = layer.shape
    for _ in range(28):
        spot = (int(chance.integers(width)), int(chance.integers(height)))
        cv2.circle(layer, spot, int(chance.integers(1, 3)), float(chance.uniform(0.1, 0.35)), -1, cv2.LINE_AA)
    return rgb + (0.95 - rgb) * cv2.GaussianBlur(layer, (0, 0), 0.8)[..., None]


def _scratched(rgb: Floats, chance: np.random.Generator) -> Floats:
    layer = np.zeros(rgb.shape[:2], np.float32)
    height, width = layer.shape
    for left in (0.06, 0.93):
        x = (left + 0.02 * chance.standard_normal(6).cumsum()) * width
        points = np.stack([x, np.linspace(0.05, 0.8, 6) * height], axis=1).astype(np.int32)
        cv2.polylines(layer, [points], False, 0.16, 1, cv2.LINE_AA)
    return rgb + (0.95 - rgb) * layer[..., None]


def _with_margin(rgb: Floats) -> Floats:
    margin = round(0.045 * min(rgb.shape[:2]))
    edges = [(margin, margin), (margin, margin), (0, 0)]
    paper = [np.pad(rgb[..., i], edges[:2], constant_values=value) for i, value in enumerate((0.92, 0.87, 0.76))]
    return np.stack(paper, axis=2)


def _grain(shape: tuple[int, ...], chance: np.random.Generator) -> Floats:
    fine = chance.normal(0, 1, shape[:2]).astype(np.float32)
    clumped = cv2.GaussianBlur(fine, (0, 0), 0.6)
    return (0.019 * clumped / clumped.std())[..., None]


def main() -> None:
    """Read, age, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("out")
    parser.add_argument("--look", choices=("print", "slide"), default="print")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Image.open(options.picture) as image:
        rgb = np.asarray(image.convert("RGB"), np.float32) / 255
    old = np.rint(age(rgb, options.look, options.seed) * 255).astype(np.uint8)
    Image.fromarray(old).save(options.out, quality=62, dpi=(300, 300))


if __name__ == "__main__":
    main()
