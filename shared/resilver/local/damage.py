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
# What the detector says is kept as log-odds of damage from _LOW to _HIGH in 255 steps. A picture is damaged where what
# speaks for it, the log-odds beyond _DOUBTFUL of its pixels added up, is enough in full size or in a copy: _LEAST, and
# _PART for each pixel; where that is more than _MOST, so much or _SMALLER_PART; in a copy of a short side below
# _DECIDING five times that. Where there is a copy of half size, pixels of full size count as far as it agrees, up to
# _AGREE below, for there branches, lamps and struts are known for what they are; then _AGREED_LEAST and
# _AGREED_PART are enough (training/README.md tells what else was tried)
_LOW, _HIGH, _DOUBTFUL, _AGREE = -4.0, 7.0, 2.0, 5.5
_LEAST, _MOST, _PART, _SMALLER_PART, _DECIDING = 1500, 3400, 0.0136, 0.002, 600
_AGREED_LEAST, _AGREED_PART = 1300, 0.0006
_ODDS = np.linspace(_LOW, _HIGH, 256)
_STEPS = np.uint8(255 * _AGREE / (_HIGH - _LOW))
_NEAR = np.ones((5, 5), np.uint8)  # what the copy says of a pixel and its neighbours
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
    light = _light(picture)
    if seen.page or _is_drawn(light):
        return mask
    odds: dict[int, Pixels] = {}
    for number, scale in enumerate(s for s in _CHANCES if s == 1 or min(mask.shape) >= _LEAST_SEEN * s):
        told = report.part(*((0, 0.8), (0.8, 0.95), (0.95, 1))[number])
        found = run_tiled(_Finder(scale), _reduced(light, scale), runtime, told, label="looking for damage")[..., 0]
        _keep_inside(found, picture, seen.frame)
        here = mask[: len(found), : found.shape[1]]
        np.maximum(here, cv2.LUT(found, _weights(scale)), out=here)
        odds[scale] = found
        canvas.release(found)
    if not _is_damaged(odds):
        mask[:] = 0
    # edges of damage are soft: half of the fill in one pixel around
    return np.maximum(mask, cv2.dilate(mask, _WIDEN) // 2)


def _weights(scale: int) -> Pixels:
    """The share of the fill, 0..255, for each step of the log-odds: what is doubtful is replaced in part."""
    chance = 1 / (1 + np.exp(-_ODDS))
    least = _CHANCES[scale]
    weights: Pixels = np.rint(255 * np.clip((chance - least) / (chance[-1] - least), 0, 1)).astype(np.uint8)
    return weights


def _is_damaged(odds: dict[int, Pixels]) -> bool:
    """Whether there is enough of it to be believed, by the log-odds (height, width) at each scale."""
    for scale, found in odds.items():
        pixels = found.size / scale**2
        if scale == 1 and 2 in odds:
            enough = max(_AGREED_LEAST, _AGREED_PART * pixels)
        else:
            doubt = 5 if scale > 1 and min(found.shape) < _DECIDING * scale else 1
            enough = max(_LEAST, doubt * max(min(_PART * pixels, _MOST), _SMALLER_PART * pixels))
        if _evidence(found, odds.get(2) if scale == 1 else None) / scale**2 >= enough:
            return True
    return False


def _evidence(found: Pixels, half: Pixels | None) -> float:
    """What speaks for damage in all pixels, as far as the copy of half size agrees, if there is one."""
    counts = np.zeros(256)
    for top in range(0, len(found), _ROWS):
        strip = found[top : top + _ROWS]
        if half is not None:
            near = cv2.dilate(half[top : top + _ROWS], _NEAR)
            strip = np.minimum(strip[: len(near), : near.shape[1]], np.minimum(near, 255 - _STEPS) + _STEPS)
        counts += cv2.calcHist([strip], [0], None, [256], [0, 256]).ravel()
        canvas.release(found)
    return float(counts @ np.maximum(_ODDS - _DOUBTFUL, 0))


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
    """The detector on a copy reduced by ``scale``: the log-odds of damage from _LOW to _HIGH as 0..1, at full size."""

    multiple = NETWORKS[FIND].multiple
    margin = NETWORKS[FIND].pad
    tile = NETWORKS[FIND].tile
    border: Border = "reflect"
    networks: tuple[str, ...] = (FIND,)

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        odds = work.runtime.run(FIND, block[:1], (), work.report)[0]
        if self.scale > 1:
            size = (odds.shape[1] * self.scale, odds.shape[0] * self.scale)
            odds = np.asarray(cv2.resize(odds, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return crop(np.clip((odds - _LOW) / (_HIGH - _LOW), 0, 1)[None], self.margin * self.scale)

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
