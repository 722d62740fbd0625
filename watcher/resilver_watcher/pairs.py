"""Pairs of folders: what is dropped into one comes out in the other, by which recipe."""

from __future__ import annotations

import functools
import locale
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from resilver.errors import RecipeError, SettingsError
from resilver.picture_io.names import folded
from resilver.recipe import PRESETS, Recipe, preset
from resilver.settings import WatchSettings

OVERRIDE = "resilver.toml"
"""The file that says another recipe for its folder and those below."""

ORIGINALS = "Originals"
"""The folder in an input folder where originals go after success, if the setting wants it."""

# of the two default folders, by language
_NAMES = {"en": ("To restore", "Restored"), "ru": ("На восстановление", "Восстановлено")}  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Pair:
    """``recipe``: for pictures right in ``input``; ``None``: the preset that is set for the whole daemon."""

    input: Path
    output: Path
    recipe: Recipe | None = None

    def directory(self, path: Path) -> Path:
        """Where the results of a picture go: subfolders are mirrored."""
        return self.output / path.relative_to(self.input).parent

    def recipe_for(self, path: Path, usual: Recipe) -> Recipe:
        """What a picture's folder asks for: the nearest ``resilver.toml``, else the folder named after a preset.

        Raises:
            RecipeError, SettingsError: the file cannot be meant.
        """
        recipe = self.recipe or usual
        for override, named in _levels(self.input, path.parent):
            recipe = _overridden(override, named or recipe)
        return recipe


@functools.lru_cache(100)
def _levels(root: Path, folder: Path) -> tuple[tuple[str, Recipe | None], ...]:
    """For the root and each folder down to this one: its file that says otherwise, and the preset of its name."""
    named = {_plain(name): found for name, found in PRESETS.items()}
    levels: list[tuple[str, Recipe | None]] = [(str(root / OVERRIDE), None)]
    for part in folder.relative_to(root).parts:
        root = root / part
        levels.append((str(root / OVERRIDE), named.get(_plain(part))))
    return tuple(levels)


def preset_name(recipe: Recipe) -> str:
    """The preset that the recipe is, or ``custom``."""
    return next((name for name, known in PRESETS.items() if known == recipe), "custom")


def _plain(name: str) -> str:
    return "".join(name.split()).replace("-", "").casefold()


def _overridden(path: str, recipe: Recipe) -> Recipe:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - for every picture
            said: dict[str, Any] = tomllib.load(file)
    except FileNotFoundError:
        return recipe
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); mend or remove it.") from error
    try:
        if "preset" in said:
            recipe = preset(str(said.pop("preset")))
        made = Recipe.from_json({**recipe.to_json(), **said})
    except RecipeError as error:
        raise RecipeError(f"{path} cannot be meant: {error}") from error
    if made.empty:
        raise RecipeError(f"{path} asks for nothing; let it improve, colorize or enlarge.")
    return made


def pairs_from(settings: WatchSettings, recipe: Recipe | None = None) -> tuple[Pair, ...]:
    """The pairs that the settings name; by default one in the user's pictures folder, in the user's language.

    ``recipe``: for pairs that name none.

    Raises:
        SettingsError: they feed each other, or lack a folder.
        RecipeError: there is no such preset.
    """
    default_input, default_output = default_folders()
    pairs = [
        Pair(_absolute(item.input), _absolute(item.output), preset(item.preset) if item.preset else recipe)
        for item in settings.pairs
    ]
    if settings.input is not None or settings.output is not None or not pairs:
        given = settings.input, settings.output
        if (given[0] is None) != (given[1] is None):
            raise SettingsError("A pair needs an input and an output folder; name both, or none for the usual ones.")
        first = Pair(_absolute(given[0] or default_input), _absolute(given[1] or default_output), recipe)
        pairs.insert(0, first)
    check_pairs(pairs)
    return tuple(pairs)


def default_folders(language: str | None = None) -> tuple[Path, Path]:
    """The usual pair; one that is there already in any language is taken."""
    pictures = Path(platformdirs.user_pictures_dir())
    language = language or (locale.getlocale()[0] or os.environ.get("LANG") or "en")[:2].lower()
    first = _NAMES.get(language, _NAMES["en"])
    for names in (first, *_NAMES.values()):
        if (pictures / names[0]).is_dir():
            return pictures / names[0], pictures / names[1]
    return pictures / first[0], pictures / first[1]


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse pairs whose outputs would come in again.

    Raises:
        SettingsError: which two folders, and what to do.
    """
    for pair in pairs:
        for other in pairs:
            if _related(other.input, pair.output):
                raise SettingsError(
                    f"Results in {pair.output} would be taken for new pictures of {other.input}; "
                    "choose folders of which none lies in the other."
                )
    inputs = [pair.input for pair in pairs]
    for number, folder in enumerate(inputs):
        for other_folder in inputs[number + 1 :]:
            if _related(folder, other_folder):
                raise SettingsError(
                    f"{folder} and {other_folder} hold the same pictures; choose separate input folders."
                )


def _related(one: Path, other: Path) -> bool:
    """Whether they are the same folder, or one lies in the other, whatever they are called."""
    first, second = _chain(one), _chain(other)
    return bool({first[0]} & set(second) or {second[0]} & set(first))


def _chain(path: Path) -> list[object]:
    """A folder and those above it, each by device and inode if it is there (bind mounts, case), else by its name."""
    real = Path(os.path.realpath(path))
    chain: list[object] = []
    for folder in (real, *real.parents):
        try:
            found = folder.stat()
            chain.append((found.st_dev, found.st_ino))
        except OSError:
            chain.append(folded(str(folder)))
    return chain


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - links stay as the user named them


def make_preset_folders(pair: Pair, presets: Mapping[str, Recipe] = PRESETS) -> None:
    """Make a subfolder of the input for each preset but the first, which is the folder's own."""
    for name in list(presets)[1:]:
        (pair.input / name).mkdir(parents=True, exist_ok=True)
