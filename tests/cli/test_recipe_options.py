"""Options become recipes."""

import dataclasses

import pytest

from resilver.cli.parser import build_parser
from resilver.cli.recipe_options import recipe_from
from resilver.errors import RecipeError, UsageError
from resilver.recipe import PRESETS, Recipe
from resilver.settings import ENGINES


def recipe(*options):
    return recipe_from(build_parser().parse_args(["restore", "a.jpg", *options]))


@pytest.mark.parametrize("command", ["restore x.jpg", "serve", "watch"])
def test_every_engine_can_be_asked_for(command, capsys):
    """By each command that works; what is none of the settings' is refused."""
    for name in ENGINES:
        assert build_parser().parse_args([*command.split(), "--engine", name]).engine == name
    with pytest.raises(SystemExit):
        build_parser().parse_args([*command.split(), "--engine", "negative"])
    assert "negative" in capsys.readouterr().err


def test_no_options_mean_restore():
    """Without any option the recipe is the preset Restore."""
    assert recipe() == PRESETS["Restore"]


def test_plain_options_start_from_restore():
    """--upscale 2 alone mends and enlarges."""
    assert recipe("--upscale", "2") == Recipe(improve=True, resolution=2)


def test_options_win_over_the_preset():
    """A preset with options is the preset with these fields changed."""
    assert recipe("--preset", "upscale 4x") == PRESETS["Upscale 4x"]
    assert recipe("--preset", "Upscale 4x", "--upscale", "2", "--improve") == Recipe(improve=True, resolution=2)


def test_every_field_can_be_said():
    """Each option sets its field of the recipe."""
    options = "--no-improve --colorize=always --upscale=4 --kind=art --quality=best --strength=.5"
    said = recipe(*options.split(), "--vividness=1", "--format=png")
    art = Recipe(improve=False, colorize="always", resolution=4, kind="art", quality="best", strength=0.5)
    assert said == dataclasses.replace(art, vividness=1.0, format="png")


def test_what_cannot_be_meant():
    """Unknown presets, values out of range, and nothing at all to do are refused."""
    with pytest.raises(RecipeError, match="Upscale 2x"):
        recipe("--preset", "Sharpen")
    with pytest.raises(RecipeError, match="strength"):
        recipe("--strength", "2")
    with pytest.raises(UsageError, match="--no-improve"):
        recipe("--no-improve")
