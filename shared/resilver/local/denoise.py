"""Grain and JPEG blocks: which filter for which damage, and the filters themselves.

The choice follows a comparison by PSNR on raw noise, JPEG and both (four photographs of 256 x 256, dB of luma):

    =======================  ========  ========  =======  =======  ================  =================
    ..                       noise 10  noise 25  JPEG 20  JPEG 40  noise 15 JPEG 60  blotches 9 JPEG 70
    our denoiser                 35.9      31.6     32.5     34.7              33.0                32.0
    non-local means              35.4      30.1     31.0     33.2              30.6                31.2
    ours, 0.4 of the means       36.4      31.4        -        -              32.6                31.9
    ours, then the means            -         -        -        -              32.8                32.6
    waifu2x noise2 or 3          34.9      25.6     32.5     35.0              30.8                31.4
    =======================  ========  ========  =======  =======  ================  =================

So grain is ours, at its best with non-local means, of which what JPEG made coarse has need at all times. Blocks without
grain are waifu2x's where that is installed: in luma it is no better, but it clears those of chroma, too (JPEG 40 is
0.4 dB better in RGB), and drawings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from resilver.engine import Report
from resilver.local.devices import Floats
from resilver.local.luma import Luma
from resilver.local.measure import Assessment
from resilver.local.runtime import Runtime
from resilver.local.tiling import Border, Chain, Mix, Sample, Single, Stage, Work, crop, run_tiled
from resilver.local.ways import Way, first_possible, named
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas
from resilver.recipe import Quality

# A tenth of the grain stays, or faces look like wax
_SHARE = 0.9
# Of non-local means in the best way
_SMOOTH = 0.4
_ROWS = 512


def denoise(  # noqa: PLR0917 - the recipe's fields in the recipe's order
    picture: Picture, assessment: Assessment, quality: Quality, strength: float, runtime: Runtime, report: Report
) -> tuple[Picture, str]:
    """The picture with less grain and without blocks, and what did it.

    Gray stays gray, 16 bits stay 16 bits, alpha is left alone. ``strength`` 0 changes nothing.

    Raises:
        EngineError, OutputFull, Cancelled: see :func:`run_tiled`.
    """
    tool, stage = first_possible(list(_ways(assessment, quality)), runtime, report, "Cleaned")
    blended = _Blended(stage, _SHARE * strength)
    # networks treat the channels a little differently: a gray picture goes through as one channel
    equal = not picture.gray and _channels_equal(picture.pixels)
    source = picture.pixels[..., :1] if equal else picture.pixels
    made = run_tiled(blended, source, runtime, report, alpha=picture.alpha, label="grain")
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


def _ways(assessment: Assessment, quality: Quality) -> Iterator[Way]:
    """The ways to do it with their names, best first; the last needs no network."""
    ours = named(Luma("own-denoise"))
    if not (assessment.grainy or assessment.coarse):
        yield named(Single("cunet-1x-noise2") if quality == "best" else _Halved("upconv-noise3"))
        yield ours
        yield Bilateral.label, Bilateral()
        return
    # what JPEG has left of the grain is coarse, and the fine measure sees less of it
    smooth = NonLocalMeans(max(assessment.fine_noise, assessment.noise) / 255)
    both = f"{ours[0]} + {smooth.label}"
    if assessment.coarse:
        yield both, Chain(ours[1], smooth)
    elif quality == "best":
        yield both, Mix(ours[1], smooth, _SMOOTH)
    else:
        yield ours
    yield smooth.label, smooth


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
