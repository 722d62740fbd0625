from __future__ import annotations

from pathlib import Path

import pytest

from resilver.errors import RecipeError, SettingsError
from resilver.recipe import PRESETS, Recipe
from resilver.settings import PairSettings, WatchSettings, load_settings
from resilver_watcher.pairs import Pair, check_pairs, default_folders, make_preset_folders, pairs_from, preset_name


def test_subfolders_are_mirrored(tmp_path: Path) -> None:
    """The result of album/a.jpg lies in the album of the output folder."""
    pair = Pair(tmp_path / "in", tmp_path / "out")
    assert pair.directory(tmp_path / "in" / "a.jpg") == tmp_path / "out"
    assert pair.directory(tmp_path / "in" / "x" / "y" / "a.jpg") == tmp_path / "out" / "x" / "y"


def test_folders_named_after_presets_use_them(tmp_path: Path) -> None:
    """Also what lies deeper; other folders use the pair's own recipe, or the usual one."""
    usual = Recipe(quality="best")
    pair = Pair(tmp_path, tmp_path / "out")
    make_preset_folders(pair)
    assert {folder.name for folder in tmp_path.iterdir()} == set(PRESETS) - {"Restore"}
    assert pair.recipe_for(tmp_path / "Upscale 4x" / "album" / "a.jpg", usual) == PRESETS["Upscale 4x"]
    assert pair.recipe_for(tmp_path / "upscale4x" / "a.jpg", usual) == PRESETS["Upscale 4x"]
    assert pair.recipe_for(tmp_path / "album" / "a.jpg", usual) == usual
    own = Pair(tmp_path, tmp_path / "out", PRESETS["Colorize"])
    assert own.recipe_for(tmp_path / "a.jpg", usual) == PRESETS["Colorize"]


def test_a_file_overrides_recipes(tmp_path: Path) -> None:
    """For its folder and below, on top of what holds there; the nearest wins."""
    pair = Pair(tmp_path, tmp_path / "out")
    (tmp_path / "Colorize" / "deep").mkdir(parents=True)
    (tmp_path / "resilver.toml").write_text('quality = "best"\n')
    (tmp_path / "Colorize" / "deep" / "resilver.toml").write_text('preset = "upscale-2x"\nkind = "art"\n')
    assert pair.recipe_for(tmp_path / "a.jpg", Recipe()) == Recipe(quality="best")
    assert pair.recipe_for(tmp_path / "Colorize" / "a.jpg", Recipe()) == PRESETS["Colorize"]
    deep = pair.recipe_for(tmp_path / "Colorize" / "deep" / "a.jpg", Recipe())
    assert deep == Recipe(improve=False, resolution=2, kind="art")


@pytest.mark.parametrize(
    "text", ["resolution = 3", "colour = true", "preset = 'magic'", "improve = false", "not toml", "strength = '1'"]
)
def test_a_file_that_cannot_be_meant_is_named(tmp_path: Path, text: str) -> None:
    """The sentence says which file it is."""
    (tmp_path / "resilver.toml").write_text(text)
    with pytest.raises((RecipeError, SettingsError), match=r"resilver\.toml"):
        Pair(tmp_path, tmp_path / "out").recipe_for(tmp_path / "a.jpg", Recipe())


def test_pairs_that_feed_each_other_are_refused(tmp_path: Path) -> None:
    """Equal, nested either way, through links, and in a circle of two; also while the folders are not there yet."""
    one, two, three = tmp_path / "one", tmp_path / "two", tmp_path / "three"
    link = tmp_path / "link"
    link.symlink_to(one)
    for made in (False, True):
        if made:
            for folder in (one, two, three):
                folder.mkdir()
        check_pairs([Pair(one, two)])
        check_pairs([Pair(one, three), Pair(two, three)])
        for pairs in (
            [Pair(one, one)],
            [Pair(one, one / "out")],
            [Pair(one / "in", one)],
            [Pair(one, link / "out")],
            [Pair(link, one)],
            [Pair(one, two), Pair(two, three)],
            [Pair(one, two), Pair(two, one)],
            [Pair(one, three), Pair(one / "sub", three)],
        ):
            with pytest.raises(SettingsError, match="choose"):
                check_pairs(pairs)


def test_pairs_come_from_settings(tmp_path: Path) -> None:
    """From the file's list, and from input and output, which come first; half a pair is refused."""
    file = tmp_path / "settings.toml"
    file.write_text(
        f'[[watch.pairs]]\ninput = "{tmp_path}/a"\noutput = "{tmp_path}/b"\npreset = "Colorize"\n'
        f'[[watch.pairs]]\ninput = "{tmp_path}/c"\noutput = "{tmp_path}/d"\n'
    )
    settings = load_settings(file, {}).watch
    assert settings.pairs[0] == PairSettings(input=tmp_path / "a", output=tmp_path / "b", preset="Colorize")
    first, second = pairs_from(settings, Recipe(quality="best"))
    assert first == Pair(tmp_path / "a", tmp_path / "b", PRESETS["Colorize"])
    assert second.recipe == Recipe(quality="best")
    over = load_settings(file, {}, {"watch": {"input": str(tmp_path / "x"), "output": str(tmp_path / "y")}}).watch
    assert pairs_from(over)[0] == Pair(tmp_path / "x", tmp_path / "y")
    with pytest.raises(SettingsError, match="name both"):
        pairs_from(WatchSettings(input=tmp_path))


@pytest.mark.parametrize("text", ["[watch]\npairs = 3", '[[watch.pairs]]\ninput = "/a"', "[[watch.pairs]]\ncolour = 1"])
def test_pairs_that_lack_something_are_refused(tmp_path: Path, text: str) -> None:
    """With the setting's name."""
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"watch\.pairs"):
        load_settings(tmp_path / "settings.toml", {})


def test_usual_folders_are_localised_and_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the pictures folder, in the user's language; another language later finds the same folders."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/Bilder"\n')
    inside = tmp_path / "Bilder"
    assert default_folders("en") == (inside / "To restore", inside / "Restored")
    russian = default_folders("ru")
    assert russian[0].parent == inside
    assert russian[0].name != "To restore"
    russian[0].mkdir(parents=True)
    assert default_folders("en") == russian


def test_presets_are_known_by_their_recipes() -> None:
    """A recipe that is none of them is called custom."""
    assert [preset_name(recipe) for recipe in PRESETS.values()] == list(PRESETS)
    assert preset_name(Recipe(strength=0.5)) == "custom"
