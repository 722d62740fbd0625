"""The local engine keeps the contract, with its own networks alone and with those of others."""

from __future__ import annotations

import pytest

from engine_contract.contract import EngineContract, photograph
from resilver.engine import Report
from resilver.errors import EngineMissing
from resilver.local.engine import LocalEngine
from resilver.recipe import Recipe
from resilver.settings import LocalSettings


class TestWithOurOwnNetworks(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path):
        return LocalEngine(LocalSettings(models=tmp_path / "none"))

    def test_says_which_command_brings_more(self, engine):
        """Our own networks enlarge; where others would do better, a note names the command that brings them."""
        for quality, helps in (("fast", False), ("best", True)):
            result = engine.improve(photograph(), Recipe(improve=False, resolution=2, quality=quality), Report())
            assert any("resilver models install" in note for note in result.notes) == helps
            assert result.outputs["final"].steps[0].tool == "Resilver enlarger x2"


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


def test_colour_always_fails_in_a_sentence(tmp_path):
    """Without a colour network ``always`` is an error, ``auto`` a reason."""
    engine = LocalEngine(LocalSettings(models=tmp_path))
    result = engine.improve(photograph(gray=True), Recipe(colorize="always"), Report())
    assert isinstance(result.outputs["final"].error, EngineMissing)
    result = engine.improve(photograph(gray=True), Recipe(colorize="auto"), Report())
    assert result.outputs["colorized"].absent
    assert result.outputs["final"].error is None
