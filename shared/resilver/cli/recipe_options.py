"""The options that make a recipe, and the one for who follows it: the same for every command that restores."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, get_args

from resilver.errors import UsageError
from resilver.recipe import PRESETS, Colorize, Format, Kind, Quality, Recipe, preset

_FIELDS = {
    "improve": "improve",
    "colorize": "colorize",
    "upscale": "resolution",
    "kind": "kind",
    "quality": "quality",
    "strength": "strength",
    "vividness": "vividness",
    "hint": "hints",
    "format": "format",
}
"""Option -> field of the recipe."""


def add_engine_option(parser: argparse._ActionsContainer) -> None:
    """Add ``--engine``, with the engines of :data:`resilver.settings.ENGINES`, which help need not load."""
    parser.add_argument("--engine", choices=("local", "cloud"), help="who does the work (default: local)")


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; none of them has a default, so that what was said is known from what was not."""
    group = parser.add_argument_group("what to do", "without any of these: the preset Restore")
    _add(group, "--preset", metavar="NAME", help=f"start from {_listed(list(PRESETS))}; other options win over it")
    _add(
        group,
        "--improve",
        action=argparse.BooleanOptionalAction,
        help="mend damage, fading, colour casts, grain and JPEG blocks where they are found (the default)",
    )
    _add(group, "--colorize", choices=get_args(Colorize), help="colour black-and-white pictures only, all, or none")
    _add(group, "--upscale", type=int, choices=(2, 4), help="enlarge both sides by this factor")
    _add(group, "--kind", choices=get_args(Kind), help="what is enlarged: a photograph (default), or drawn art")
    _add(group, "--quality", choices=get_args(Quality), help="fast (default), or best at several times the cost")
    _add(
        group, "--strength", type=float, metavar="0..1", help="from next to nothing to the full correction (default 1)"
    )
    _add(group, "--vividness", type=float, metavar="0..1", help="of guessed colours: from careful (default) to vivid")
    _add(
        group,
        "--hint",
        type=_hint,
        action="append",
        metavar="X,Y,#RRGGBB",
        help="a colour that you know: of the pixel X from the left and Y from the top, and of what belongs to it; "
        "with --colorize, and as often as you like",
    )
    _add(group, "--format", choices=get_args(Format), help="format of the results (default: keep the picture's own)")


def recipe_from(args: argparse.Namespace) -> Recipe:
    """The recipe that the options say: the preset's fields, or Restore's, with the options over them.

    Raises:
        RecipeError: an unknown preset or a value out of range.
        UsageError: nothing is left to be done, or colours are told and none are asked for.
    """
    base = preset(args.preset) if args.preset is not None else Recipe()
    said: dict[str, Any] = {
        field: getattr(args, option) for option, field in _FIELDS.items() if getattr(args, option) is not None
    }
    recipe = Recipe.from_json({**base.to_json(), **said})
    if recipe.hints and recipe.colorize == "never":
        raise UsageError("--hint is for guessed colours, which are not asked for; add --colorize auto.")
    if recipe.empty:
        raise UsageError("Nothing is asked for; leave out --no-improve, or add --upscale or --colorize.")
    return recipe


def said_recipe(args: argparse.Namespace) -> Recipe | None:
    """As :func:`recipe_from`, but ``None`` where none of the options was given."""
    said = args.preset is not None or any(getattr(args, option) is not None for option in _FIELDS)
    return recipe_from(args) if said else None


def _hint(text: str) -> dict[str, Any]:
    x, y, colour = [*text.split(","), "", ""][:3]
    if not (x.isdecimal() and y.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be like 410,200,#7a4b2e, not {text!r}")
    return {"x": int(x), "y": int(y), "colour": colour}


def _add(group: argparse._ArgumentGroup, option: str, **settings: Any) -> None:
    group.add_argument(option, default=None, **settings)


def _listed(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' if " " in name else name for name in names]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]
