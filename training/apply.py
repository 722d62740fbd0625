"""Networks as functions of whole pictures, the same for PyTorch and for ncnn; what the engine does, without tiles.

A network here is a function of planes (channels, height, width) float32 that gives (channels, height, width).
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import colour
from training.damage import fill

Plane = NDArray[np.float32]
Net = Callable[[Plane], Plane]
PlaneFunction = Callable[[Plane], Plane]  # luma in 0..1 to luma in 0..1
Detect = Callable[[Plane], Plane]  # luma -> probability of damage
Fill = Callable[[Plane, Plane], Plane]  # luma, weight 0..1 -> luma repaired by that weight
Colour = Callable[[Plane, float], Plane]  # L (0..100) and vividness -> ab
BORDER = 16  # mirrored pixels around a picture; further away the networks hardly look
KERNEL = np.ones((3, 3), np.uint8)
LEAST_SIDE, MOST_SIDE = 128, 160  # short side that the colorizer looks at
LEAST_SEEN = 300  # short side of the smallest copy that damage is looked for in
# chance of damage from which a pixel counts, by reduction: collars, ties and posts look like damage when small
THRESHOLDS = {1: 0.5, 2: 0.85, 4: 0.93}
# a picture is left alone whose evidence is too little in full size and in each copy: the log-odds beyond DOUBTFUL of
# its pixels, at most SUREST, added up; where there is a copy of half size only as far as it agrees, up to AGREE below
DOUBTFUL, SUREST, AGREE = 2.0, 7.0, 5.5
LEAST, DECIDING = 1500, 600  # in copies of a short side below DECIDING five times as much evidence is asked for


class Exported:
    """A network in ncnn's files `stem`.param and `stem`.bin, on one thread."""

    def __init__(self, stem: Path) -> None:
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        if self._net.load_param(str(stem.with_suffix(".param"))) or self._net.load_model(str(stem.with_suffix(".bin"))):
            raise RuntimeError(f"{stem} cannot be loaded")

    def __call__(self, planes: Plane) -> Plane:
        keep = np.ascontiguousarray(planes, np.float32)
        given = ncnn.Mat(keep)  # a view: `keep` has to outlive the run
        extractor = self._net.create_extractor()
        extractor.input("in0", given)
        failed, out = extractor.extract("out0")
        if failed:
            raise RuntimeError(f"ncnn gave {failed}")
        return np.array(out)


def bordered(net: Net, planes: Plane, multiple: int) -> Plane:
    """Runs the network on planes of any size, mirrored beyond their edges; replicated noise would stay as streaks."""
    height, width = planes.shape[1:]
    sides = ((0, 0), (BORDER, BORDER + -height % multiple), (BORDER, BORDER + -width % multiple))
    got = net(np.pad(planes, sides, mode="reflect"))
    scale = got.shape[1] // (height + 2 * BORDER)
    return got[:, BORDER * scale : (BORDER + height) * scale, BORDER * scale : (BORDER + width) * scale]


def plane_function(net: Net, multiple: int) -> PlaneFunction:
    """Enlarger or denoiser as a function of one plane."""
    return lambda plane: bordered(net, plane[None], multiple)[0]


def detector(net: Net) -> Detect:
    """Luma -> probability of damage."""
    return lambda plane: 1 / (1 + np.exp(-bordered(net, plane[None], 16)[0]))


def find(detect: Detect, luma: Plane) -> Plane:
    """How far each pixel is to be replaced, 0 to 1; nowhere, where too little speaks for damage.

    Also looked for at half and quarter size, where broad damage looks fine.
    """
    height, width = luma.shape
    odds: dict[int, Plane] = {}
    for scale in THRESHOLDS:
        if scale > 1 and min(height, width) < LEAST_SEEN * scale:
            break
        chance = detect(cv2.resize(luma, (width // scale, height // scale), interpolation=cv2.INTER_AREA))
        found = np.clip(np.log(np.maximum(chance, 1e-9) / np.maximum(1 - chance, 1e-9)), -SUREST, SUREST)
        odds[scale] = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
    if not any(evidence(odds, scale) >= enough(odds, scale) for scale in odds):
        return np.zeros_like(luma)
    return np.max([weighted(1 / (1 + np.exp(-found)), THRESHOLDS[scale]) for scale, found in odds.items()], axis=0)


def evidence(odds: dict[int, Plane], scale: int) -> float:
    """What speaks for damage at one scale, in its own pixels."""
    found = odds[scale]
    if scale == 1 and 2 in odds:
        found = np.minimum(found, cv2.dilate(odds[2], np.ones((5, 5))) + AGREE)
    return float(np.maximum(found - DOUBTFUL, 0).sum()) / scale**2


def enough(odds: dict[int, Plane], scale: int) -> float:
    """The evidence at one scale from which on a picture is damaged."""
    pixels = odds[scale].size / scale**2
    if scale == 1 and 2 in odds:
        return max(1300, 0.0006 * pixels)
    doubt = 5 if scale > 1 and min(odds[scale].shape) < DECIDING * scale else 1
    return max(LEAST, doubt * max(min(0.0136 * pixels, 3400), 0.002 * pixels))


def weighted(chance: Plane, least: float) -> Plane:
    """From 0 at a chance of `least` to 1, and half of it one pixel around, because edges of damage are soft."""
    weight = np.clip((chance - least) / (1 - least), 0, 1)
    return np.maximum(weight, cv2.dilate(weight, KERNEL) / 2)


def filler(net: Net) -> Fill:
    """Classical fill, then the network, where the weight is above 0, mixed with the picture by the weight."""

    def run(luma: Plane, weight: Plane) -> Plane:
        mask = (weight > 0).astype(np.float32)
        got = bordered(net, np.stack([fill(luma, mask), luma, mask]), 16)[0]
        return mixed(luma, np.clip(got, 0, 1), weight)

    return run


def mixed(luma: Plane, filled: Plane, weight: Plane) -> Plane:
    """The picture, and what was filled by its weight."""
    return luma + weight * (filled - luma)


def logits(net: Net, lightness: Plane, side: int = 0) -> Plane:
    """Logits of the colour bins at a quarter of the side looked at: the mean of the picture and its mirror image."""
    height, width = lightness.shape
    scale = (side or min(MOST_SIDE, max(LEAST_SIDE, min(height, width)))) / min(height, width)
    size = [max(16, round(length * scale / 16) * 16) for length in (width, height)]
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)[None] / 50 - 1
    mirrored = net(np.ascontiguousarray(small[:, :, ::-1]))[:, :, ::-1]
    return (net(small) + mirrored) / 2


def painted(found: Plane, rarity: Plane, vividness: float, shape: tuple[int, ...]) -> Plane:
    """The colour ab (height, width, 2) that logits stand for, at the picture's size."""
    ab = colour.decode(found, rarity, vividness)
    return cv2.resize(ab, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def colorizer(net: Net, rarity: Plane) -> Colour:
    """Lightness of any size, brought to a small size and the colour back."""
    return lambda lightness, vividness: painted(logits(net, lightness), rarity, vividness, lightness.shape)


def on_luminance(pixels: NDArray[np.uint8], function: PlaneFunction, factor: int) -> NDArray[np.uint8]:
    """A colour picture (height, width, 3) with `function` on its luma and chroma brought up by Lanczos."""
    ycc = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb)
    luma = function(np.ascontiguousarray(ycc[..., 0]))
    size = (pixels.shape[1] * factor, pixels.shape[0] * factor)
    chroma = [np.asarray(Image.fromarray(ycc[..., i]).resize(size, Image.Resampling.LANCZOS)) for i in (1, 2)]
    rgb = cv2.cvtColor(np.dstack([luma, *chroma]).astype(np.float32), cv2.COLOR_YCrCb2RGB)
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def cleaned(pixels: NDArray[np.uint8], denoise: PlaneFunction) -> NDArray[np.uint8]:
    """A colour picture with `denoise` on its luma and, as far as that took noise away, chroma smoothed along it.

    Where luma holds noise so does chroma, and no network looks at that: on noise of 25 this brings 9 dB in RGB, 0.3 dB
    in luma (by what is clipped). Below a deviation of 0.5 levels nothing happens, above 1.5 all of it.
    """
    ycc = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb)
    luma = denoise(np.ascontiguousarray(ycc[..., 0]))
    taken = 255 * 1.4826 * float(np.median(np.abs(luma - ycc[..., 0])))  # as a standard deviation, in levels
    share = np.float32(np.clip(taken - 0.5, 0, 1))
    chroma = [ycc[..., i] + share * (guided(luma, ycc[..., i]) - ycc[..., i]) for i in (1, 2)]
    rgb = cv2.cvtColor(np.dstack([luma, *chroma]).astype(np.float32), cv2.COLOR_YCrCb2RGB)
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def guided(guide: Plane, plane: Plane, radius: int = 3, epsilon: float = 4e-4) -> Plane:
    """The guided filter (He, Sun, Tang 2010): `plane` smoothed where `guide` is smooth."""

    def mean(values: Plane) -> Plane:
        return cv2.blur(values, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    guide_mean, plane_mean = mean(guide), mean(plane)
    slope = (mean(guide * plane) - guide_mean * plane_mean) / (mean(guide * guide) - guide_mean**2 + epsilon)
    return mean(slope) * guide + mean(plane_mean - slope * guide_mean)
