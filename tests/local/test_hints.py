"""Colours of single points go as far as what they belong to, and no further."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.test_colour import luminance
from resilver.engine import Report
from resilver.errors import RecipeError
from resilver.local import colour
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.recipe import Hint
from resilver.settings import LocalSettings


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    runtime = Runtime(LocalSettings(models=tmp_path_factory.mktemp("none")))
    yield runtime
    runtime.unload()


def fields(depth=8):
    """Gray (160, 240, 1): a dark coat on the left, shaded, a light wall on the right, with a little grain."""
    y, x = np.mgrid[0:160, 0:240]
    light = np.where(x < 110, 0.30 + 0.0006 * y, 0.66) + np.random.default_rng(3).normal(0, 0.008, (160, 240))
    return np.rint(light[..., None] * (255 if depth == 8 else 65535)).astype(f"uint{depth}")


def ab(pixels):
    """Lab's a and b (height, width, 2)."""
    return cv2.cvtColor((pixels / np.iinfo(pixels.dtype).max).astype(np.float32), cv2.COLOR_RGB2Lab)[..., 1:]


def coloured(runtime, pixels, *hints):
    return ab(colour.colorize(Picture(pixels=pixels), 0.0, hints, runtime, Report())[0].pixels)


def test_the_region_takes_the_colour(runtime):
    """All of the coat turns as blue as the point in it, and the wall beyond the edge stays as it was guessed."""
    guessed = coloured(runtime, fields())
    made = coloured(runtime, fields(), Hint(40, 80, "#203a6a"))
    blue = ab(np.array([[[0x20, 0x3A, 0x6A]]], np.uint8))[0, 0]
    coat, wall = np.s_[10:150, 8:100], np.s_[10:150, 122:232]
    assert np.abs(made[coat] - blue).mean() < 4
    assert np.abs(made[wall] - guessed[wall]).mean() < 2


def test_a_point_may_lie_on_an_edge(runtime):
    """Who meets the rim of a button means the coat, or the button, and not the rim."""
    buttoned = fields()
    cv2.circle(buttoned, (40, 80), 5, 255, -1)
    made = coloured(runtime, buttoned, Hint(46, 80, "#203a6a"))
    assert made[10:150, 8:100, 1].mean() < -15


def test_each_point_has_its_region(runtime):
    """Two colours in two regions do not mix, whichever is told first."""
    coat, wall = Hint(40, 80, "#203a6a"), Hint(180, 40, "#d0a080")
    made, turned = coloured(runtime, fields(), coat, wall), coloured(runtime, fields(), wall, coat)
    assert np.abs(made - turned).max() < 1
    assert made[20:140, 20:90, 1].mean() < -15
    assert made[20:140, 130:230, 1].mean() > 15


def test_points_in_one_surface_share_it(runtime):
    """Of two points in one surface each has what is nearer."""
    plain = np.full((160, 240, 1), 120, np.uint8)
    made = coloured(runtime, plain, Hint(10, 80, "#903030"), Hint(230, 80, "#309030"))
    assert made[60:100, :40, 0].mean() > 20
    assert made[60:100, -40:, 0].mean() < -20


COLOURS = st.from_regex("#[0-9a-f]{6}", fullmatch=True)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(Hint, st.integers(0, 239), st.integers(0, 159), COLOURS)))
def test_luminance_stays(runtime, hints):
    """Whatever colours are told, each pixel is as light as it was, but for rounding."""
    gray = fields(16)
    made = colour.colorize(Picture(pixels=gray), 0.0, hints, runtime, Report())[0].pixels
    assert np.abs(luminance(made) - gray[..., 0] / 65535).max() < 0.0003


def test_walls_keep_colours_in(runtime):
    """In a picture of nothing but strong edges a point keeps its colour, and no pixel is lost, however far away."""
    y, x = np.mgrid[0:160, 0:240]
    bars = np.where((x // 6 + y // 6) % 2, 40, 220).astype(np.uint8)[..., None]
    made = colour.colorize(Picture(pixels=bars), 0.0, [Hint(3, 3, "#2040c0")], runtime, Report())[0].pixels
    assert np.abs(luminance(made) - bars[..., 0] / 255).max() < 0.006


@pytest.mark.parametrize("place", [(240, 0), (0, 160)])
def test_points_lie_inside(runtime, place):
    """A point outside of the picture is refused in a sentence that names its size."""
    with pytest.raises(RecipeError, match="240 x 160"):
        coloured(runtime, fields(), Hint(*place, "#808080"))
