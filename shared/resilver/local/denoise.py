"""Grain and JPEG blocks: which filter for which damage, and the filters themselves.

The choice follows a comparison by PSNR on raw noise, JPEG and both: non-local means is best on grain and
blind after JPEG, the networks are best on JPEG and nearly blind to raw grain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from resilver.engine import Report
from resilver.errors import EngineMissing, ModelBroken
from resilver.local.measure import Assessment
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Floats, Runtime
from resilver.local.tiling import Border, Chain, Sample, Single, Stage, Work, crop, run_tiled
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas
from resilver.recipe import Quality

# A tenth of the grain stays, or faces look like wax
_SHARE = 0.9
_ROWS = 512


def denoise(  # noqa: PLR0917 - the recipe's fields in the recipe's order
    picture: Picture, assessment: Assessment, quality: Quality, strength: float, runtime: Runtime, report: Report
) -> tuple[Picture, str]:
    """The picture with less grain and without blocks, and what did it.

    Gray stays gray, 16 bits stay 16 bits, alpha is left alone. ``strength`` 0 changes nothing.

    Raises:
        EngineError, OutputFull, Cancelled: see :func:`run_tiled`.
    """
    smooth = _smoothing(assessment)
    stage = _available(list(_ways(assessment, quality, smooth)), runtime, report)
    blended = _Blended(stage, _SHARE * strength)
    # networks treat the channels a little differently: a gray picture goes through as one channel
    equal = not picture.gray and _channels_equal(picture.pixels)
    source = picture.pixels[..., :1] if equal else picture.pixels
    made = run_tiled(blended, source, runtime, report, alpha=picture.alpha, label="grain")
    tool = _tool(stage) if stage is smooth or not smooth else f"{_tool(stage)} + {smooth.label}"
    return picture.replace(pixels=_threefold(made) if equal else made), tool


def _channels_equal(pixels: Pixels) -> bool:
    for top in range(0, len(pixels), _ROWS):
        strip = pixels[top : top + _ROWS]
        if (strip != strip[..., :1]).any():
            return False
        canvas.release(pixels)
    return True


def _threefold(gray: Pixels) -> Pixels:
    made = canvas.allocate((*gray.shape[:2], 3), gray.dtype)
    for top in range(0, len(gray), _ROWS):
        made[top : top + _ROWS] = gray[top : top + _ROWS]
        canvas.release(made)
        canvas.release(gray)
    return made


def _ways(assessment: Assessment, quality: Quality, smooth: NonLocalMeans | None) -> Iterator[Stage]:
    """The ways to do it, best first; the last needs no network."""
    if smooth and quality == "fast" and assessment.grainy and not assessment.blocky:
        yield smooth
        return
    network: Stage = _Halved("upconv-noise3")
    if quality == "best":
        network = Single("cunet-1x-noise2")
    yield Chain(network, smooth) if smooth else network
    yield smooth or Bilateral()


def _smoothing(assessment: Assessment) -> NonLocalMeans | None:
    if not (assessment.grainy or assessment.coarse):
        return None
    # what JPEG has left of the grain is coarse, and the fine measure sees less of it
    return NonLocalMeans(max(assessment.fine_noise, assessment.noise) / 255)


def _available(ways: list[Stage], runtime: Runtime, report: Report) -> Stage:
    for stage in ways[:-1]:
        try:
            runtime.require(stage.networks)
        except (EngineMissing, ModelBroken) as error:
            report.note(f"Cleaned with {_tool(ways[-1])} instead of {_tool(stage)}. {error}")
        else:
            return stage
    return ways[-1]


def _tool(stage: Stage) -> str:
    if isinstance(stage, NonLocalMeans | Bilateral):
        return stage.label
    return " + ".join(NETWORKS[name].label for name in stage.networks)


class _Filter:
    """What stages without a network have in common: nothing is enlarged, nothing needs a grid."""

    scale = 1
    multiple = 1
    tile = 256
    border: Border = "reflect"
    networks: tuple[str, ...] = ()

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """Nothing to learn without a network."""


class NonLocalMeans(_Filter):
    """Non-local means (Buades et al. 2005, its fast form) for white noise of a known deviation (0..1)."""

    label = "non-local means"
    margin = 8  # a patch at the end of the search: 6 + 2

    def __init__(self, sigma: float) -> None:
        self._sigma = sigma

    def run(self, block: Floats, work: Work) -> Floats:  # noqa: ARG002 - no network
        """See :class:`Stage`."""
        from skimage.restoration import denoise_nl_means

        made = denoise_nl_means(
            block.transpose(1, 2, 0),
            patch_size=5,
            patch_distance=6,
            h=0.7 * self._sigma + 1e-4,
            sigma=self._sigma,
            fast_mode=True,
            channel_axis=-1,
        )
        # a single channel comes back without its axis
        made = np.asarray(made, np.float32).reshape(*block.shape[1:], len(block))
        return crop(made.transpose(2, 0, 1), self.margin)


class Bilateral(_Filter):
    """A bilateral filter (Tomasi and Manduchi 1998) of 7 pixels, 35 levels and a spread of 3."""

    label = "a bilateral filter"
    margin = 3

    def run(self, block: Floats, work: Work) -> Floats:  # noqa: ARG002 - no network
        """See :class:`Stage`."""
        made = cv2.bilateralFilter(np.ascontiguousarray(block.transpose(1, 2, 0)), 7, 35 / 255, 3)
        done = np.asarray(made, np.float32).reshape(*block.shape[1:], -1)
        return crop(done.transpose(2, 0, 1), self.margin)


class _Halved:
    """A network that enlarges twofold, reduced again by means of 2 x 2."""

    scale = 1

    def __init__(self, name: str) -> None:
        self._inner = Single(name)
        self.margin, self.multiple, self.border = self._inner.margin, self._inner.multiple, self._inner.border
        self.tile, self.networks = self._inner.tile, self._inner.networks

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        large = self._inner.run(block, work)
        channels, height, width = large.shape
        halved: Floats = large.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
        return halved

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """See :class:`Stage`."""
        self._inner.learn(samples, work)


class _Blended:
    """A stage's change to the picture, in part."""

    def __init__(self, stage: Stage, share: float) -> None:
        self._stage, self._share = stage, np.float32(share)
        self.scale, self.margin, self.multiple = stage.scale, stage.margin, stage.multiple
        self.border, self.tile, self.networks = stage.border, stage.tile, stage.networks

    def run(self, block: Floats, work: Work) -> Floats:
        """See :class:`Stage`."""
        before = crop(block, self.margin)
        return before + self._share * (self._stage.run(block, work) - before)

    def learn(self, samples: Sequence[Sample], work: Work) -> None:
        """See :class:`Stage`."""
        self._stage.learn(samples, work)
