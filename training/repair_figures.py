"""The figures of detector and filler on synthetic damage of validation pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import degrade
from training.apply import KERNEL, THRESHOLDS, Detect, Fill, Plane, PlaneFunction, find, mixed
from training.damage import Damaged, damage, drawn, fill
from training.data import luminance, validation_photos
from training.degrade import quantise

SIDE = 256
CLEARLY = 0.01  # share of a picture from which damage cannot be overlooked


def squares(folder: Path, count: int = 240) -> list[Plane]:
    """Luminance of `count` validation pictures, short side 256, middle square."""
    photos = validation_photos(folder)
    return [_square(photo.pixels) for photo in photos[:: max(1, len(photos) // count)][:count]]


def _square(pixels: NDArray[np.uint8]) -> Plane:
    height, width = pixels.shape[:2]
    scale = SIDE / min(height, width)
    size = (max(SIDE, round(width * scale)), max(SIDE, round(height * scale)))
    whole = luminance(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)))
    top, left = (whole.shape[0] - SIDE) // 2, (whole.shape[1] - SIDE) // 2
    return np.ascontiguousarray(whole[top : top + SIDE, left : left + SIDE])


def cases(planes: list[Plane], seed: int = 13) -> list[Damaged]:
    """Each picture damaged, the same way every time."""
    rng = np.random.default_rng(seed)
    return [damage(plane, rng, clean=0.0) for plane in planes]


def bold(planes: list[Plane], seed: int = 13) -> list[Damaged]:
    """Each picture at half size under much and bold damage, its mask what was drawn: what a first trial measured on.

    8 % of the pixels are damaged and 24 dB left, where :func:`cases` has 4 % and 31 dB.
    """
    rng = np.random.default_rng(seed)
    return [drawn(cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), rng) for plane in planes]


def matching(masks: list[NDArray[np.bool_]], found: list[Damaged], name: str = "") -> Iterator[str]:
    """Lines about masks against the true ones."""
    for tolerance in (0, 1):
        score, precision, recall = f1(masks, [case.mask > 0 for case in found], tolerance)
        yield f"mask{name}, tolerance {tolerance} px: F1 {score:.3f} (precision {precision:.3f}, recall {recall:.3f})"


def f1(
    found: list[NDArray[np.bool_]], truth: list[NDArray[np.bool_]], tolerance: int = 0
) -> tuple[float, float, float]:
    """F1, precision and recall over all pixels; pixels `tolerance` away from the other mask count as hits."""

    def near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return cv2.dilate(mask.astype(np.uint8), KERNEL, iterations=tolerance) > 0 if tolerance else mask

    hits = sum(int((f & near(t)).sum()) for f, t in zip(found, truth, strict=True))
    recalled = sum(int((t & near(f)).sum()) for f, t in zip(found, truth, strict=True))
    precision = hits / max(1, sum(int(f.sum()) for f in found))
    recall = recalled / max(1, sum(int(t.sum()) for t in truth))
    return 2 * precision * recall / max(1e-9, precision + recall), precision, recall


def _psnr(truth: Plane, got: Plane) -> float:
    return float(-10 * np.log10(np.mean((truth - got) ** 2) + 1e-9))


def _inside(case: Damaged, got: Plane) -> float:
    return float((((got - case.truth) ** 2) * case.mask).sum())


def restoring(name: str, restore: Callable[[Damaged], Plane], found: list[Damaged]) -> str:
    """PSNR gain and RMSE inside the damage (8-bit units) of one way to repair."""
    pixels = sum(float(case.mask.sum()) for case in found)
    results = [restore(case) for case in found]
    gain = np.mean([_psnr(c.truth, r) - _psnr(c.truth, c.given) for c, r in zip(found, results, strict=True)])
    pairs = list(zip(found, results, strict=True))
    before = 255 * np.sqrt(sum(_inside(c, c.given) for c, _ in pairs) / pixels)
    after = 255 * np.sqrt(sum(_inside(c, r) for c, r in pairs) / pixels)
    return f"{name:34s} gain {gain:+6.2f} dB   RMSE inside {before:.1f} -> {after:.1f} ({after / before:.2f})"


def classical(mask: Callable[[Damaged], Plane]) -> Callable[[Damaged], Plane]:
    """The Navier-Stokes fill of the mask or the weights that are named."""
    return lambda case: mixed(case.given, fill(case.given, mask(case)), mask(case))


def detecting(detect: Detect, planes: list[Plane]) -> Iterator[str]:
    """Lines about the mask, without regard to what is certain in the whole picture."""
    found, threshold = cases(planes), THRESHOLDS[1]
    yield from matching([detect(case.given) > threshold for case in found], found)
    strong = bold(planes)
    yield from matching([detect(case.given) > threshold for case in strong], strong, " of bold damage")
    share = 100 * np.mean([(detect(plane) > threshold).mean() for plane in planes])
    yield f"flagged on clean pictures: {share:.2f} %"
    touched = 100 * np.mean([find(detect, plane).any() for plane in planes])
    left = 100 * np.mean([not find(detect, case.given).any() for case in found if case.mask.mean() > CLEARLY])
    yield f"repaired at all: {touched:.0f} % of clean pictures; left alone: {left:.0f} % of those damaged on 1 %"


def scans(planes: list[Plane], seed: int = 17) -> list[Plane]:
    """Each picture as a scan without damage: blur, grain, JPEG."""
    rng = np.random.default_rng(seed)
    return [degrade.scan(plane, 1, rng) for plane in planes]


def sparing(repair: PlaneFunction, planes: list[Plane]) -> str:
    """What the whole chain costs where there is no damage: the mean change of PSNR against the unspoilt picture."""
    changes = []
    for truth, scan in zip(planes, scans(planes), strict=True):
        changes.append(_psnr(truth, repair(scan)) - _psnr(truth, scan))
    return (
        f"scans without damage: {np.mean(changes):+.3f} dB on average, {np.percentile(changes, 5):+.2f} at worst (5 %)"
    )


def repairing(detect: Detect, filler: Fill, planes: list[Plane]) -> Iterator[str]:
    """Lines about what is repaired, against the classical fill and the blind filters."""
    found = cases(planes)
    ways: dict[str, Callable[[Damaged], Plane]] = {
        "median 3": lambda c: cv2.medianBlur(c.given, 3),
        "NL-means h 10": lambda c: cv2.fastNlMeansDenoising(quantise(c.given), None, 10).astype(np.float32) / 255,
        "NS, true mask": classical(lambda c: c.mask),
        "filler, true mask": lambda c: filler(c.given, c.mask),
        "NS, own mask": classical(lambda c: find(detect, c.given)),
        "filler, own mask": lambda c: filler(c.given, find(detect, c.given)),
    }
    for name, restore in ways.items():
        yield restoring(name, restore, found)
    yield restoring("bold damage: filler, own mask", ways["filler, own mask"], bold(planes))
    yield sparing(lambda scan: filler(scan, find(detect, scan)), planes)


def through(look: PlaneFunction, filler: Fill, planes: list[Plane]) -> Iterator[str]:
    """Lines about a whole chain, which decides by itself whether there is damage at all; a mask of 0..1 from `look`."""
    found = cases(planes)
    masks = [look(case.given) for case in found]
    yield from matching([mask > 0.5 for mask in masks], found)
    clean = [look(plane) for plane in planes]
    yield f"flagged on clean pictures: {100 * np.mean([mask.mean() for mask in clean]):.2f} %"
    touched = 100 * np.mean([mask.any() for mask in clean])
    left = 100 * np.mean([not m.any() for m, case in zip(masks, found, strict=True) if case.mask.mean() > CLEARLY])
    yield f"repaired at all: {touched:.0f} % of clean pictures; left alone: {left:.0f} % of those damaged on 1 %"
    yield restoring("own mask", lambda c: filler(c.given, look(c.given)), found)
    yield restoring("true mask", lambda c: filler(c.given, c.mask), found)
    for name, way in (("own", lambda c: look(c.given)), ("true", lambda c: c.mask)):
        yield restoring(f"bold damage: {name} mask", lambda c, way=way: filler(c.given, way(c)), bold(planes))
    yield sparing(lambda scan: filler(scan, look(scan)), planes)
