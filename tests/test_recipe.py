"""A recipe is validated, immutable, hashable and survives JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.errors import RecipeError
from resilver.recipe import PRESETS, Hint, Recipe, preset

hints = st.builds(Hint, st.integers(0, 9), st.integers(0, 9), st.from_regex("#[0-9a-fA-F]{6}", fullmatch=True))
recipes = st.builds(
    Recipe,
    improve=st.booleans(),
    colorize=st.sampled_from(["never", "auto", "always"]),
    resolution=st.sampled_from([None, 2, 4]),
    kind=st.sampled_from(["photo", "art"]),
    quality=st.sampled_from(["fast", "best"]),
    strength=st.floats(0, 1),
    vividness=st.floats(0, 1),
    hints=st.lists(hints, max_size=2).map(tuple),
    format=st.sampled_from(["keep", "jpeg", "png", "tiff", "webp", "avif"]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [field.name for field in dataclasses.fields(Recipe)]


@given(recipes)
def test_json_round_trip(recipe):
    """A recipe read back from its JSON is the same recipe, with the same hash and digest."""
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert again.digest() == recipe.digest()


@given(recipes, recipes)
def test_digest_tells_recipes_apart(one, other):
    """Two recipes have the same digest just when they are equal."""
    assert (one.digest() == other.digest()) == (one == other)


def test_digest_stays():
    """Digests are written into pictures, so they must not change between versions."""
    assert Recipe().digest() == Recipe.from_json({}).digest() == "3e18049158eb35b8"


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), json_values, max_size=4))
def test_any_json_object_is_a_recipe_or_a_recipe_error(data):
    """Nothing but RecipeError comes out of foreign JSON, and what is accepted is in range."""
    try:
        recipe = Recipe.from_json(data)
    except RecipeError as error:
        assert str(error)
    else:
        assert 0 <= recipe.strength <= 1
        assert recipe.resolution in (None, 2, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 3},
        {"resolution": True},
        {"resolution": 2.0},
        {"improve": 1},
        {"strength": 1.5},
        {"strength": float("nan")},
        {"strength": float("inf")},
        {"strength": -1},
        {"strength": 10**400},
        {"strength": 10**5000},
        {"strength": True},
        {"vividness": 1.01},
        {"vividness": "vivid"},
        {"kind": "drawing"},
        {"colour": "auto"},
        {"format": "gif"},
        {"hints": "#aabbcc"},
        {"hints": [{"x": 1, "y": 2}]},
        {"hints": [{"x": -1, "y": 2, "colour": "#aabbcc"}]},
        {"hints": [{"x": 1.5, "y": 2, "colour": "#aabbcc"}]},
        {"hints": [{"x": 1, "y": 2, "colour": "red"}]},
        {"hints": [{"x": 1, "y": 2, "colour": "#aabbcc"}] * 1001},
    ],
)
def test_wrong_values_are_named(wrong):
    """The error names the field that is wrong."""
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        Recipe.from_json(wrong)


def test_equal_recipes_have_equal_digests():
    """Numbers that are equal make the same recipe, whatever their sign or type: what was done is not done again."""
    assert Recipe(strength=-0.0).digest() == Recipe(strength=0.0).digest() == Recipe(strength=0).digest()


def test_immutable():
    """A recipe cannot be changed after it was made."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().strength = 0.5


@pytest.mark.parametrize("name", ["Upscale 4x", "upscale-4x", "UPSCALE 4X"])
def test_presets_are_found_by_loose_names(name):
    """Case, blanks and hyphens do not count in the name of a preset."""
    assert preset(name) == PRESETS["Upscale 4x"] == Recipe(improve=False, resolution=4)


def test_unknown_preset():
    """An unknown preset is answered with the known ones."""
    with pytest.raises(RecipeError, match="Restore, Colorize"):
        preset("Sharpen")
