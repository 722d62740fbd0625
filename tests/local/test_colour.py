"""Guessed colours leave the luminance, the depth, and whatever came with the picture."""

from __future__ import annotations

import numpy as np
import pytest

from resilver.engine import Report
from resilver.errors import Cancelled
from resilver.local import colour
from resilver.local.runtime import Runtime
from resilver.picture import Metadata, Picture
from resilver.picture_io import profiles
from resilver.settings import LocalSettings

Y = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    runtime = Runtime(LocalSettings(models=tmp_path_factory.mktemp("none")))
    yield runtime
    runtime.unload()


def scene(height: int = 120, width: int = 168, *, depth: int = 8) -> np.ndarray:
    """Gray (height, width, 1): a light sky, hills, and a face-like disc, from black to white."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    light = 0.85 - 0.6 * (y > 0.4 + 0.1 * np.sin(9 * x)) + 0.3 * (np.hypot(y - 0.4, x - 0.5) < 0.15)
    peak = 255 if depth == 8 else 65535
    return np.rint(np.clip(light + 0.1 * np.sin(40 * x * y), 0, 1)[..., None] * peak).astype(f"uint{depth}")


def coloured(runtime, picture: Picture, vividness: float = 0.0, hints=()) -> Picture:
    return colour.colorize(picture, vividness, hints, runtime, Report())[0]


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Linear luminance brought back to the encoded scale, 0..1."""
    level = pixels / np.iinfo(pixels.dtype).max
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4) @ Y
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def colourfulness(picture: Picture) -> float:
    return float(np.ptp(picture.pixels.astype(int), axis=2).mean())


@pytest.mark.parametrize("vividness", [0.0, 1.0])
@pytest.mark.parametrize(("depth", "most"), [(8, 0.006), (16, 0.0003)])
def test_luminance_stays(runtime, depth, most, vividness):
    """Each pixel is as light as it was but for rounding, at any depth, from careful to vivid."""
    gray = scene(depth=depth)
    made = coloured(runtime, Picture(pixels=gray), vividness)
    assert made.pixels.dtype == gray.dtype
    assert made.pixels.shape == (*gray.shape[:2], 3)
    assert colourfulness(made) > 0.01 * np.iinfo(gray.dtype).max
    assert np.abs(luminance(made.pixels) - gray[..., 0] / np.iinfo(gray.dtype).max).max() < most


def test_what_came_along_stays(runtime):
    """Alpha, resolution and metadata travel along; the input is untouched; the profile says sRGB."""
    gray = scene()
    before = gray.copy()
    picture = Picture(pixels=gray, alpha=gray[..., 0], icc=b"gray", dpi=(300, 300), metadata=Metadata(xmp=b"<x/>"))
    made = coloured(runtime, picture)
    assert np.array_equal(gray, before)
    assert np.array_equal(made.alpha, picture.alpha)
    assert (made.dpi, made.metadata) == (picture.dpi, picture.metadata)
    assert profiles.channels(made.icc) == 3
    assert profiles.is_srgb(made.icc)


def test_a_toned_print_is_taken_by_its_lightness(runtime):
    """Sepia and its gray of the same luminance come out in the same colours."""
    sepia = np.rint(scene() * np.array([1.0, 0.86, 0.66])).astype(np.uint8)
    gray = np.rint(luminance(sepia) * 255).astype(np.uint8)[..., None]
    one, other = (coloured(runtime, Picture(pixels=pixels)).pixels.astype(int) for pixels in (sepia, gray))
    assert np.abs(one - other).mean() < 1
    assert np.abs(one - other).max() <= 4


def test_vividness_makes_more_colour(runtime):
    """From careful to vivid the picture only gains colour."""
    found = [colourfulness(coloured(runtime, Picture(pixels=scene()), vividness)) for vividness in (0.0, 0.5, 1.0)]
    assert found == sorted(found)
    assert found[2] > found[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3001, 1), (17, 33), (129, 161)])
def test_any_size(runtime, size):
    """One pixel, lines and odd sides come out in the size they have."""
    assert coloured(runtime, Picture(pixels=scene(*size))).pixels.shape == (*size, 3)


def test_strips_leave_no_trace(runtime, monkeypatch):
    """A picture done in many strips is the one done in one piece, but for rounding."""
    picture = Picture(pixels=scene())
    whole = coloured(runtime, picture).pixels.astype(int)
    monkeypatch.setattr(colour, "_STRIP", 168 * 7)
    assert np.abs(coloured(runtime, picture).pixels - whole).max() <= 1


def test_it_stops_when_asked(runtime):
    """Cancelling is heard."""
    with pytest.raises(Cancelled):
        colour.colorize(Picture(pixels=scene()), 0, (), runtime, Report(cancelled=lambda: True))
