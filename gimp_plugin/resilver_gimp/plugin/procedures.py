"""The three procedures: their names and menu entries, and what a call of one does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gi.repository import Gimp, GLib, GObject

import arguments
from arguments import COLORIZE, NAMES, PRESETS, RESTORE, UPSCALE
from core import Cancelled, Core, Trouble, find_core
from language import _

if TYPE_CHECKING:
    from job import Wish
    from progress import Quiet, Window

__all__ = ["NAMES", "create", "wish"]

_LABELS = {RESTORE: _("_Restore…"), COLORIZE: _("_Colorize…"), UPSCALE: _("_Upscale…")}
_BLURBS = {
    RESTORE: _("Repair fading, colour casts, grain and compression of an old photograph"),
    COLORIZE: _("Colour a black-and-white photograph"),
    UPSCALE: _("Enlarge a photograph or drawing two or four times"),
}
_HELP = _(
    "The result is a new layer above the original, which is left as it is. With a selection the result has a "
    "mask, so that only the selected part changes. Several new layers are put into one layer group."
)
_FLAGS = GObject.ParamFlags.READWRITE


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.ImageProcedure:
    """The procedure of that name with its arguments and return values."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    procedure.set_image_types("RGB*, GRAY*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
    procedure.set_menu_label(_LABELS[name])
    procedure.add_menu_path("<Image>/Filters/Enhance/Resilver")
    procedure.set_icon_name("gimp-tool-heal")
    procedure.set_documentation(_BLURBS[name], _HELP, name)
    for argument in arguments.ARGUMENTS[name]:
        arguments.add(procedure, argument)
    blurb = _("The first new layer, or the group of all; none if nothing was needed")
    procedure.add_layer_return_value("layer", _("Layer"), blurb, True, _FLAGS)
    procedure.add_string_array_return_value("names", _("Names"), _("The names of all new layers"), _FLAGS)
    return procedure


def wish(name: str, config: Gimp.ProcedureConfig) -> Wish:
    """What the arguments of the procedure of that name ask for.

    Raises:
        Trouble: they do not fit together.
    """
    from job import Wish

    values = {argument: config.get_property(argument) for argument in arguments.ARGUMENTS[name]}
    values |= PRESETS[name].get(values["preset"], {})
    recipe: dict[str, Any] = {"quality": values["quality"], "strength": values["strength"]}
    settings = {"engine": values["engine"]}  # never the settings' own: the cloud only if the dialog said so
    if name == UPSCALE:
        recipe |= {"improve": False, "resolution": int(values["factor"]), "kind": values["kind"]}
        return Wish(recipe=recipe, settings=settings, group=_("Enlarged"), apart=values["target"] == "new-image")
    recipe["vividness"] = values["vividness"]
    if name == COLORIZE:
        modes = {"lch": Gimp.LayerMode.LCH_COLOR, "hsl": Gimp.LayerMode.HSL_COLOR}
        recipe |= {"improve": values["also-repair"], "colorize": "always"}
        return Wish(recipe=recipe, settings=settings, group=_("Colorized"), mode=modes.get(values["as-colour-layer"]))
    recipe["colorize"] = values["colorize"]
    mask = values["with-mask"]
    if mask == "layer":
        mask = values["mask-layer"]
        if mask is None:
            raise Trouble(_("No painted layer is chosen as the mask; choose it, or let Resilver look for damage."))
    return Wish(recipe=recipe, settings=settings, group=_("Restored"), show_mask=values["show-mask"], mask=mask)


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
        return _succeeded(procedure, _do(procedure, run_mode, image, drawables, config))
    except Cancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    except Trouble as trouble:
        return _failed(procedure, str(trouble))
    except BaseException as error:  # noqa: BLE001
        sentence = _("Something unforeseen happened ({error}); please report it.")
        return _failed(procedure, sentence.format(error=repr(error)))


def _do(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> list[Gimp.Item]:
    import job  # late: GIMP asks for the procedures' descriptions much more often than it runs one
    from channel import end_with_parent

    end_with_parent()
    name = procedure.get_name()
    job.check_image(image, drawables)
    core = _core(procedure, run_mode, config, drawables)
    wanted = wish(name, config)
    job.check(image, drawables, wanted)
    with _progress(procedure, run_mode) as ask:
        new = job.run(core, image, drawables, wanted, ask)
    if run_mode != Gimp.RunMode.NONINTERACTIVE:
        if wanted.apart:
            for layer in new:
                Gimp.Display.new(layer.get_image())
        Gimp.displays_flush()
    return new


def _core(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    config: Gimp.ProcedureConfig,
    drawables: Sequence[Gimp.Drawable],
) -> Core:
    # a repeat has no dialog, but nothing is sent without one
    silent = run_mode == Gimp.RunMode.WITH_LAST_VALS and config.get_property("engine") != "cloud"
    if run_mode == Gimp.RunMode.NONINTERACTIVE or silent:
        return find_core(Path(__file__).parent)
    from dialog import ask_for  # late: a window takes half a second to prepare

    core = ask_for(procedure, config, drawables)
    if core is None:
        raise Cancelled
    return core


def _progress(procedure: Gimp.Procedure, run_mode: Gimp.RunMode) -> Quiet | Window:
    from progress import Quiet, Window

    if run_mode == Gimp.RunMode.NONINTERACTIVE:
        return Quiet()
    return Window(procedure.get_menu_label().replace("_", "").rstrip("…"))


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
