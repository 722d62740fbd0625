"""Whether a picture has colours of its own, or only one tone from its shadows to its lights."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# ITU-R BT.601. The noise of a scanner is alike in every channel of encoded RGB, and so it stays in
# these; in CIE Lab it grows tenfold in the shadows, where it then looks like colour
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)

# Levels of luma between which the tone of a print is followed
_STEPS = 24
# The side of the cells over which chroma is averaged, as a part of the long side
_CELLS = 32
# Colour is what 2 % of the cells have. Of 400 training pictures 0.3 % lie below 5.9; of their versions
# made gray, toned, split-toned and noisy (up to 20 levels in each channel) 0.5 % lie above 3.8
_SPREAD = 0.98
_COLOURED = 4.7
# A single colour without any other is one tone, too, but no toning bath reaches it: the strongest sepia
# and the deepest cyanotype measure 75, pure red, green, blue and orange 110 to 136
_SATURATED = 80.0


def luma(rgb: Floats) -> Floats:
    """BT.601 luma of (..., 3) encoded RGB, in its units."""
    made: Floats = rgb @ _LUMA
    return made


def is_bw(rgb: Floats) -> bool:
    """Whether a small RGB picture (height, width, 3) in 0..255 is gray, toned, or both with chroma noise.

    One hue that is more saturated than any toned print is colour.
    """
    return colourfulness(rgb) < _COLOURED and _strongest(rgb @ _CHROMA.T) < _SATURATED


def colourfulness(rgb: Floats) -> float:
    """How far chroma goes beyond one tone that follows luma, in 8-bit units.

    The tone is the median chroma of each level of luma, so sepia, split tones and casts are explained
    by it; what remains is averaged over cells, in which noise vanishes and colour stays.
    """
    chroma = rgb @ _CHROMA.T
    # as much of the luma's own noise as possible must go, or it moves pixels to another level's tone
    level = np.asarray(cv2.GaussianBlur(luma(rgb), (0, 0), 0.8), np.float32)
    return _strongest(chroma - _tone(level, chroma))


def _strongest(chroma: Floats) -> float:
    """The chroma that 2 % of the cells reach."""
    height, width = chroma.shape[:2]
    cell = max(1, round(max(height, width) / _CELLS))
    cells = cv2.resize(chroma, (max(1, width // cell), max(1, height // cell)), interpolation=cv2.INTER_AREA)
    return float(np.quantile(np.hypot(cells[..., 0], cells[..., 1]), _SPREAD))


def _tone(level: Floats, chroma: Floats) -> Floats:
    """The chroma (height, width, 2) that a monochrome picture of this tone would have."""
    flat = level.ravel()
    order = np.argsort(flat, kind="stable")
    # steps of equal numbers of pixels miss the few lights of a night, steps of equal height the rest
    bounds = np.linspace(flat[order[0]], flat[order[-1]], _STEPS + 1)[1:-1]
    cuts = np.union1d(np.searchsorted(flat, bounds, sorter=order), np.arange(1, _STEPS) * len(flat) // _STEPS)
    least = max(1, len(flat) // 2000)
    parts = [part for part in np.split(order, cuts) if len(part) >= least]
    levels = [float(flat[part].mean()) for part in parts]
    medians = np.array([np.median(chroma.reshape(-1, 2)[part], axis=0) for part in parts])
    return np.stack([np.interp(level, levels, medians[:, axis]) for axis in (0, 1)], axis=2).astype(np.float32)
