"""What is wrong with a picture, measured before anything is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from resilver.local.chroma import is_bw, luma
from resilver.local.frame import Frame, find_photograph
from resilver.local.grain import Grain, blockiness, fine_noise, grain
from resilver.picture import Picture, Pixels
from resilver.picture_io.canvas import release

Floats = npt.NDArray[np.float32]
Levels = tuple[float, float, float]

# Colours and tones are measured on a copy of about this long side
_SMALL = 384
# Grain and blocks are measured on the whole up to this size, else on patches spread over the picture
_WHOLE = 1_500_000
_PATCH = 192
_PATCHES = 6


# The photograph's black and white lie at most this far beyond its second and 98th percentile
_TAIL = 25.0
# Between the channels of a tone that counts as neutral, and of paper that was never that yellow
_NEUTRAL = 8.0
_PAPER = 26.0
# The thresholds below were chosen on 332 training pictures, as they were and with damage of known kinds.
# By each of its limits, about 1 in 60 clean ones counts as faded (pictures made matte on purpose), and
# 9 of 10 whose contrast is 45 to 65 % on a black of 12 to 30 % do
_LOST_MEAN, _LOST_MEAN_BW, _LOST, _LOST_TONED = 88.0, 86.0, 78.0, 45.0
# Nothing has faded as long as one of the channels reaches both ends, as in a poster of one colour
_REACHED = 12.0
# A reddened print has the tint in black and white alike; 1 in 30 clean ones has so much of it, most of
# them without any loss of contrast
_REDDENED, _LOST_REDDENED = 18.0, 50.0
# White noise of 8 to 25 levels is more even than 0.81 (98 of 100), what looks like it in grass and fur
# less than 0.74; JPEG takes some of that and the finest of the grain
_EVEN, _FINE = 0.76, 3.0
_EVEN_COARSE, _SHARE_COARSE, _COARSE, _SOME_BLOCKS = 0.6, 0.54, 2.0, 0.6
# JPEG of quality 78: of pictures full of detail 8 in 100 above 1.0 and 2 above 1.2; of quality 40: 22 in 100 below 1.2,
# of 20: 3. It decides where the file does not tell a low quality
_BLOCKY = 1.2
_LOW_QUALITY = 60
# White noise of 25 levels measures less; letters and patterns that were drawn measure 40 and more
_DRAWN = 35.0
# A page: half of it and more is its paper, within these levels of one light tone. Noise of 10 levels leaves
# two fifths of the plainest backdrop so near to it
_PAPER_SHARE, _PAPER_LEVELS, _PAPER_LIGHT = 0.5, 5, 128
# Paper as white as this has not faded; what was drawn on it may be as pale as its pencil
_WHITE_PAPER = 232.0
# Levels between black and white of a page that holds anything at all
_EMPTY = 8.0


@dataclass(frozen=True, slots=True)
class Tones:
    """What the photograph itself (without margins) has of each of red, green and blue, 0..255.

    ``darkest`` and ``lightest``: the ends but for one pixel in 2000; ``dark`` and ``light``: the second
    and the 98th percentile; ``middle``: the median.
    """

    darkest: Levels
    dark: Levels
    middle: Levels
    light: Levels
    lightest: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The measurements of one picture, in 8-bit units whatever its depth.

    ``bw``: gray or of one tone. ``grain``: in luma, coarse or fine; ``fine_noise``: the standard
    deviation in each channel of what differs from pixel to pixel. ``jpeg_quality``: of the file it came
    from, ``None`` if it was no JPEG. ``blockiness``: steps on a grid of 8 pixels, which a picture keeps
    that was a JPEG before. ``page``: letters or lines on even paper. ``frame``: where the photograph
    lies; ``tones``: of that part.
    """

    bw: bool
    grain: Grain
    fine_noise: float
    jpeg_quality: int | None
    blockiness: float
    page: bool
    frame: Frame
    tones: Tones

    @property
    def noise(self) -> float:
        """The standard deviation of the grain in luma, coarse or fine."""
        return self.grain.sigma

    @property
    def black(self) -> Levels:
        """Red, green and blue of the photograph's black: its darkest, but for a few specks."""
        return _each(lambda end, most: max(end, most - _TAIL), self.tones.darkest, self.tones.dark)

    @property
    def white(self) -> Levels:
        """Red, green and blue of the photograph's white: its lightest, but for a few scratches."""
        return _each(lambda end, most: min(end, most + _TAIL), self.tones.lightest, self.tones.light)

    @property
    def toned(self) -> bool:
        """Whether it is black-and-white, but not neutral."""
        return self.bw and max(_spread(self.tones.middle), _spread(self.tones.light)) > _NEUTRAL

    @property
    def yellowed(self) -> bool:
        """Whether it is black-and-white with neutral shadows on coloured paper, as no toning bath makes it."""
        dark, light = _spread(self.tones.dark), _spread(self.tones.light)
        return self.bw and light > _PAPER and light > 2 * dark

    @property
    def faded(self) -> bool:
        """Whether its black and white are no longer reached, or not in every colour."""
        if max(white - black for white, black in zip(self.white, self.black, strict=True)) < _EMPTY:
            return False  # a plain colour has nothing to be stretched
        if self.page and min(self.white) > _WHITE_PAPER:
            return False
        if self.toned and _lost(self.black, self.white) > _LOST_TONED:
            return True
        black, white = self.tones.darkest, self.tones.lightest
        lost = _lost_in_the_mean(black, white)
        if _lost(black, white) < _REACHED:
            return False
        if self.bw:
            return lost > _LOST_MEAN_BW
        if lost > _LOST_MEAN:
            return True
        reddened = min(_redness(black), _redness(white)) > _REDDENED and lost > _LOST_REDDENED
        return reddened or _lost(black, white) > _LOST

    @property
    def grainy(self) -> bool:
        """Whether there is noise from pixel to pixel."""
        return self.grain.evenness > _EVEN and self.fine_noise > _FINE and not self._drawn

    @property
    def coarse(self) -> bool:
        """Whether there is grain that JPEG has made coarse."""
        even = self.grain.evenness > _EVEN_COARSE and self.grain.share > _SHARE_COARSE
        return even and not self.grainy and not self._drawn and self.noise > _COARSE and self.blockiness > _SOME_BLOCKS

    @property
    def blocky(self) -> bool:
        """Whether JPEG has left its marks."""
        quality = self.jpeg_quality or 100
        return quality <= _LOW_QUALITY or (self.blockiness > _BLOCKY and not self._drawn)

    @property
    def _drawn(self) -> bool:
        """Whether what looks like grain or blocks is letters or a pattern."""
        return self.page or self.noise > _DRAWN

    @property
    def wrong(self) -> tuple[str, ...]:
        """What Restore would do, as phrases."""
        found = (
            (self.faded, "mend fading"),
            (self.yellowed, "whiten yellowed paper"),
            (self.grainy or self.coarse, "calm the grain"),
            (self.blocky, "remove JPEG blocks"),
        )
        return tuple(phrase for is_so, phrase in found if is_so)


def assess(picture: Picture) -> Assessment:
    """Measure a picture at a cost that hardly grows with its size; what is transparent does not count."""
    small = _reduced(picture)
    frame = find_photograph(luma(small))
    inside = np.ascontiguousarray(frame.cut(small))
    patches = list(_patches(picture, frame))
    gray = [_luma(patch) for patch in patches]
    page = _is_page(gray) and (picture.alpha is None or int(picture.alpha.min()) == picture.peak)
    return Assessment(
        bw=picture.gray or is_bw(inside),
        grain=grain(gray),
        fine_noise=fine_noise(patches),
        jpeg_quality=picture.jpeg_quality,
        blockiness=blockiness(gray),
        page=page,
        frame=frame,
        tones=_tones(_strokes(patches) if page else _calm(inside)),
    )


def _reduced(picture: Picture) -> Floats:
    """A copy in RGB, 0..255, whose pixels are means of squares; its long side is 384 to 767 or less."""
    factor = max(1, max(picture.height, picture.width) // _SMALL)
    height, width = max(1, picture.height // factor), max(1, picture.width // factor)
    made = np.empty((height, width, 3), np.float32)
    opaque = np.ones((height, width), np.bool_)
    rows = max(1, 512 // factor)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        size = (width, bottom - top)
        part = np.s_[top * factor : bottom * factor, : width * factor]
        strip = cv2.resize(picture.pixels[part], size, interpolation=cv2.INTER_AREA)
        made[top:bottom] = strip.reshape(bottom - top, width, -1) * np.float32(255 / picture.peak)
        release(picture.pixels)
        if picture.alpha is not None:
            alpha = cv2.resize(picture.alpha[part], size, interpolation=cv2.INTER_AREA)
            opaque[top:bottom] = alpha > picture.peak // 2
            release(picture.alpha)
    if opaque.any() and not opaque.all():
        made[~opaque] = np.median(made[opaque], axis=0)
    return made


def _is_page(patches: Sequence[Floats]) -> bool:
    """Whether most of it is paper of one light tone."""
    levels = np.zeros(256, np.int64)
    for patch in patches:
        levels += np.bincount(np.clip(np.rint(patch), 0, 255).astype(np.uint8).ravel(), minlength=256)
    paper = int(np.argmax(levels))
    near = levels[max(0, paper - _PAPER_LEVELS) : paper + _PAPER_LEVELS + 1].sum()
    return paper > _PAPER_LIGHT and bool(near > _PAPER_SHARE * levels.sum())


def _strokes(patches: Sequence[Floats]) -> Floats:
    """Every pixel (n, 1, 3): the strokes of small letters are as thin as scratches, and as dark as their ink."""
    pixels = np.concatenate([patch.reshape(-1, 1, patch.shape[2]) for patch in patches])
    return np.asarray(np.broadcast_to(pixels, (len(pixels), 1, 3)))


def _calm(rgb: Floats) -> Floats:
    """Without specks and scratches a pixel wide, which are no tones of the photograph."""
    return np.asarray(cv2.GaussianBlur(cv2.medianBlur(rgb, 3), (0, 0), 0.7), np.float32)


def _tones(rgb: Floats) -> Tones:
    ends = np.percentile(rgb.reshape(-1, 3), (0.05, 2, 50, 98, 99.95), axis=0)
    return Tones(*((float(red), float(green), float(blue)) for red, green, blue in ends))


def _patches(picture: Picture, frame: Frame) -> Iterator[Floats]:
    """Channels in 0..255 at full resolution; every patch begins at multiples of 8 from the first one."""
    inside = frame.cut(picture.pixels)
    height, width = inside.shape[:2]
    if height * width <= _WHOLE or min(height, width) <= _PATCH:
        longest = _WHOLE // min(height, width)
        yield _floats(inside[:longest, :longest], picture.peak)
        return
    rows = np.linspace(0, height - _PATCH, _PATCHES).astype(int) // 8 * 8
    columns = np.linspace(0, width - _PATCH, _PATCHES).astype(int) // 8 * 8
    for top in rows:
        for left in columns:
            yield _floats(inside[top : top + _PATCH, left : left + _PATCH], picture.peak)
        release(picture.pixels)


def _floats(pixels: Pixels, peak: int) -> Floats:
    return pixels.astype(np.float32) * np.float32(255 / peak)


def _luma(patch: Floats) -> Floats:
    return np.ascontiguousarray(patch[..., 0] if patch.shape[2] == 1 else luma(patch))


def _each(rule: Callable[[float, float], float], ends: Levels, most: Levels) -> Levels:
    red, green, blue = (rule(end, near) for end, near in zip(ends, most, strict=True))
    return red, green, blue


def _spread(levels: Levels) -> float:
    return max(levels) - min(levels)


# White counts less than black in what follows: many a picture has neither sky nor lamp


def _lost(black: Levels, white: Levels) -> float:
    """How far the darkest and the lightest channel are from the ends."""
    return min(black) + 0.7 * (255 - max(white))


def _lost_in_the_mean(black: Levels, white: Levels) -> float:
    """How far the channels are from the ends."""
    return sum(black) / 3 + 0.6 * (255 - sum(white) / 3)


def _redness(levels: Levels) -> float:
    red, green, blue = levels
    return red - (green + blue) / 2
