"""Guessed colours beside the untouched lightness of a black-and-white picture.

Bins of Lab's a and b after Zhang, Isola and Efros (2016); the card ``weights/colour.md`` says what the network takes
and gives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from resilver.engine import Report
from resilver.local.detail import Part
from resilver.local.devices import Floats
from resilver.local.hints import follow
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Runtime
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas, profiles
from resilver.recipe import Hint
from resilver.result import Step

_NAME = "own-colour"
# The short side that the network looks at, and the longest side of a panorama
_LEAST, _MOST, _LONGEST = 128, 160, 2560
# The rarity to this power was in the training's weights already
_TRAINED = 0.5
# Pixels of a strip, and of the copy that the network's small picture is made from
_STRIP, _COPY = 1 << 18, 2_000_000
# Linear sRGB to XYZ, each as a part of the white's (D65): IEC 61966-2-1
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_XYZ = (_XYZ / _XYZ.sum(axis=1, keepdims=True)).astype(np.float32)
_RGB = np.linalg.inv(_XYZ).astype(np.float32)
_TOE = 6 / 29  # CIE 15: below it Lab's cube root is a straight line


def colorize(  # noqa: PLR0917 - what to do, then with what
    picture: Picture,
    vividness: float,
    hints: Sequence[Hint],
    runtime: Runtime,
    report: Report,
    part: Part | None = None,
) -> tuple[Picture, Step]:
    """The picture in sRGB with guessed colours; of its own pixels only CIE L* counts, so a toning goes.

    Depth, alpha and metadata stay, and so does each pixel's luminance but for rounding: what sRGB cannot show at it
    is made paler. ``vividness``: 0, the smallest error is the most likely, to 1, rare colours count as usual ones.
    What belongs to the points of ``hints`` takes their colours instead.
    ``part``: what the picture is a part of, whose colours are guessed.

    Raises:
        RecipeError: a hint lies outside of the picture.
        EngineMissing, ModelBroken: the network is not as it was delivered.
        EngineError: it failed or does not fit into memory.
        OutputFull: no room for the pixels of a large picture.
        Cancelled: the report asked to stop.
    """
    seen = picture if part is None else part.sample()
    lightness = _overview(seen, report.part(0, 0.3))
    colours = _guessed(_reduced(lightness, seen), vividness, runtime, report)
    if hints:
        colours = follow(colours, lightness, hints, picture if part is None else part.whole)
    if part is not None:
        colours = part.of(colours)
    made = canvas.allocate((picture.height, picture.width, 3), picture.pixels.dtype)
    resized = cv2.resize(colours, (picture.width, len(colours)), interpolation=cv2.INTER_LINEAR)
    wide = np.asarray(resized, np.float32).reshape(len(colours), picture.width, 2)
    step = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, step):
        report.progress(0.4 + 0.6 * top / picture.height, "colouring")
        light = _luminance(picture, slice(top, top + step))
        ab = _rows(wide, top, len(light), picture.height)
        made[top : top + step] = np.rint(_encoded(_painted(light, ab)) * picture.peak)
        canvas.release(made)
        canvas.release(picture.pixels)
    report.progress(1.0, "colouring")
    keeps = not picture.gray and profiles.is_srgb(picture.icc)
    detail = f"guessed colours, vividness {vividness:g}"
    if hints:
        detail = f"guessed colours, vividness {vividness:g}, {len(hints)} points told"
    coloured = picture.replace(pixels=made, icc=picture.icc if keeps else profiles.srgb())
    return coloured, Step("colorized", NETWORKS[_NAME].label, detail, True)


def _overview(picture: Picture, report: Report) -> Floats:
    """L* (height, width) of a copy of bounded size."""
    height, width = picture.height, picture.width
    cell = max(1, math.isqrt(height * width // _COPY))
    step = cell * max(1, _STRIP // (width * cell))
    strips = []
    for top in range(0, height, step):
        report.progress(top / height, "colouring")
        strip = 116 * _root(_luminance(picture, slice(top, top + step))) - 16
        size = (max(1, width // cell), max(1, len(strip) // cell))
        strips.append(cv2.resize(strip, size, interpolation=cv2.INTER_AREA).reshape(size[::-1]))
        canvas.release(picture.pixels)
    return np.vstack(strips)


def _reduced(lightness: Floats, picture: Picture) -> Floats:
    """L* at the size that the network looks at."""
    height, width = picture.height, picture.width
    scale = min(_MOST, max(_LEAST, min(height, width))) / min(height, width)
    seen = [max(16, min(_LONGEST, round(side * scale / 16) * 16)) for side in (width, height)]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(lightness, seen, interpolation=how), np.float32)


def _guessed(lightness: Floats, vividness: float, runtime: Runtime, report: Report) -> Floats:
    """The colours ab (height / 4, width / 4, 2) that the network finds most fitting on average."""
    seen = np.asarray(lightness[None] / 50 - 1, np.float32)
    logits = runtime.run(_NAME, seen, report=report)
    logits += runtime.run(_NAME, np.ascontiguousarray(seen[:, :, ::-1]), report=report)[:, :, ::-1]
    logits *= 0.5
    bins = runtime.store.own.table(NETWORKS[_NAME].stem)
    centres, rarity = (np.array(bins[key], np.float32) for key in ("centres", "rarity"))
    logits += np.float32(vividness - _TRAINED) * np.log(rarity)[:, None, None]
    chances = np.exp(logits - logits.max(axis=0))
    ab: Floats = np.einsum("khw,kc->hwc", chances / chances.sum(axis=0), centres)
    return ab


def _rows(wide: Floats, top: int, count: int, height: int) -> Floats:
    """Rows from ``top`` on of (few rows, width, 2) brought to the picture's height, bilinear."""
    place = np.clip((np.arange(top, top + count) + 0.5) * len(wide) / height - 0.5, 0, len(wide) - 1)
    above = place.astype(int)
    part = (place - above).astype(np.float32)[:, None, None]
    made: Floats = wide[above] * (1 - part) + wide[np.minimum(above + 1, len(wide) - 1)] * part
    return made


def _luminance(picture: Picture, rows: slice) -> Floats:
    """CIE Y (0..1) of some rows, by way of sRGB."""
    pixels: Pixels = picture.pixels[rows]
    if picture.gray:
        pixels = profiles.as_srgb_gray(Picture(pixels=pixels, icc=picture.icc)).pixels
    else:
        pixels = profiles.to_srgb(pixels, picture.icc, picture.depth)
    level = np.linspace(0, 1, picture.peak + 1)
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)[pixels]
    light: Floats = linear[..., 0] if picture.gray else linear @ _XYZ[1]
    return light


def _painted(light: Floats, ab: Floats) -> Floats:
    """Linear sRGB (height, width, 3) in 0..1 of luminance and ab; the luminance is kept and not the saturation."""
    root = _root(light)
    green_red, blue_yellow = ab[..., 0] * np.float32(1 / 500), ab[..., 1] * np.float32(-1 / 200)
    xyz = np.dstack([_cube(root + green_red), light, _cube(root + blue_yellow)])
    tint = xyz @ _RGB.T - light[..., None]
    most, least = tint.max(axis=2), -tint.min(axis=2)
    share = np.minimum((1 - light) / np.maximum(most, 1e-6), light / np.maximum(least, 1e-6))
    made: Floats = np.clip(light[..., None] + np.clip(share, 0, 1)[..., None] * tint, 0, 1)
    return made


def _root(light: Floats) -> Floats:
    made: Floats = np.where(light > _TOE**3, np.cbrt(light), light / (3 * _TOE**2) + 4 / 29).astype(np.float32)
    return made


def _cube(root: Floats) -> Floats:
    made: Floats = np.where(root > _TOE, root**3, 3 * _TOE**2 * (root - 4 / 29)).astype(np.float32)
    return made


def _encoded(linear: Floats) -> Floats:
    power = np.asarray(cv2.pow(linear, 1 / 2.4), np.float32).reshape(linear.shape)
    made: Floats = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * power - 0.055)
    return made
