"""The three procedures: their names, menu entries and arguments, and what a call of one does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gi.repository import Gimp, GLib, GObject

from core import Trouble, find_core

RESTORE, COLORIZE, UPSCALE = (f"plug-in-resilver-{name}" for name in ("restore", "colorize", "upscale"))
NAMES = (RESTORE, COLORIZE, UPSCALE)

_LABELS = {RESTORE: "_Restore…", COLORIZE: "_Colorize…", UPSCALE: "_Upscale…"}
_BLURBS = {
    RESTORE: "Repair fading, colour casts, grain and compression of an old photograph",
    COLORIZE: "Colour a black-and-white photograph",
    UPSCALE: "Enlarge a photograph or drawing two or four times",
}
_HELP = (
    "The result is a new layer above the original, which is left as it is. With a selection the result has a "
    "mask, so that only the selected part changes. Several layers give one layer group."
)
_FLAGS = GObject.ParamFlags.READWRITE

_CHOICES: dict[str, tuple[str, str, dict[str, str]]] = {  # name: label, what it is, nick -> label; the first: default
    "engine": (
        "_Engine",
        "Who does the work; the cloud only with an account and consent given beforehand",
        {
            "local": "This computer",
            "cloud": "Cloud (the layer is sent to your provider)",
        },
    ),
    "quality": ("_Quality", "Fast, or best at several times the cost", {"fast": "Fast", "best": "Best"}),
    "colorize": (
        "_Colours",
        "Whether to add colours, too",
        {"never": "Leave as they are", "auto": "Colour if black-and-white", "always": "Colour always"},
    ),
    "kind": ("_Kind", "What the layer shows", {"photo": "Photograph", "art": "Drawing or painting"}),
    "target": (
        "_Into",
        "Where the enlarged layer goes",
        {"image": "This image, enlarged as a whole", "new-image": "A new image"},
    ),
    "factor": ("_Factor", "How much larger both sides become", {"2": "2x", "4": "4x"}),
    "as-colour-layer": (
        "_Layer mode",
        "As a layer that brings the colour alone, its opacity is the strength of the colour",
        {"none": "Normal", "lch": "LCh Color", "hsl": "HSL Color"},
    ),
}
ARGUMENTS = {
    RESTORE: ("engine", "quality", "strength", "colorize"),
    COLORIZE: ("engine", "quality", "also-repair", "as-colour-layer"),
    UPSCALE: ("engine", "quality", "factor", "kind", "target"),
}


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.ImageProcedure:
    """The procedure of that name with its arguments and return values."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_image_types("RGB*, GRAY*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    procedure.set_menu_label(_LABELS[name])
    procedure.add_menu_path("<Image>/Filters/Enhance/Resilver")
    procedure.set_icon_name("gimp-tool-heal")
    procedure.set_documentation(_BLURBS[name], _HELP, name)
    for argument in ARGUMENTS[name]:
        _add(procedure, argument)
    procedure.add_layer_return_value(
        "layer", "Layer", "The first new layer, or the group of all; none if nothing was needed", True, _FLAGS
    )
    procedure.add_string_array_return_value("names", "Names", "The names of all new layers", _FLAGS)
    return procedure


def _add(procedure: Gimp.Procedure, name: str) -> None:
    if name == "strength":
        blurb = "From 0 (next to nothing) to 1 (the full measured correction)"
        procedure.add_double_argument(name, "Stren_gth", blurb, 0.0, 1.0, 1.0, _FLAGS)
    elif name == "also-repair":
        procedure.add_boolean_argument(
            name, "Repair, _too", "Repair the photograph before it is coloured", False, _FLAGS
        )
    else:
        label, blurb, values = _CHOICES[name]
        choice = Gimp.Choice.new()
        for number, (nick, text) in enumerate(values.items()):
            choice.add(nick, number, text, "")
        procedure.add_choice_argument(name, label, blurb, choice, next(iter(values)), _FLAGS)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    # GIMP shows nothing at all for an exception, so every one becomes a sentence
    try:
        return _answer(procedure, run_mode, image, drawables, config)
    except Trouble as trouble:
        return _failed(procedure, str(trouble))
    except BaseException as error:  # noqa: BLE001
        return _failed(procedure, f"Something unforeseen happened ({error!r}); please report it.")


def _answer(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> Gimp.ValueArray:
    import job  # late: GIMP asks for the procedures' descriptions much more often than it runs one

    job.check(image, drawables, wish(procedure.get_name(), config))
    if run_mode == Gimp.RunMode.INTERACTIVE:
        from dialog import ask_for  # a window takes half a second, and so is loaded only where one is wanted

        core = ask_for(procedure, config, drawables)
        if core is None:
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    else:
        core = find_core(Path(__file__).parent)
    wanted = wish(procedure.get_name(), config)
    job.check(image, drawables, wanted)
    Gimp.progress_init("Resilver")
    try:
        new, reasons = job.run(core, image, drawables, wanted, _progress)
    finally:
        Gimp.progress_end()
    if reasons:
        Gimp.message("\n".join(reasons))
    if run_mode != Gimp.RunMode.NONINTERACTIVE:
        if wanted.apart:
            for layer in new:
                Gimp.Display.new(layer.get_image())
        Gimp.displays_flush()
    return _succeeded(procedure, new)


def wish(name: str, config: Gimp.ProcedureConfig) -> Any:
    """What a call of the procedure with these arguments is to do."""
    from job import Wish

    def told(argument: str) -> Any:
        return config.get_property(argument)

    common: dict[str, Any] = {"quality": told("quality")}
    settings = {"engine": told("engine")}  # never the settings' own: the cloud only if the dialog said so
    if name == RESTORE:
        recipe = {"strength": told("strength"), "colorize": told("colorize")}
        return Wish(recipe=common | recipe, settings=settings)
    if name == COLORIZE:
        modes = {"lch": Gimp.LayerMode.LCH_COLOR, "hsl": Gimp.LayerMode.HSL_COLOR}
        recipe = {"improve": told("also-repair"), "colorize": "always"}
        mode = modes.get(told("as-colour-layer"))
        return Wish(recipe=common | recipe, settings=settings, done="colorized", group="Colorized", mode=mode)
    factor = int(told("factor"))
    recipe = {"improve": False, "resolution": factor, "kind": told("kind")}
    apart = told("target") == "new-image"
    return Wish(recipe=common | recipe, settings=settings, done=f"enlarged {factor}x", group="Enlarged", apart=apart)


def _progress(fraction: float, step: str) -> None:
    Gimp.progress_set_text(f"Resilver: {step}")
    Gimp.progress_update(fraction)


def _succeeded(procedure: Gimp.Procedure, new: Sequence[Gimp.Item]) -> Gimp.ValueArray:
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    if new:
        values.remove(1)
        values.insert(1, GObject.Value(Gimp.Layer, new[0]))
    names = [item.get_name() for item in new if not item.is_group()]
    values.remove(2)
    values.insert(2, GObject.Value(GObject.TYPE_STRV, names))
    return values


def _failed(procedure: Gimp.Procedure, sentence: str) -> Gimp.ValueArray:
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(sentence))
