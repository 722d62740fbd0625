"""Scratches, cracks, creases, dust and losses: where they are, and what is put in their place.

The detector looks at the picture and, as broad damage looks fine when it is small, at copies of half and of quarter
size, where it has to be surer, for there collars and posts look like damage. What it finds is filled in the classical
way (Bertalmio, Bertozzi and Sapiro 2001, "Navier-Stokes, fluid dynamics, and image and video inpainting"), and a second
network corrects the fill by what still shows through. Both know luma alone; colours are those of the classical fill.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from resilver.engine import Report
from resilver.local.blocks import Blocks, Span
from resilver.local.chroma import luma
from resilver.local.devices import Floats
from resilver.local.frame import Frame
from resilver.local.measure import Assessment
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Runtime
from resilver.local.tiling import Border, Sample, Work, crop, cut, run_tiled
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas

FIND, FILL = "own-detect", "own-fill"
# From which chance on a pixel counts, by reduction, and the short side of the smallest copy that is looked at
_CHANCES = {1: 0.5, 2: 0.85, 4: 0.93}
_LEAST_SEEN = 300
# A picture is damaged where enough of its pixels have more than that chance, in full size or in a copy: 2 of 1000
# of them, at least _LEAST; where that is more than _MOST, so many or the smaller part; in a copy of a short side below
# _DECIDING five times that part (training/README.md tells what else was tried)
_CERTAIN, _LEAST, _MOST, _PART, _SMALLER_PART, _DECIDING = 0.992, 220, 500, 0.002, 0.0003, 600
_ROWS = 512
_SMALL = 384  # at least the long side of the copy that tells drawings; of 220 validation pictures none is taken for one
_WIDEN = np.ones((3, 3), np.uint8)
# 24 pixels inside a hole its fill comes from a reduced copy of at most so many pixels, which all tiles share
_DEEP, _COARSE = np.ones((49, 49), np.uint8), 1_500_000
_RADIUS = 3  # of the classical fill


def find_damage(picture: Picture, seen: Assessment, runtime: Runtime, report: Report) -> Pixels:
    """How far each pixel (height, width) is to be replaced, uint8: 0 where nothing is damaged, 255 where it is certain.

    All 0 where there is too little of it to be believed, and on pages; margins around a photograph stay as they are.

    Raises:
        EngineError, OutputFull, Cancelled: see :func:`run_tiled`.
    """
    mask = np.zeros((picture.height, picture.width), np.uint8)
    light, damaged = _light(picture), False
    if seen.page or _is_drawn(light):
        return mask
    scales = [scale for scale in _CHANCES if scale == 1 or min(mask.shape) >= _LEAST_SEEN * scale]
    for number, scale in enumerate(scales):
        told = report.part(*((0, 0.8), (0.8, 0.95), (0.95, 1))[number])
        finder = _Finder(scale)
        found = run_tiled(finder, _reduced(light, scale), runtime, told, label="looking for damage")[..., 0]
        _keep_inside(found, picture, seen.frame)
        certain = int((found > 255 * finder.weight(_CERTAIN)).sum()) / scale**2
        doubt = 1 if scale == 1 or min(found.shape) >= _DECIDING * scale else 5
        damaged |= certain >= max(_LEAST, doubt * _enough(found.size / scale**2))
        here = mask[: len(found), : found.shape[1]]
        np.maximum(here, found, out=here)
    if not damaged:
        mask[:] = 0
    # edges of damage are soft: half of the fill in one pixel around
    return np.maximum(mask, cv2.dilate(mask, _WIDEN) // 2)


def _enough(pixels: float) -> float:
    """Certain pixels among so many from which on a picture is damaged, if they are not too few to tell."""
    return max(min(_PART * pixels, _MOST), _SMALLER_PART * pixels)


def _is_drawn(light: Pixels) -> bool:
    """Whether most of it is paper of one light tone, also below grain: there lines and dots are what was drawn."""
    scale = max(1, max(light.shape) // _SMALL)
    levels = np.bincount(cv2.GaussianBlur(_reduced(light, scale), (0, 0), 1.5).ravel(), minlength=256)
    paper = int(levels.argmax())
    return paper > 128 and bool(levels[max(0, paper - 5) : paper + 6].sum() > 0.5 * levels.sum())


def _keep_inside(found: Pixels, picture: Picture, frame: Frame) -> None:
    """Leave nothing beyond the photograph's edges, nor where it cannot be seen."""
    inside = np.zeros(found.shape, np.bool_)
    frame.cut(inside)[:] = True
    if picture.alpha is not None:
        inside &= picture.alpha[: len(found), : found.shape[1]] > 0
    found[~inside] = 0


class _Finder:
    """The detector on a copy reduced by ``scale``: how far each pixel of the picture is to be replaced, 0..1."""

    multiple = NETWORKS[FIND].multiple
    margin = NETWORKS[FIND].pad
    tile = NETWORKS[FIND].tile
    border: Border = "reflect"
    networks: tuple[str, ...] = (FIND,)

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        logit = work.runtime.run(FIND, block[:1], (), work.report)[0]
        chance = 1 / (1 + np.exp(-logit))
        if self.scale > 1:
            size = (chance.shape[1] * self.scale, chance.shape[0] * self.scale)
            chance = cv2.resize(chance, size, interpolation=cv2.INTER_LINEAR)
        return crop(np.asarray(self.weight(chance), np.float32)[None], self.margin * self.scale)

    def weight(self, chance: Floats | float) -> Floats | float:
        """From 0 at the least chance that counts to 1: what is doubtful is replaced in part, which costs less."""
        least = _CHANCES[self.scale]
        return np.clip((chance - least) / (1 - least), 0, 1)

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """Nothing in it looks at the whole picture."""


def _light(picture: Picture) -> Pixels:
    """Luma (height, width, 1) in 8 bits; what is transparent is not looked at."""
    made = canvas.allocate((picture.height, picture.width, 1), np.uint8)
    for top in range(0, picture.height, _ROWS):
        rows = slice(top, top + _ROWS)
        strip = picture.pixels[rows].astype(np.float32) * np.float32(255 / picture.peak)
        made[rows, :, 0] = np.rint(strip[..., 0] if picture.gray else luma(strip))
        canvas.release(picture.pixels)
    return made


def _reduced(light: Pixels, scale: int) -> Pixels:
    if scale == 1:
        return light
    height, width = light.shape[0] // scale, light.shape[1] // scale
    made = cv2.resize(light[: height * scale, : width * scale], (width, height), interpolation=cv2.INTER_AREA)
    return made[..., None]


def fill_damage(picture: Picture, mask: Pixels, strength: float, runtime: Runtime, report: Report) -> Picture:
    """The picture with its damage filled where ``mask`` (height, width) is not 0; elsewhere nothing changes.

    Depth, channels and alpha stay. The mask, 0..255, times ``strength``, 0..1, is the share of the fill in each pixel.

    Raises:
        EngineError: the network failed or does not fit into memory.
        OutputFull: no room for the pixels of a large picture.
        Cancelled: the report asked to stop.
    """
    pad = NETWORKS[FILL].pad
    source = Blocks(picture.pixels, picture.alpha, pad, "reflect", rgb=True)
    masks = Blocks(mask[..., None], None, pad, "reflect", rgb=False)
    coarse = _Coarse(picture, mask)
    made = canvas.allocate(picture.pixels.shape, picture.pixels.dtype)
    rows, columns = (cut(side, NETWORKS[FILL].tile, NETWORKS[FILL].multiple) for side in mask.shape)
    for number, row in enumerate(rows):
        report.progress(number / len(rows), "filling damage")
        made[slice(*row)] = picture.pixels[slice(*row)]
        for column in columns:
            core = mask[slice(*row), slice(*column)]
            if not core.any():
                continue
            report.check()
            block, weight = source.block(row, column), masks.block(row, column)
            filled = _filled(block, weight[0] > 0, coarse.block(row, column, pad), runtime, report)
            mixed = source.rounded(crop(block + np.float32(strength) * weight * (filled - block), pad))
            target = made[slice(*row), slice(*column)]
            target[core > 0] = mixed[: core.shape[0], : core.shape[1]][core > 0]
        canvas.release(made)
        canvas.release(picture.pixels)
    report.progress(1.0, "filling damage")
    return picture.replace(pixels=made)


def _filled(block: Floats, marked: Pixels, coarse: Pixels | None, runtime: Runtime, report: Report) -> Floats:
    """An RGB block (3, h, w) in 0..1 whose marked pixels are filled."""
    given = np.ascontiguousarray(block.transpose(1, 2, 0))
    known = np.rint(given * 255).astype(np.uint8)
    hole = marked.astype(np.uint8)
    if coarse is not None:
        deep = cv2.erode(hole, _DEEP) > 0
        known[deep], hole[deep] = coarse[deep], 0
    classical = cv2.inpaint(known, hole, _RADIUS, cv2.INPAINT_NS).astype(np.float32) / np.float32(255)
    light = luma(classical)
    planes = np.stack([light, luma(given), marked.astype(np.float32)])
    corrected = np.clip(runtime.run(FILL, planes, (), report)[0], 0, 1)
    made = np.clip(classical + (corrected - light)[..., None], 0, 1)
    return np.asarray(made.transpose(2, 0, 1), np.float32)


class _Coarse:
    """What large holes are filled with far from their edges: what surrounds them, without detail.

    The classical fill would end there in a ridge, where it meets itself.
    """

    def __init__(self, picture: Picture, mask: Pixels) -> None:
        self._cell = max(1, math.ceil(math.sqrt(mask.size / _COARSE)))
        self._fill = self._make(picture, mask) if cv2.erode(mask, _DEEP).any() else None

    def block(self, row: Span, column: Span, margin: int) -> Pixels | None:
        """Its part (h, w, 3) in 8 bits with a margin around; ``None`` where no hole is that large."""
        if self._fill is None:
            return None
        y, x = ((np.arange(start - margin, end + margin) + 0.5) / self._cell - 0.5 for start, end in (row, column))
        places = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return np.asarray(cv2.remap(self._fill, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def _make(self, picture: Picture, mask: Pixels) -> Pixels:
        """The copy (h, w, 3) in 8 bits; a cell's colour is the mean of what is known there, if anything is."""
        cell = self._cell
        sums: list[Floats] = []
        counts: list[Floats] = []
        width = -(-picture.width // cell)
        step = cell * max(1, _ROWS // cell)
        for top in range(0, picture.height, step):
            known = (mask[top : top + step] == 0).astype(np.float32)[..., None]
            size = (width, -(-len(known) // cell))
            strip = picture.pixels[top : top + step].astype(np.float32) * known * np.float32(255 / picture.peak)
            for plane, planes in ((strip, sums), (known, counts)):
                small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
                planes.append(np.broadcast_to(small, (*size[::-1], 3)))
            canvas.release(picture.pixels)
        return np.rint(_spread(np.vstack(sums), np.vstack(counts))).astype(np.uint8)


def _spread(sums: Floats, counts: Floats) -> Floats:
    """Means (h, w, 3) where ``counts`` is not 0, and smooth from there on (pull and push, Gortler et al. 1996)."""
    known = counts > 0
    means = np.asarray(sums / np.maximum(counts, 1e-6), np.float32)
    if known.all() or min(known.shape[:2]) == 1:
        return means
    size = (-(-known.shape[1] // 2), -(-known.shape[0] // 2))
    halves = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (sums, counts))
    half = _spread(*(np.asarray(plane, np.float32) for plane in halves))
    wide = np.asarray(cv2.resize(half, known.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    made: Floats = np.where(known, means, wide)
    return made
