"""One run: layers go to the worker, results come back; nothing is inserted before all are there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gi.repository import Gimp

from core import Core, Trouble
from link import Link
from pixels import write_layer
from placement import Done, place_above, place_apart, place_enlarged


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted: a ``recipe`` and ``settings`` as the worker takes them, and where results go.

    ``done``: what the new layers' names say was done. ``mode``: the new layers' own, if any.
    ``apart``: enlarged layers become images of their own.
    """

    recipe: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    done: str = "improved"
    group: str = "Restored"
    mode: Gimp.LayerMode | None = None
    apart: bool = False


def check(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], wish: Wish) -> None:
    """See whether this can be done at all.

    Raises:
        Trouble: it cannot.
    """
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Trouble("An indexed image cannot hold a restored layer; choose Image > Mode > RGB first.")
    if image.get_base_type() == Gimp.ImageBaseType.GRAY and wish.recipe.get("colorize", "never") != "never":
        raise Trouble("A grayscale image cannot hold colours; choose Image > Mode > RGB first.")
    if not drawables:
        raise Trouble("No layer is selected; select one first.")
    for drawable in drawables:
        if not isinstance(drawable, Gimp.Layer):
            raise Trouble(f"“{drawable.get_name()}” is a mask or channel; select a layer instead.")
        if drawable.is_group():
            raise Trouble(f"“{drawable.get_name()}” is a layer group; select the layers in it instead.")
        if not drawable.mask_intersect()[0]:
            raise Trouble(f"The selection does not touch “{drawable.get_name()}”; change it, or select all.")


def run(
    core: Core,
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    wish: Wish,
    on_progress: Callable[[float, str], None],
) -> tuple[list[Gimp.Item], list[str]]:
    """Do it; return what is new (the group first, if several layers) and why the others needed nothing.

    Raises:
        Trouble: it cannot be done; the image is as it was.
    """
    with Link(core) as link, _folder(link, layers, wish) as folder:
        done, reasons = [], []
        for number, layer in enumerate(layers):

            def heard(fraction: float, step: str, number: int = number) -> None:
                on_progress((number + fraction) / len(layers), step)

            raw = write_layer(layer, folder / f"layer-{number}")
            output = link.ask(
                "improve_raw", heard, raw=raw, recipe=wish.recipe, wanted=["final"], settings=wish.settings
            )["outputs"]["final"]
            if output.get("error"):
                raise Trouble(output["error"]["message"])
            if output.get("raw"):
                done.append(Done(layer, output["raw"], f"{layer.get_name()} – {wish.done}"))
            else:
                reasons.append(f"“{layer.get_name()}” was left as it is: {output['absent']}.")
        return (_place(image, done, wish) if done else []), reasons


@contextlib.contextmanager
def _folder(link: Link, layers: Sequence[Gimp.Layer], wish: Wish) -> Iterator[Path]:
    """A private folder, in memory where there is room for all layers and their results."""
    pixels = sum(layer.get_width() * layer.get_height() for layer in layers)
    size = pixels * 4 * 2 * (1 + (wish.recipe.get("resolution") or 1) ** 2)  # 4 channels of 2 bytes at most
    folder = Path(link.ask("folder", bytes=size)["path"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(image: Gimp.Image, done: Sequence[Done], wish: Wish) -> list[Gimp.Item]:
    # GIMP's window stays alive during a run: image or layer may have been closed or deleted
    if not image.is_valid() or not all(one.layer.is_valid() for one in done):
        raise Trouble("The layer was deleted in the meantime, so there is no place for the result.")
    factor = wish.recipe.get("resolution")
    if factor is None:
        return place_above(image, done, group=wish.group, mode=wish.mode)
    if wish.apart:
        return place_apart(image, done, factor)
    return place_enlarged(image, done, factor, group=wish.group)
