"""The local engine keeps the contract, with its own networks alone and with those of others."""

from __future__ import annotations

import cv2
import pytest
from skimage import data

from engine_contract.contract import EngineContract, photograph
from resilver.engine import Report
from resilver.local.engine import LocalEngine
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.result import OUTPUT_NAMES
from resilver.settings import LocalSettings


class TestWithOurOwnNetworks(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path):
        return LocalEngine(LocalSettings(models=tmp_path / "none"))

    def test_says_which_command_brings_more(self, engine):
        """Our own networks enlarge; where others would do better, a note names the command that brings them."""
        fast, best = "Resilver enlarger x2", "Resilver enlarger x2 + Resilver enlarger x2 scan"
        for quality, way, helps in (("fast", fast, False), ("best", best, True)):
            result = engine.improve(photograph(), Recipe(improve=False, resolution=2, quality=quality), Report())
            assert any("resilver models install" in note for note in result.notes) == helps
            assert result.outputs["final"].steps[0].tool == way


@pytest.fixture(scope="module")
def warm():
    settings = LocalSettings()
    if not settings.models.is_dir():
        pytest.skip("no networks are installed: resilver models install waifu2x realcugan")
    engine = LocalEngine(settings)
    yield engine
    engine.close()


class TestWithNetworks(EngineContract):
    @pytest.fixture
    def engine(self, warm):
        return warm

    def test_a_good_photograph_is_left_alone(self, engine):
        """Nothing wrong: no improved picture, and the reason says so."""
        skimage = pytest.importorskip("skimage.data")
        from resilver.picture import Picture

        result = engine.improve(Picture(pixels=skimage.astronaut()), Recipe(), Report())
        assert result.picture("final") is None
        assert result.outputs["improved"].absent == "already good"


def test_strength_0_is_not_called_good(tmp_path):
    """A faded picture is left as it is at strength 0, and the reason is the strength and not the picture."""
    engine = LocalEngine(LocalSettings(models=tmp_path))
    result = engine.improve(photograph(noise=20), Recipe(strength=0), Report(), ("improved", "final"))
    assert "strength 0" in result.outputs["improved"].absent
    assert "strength 0" in result.outputs["final"].absent
    assert result.picture("improved") is None


def test_damage_counts_as_wrong(tmp_path):
    """What is damaged and nothing else is not good: it is filled and said to be, and at strength 0 left for that."""
    scratched = data.astronaut()[:256, 96:352].copy()
    cv2.line(scratched, (20, 10), (110, 240), (255, 255, 255), 3)
    engine, picture = LocalEngine(LocalSettings(models=tmp_path)), Picture(pixels=scratched)
    (step,) = engine.improve(picture, Recipe(), Report(), ("improved",)).outputs["improved"].steps
    assert step.detail == "fill damage"
    assert step.generated
    left = engine.improve(picture, Recipe(strength=0), Report(), ("improved",)).outputs["improved"]
    assert "strength 0" in left.absent


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    engine = LocalEngine(LocalSettings(models=tmp_path_factory.mktemp("none")))
    yield engine
    engine.close()


def test_colour_is_for_what_has_none(own):
    """``auto`` colours gray pictures alone and says why it left others; ``always`` colours them all."""
    for gray, colorize, coloured in ((True, "auto", True), (False, "auto", False), (False, "always", True)):
        recipe = Recipe(improve=False, colorize=colorize)
        result = own.improve(photograph(gray=gray), recipe, Report(), ("colorized", "final"))
        assert (result.picture("colorized") is not None) == coloured
        assert (result.outputs["final"].absent == "already in colour") != coloured


def test_the_steps_follow_each_other(own):
    """Repair, then colour, then size; each result has the steps that it is made of, and progress never falls."""
    heard = []
    report = Report(on_progress=lambda fraction, _step: heard.append(fraction))
    picture = photograph(gray=True, noise=25)
    result = own.improve(picture, Recipe(colorize="auto", resolution=2), report, OUTPUT_NAMES)
    actions = {name: [step.action for step in result.outputs[name].steps] for name in OUTPUT_NAMES}
    assert actions == {
        "improved": ["improved"],
        "colorized": ["colorized"],
        "colorized_improved": ["improved", "colorized"],
        "resolved": ["x2"],
        "mask": [],
        "final": ["improved", "colorized", "x2"],
    }
    assert heard == sorted(heard)


def test_guessed_colour_is_said_to_be_guessed(own):
    """The step of the colours is marked as generated, so that the file can say so."""
    result = own.improve(photograph(gray=True), Recipe(improve=False, colorize="auto"), Report())
    assert [step.generated for step in result.outputs["final"].steps] == [True]
