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

import numpy as np

from resilver.engine import Report
from resilver.errors import EngineMemory
from resilver.local.blocks import Blocks, Span
from resilver.local.devices import Blob, Cuts, Floats
from resilver.local.networks import NETWORKS, Pool
from resilver.local.runtime import Runtime
from resilver.picture import Pixels
from resilver.picture_io import canvas

Border = Literal["edge", "reflect"]
Place = tuple[int, int]

# The averages of squeeze-and-excite blobs are those of all tiles while what these keep fits, which are pictures
# of up to 2.3 megapixels at x2 and 1.7 with one network for x4 (two of x2: 0.3), else of as many tiles as fit.
# Where there is room left, less is computed twice: nothing up to 0.9 megapixels at x2. 100 megapixels at x2 were seen
# to take 1.6 GB in all while they learned with a tenth less
_KEPT_BYTES = 1_100_000_000


@dataclass(eq=False)
class Work:
    """What the stages of one picture share: the runtime, what they learned, the progress.

    ``averages``: of each stage. ``made``: what a stage made of a sample while it learned, by stage and
    place. ``place``: the tile that is run now. ``step``: worth of a stage's step with one sample, in tiles.
    ``spare``: the tiles for which there is room to keep what is spare (see :class:`Pool`).
    """

    runtime: Runtime
    report: Report
    label: str
    averages: dict[object, list[Floats]] = field(default_factory=dict)
    made: dict[tuple[object, Place], Floats] = field(default_factory=dict)
    place: Place = (0, 0)
    step: float = 0.0
    spare: frozenset[Place] = frozenset()
    done: float = 0.0
    total: float = 1.0

    def advance(self, tiles: float) -> None:
        """Tell the progress before the next piece of work, which is worth so many tiles."""
        self.report.progress(self.done / self.total, self.label)
        self.done += tiles


@dataclass(frozen=True, eq=False)
class Sample:
    """A tile's block with its full margin; ``inner``: which sides (top, bottom, left, right) have neighbours."""

    block: Floats
    place: Place
    inner: tuple[bool, bool, bool, bool]

    def trim(self, pixels: int) -> Sample:
        """Take so many pixels from every side."""
        return Sample(crop(self.block, pixels), self.place, self.inner)

    def share(self, blob: Blob, margin: int, lost: int) -> Cuts:
        """What neighbours count, too, of a blob of this block: where one ends the next begins.

        ``lost`` pixels of the block's ``margin`` do not reach the blob, whose values may stand for several.
        """
        pixels = (self.block.shape[1] - 2 * lost) // blob.h
        start = (margin - lost) // pixels
        end = 2 * (margin - lost) // pixels - start
        return tuple(width * inner for width, inner in zip((start, end, start, end), self.inner, strict=True))


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
        """Set ``work.averages`` for the networks that need them, and ``work.made``."""


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
        made = work.made.get((self, work.place))
        if made is None:
            made = work.runtime.run(self._name, block, work.averages.get(self, ()), work.report)
        if not self._network.crops:
            made = crop(made, self.margin * self.scale)
        if self._network.residual:
            made = made + crop(block, self.margin).repeat(self.scale, 1).repeat(self.scale, 2)
        return made

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """Run all samples from one pooled blob to the next, each time with the averages over all of them.

        Of all tiles, they are those of the untiled picture: tiles then differ from it by rounding alone.
        """
        if not self._network.pooled:
            return
        averages = work.averages.setdefault(self, [])
        states: list[dict[str, Blob]] = [{} for _ in samples]
        for pool in self._network.pooled:
            total, count = np.zeros(1), 0
            for number, sample in enumerate(samples):
                work.advance(work.step)
                states[number] = self._continue(sample, states[number], pool, work)
                pooled = states[number][pool.of]
                top, bottom, left, right = cuts = sample.share(pooled, self.margin, pool.lost)
                size = (pooled.h - top - bottom) * (pooled.w - left - right)
                mean = work.runtime.mean(self._name, pool, pooled, cuts, work.report)
                total = total + mean.astype(np.float64) * size
                count += size
            averages.append((total / count).astype(np.float32))
        for sample, state in zip(samples, states, strict=True):
            work.advance(work.step)
            work.made[self, sample.place] = work.runtime.run(
                self._name, sample.block, averages, work.report, known=state
            )
            state.clear()

    def _continue(self, sample: Sample, state: dict[str, Blob], pool: Pool, work: Work) -> dict[str, Blob]:
        """Run one sample to the next pooled blob; what the rest of the network needs."""
        needed = (*pool.keep, *(pool.spare if sample.place in work.spare else ()), pool.of)
        names = [name for name in needed if name not in state]
        known = {name: blob for name, blob in state.items() if name not in pool.spare}
        new = work.runtime.keep(self._name, sample.block, work.averages[self], work.report, known=known, names=names)
        return {name: state[name] for name in needed if name in state} | new


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
            self._second.learn([self._after(sample, work) for sample in samples], work)

    def _after(self, sample: Sample, work: Work) -> Sample:
        work.place = sample.place
        return Sample(self._between(sample.block, work), sample.place, sample.inner)

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
    kept_bytes: int = _KEPT_BYTES,
    label: str = "enlarging",
) -> Pixels:
    """The whole picture through a stage.

    ``pixels``: (height, width, 1 or 3), uint8 or uint16; the result has the same type and channels
    and lies in a :mod:`canvas <resilver.picture_io.canvas>`. Gray goes through networks as three
    equal channels whose outputs are averaged. Colours where ``alpha`` is 0 are replaced by those
    of their neighbours first, so that they do not bleed. If memory is short, the tiles are halved once.
    A picture whose tiles keep more than ``kept_bytes`` while averages are taken (see :attr:`Network.kept`)
    has those of some of its tiles.

    Raises:
        EngineError: see :meth:`Runtime.run`.
        OutputFull: no room for the result.
        Cancelled: the report asked to stop.
    """
    source = Blocks(pixels, alpha, stage.margin, stage.border, bool(stage.networks))
    reached = 0.0

    def tell(fraction: float, step: str) -> None:
        nonlocal reached
        reached = max(reached, fraction)
        report.on_progress(reached, step)

    monotone = Report(tell, report.on_note, report.cancelled)
    side = tile or stage.tile
    try:
        return _run(stage, source, side, Work(runtime, monotone, label), kept_bytes)
    except EngineMemory:
        report.note("Memory was short; going on with smaller tiles.")
        return _run(stage, source, max(side // 2, stage.multiple), Work(runtime, monotone, label), kept_bytes // 4)
    finally:
        if _pooled(stage):
            runtime.trim()


def crop(block: Floats, pixels: int) -> Floats:
    """A block (channels, h, w) without ``pixels`` on each side."""
    return block[:, pixels:-pixels, pixels:-pixels] if pixels else block


def _run(stage: Stage, source: Blocks, side: int, work: Work, kept_bytes: int) -> Pixels:
    height, width = source.pixels.shape[:2]
    rows = cut(height, side, stage.multiple)
    columns = cut(width, side, stage.multiple)
    work.total = len(rows) * len(columns)
    learned: set[Place] = set()
    if work.total > 1 and _pooled(stage):
        least, most = (_kept(stage, rows, columns, spare) for spare in (False, True))
        samples = _samples(source, rows, columns, max(kept_bytes // least, 1))
        canvas.release(source.pixels)
        learned = {sample.place for sample in samples}
        roomy = (kept_bytes - len(samples) * least) // max(most - least, 1)
        work.spare = frozenset(sample.place for sample in samples[: max(roomy, 0)])
        work.step = 1 / _pooled(stage)
        stage.learn(samples, work)
    out = canvas.allocate((height * stage.scale, width * stage.scale, source.channels), source.pixels.dtype)
    for row in rows:
        for column in columns:
            work.place = row[0], column[0]
            work.advance(work.place not in learned)
            made = source.rounded(stage.run(source.block(row, column), work))
            top, left = row[0] * stage.scale, column[0] * stage.scale
            target = out[top : top + made.shape[0], left : left + made.shape[1]]
            target[:] = made[: target.shape[0], : target.shape[1]]
        canvas.release(out)
        canvas.release(source.pixels)
    work.report.progress(1.0, work.label)
    return out


def _samples(source: Blocks, rows: list[Span], columns: list[Span], count: int) -> list[Sample]:
    """Tiles that stand for the picture: all, or as many as may be kept, evenly spread."""
    spots = list(itertools.product(range(len(rows)), range(len(columns))))
    # the first of an order in which neighbours lie far apart (Roberts, "The unreasonable effectiveness of
    # quasirandom sequences", 2018: R2 as a dither)
    spots.sort(key=lambda spot: (0.7548777 * spot[0] + 0.5698403 * spot[1]) % 1)
    return [
        Sample(
            source.block(rows[y], columns[x]),
            (rows[y][0], columns[x][0]),
            (y > 0, y < len(rows) - 1, x > 0, x < len(columns) - 1),
        )
        for y, x in sorted(spots[:count])
    ]


def _kept(stage: Stage, rows: list[Span], columns: list[Span], spare: bool) -> int:
    """Bytes that the largest tile keeps while the stage learns."""
    height, width = (max(end - start for start, end in spans) + 2 * stage.margin for spans in (rows, columns))
    used = [NETWORKS[name] for name in stage.networks]
    return height * width * max(network.kept[spare] * (stage.scale // network.scale) ** 2 for network in used)


def _pooled(stage: Stage) -> int:
    """Steps in which the stage learns from one sample."""
    return sum(len(pooled) + 1 for name in stage.networks if (pooled := NETWORKS[name].pooled))


def cut(length: int, side: int, multiple: int) -> list[Span]:
    """Cut a length, rounded up to a multiple, into nearly equal parts of about ``side``.

    All start at multiples, so that networks that halve their input see the same grid in every tile.
    """
    whole = -(-length // multiple)
    count = -(-length // max(side, multiple))
    bounds = [whole * n // count * multiple for n in range(count + 1)]
    return list(itertools.pairwise(bounds))
