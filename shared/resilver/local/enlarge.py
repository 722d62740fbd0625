"""Enlarging: which networks for which picture, and what is done where there are none.

The presets follow a comparison on photographs and drawings, clean and damaged (PSNR and SSIM against
the originals, and faces and text by eye): what redraws faces or letters is not among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import cv2
import numpy as np
from PIL import Image

from resilver.engine import Report
from resilver.local.devices import Floats
from resilver.local.luma import Luma
from resilver.local.runtime import Runtime
from resilver.local.tiling import Border, Chain, Mix, Sample, Single, Stage, Work, run_tiled
from resilver.local.ways import first_possible, named
from resilver.picture import Picture
from resilver.recipe import Kind, Quality
from resilver.result import Step

Level = Literal["clean", "mild", "strong"]


# Wider edges than this (pixels, see edge_width) were blurred before: pictures that were made small by
# bicubic resampling measured 0.5 to 0.71, with a blur of 0.6 pixels 0.77 to 0.94, with 1.6 pixels 1.5 and more
_SOFT = 0.72
_LOOK = 1536
# Steps on JPEG's grid: of 40 training pictures at half size 19 in 20 had less than 0.3, and more than 0.45 after noise
# of 4 and JPEG 75
_BLOCKS = 0.5


class Damage(Protocol):
    """What is asked of a measurement: grain as sigma in 8-bit units, JPEG's quality if it is one, and its traces."""

    @property
    def noise(self) -> float: ...  # noqa: D102
    @property
    def jpeg_quality(self) -> float | None: ...  # noqa: D102
    @property
    def blockiness(self) -> float: ...  # noqa: D102


def enlarge(  # noqa: PLR0917 - the recipe's fields in the recipe's order
    picture: Picture,
    factor: Literal[2, 4],
    kind: Kind,
    quality: Quality,
    strength: float,
    runtime: Runtime,
    report: Report,
    damage: Damage | None = None,
) -> tuple[Picture, Step]:
    """Multiply both sides by 2 or 4.

    Gray stays gray, 16 bits stay 16 bits, alpha is enlarged apart by Lanczos resampling, and the
    resolution in dots per inch is multiplied, too: the print keeps its size. ``damage`` are the
    measurements of the picture (``None``: clean); ``strength`` is how strongly a damaged picture is
    restored. Where networks are missing or damaged, the next simpler way is taken and the report
    hears which, down to Lanczos resampling with sharpening.

    Raises:
        EngineError, OutputFull, Cancelled: see :func:`run_tiled`.
    """
    level = damage_level(picture, damage) if quality == "best" else "clean"
    ways = [named(stage) for stage in _ways(factor, kind, quality, strength, level)]
    ways.append(("Lanczos resampling and an unsharp mask", Lanczos(factor, 0.6 * strength)))
    tool, stage = first_possible(ways, runtime, report, "Enlarged")
    share = 0.97 if picture.alpha is not None else 1.0
    pixels = run_tiled(stage, picture.pixels, runtime, report.part(0, share), alpha=picture.alpha)
    alpha = None
    if picture.alpha is not None:
        plain = Lanczos(factor, 0.0)
        alpha = run_tiled(plain, picture.alpha[..., None], runtime, report.part(share, 1.0))[..., 0]
    dpi = None if picture.dpi is None else (picture.dpi[0] * factor, picture.dpi[1] * factor)
    return picture.replace(pixels=pixels, alpha=alpha, dpi=dpi), Step(f"x{factor}", tool)


class Lanczos:
    """Lanczos resampling (a = 3), then an unsharp mask of radius 0.6 * scale; ``amount`` 0 leaves it out."""

    multiple = 1
    tile = 512
    border: Border = "edge"
    networks: tuple[str, ...] = ()

    def __init__(self, scale: int, amount: float = 0.6) -> None:
        self.scale = scale
        self._amount = amount
        self._radius = 0.6 * scale
        self.margin = 3 + math.ceil(4 * 0.6)

    def run(self, block: Floats, work: Work) -> Floats:  # noqa: ARG002 - no network, no averages
        """See :class:`Stage`."""
        return np.stack([self._enlarge(plane) for plane in block])

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """See :class:`Stage`."""

    def _enlarge(self, plane: Floats) -> Floats:
        height, width = plane.shape
        size = width * self.scale, height * self.scale
        large = np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))
        if self._amount:
            large = large + self._amount * (large - cv2.GaussianBlur(large, (0, 0), self._radius))
        edge = self.margin * self.scale
        return large[edge:-edge, edge:-edge]


def damage_level(picture: Picture, damage: Damage | None) -> Level:
    """How much a picture has suffered, on the scale that the choice of networks was measured on.

    On soft and on grainy pictures a third of a restoring network gains 0.1 to 0.4 dB, on sharp ones it
    loses 0.4 to 0.7 dB.
    """
    noise = 0.0 if damage is None else damage.noise
    jpeg = 100 if damage is None else damage.jpeg_quality or 100
    if noise >= 5 or edge_width(picture) > _SOFT:
        return "strong"
    blocks = 0.0 if damage is None else damage.blockiness
    return "mild" if noise >= 2 or jpeg < 90 or blocks > _BLOCKS else "clean"


def edge_width(picture: Picture) -> float:
    """Typical blur of the strongest edges, as the standard deviation of a Gaussian in pixels; 0 without edges.

    From the ratio of gradients before and after another blur (Zhuo and Sim, "Defocus map estimation from
    a single image", 2011), in the middle of the picture.
    """
    top, left = (max(0, (length - _LOOK) // 2) for length in picture.pixels.shape[:2])
    part = picture.pixels[top : top + _LOOK, left : left + _LOOK].astype(np.float32).mean(axis=2) / picture.peak
    smooth = cv2.GaussianBlur(part, (0, 0), 0.7)  # so that grain makes no edges
    before, after = _gradient(smooth), _gradient(cv2.GaussianBlur(smooth, (0, 0), 1.0))
    peaks = (before == cv2.dilate(before, np.ones((3, 3)))) & (before > max(float(np.percentile(before, 95)), 1e-3))
    if not peaks.any():
        return 0.0
    ratio = np.maximum(before[peaks] / np.maximum(after[peaks], 1e-6), 1.001)
    return float(np.median(np.sqrt(np.maximum(1 / (ratio**2 - 1) - 0.7**2, 0))))


def _gradient(plane: Floats) -> Floats:
    return np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1), dtype=np.float32)


def _ways(factor: int, kind: Kind, quality: Quality, strength: float, level: Level) -> Iterator[Stage]:
    """The ways to enlarge, best first; a way that needs networks of others is followed by simpler ones."""
    ours = Luma("own-x2" if factor == 2 else "own-x4")
    careful: Stage = Single("upconv-noise1")
    if kind == "art":
        yield from _art(factor, quality, level)
        yield careful if factor == 2 else Chain(careful, Single("upconv"))
        yield ours
        return
    if quality == "best":
        yield from _best(factor, strength, level, ours, careful)
    yield ours
    yield careful if factor == 2 else Chain(careful, Single("upconv"))


def _best(factor: int, strength: float, level: Level, ours: Stage, careful: Stage) -> Iterator[Stage]:
    """For photographs: the means of differing networks miss by less than each of them."""
    sharp, scan = Luma("own-x2-clean"), Luma("own-x2-scan")
    # at x4 our x2 goes on from the other's as well as that would, at three quarters of the cost
    mean = Mix(ours, careful if factor == 2 else Chain(careful, Luma("own-x2")), 0.5)
    restored = strength > 0 and level in (("strong",) if factor == 2 else ("mild", "strong"))
    if restored:
        # a part of it is sharper than ours and less painted than the restoring one alone
        restoring = Single("cugan-conservative" if factor == 2 else "cugan-x4-conservative")
        yield Mix(ours, restoring, strength / 3) if factor == 2 else Mix(mean, restoring, strength / 4)
    elif level == "clean" and factor == 2:
        yield Single("cunet")
        yield sharp
    if factor == 4 or not (restored or level == "clean"):
        yield mean  # of grainy pictures at x2 ours alone make more
    yield Mix(ours, scan if factor == 2 else Chain(Luma("own-x2"), sharp), 0.5)


def _art(factor: int, quality: Quality, level: Level) -> Iterator[Stage]:
    if quality == "best" and level == "clean":
        careful = Single("cunet-noise1")
        yield careful if factor == 2 else Chain(careful, Single("cunet"))
    elif factor == 4:
        yield Single("cugan-x4-conservative")
    elif quality == "best":
        yield Single("cugan-pro-conservative")
