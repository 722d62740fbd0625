"""A detail, computed alone, is what the whole result shows there."""

from __future__ import annotations

import numpy as np
import pytest

from engine_contract.contract import photograph
from resilver.engine import DetailEngine, Report
from resilver.local.detail import Part
from resilver.local.engine import LocalEngine
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.settings import LocalSettings

TOLERANCE = 12
"""Levels of 255: noise that is reduced over a part finds other samples than over the whole."""


@pytest.fixture(scope="module")
def engine():
    return LocalEngine(LocalSettings(gpu="off"))


def large(picture: Picture) -> Picture:
    """Four of it, so that a detail is a small part."""
    alpha = None if picture.alpha is None else np.tile(picture.alpha, (2, 2))
    return picture.replace(pixels=np.tile(picture.pixels, (2, 2, 1)), alpha=alpha)


@pytest.mark.parametrize("box", [(0, 0, 64, 48), (111, 37, 90, 101), (160, 100, 96, 92)])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(improve=False, colorize="always", vividness=1.0),
        Recipe(improve=False, resolution=2),
    ],
    ids=["improve", "colorize", "enlarge"],
)
def test_a_detail_is_what_the_whole_shows_there(engine, recipe, box):
    """Colours, levels and noise of a part are those of the whole result, also at its edges, and so is its alpha."""
    picture = large(photograph(noise=14, gray=recipe.colorize == "always", alpha=True))
    whole = engine.improve(picture, recipe, Report()).picture("final")
    part = engine.improve_detail(picture, box, recipe, Report()).picture("final")
    x, y, width, height = (side * (recipe.resolution or 1) for side in box)
    assert part.pixels.shape == (height, width, whole.pixels.shape[2])
    place = np.s_[y : y + height, x : x + width]
    apart = np.abs(part.pixels.astype(int) - whole.pixels[place])
    assert np.percentile(apart, 99) <= TOLERANCE
    assert apart.mean() < 1.5
    assert np.abs(part.alpha.astype(int) - whole.alpha[place]).max() <= 2


def test_what_is_wrong_is_measured_in_the_whole(engine):
    """A detail without any contrast of its own is not stretched, and a good picture's detail is left alone."""
    picture = large(photograph())
    flat = picture.replace(pixels=picture.pixels.copy())
    flat.pixels[20:60, 20:70] = 120
    good = engine.improve(flat, Recipe(), Report()).outputs["final"]
    detail = engine.improve_detail(flat, (30, 30, 30, 20), Recipe(), Report()).outputs["final"]
    assert (detail.absent, detail.picture is None) == (good.absent, good.picture is None)


def test_the_local_engine_shows_details(engine):
    """It says so by its interface."""
    assert isinstance(engine, DetailEngine)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (5, 9, 100, 50), (255, 191, 1, 1)])
def test_what_is_cut_is_trimmed_again(box):
    """The margin is gone, whatever lies at the edges; nothing was computed."""
    picture = large(photograph(alpha=True))
    part = Part(picture, box)
    made = part.trim(part.cut())
    x, y, width, height = box
    assert np.array_equal(made.pixels, picture.pixels[y : y + height, x : x + width])
    assert np.array_equal(made.alpha, picture.alpha[y : y + height, x : x + width])
