"""What the procedures can be told: names, defaults and texts of their arguments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gi.repository import Gimp, GObject

from language import _

RESTORE, COLORIZE, UPSCALE = (f"plug-in-resilver-{name}" for name in ("restore", "colorize", "upscale"))
NAMES = (RESTORE, COLORIZE, UPSCALE)
ARGUMENTS = {
    RESTORE: (
        "preset", "engine", "quality", "strength", "colorize", "vividness", "show-mask", "with-mask", "mask-layer",
    ),
    COLORIZE: ("preset", "engine", "quality", "vividness", "also-repair", "strength", "as-colour-layer"),
    UPSCALE: ("preset", "engine", "quality", "factor", "kind", "strength", "target"),
}  # fmt: skip
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    RESTORE: {
        "gentle": {"quality": "fast", "strength": 0.5, "colorize": "never"},
        "thorough": {"quality": "best", "strength": 1.0, "colorize": "never"},
        "with-colours": {"quality": "best", "strength": 1.0, "colorize": "auto", "vividness": 0.5},
    },
    COLORIZE: {
        "careful": {"quality": "fast", "vividness": 0.0, "also-repair": False},
        "vivid": {"quality": "best", "vividness": 1.0, "also-repair": False},
        "old-print": {"quality": "best", "vividness": 0.5, "also-repair": True, "strength": 1.0},
    },
    UPSCALE: {
        "print": {"quality": "best", "factor": "2", "kind": "photo", "strength": 1.0},
        "poster": {"quality": "best", "factor": "4", "kind": "photo", "strength": 1.0},
        "drawing": {"quality": "best", "factor": "2", "kind": "art", "strength": 1.0},
    },
}
"""What a preset says of the other arguments, which it wins over; "custom" says nothing."""
_NEEDS = {"show-mask": "mask", "with-mask": "mask", "mask-layer": "mask"}
_FLAGS = GObject.ParamFlags.READWRITE

_PRESET_TEXTS = {
    "custom": _("As set below"),
    "gentle": _("Gentle"),
    "thorough": _("Thorough"),
    "with-colours": _("Thorough, with colours"),
    "careful": _("Careful colours"),
    "vivid": _("Vivid colours"),
    "old-print": _("Repair and colour"),
    "print": _("Print"),
    "poster": _("Poster"),
    "drawing": _("Drawing"),
}
_CHOICES: dict[str, tuple[str, str, dict[str, str]]] = {  # name: label, what it is, nick -> label; the first: default
    "engine": (
        _("_Engine"),
        _("Who does the work; the cloud only with an account and consent given beforehand"),
        {"local": _("This computer"), "cloud": _("Cloud (the layer is sent)")},
    ),
    "quality": (_("_Quality"), _("Fast, or best at several times the cost"), {"fast": _("Fast"), "best": _("Best")}),
    "colorize": (
        _("Colo_urs"),
        _("Whether to add colours, too"),
        {
            "never": _("Leave as they are"),
            "auto": _("Colour if black-and-white"),
            "always": _("Colour always"),
        },
    ),
    "kind": (_("_Kind"), _("What the layer shows"), {"photo": _("Photograph"), "art": _("Drawing or painting")}),
    "target": (
        _("_Into"),
        _("Where the enlarged layer goes"),
        {"image": _("This image, enlarged as a whole"), "new-image": _("A new image")},
    ),
    "factor": (_("_Factor"), _("How much larger both sides become"), {"2": _("2x"), "4": _("4x")}),
    "as-colour-layer": (
        _("La_yer mode"),
        _("As a layer that brings the colour alone, its opacity is the strength of the colour"),
        {"none": _("Normal"), "lch": _("LCh Color"), "hsl": _("HSL Color")},
    ),
    "show-mask": (
        _("Sho_w repaired places"),
        _("How to show where damage was found and filled"),
        {"none": _("Not"), "layer-mask": _("As the new layer's mask"), "hidden-layer": _("As a hidden layer")},
    ),
    "with-mask": (
        _("Restore with this _mask"),
        _("Where the damage is; what you marked is filled, and nothing else"),
        {
            "none": _("Let Resilver look for damage"),
            "selection": _("The selection"),
            "layer": _("A layer painted by hand"),
        },
    ),
}


def shown(name: str, features: Collection[str]) -> list[str]:
    """The arguments of that procedure that are of use with a core of those features."""
    return [argument for argument in ARGUMENTS[name] if _NEEDS.get(argument) in (None, *features)]


def add(procedure: Gimp.Procedure, name: str) -> None:
    """Add the argument of that name.

    All are added always: GIMP keeps a list of them, and hands values over in its order.
    """
    match name:
        case "preset":
            nicks = ("custom", *PRESETS[procedure.get_name()])
            blurb = _("Values for the arguments below, which it wins over")
            _add_choice(procedure, name, _("_Preset"), blurb, {nick: _PRESET_TEXTS[nick] for nick in nicks})
        case "strength":
            blurb = _("Of the repair: from 0 (next to nothing) to 1 (the full measured correction)")
            procedure.add_double_argument(name, _("Stren_gth"), blurb, 0.0, 1.0, 1.0, _FLAGS)
        case "vividness":
            blurb = _("Of guessed colours: from 0 (careful) to 1 (as vivid as they may be)")
            procedure.add_double_argument(name, _("_Vividness"), blurb, 0.0, 1.0, 0.0, _FLAGS)
        case "also-repair":
            blurb = _("Repair the photograph before it is coloured")
            procedure.add_boolean_argument(name, _("Repair, _too"), blurb, False, _FLAGS)
        case "mask-layer":
            blurb = _("What is light on it and not transparent is damage")
            procedure.add_layer_argument(name, _("Painted la_yer"), blurb, True, _FLAGS)
        case _:
            _add_choice(procedure, name, *_CHOICES[name])


def _add_choice(procedure: Gimp.Procedure, name: str, label: str, blurb: str, values: dict[str, str]) -> None:
    choice = Gimp.Choice.new()
    for number, (nick, text) in enumerate(values.items()):
        choice.add(nick, number, text, "")
    procedure.add_choice_argument(name, label, blurb, choice, next(iter(values)), _FLAGS)
