"""One run: layers go to the worker, results come back; nothing is inserted before all are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gi.repository import Gimp

from core import Core, Trouble
from language import _, said
from link import Ask, Link
from pixels import write_layer, write_mask
from placement import Done, place_above, place_apart, place_enlarged


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted: a ``recipe`` and ``settings`` as the worker takes them, and where results go.

    ``group``: the name of the group, if there are several new layers. ``mode``: the new layers' own, if
    any. ``apart``: enlarged layers become images of their own. ``show_mask``: how to show what was
    repaired. ``mask``: what the user marked as damage, the selection or a layer.
    """

    recipe: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    mode: Gimp.LayerMode | None = None
    apart: bool = False
    show_mask: Literal["none", "layer-mask", "hidden-layer"] = "none"
    mask: Literal["none", "selection"] | Gimp.Layer = "none"


def check_image(image: Gimp.Image, drawables: Sequence[Gimp.Drawable]) -> None:
    """See whether anything at all can be done with them.

    Raises:
        Trouble: nothing.
    """
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Trouble(_("An indexed image cannot hold a restored layer; choose Image > Mode > RGB first."))
    if not drawables:
        raise Trouble(_("No layer is selected; select one first."))
    for drawable in drawables:
        name = drawable.get_name()
        if not isinstance(drawable, Gimp.Layer):
            raise Trouble(_("“{layer}” is a mask or channel; select a layer instead.").format(layer=name))
        if drawable.is_group():
            raise Trouble(_("“{layer}” is a layer group; select the layers in it instead.").format(layer=name))


def check(image: Gimp.Image, layers: Sequence[Gimp.Layer], wish: Wish) -> None:
    """See whether just this can be done with them.

    Raises:
        Trouble: it cannot.
    """
    if image.get_base_type() == Gimp.ImageBaseType.GRAY and wish.recipe.get("colorize", "never") != "never":
        raise Trouble(_("A grayscale image cannot hold colours; choose Image > Mode > RGB first."))
    if wish.mask == "selection" and Gimp.Selection.is_empty(image):
        raise Trouble(_("Nothing is selected; select the damage, or let Resilver look for it."))
    if isinstance(wish.mask, Gimp.Layer) and wish.mask.get_image() != image:
        sentence = _("“{layer}” is in another image; choose the layer that you painted in this one.")
        raise Trouble(sentence.format(layer=wish.mask.get_name()))
    for layer in layers:
        name = layer.get_name()
        if not layer.mask_intersect()[0] and not wish.apart:
            raise Trouble(_("The selection does not touch “{layer}”; change it, or select all.").format(layer=name))
        if wish.mask == layer:
            raise Trouble(_("“{layer}” cannot be its own mask; choose the layer that you painted.").format(layer=name))


def run(core: Core, image: Gimp.Image, layers: Sequence[Gimp.Layer], wish: Wish, ask: Ask) -> list[Gimp.Item]:
    """Do it; return what is new, the group first, if there are several new layers.

    Raises:
        Cancelled: ``ask`` wanted so; the image is as it was.
        Trouble: it cannot be done; likewise.
    """
    pixels = sum(layer.get_width() * layer.get_height() for layer in layers)
    size = pixels * 4 * 2 * (1 + (wish.recipe.get("resolution") or 1) ** 2)  # 4 channels of 2 bytes at most
    with Link(core, ask=ask) as link:
        folder, done, reasons = link.folder(size), [], []
        for number, layer in enumerate(layers):
            share = _Share(ask, number, len(layers))
            outputs = link.ask("improve_raw", share, **_request(layer, folder / f"layer-{number}", wish))["outputs"]
            for output in outputs.values():
                if output.get("error"):
                    raise Trouble(said(output["error"]["message"]))
            if outputs["final"].get("raw"):
                done.append(_done(layer, outputs, wish))
            else:
                reasons.append(
                    _("“{layer}” was left as it is: {reason}.").format(
                        layer=layer.get_name(), reason=said(outputs["final"]["absent"])
                    )
                )
        new = _place(image, done, wish) if done else []
    if reasons:
        Gimp.message("\n".join(reasons))
    return new


class _Share:
    """One of several layers' part of the whole progress."""

    def __init__(self, ask: Ask, number: int, count: int) -> None:
        self._ask = ask
        self._number = number
        self._count = count
        self.cancelled = ask.cancelled

    def progress(self, fraction: float, step: str) -> None:
        self._ask.progress((self._number + fraction) / self._count, step)


def _request(layer: Gimp.Layer, path: Path, wish: Wish) -> dict[str, Any]:
    wanted = ["final"] if wish.show_mask == "none" else ["final", "mask"]
    request = {"raw": write_layer(layer, path), "recipe": wish.recipe, "wanted": wanted, "settings": wish.settings}
    return {**request, "mask": write_marked(layer, path.with_name(f"{path.name}-mask"), wish)}


def write_marked(layer: Gimp.Layer, path: Path, wish: Wish) -> dict[str, Any] | None:
    """Write where the user says that ``layer`` is damaged; ``None``: Resilver looks for it."""
    x, y = layer.get_offsets()[1:]
    if wish.mask == "none":
        return None
    if wish.mask == "selection":
        return write_mask(layer.get_image().get_selection(), path, (x, y, layer.get_width(), layer.get_height()))
    left, top = wish.mask.get_offsets()[1:]
    return write_layer(wish.mask, path, (x - left, y - top, layer.get_width(), layer.get_height()))


def _done(layer: Gimp.Layer, outputs: dict[str, Any], wish: Wish) -> Done:
    words = {
        "improved": _("improved"),
        "colorized": _("colorized"),
        "x2": _("enlarged 2x"),
        "x4": _("enlarged 4x"),
    }
    name = layer.get_name()
    steps = dict.fromkeys(words.get(step["action"], step["action"]) for step in outputs["final"].get("steps", ()))
    hidden = _("{layer} – repaired places").format(layer=name) if wish.show_mask == "hidden-layer" else None
    return Done(
        layer=layer,
        raw=outputs["final"]["raw"],
        name=_("{layer} – {done}").format(layer=name, done=", ".join(steps) or words["improved"]),
        damage=outputs.get("mask", {}).get("raw"),
        damage_name=hidden,
    )


def _place(image: Gimp.Image, done: Sequence[Done], wish: Wish) -> list[Gimp.Item]:
    # GIMP's window stays alive during a run: image or layer may have been closed or deleted
    if not image.is_valid() or not all(one.layer.is_valid() for one in done):
        raise Trouble(_("The layer was deleted in the meantime, so there is no place for the result."))
    factor = wish.recipe.get("resolution")
    if factor is None:
        return place_above(image, done, group=wish.group, mode=wish.mode)
    if wish.apart:
        return place_apart(image, done, factor)
    return place_enlarged(image, done, factor, group=wish.group)
