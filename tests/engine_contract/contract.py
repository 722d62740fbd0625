"""What every engine must do, whatever it is made of. Give it an ``engine`` fixture by subclassing."""

from __future__ import annotations

import numpy as np
import pytest

from resilver.engine import Engine, Report
from resilver.errors import Cancelled
from resilver.picture import Metadata, Picture
from resilver.recipe import Recipe
from resilver.result import OUTPUT_NAMES


def photograph(*, gray: bool = False, noise: float = 0.0, depth: int = 8, alpha: bool = False) -> Picture:
    """A small smooth scene, faded and noisy if asked."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:96, 0:128] / 96
    scene = np.stack([0.2 + 0.6 * x / 1.4, 0.3 + 0.5 * y, 0.7 - 0.4 * x * y], axis=2)
    scene[30:60, 40:80] = (0.9, 0.85, 0.8)
    scene[10:25, 90:120] = (0.05, 0.06, 0.1)
    if gray:
        scene = scene.mean(axis=2, keepdims=True)
    if noise:
        scene = scene + rng.normal(0, noise / 255, scene.shape)
    kind = np.uint8 if depth == 8 else np.uint16
    peak = np.iinfo(kind).max
    pixels = (np.clip(scene, 0, 1) * peak + 0.5).astype(kind)
    clear = (np.clip(x, 0, 1) * peak).astype(kind) if alpha else None
    return Picture(pixels=pixels, alpha=clear, icc=b"profile", dpi=(300.0, 300.0), metadata=Metadata(xmp=b"<x/>"))


class EngineContract:
    """Subclasses give the ``engine``."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    def test_is_an_engine(self, engine):
        """It has the interface's name, limits and methods."""
        assert isinstance(engine, Engine)
        assert engine.limits.pictures >= 1

    def test_every_wanted_name_is_answered(self, engine):
        """Each wanted output is there as a picture, a reason or an error, for whatever recipe."""
        for recipe in (Recipe(), Recipe(improve=False), Recipe(colorize="auto"), Recipe(colorize="always")):
            result = engine.improve(photograph(gray=True, noise=18), recipe, Report(), OUTPUT_NAMES)
            assert set(OUTPUT_NAMES) <= set(result.outputs)

    @pytest.mark.parametrize("factor", [2, 4])
    @pytest.mark.parametrize("gray", [False, True])
    def test_enlarges_by_the_factor(self, engine, factor, gray):
        """``resolved`` and ``final`` have both sides multiplied, the alpha too; gray stays gray."""
        picture = photograph(gray=gray, alpha=True)
        recipe = Recipe(improve=False, resolution=factor)
        result = engine.improve(picture, recipe, Report(), ("resolved", "final"))
        for name in ("resolved", "final"):
            large = result.picture(name)
            assert (large.width, large.height) == (picture.width * factor, picture.height * factor)
            assert large.gray == gray
            assert large.alpha.shape == (large.height, large.width)

    def test_a_repaired_picture_keeps_what_it_came_with(self, engine):
        """Size, depth, profile, resolution, alpha and metadata survive; the input's pixels are untouched."""
        picture = photograph(noise=25, alpha=True)
        before = picture.pixels.copy()
        improved = engine.improve(picture, Recipe(), Report(), ("improved",)).picture("improved")
        assert improved.pixels.shape == picture.pixels.shape
        assert improved.depth == picture.depth
        assert (improved.icc, improved.dpi, improved.metadata) == (picture.icc, picture.dpi, picture.metadata)
        assert np.array_equal(improved.alpha, picture.alpha)
        assert np.array_equal(picture.pixels, before)

    def test_nothing_asked_gives_nothing(self, engine):
        """An empty recipe gives reasons, no pictures and no errors."""
        result = engine.improve(photograph(), Recipe(improve=False), Report(), OUTPUT_NAMES)
        assert all(output.picture is None and output.error is None for output in result.outputs.values())

    def test_black_and_white_is_seen(self, engine):
        """``bw`` is true for gray and false for a colourful picture."""
        assert engine.improve(photograph(gray=True), Recipe(), Report()).bw
        assert not engine.improve(photograph(), Recipe(), Report()).bw

    def test_progress_never_falls(self, engine):
        """Fractions lie between 0 and 1 and never go back."""
        heard = []
        report = Report(on_progress=lambda fraction, _step: heard.append(fraction))
        engine.improve(photograph(noise=20), Recipe(resolution=2), report)
        assert heard
        assert heard == sorted(heard)
        assert 0 <= heard[0] <= heard[-1] <= 1

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_cancel_stops(self, engine, after):
        """It raises Cancelled at the next look, and works again afterwards."""
        looks = []

        def cancelled() -> bool:
            looks.append(None)
            return len(looks) > after

        with pytest.raises(Cancelled):
            engine.improve(photograph(noise=20), Recipe(resolution=2), Report(cancelled=cancelled))
        assert engine.improve(photograph(), Recipe(), Report()).outputs

    def test_works_after_close(self, engine):
        """Closing gives memory back; the next call opens again."""
        engine.close()
        assert engine.improve(photograph(), Recipe(improve=False, resolution=2), Report()).picture("final")
