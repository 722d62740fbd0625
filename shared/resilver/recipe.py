"""What the user wants done to a picture: an immutable, validated value that every front end passes on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from resilver.errors import RecipeError

Colorize = Literal["never", "auto", "always"]
Kind = Literal["photo", "art"]
Quality = Literal["fast", "best"]
Format = Literal["keep", "jpeg", "png", "tiff", "webp", "avif"]

_MOST_HINTS = 1000
_COLOUR = re.compile("#[0-9a-fA-F]{6}")

_CHOICES: dict[str, tuple[object, ...]] = {
    "improve": (True, False),
    "colorize": get_args(Colorize),
    "resolution": (None, 2, 4),
    "kind": get_args(Kind),
    "quality": get_args(Quality),
    "format": get_args(Format),
}


@dataclass(frozen=True, slots=True)
class Hint:
    """A colour that the user knows: that of one pixel, from the left and the top of the upright picture.

    ``colour``: ``#rrggbb`` in sRGB, of which the lightness does not count.

    Raises:
        RecipeError: no such pixel or colour can be.
    """

    x: int
    y: int
    colour: str

    def __post_init__(self) -> None:
        if any(type(place) is not int or not 0 <= place < 1 << 31 for place in (self.x, self.y)):
            raise RecipeError("The place of a colour in 'hints' must be two whole numbers of pixels, 0 or more.")
        if not isinstance(self.colour, str) or not _COLOUR.fullmatch(self.colour):
            raise RecipeError("The colour of a point in 'hints' must be written as #RRGGBB.")
        object.__setattr__(self, "colour", self.colour.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The steps and how to do them, in the terms of the HTTP contract.

    ``improve``: repair fading, casts, grain and compression where a measurement finds them.
    ``colorize``: ``auto`` colours black-and-white pictures only, ``always`` every picture.
    ``resolution``: ``None`` keeps the size, 2 or 4 enlarges both sides by that factor, for a
    ``kind`` of picture. ``quality``: ``fast`` for an old laptop, ``best`` at several times the cost.
    ``vividness`` of guessed colours: 0 (careful) to 1 (as vivid as they may be).
    ``hints``: colours of single points, which the guessed ones follow.
    ``strength``: 0 (do next to nothing) to 1 (the full measured correction).
    ``format``: of the file written; ``keep`` is the input's own where it can be written.

    Raises:
        RecipeError: a value outside the ones above.
    """

    improve: bool = True
    colorize: Colorize = "never"
    resolution: Literal[2, 4] | None = None
    kind: Kind = "photo"
    quality: Quality = "fast"
    strength: float = 1.0
    vividness: float = 0.0
    hints: tuple[Hint, ...] = ()
    format: Format = "keep"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name in ("strength", "vividness"):
            object.__setattr__(self, name, _part(name, getattr(self, name)))
        if not isinstance(self.hints, tuple) or not all(isinstance(hint, Hint) for hint in self.hints):
            raise RecipeError("'hints' must be a list of points with their colours.")
        if len(self.hints) > _MOST_HINTS:
            raise RecipeError(f"'hints' can have at most {_MOST_HINTS} points, not {len(self.hints)}.")

    @property
    def empty(self) -> bool:
        """Whether no step at all is asked for."""
        return not self.improve and self.colorize == "never" and self.resolution is None

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values; :meth:`from_json` reads them back."""
        return {**dataclasses.asdict(self), "hints": [dataclasses.asdict(hint) for hint in self.hints]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Make a recipe from JSON values; missing fields take their defaults.

        Raises:
            RecipeError: an unknown field or a wrong value.
        """
        if not isinstance(data, Mapping):
            raise RecipeError("A recipe must be a JSON object.")
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(str(key) for key in data if key not in known)
        if unknown:
            raise RecipeError(f"A recipe has no field '{unknown[0]}'; known are {', '.join(sorted(known))}.")
        return cls(**{**data, "hints": _read_hints(data.get("hints", []))})

    def digest(self) -> str:
        """16 hexadecimal digits that are equal for equal recipes and stay so between versions."""
        fields = self.to_json()
        for later in ("vividness", "hints"):  # recipes without later fields keep the digest that they had
            if not fields[later]:
                del fields[later]
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _part(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecipeError(f"'{name}' must be a number from 0 to 1.")
    if not 0 <= value <= 1:  # which no NaN does, nor a whole number that no float and no sentence could hold
        raise RecipeError(f"'{name}' must lie between 0 and 1.")
    return abs(float(value))  # 0.0 for -0.0: equal recipes, equal digests


def _read_hints(data: object) -> tuple[Hint, ...]:
    wanted = {field.name for field in dataclasses.fields(Hint)}
    if not isinstance(data, (list, tuple)) or any(not isinstance(one, Mapping) or set(one) != wanted for one in data):
        raise RecipeError("'hints' must be a list of objects, each with 'x', 'y' and 'colour'.")
    return tuple(Hint(**one) for one in data)


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    # 1 == True and 2.0 == 2 in Python; a recipe's JSON must not change its meaning by that
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        wanted = ", ".join(json.dumps(choice) for choice in choices)
        raise RecipeError(f"'{name}' must be one of {wanted}, not {value!r}.")


PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        "Restore": Recipe(),
        "Colorize": Recipe(colorize="auto"),
        "Upscale 2x": Recipe(improve=False, resolution=2),
        "Upscale 4x": Recipe(improve=False, resolution=4),
    }
)


def preset(name: str) -> Recipe:
    """The named recipe; upper and lower case and blanks do not count.

    Raises:
        RecipeError: no preset of that name.
    """
    wanted = _plain(name)
    for known, recipe in PRESETS.items():
        if _plain(known) == wanted:
            return recipe
    raise RecipeError(f"There is no preset '{name}'; there are {', '.join(PRESETS)}.")


def _plain(name: str) -> str:
    return "".join(name.split()).replace("-", "").casefold()
