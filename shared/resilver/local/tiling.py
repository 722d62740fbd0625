"""Whole pictures through networks, tile by tile: memory bounded by the tile, no visible seams.

What is done to a tile is a :class:`Stage`; stages are put together from smaller ones. A stage takes
a block of the picture with a margin on each side and gives the block's core, enlarged.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import cv2
import numpy as np

from resilver.engine import Report
from resilver.errors import EngineMemory
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Floats, Runtime
from resilver.picture import Pixels
from resilver.picture_io import canvas

Border = Literal["edge", "reflect"]
Span = tuple[int, int]

# Averages of squeeze-and-excite blobs are taken from all of a small picture, else from 7 to 16 places:
# a twentieth of its parts, which keeps the cost near a tenth of that of the tiles
_SAMPLES = 16
_FEW = 7
# One blob of one sample costs about an eighth of a tile, for the progress only
_POOL_COST = 0.125


@dataclass(eq=False)
class Work:
    """What the stages of one picture share: the runtime, the averages of each network, the progress."""

    runtime: Runtime
    report: Report
    label: str
    averages: dict[object, list[Floats]] = field(default_factory=dict)
    done: float = 0.0
    total: float = 1.0

    def advance(self, tiles: float) -> None:
        """Tell the progress before the next piece of work, which is worth so many tiles."""
        self.report.progress(self.done / self.total, self.label)
        self.done += tiles


@dataclass(frozen=True, eq=False)
class Sample:
    """A block with its full margin; ``inner`` says which sides (top, bottom, left, right) lie inside the picture."""

    block: Floats
    inner: tuple[bool, bool, bool, bool]

    def trim(self, pixels: int) -> Sample:
        """Take so many pixels from every side."""
        return Sample(crop(self.block, pixels), self.inner)

    def trim_inner(self, start: int, end: int) -> Floats:
        """Take so many pixels from the start and the end of both axes, where these lie inside the picture."""
        top, bottom, left, right = self.inner
        _, height, width = self.block.shape
        return self.block[:, top * start : height - bottom * end, left * start : width - right * end]


class Stage(Protocol):
    """One way from a block to its enlarged core.

    ``margin``: pixels on each side of a block that are used but not given back. ``multiple``: of
    tiles' sides and starts. ``tile``: side of a core that is quick within bounded memory.
    ``networks``: names of all that is needed.
    """

    @property
    def scale(self) -> int: ...  # noqa: D102
    @property
    def margin(self) -> int: ...  # noqa: D102
    @property
    def multiple(self) -> int: ...  # noqa: D102
    @property
    def border(self) -> Border: ...  # noqa: D102
    @property
    def tile(self) -> int: ...  # noqa: D102
    @property
    def networks(self) -> tuple[str, ...]: ...  # noqa: D102

    def run(self, block: Floats, work: Work) -> Floats:
        """(channels, h, w) in 0..1 to (channels, scale * (h - 2 * margin), ...)."""

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """Set ``work.averages`` for the networks that need them."""


class Single:
    """One network, by its name in :data:`NETWORKS`."""

    def __init__(self, name: str) -> None:
        network = NETWORKS[name]
        self._name = name
        self._network = network
        self.scale, self.margin, self.multiple = network.scale, network.pad, network.multiple
        self.border: Border = network.border
        self.tile = network.tile
        self.networks: tuple[str, ...] = (name,)

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        made = work.runtime.run(self._name, block, work.averages.get(self, ()), work.report)
        if not self._network.crops:
            made = crop(made, self.margin * self.scale)
        if self._network.residual:
            made = made + crop(block, self.margin).repeat(self.scale, 1).repeat(self.scale, 2)
        return made

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """Average each pooled blob over the samples, the ones before it fixed already.

        Done all at once, without fixing, the tiles differ from the whole by up to 30/255; so by 1/255.
        Inner sides keep only what reaches the blob, so that neighbouring samples share nothing of it: on a
        part of the picture that is shifted by a pixel or two where its start must lie on the grid.
        """
        averages = work.averages.setdefault(self, [])
        for blob, lost in self._network.pooled:
            values, areas = [], []
            start = (self.margin - lost) // self.multiple * self.multiple
            end = 2 * (self.margin - lost) - start
            for sample in samples:
                work.advance(_POOL_COST)
                block = sample.trim_inner(start, end)
                values.append(work.runtime.pool(self._name, blob, block, averages, work.report))
                areas.append((block.shape[1] - 2 * lost) * (block.shape[2] - 2 * lost))
            averages.append(np.average(values, axis=0, weights=areas).astype(np.float32))


class Chain:
    """One stage after another, without rounding or storing the picture between them."""

    def __init__(self, first: Stage, second: Stage) -> None:
        self._first, self._second = first, second
        step = first.scale * first.multiple
        self._extra = -(-second.margin // step) * first.multiple
        self.scale = first.scale * second.scale
        self.margin = first.margin + self._extra
        self.multiple = math.lcm(first.multiple, second.multiple)
        self.border: Border = first.border
        self.tile = min(first.tile, second.tile // first.scale)
        self.networks = first.networks + second.networks

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        return self._second.run(self._between(block, work), work)

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """See :class:`Stage`."""
        self._first.learn([sample.trim(self._extra) for sample in samples], work)
        if _pooled(self._second):
            between = [Sample(self._between(sample.block, work), sample.inner) for sample in samples]
            self._second.learn(between, work)

    def _between(self, block: Floats, work: Work) -> Floats:
        made = self._first.run(block, work)
        return crop(made, self._extra * self._first.scale - self._second.margin)


class Mix:
    """The weighted mean of two stages of one scale; ``share`` of the second."""

    def __init__(self, first: Stage, second: Stage, share: float) -> None:
        if first.scale != second.scale:
            raise ValueError("only stages of one scale can be mixed")
        self._first, self._second, self._share = first, second, share
        self.scale = first.scale
        self.margin = max(first.margin, second.margin)
        self.multiple = math.lcm(first.multiple, second.multiple)
        self.border: Border = "reflect"
        self.tile = min(first.tile, second.tile)
        self.networks = first.networks + second.networks

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        first = self._first.run(crop(block, self.margin - self._first.margin), work)
        second = self._second.run(crop(block, self.margin - self._second.margin), work)
        return first + np.float32(self._share) * (second - first)

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """See :class:`Stage`."""
        for stage in (self._first, self._second):
            stage.learn([sample.trim(self.margin - stage.margin) for sample in samples], work)


def run_tiled(
    stage: Stage,
    pixels: Pixels,
    runtime: Runtime,
    report: Report,
    *,
    alpha: Pixels | None = None,
    tile: int | None = None,
    label: str = "enlarging",
) -> Pixels:
    """The whole picture through a stage.

    ``pixels``: (height, width, 1 or 3), uint8 or uint16; the result has the same type and channels
    and lies in a :mod:`canvas <resilver.picture_io.canvas>`. Gray goes through networks as three
    equal channels whose outputs are averaged. Colours where ``alpha`` is 0 are replaced by those
    of their neighbours first, so that they do not bleed. If memory is short, the tiles are halved once.

    Raises:
        EngineError: see :meth:`Runtime.run`.
        OutputFull: no room for the result.
        Cancelled: the report asked to stop.
    """
    source = _Source(pixels, alpha, stage)
    reached = 0.0

    def tell(fraction: float, step: str) -> None:
        nonlocal reached
        reached = max(reached, fraction)
        report.on_progress(reached, step)

    monotone = Report(tell, report.on_note, report.cancelled)
    side = tile or stage.tile
    try:
        return _run(source, side, Work(runtime, monotone, label))
    except EngineMemory:
        report.note("Memory was short; going on with smaller tiles.")
        return _run(source, max(side // 2, stage.multiple), Work(runtime, monotone, label))


def crop(block: Floats, pixels: int) -> Floats:
    """A block (channels, h, w) without ``pixels`` on each side."""
    return block[:, pixels:-pixels, pixels:-pixels] if pixels else block


class _Source:
    """Blocks of a picture for a stage, continued beyond its edges."""

    def __init__(self, pixels: Pixels, alpha: Pixels | None, stage: Stage) -> None:
        self.pixels, self.alpha, self.stage = pixels, alpha, stage
        self.channels = pixels.shape[2]
        self.peak = np.float32(np.iinfo(pixels.dtype).max)

    def block(self, rows: Span, columns: Span) -> Floats:
        """The core between the given rows and columns with the stage's margin around it."""
        height, width = self.pixels.shape[:2]
        margin = self.stage.margin
        top, bottom, above, below = _clip(rows[0] - margin, rows[1] + margin, height)
        left, right, before, after = _clip(columns[0] - margin, columns[1] + margin, width)
        part = self.pixels[top:bottom, left:right].astype(np.float32) / self.peak
        if self.alpha is not None:
            part = _fill_transparent(part, self.alpha[top:bottom, left:right] > 0)
        part = np.pad(part, ((above, below), (before, after), (0, 0)), mode=self.stage.border)
        if self.channels == 1 and self.stage.networks:
            part = part.repeat(3, axis=2)
        return np.ascontiguousarray(part.transpose(2, 0, 1))

    def rounded(self, made: Floats) -> Pixels:
        """A stage's output as (height, width, channels) in the picture's own type."""
        if self.channels == 1 and len(made) == 3:
            made = made.mean(axis=0, keepdims=True)
        scaled = np.clip(made, 0, 1) * self.peak + np.float32(0.5)
        return scaled.astype(self.pixels.dtype).transpose(1, 2, 0)


def _run(source: _Source, side: int, work: Work) -> Pixels:
    stage, (height, width) = source.stage, source.pixels.shape[:2]
    rows = _cut(height, side, stage.multiple)
    columns = _cut(width, side, stage.multiple)
    work.total = len(rows) * len(columns)
    if work.total > 1 and _pooled(stage):
        samples = _samples(source, max(side // 2, stage.multiple))
        work.total += _POOL_COST * len(samples) * _pooled(stage)
        stage.learn(samples, work)
    out = canvas.allocate((height * stage.scale, width * stage.scale, source.channels), source.pixels.dtype)
    for row in rows:
        for column in columns:
            work.advance(1)
            made = source.rounded(stage.run(source.block(row, column), work))
            top, left = row[0] * stage.scale, column[0] * stage.scale
            target = out[top : top + made.shape[0], left : left + made.shape[1]]
            target[:] = made[: target.shape[0], : target.shape[1]]
        canvas.release(out)
        canvas.release(source.pixels)
    work.report.progress(1.0, work.label)
    return out


def _samples(source: _Source, side: int) -> list[Sample]:
    """Blocks that stand for the picture: all of it, or some places spread over its rows and columns."""
    rows, columns = (_cut(length, side, source.stage.multiple) for length in source.pixels.shape[:2])
    spots = [(row, column) for row in rows for column in columns]
    if len(spots) > _SAMPLES:
        places = min(max(len(spots) // 20, _FEW), _SAMPLES)
        spread = ((n + 0.5) / places for n in range(places))
        # steps of the golden ratio keep any two places off the same column
        spots = [
            (rows[int(part * len(rows))], columns[int(n * 0.618034 % 1 * len(columns))])
            for n, part in enumerate(spread)
        ]
    return [
        Sample(
            source.block(row, column),
            (row != rows[0], row != rows[-1], column != columns[0], column != columns[-1]),
        )
        for row, column in spots
    ]


def _pooled(stage: Stage) -> int:
    return sum(len(NETWORKS[name].pooled) for name in stage.networks)


def _cut(length: int, side: int, multiple: int) -> list[Span]:
    """Cut a length, rounded up to a multiple, into nearly equal parts of about ``side``.

    All start at multiples, so that networks that halve their input see the same grid in every tile.
    """
    whole = -(-length // multiple)
    count = -(-length // max(side, multiple))
    bounds = [whole * n // count * multiple for n in range(count + 1)]
    return list(itertools.pairwise(bounds))


def _clip(start: int, end: int, length: int) -> tuple[int, int, int, int]:
    """The part of start..end inside 0..length, and how much is missing before and after it."""
    inside = max(start, 0), min(end, length)
    return *inside, inside[0] - start, end - inside[1]


def _fill_transparent(part: Floats, visible: Pixels) -> Floats:
    """Colours for invisible pixels: the mean of the visible ones nearby (normalised convolution)."""
    if visible.all() or not visible.any():
        return part
    weight = visible.astype(np.float32)[..., None]
    spread = [cv2.GaussianBlur(plane, (0, 0), 3.0).reshape(*visible.shape, -1) for plane in (part * weight, weight)]
    # a little of the block's mean decides where nothing visible is near
    mean = (part * weight).sum((0, 1)) / weight.sum()
    nearby = (spread[0] + 1e-6 * mean) / (spread[1] + 1e-6)
    return np.where(weight > 0, part, nearby).astype(np.float32)
