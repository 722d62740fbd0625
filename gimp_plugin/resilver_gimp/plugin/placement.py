"""Where results go: new layers above the originals, groups, masks, larger images; each run one undo step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp

from pixels import enlarge_into, own_space, read_into, read_mask_into

_TYPES = {
    (Gimp.ImageBaseType.RGB, False): Gimp.ImageType.RGB_IMAGE,
    (Gimp.ImageBaseType.RGB, True): Gimp.ImageType.RGBA_IMAGE,
    (Gimp.ImageBaseType.GRAY, False): Gimp.ImageType.GRAY_IMAGE,
    (Gimp.ImageBaseType.GRAY, True): Gimp.ImageType.GRAYA_IMAGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A result for ``layer``: raw pixels as the worker told of them, and the new layer's name.

    ``damage``: raw pixels that are white where something was repaired, to be the new layer's mask, or a
    hidden layer of the name ``damage_name``.
    """

    layer: Gimp.Layer
    raw: dict[str, Any]
    name: str
    damage: dict[str, Any] | None = None
    damage_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """A new layer, filled, and the place that it gets above its original; ``mask``: another one, to be joined in."""

    layer: Gimp.Layer
    above: Gimp.Layer
    offsets: tuple[int, int]
    mask: Gimp.Channel | None = None
    visible: bool = True


def place_above(
    image: Gimp.Image, done: Sequence[Done], *, group: str, mode: Gimp.LayerMode | None = None
) -> list[Gimp.Item]:
    """Each result as a layer right above its original, masked by the selection; several in one ``group``.

    ``mode``: of the new layers, ``None`` for that of their originals. Returns the group, if there is
    one, and the layers. The originals stay selected.
    """
    # whatever can fail does so before the image is touched
    new = [placed for one in done for placed in _made(image, one, 1, mode)]
    with _one_step(image):
        return _insert(image, new, group)


def place_enlarged(image: Gimp.Image, done: Sequence[Done], factor: int, *, group: str) -> list[Gimp.Item]:
    """Enlarge the whole image, its layers by GIMP's own interpolation, and put each result above its original."""
    new = [placed for one in done for placed in _made(image, one, factor)]
    with _one_step(image):
        Gimp.context_push()
        try:
            Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
            image.scale(image.get_width() * factor, image.get_height() * factor)
        finally:
            Gimp.context_pop()
        return _insert(image, new, group)


def place_apart(image: Gimp.Image, done: Sequence[Done], factor: int) -> list[Gimp.Item]:
    """Each result as a new image of its own, as large as it is on paper now; shown by the caller."""
    layers = []
    for one in done:
        size = one.raw["width"], one.raw["height"]
        new = Gimp.Image.new_with_precision(*size, image.get_base_type(), image.get_precision())
        profile = image.get_color_profile()
        if profile is not None:
            new.set_color_profile(profile)
        _, x, y = image.get_resolution()
        new.set_resolution(x * factor, y * factor)
        new.undo_disable()
        layer = _filled(new, one, Gimp.LayerMode.NORMAL)
        new.insert_layer(layer, None, 0)
        mask = _mask_of(one.layer)
        if mask is not None:
            layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
            enlarge_into(layer.get_mask(), mask, factor)
            layer.set_edit_mask(False)
        new.undo_enable()
        layers.append(layer)
    return layers


@contextlib.contextmanager
def _one_step(image: Gimp.Image) -> Iterator[None]:
    selected = image.get_selected_layers()
    image.undo_group_start()
    try:
        yield
        # else a repeat would take the result as its input
        image.set_selected_layers(selected)
    finally:
        image.undo_group_end()


def _made(image: Gimp.Image, one: Done, factor: int, mode: Gimp.LayerMode | None = None) -> Iterator[_Placed]:
    x, y = one.layer.get_offsets()[1:]
    layer = _filled(image, one, one.layer.get_mode() if mode is None else mode)
    layer.set_opacity(one.layer.get_opacity())
    mask = None
    if one.damage is not None and one.damage_name is not None:
        shown = _layer(image, one.damage_name, one.damage, alpha=False, mode=Gimp.LayerMode.NORMAL)
        read_mask_into(shown, one.damage)
        yield _Placed(shown, one.layer, (x, y), visible=False)
    elif one.damage is not None:
        size = one.damage["width"], one.damage["height"]
        mask = Gimp.Channel.new(image, one.name, *size, 100.0, Gegl.Color.new("black"))
        read_mask_into(mask, one.damage)
    yield _Placed(layer, one.layer, (x * factor, y * factor), mask)


def _insert(image: Gimp.Image, new: Sequence[_Placed], group: str) -> list[Gimp.Item]:
    folder = None
    if len(new) > 1:
        folder = Gimp.GroupLayer.new(image, group)
        _insert_above(image, folder, new[0].above)
    for one in new:
        if folder is None:
            _insert_above(image, one.layer, one.above)
        else:
            image.insert_layer(one.layer, folder, len(folder.get_children()))
        one.layer.set_offsets(*one.offsets)
        one.layer.set_visible(one.visible)
        if one.visible:
            _mask(image, one)
    return [*([folder] if folder else []), *(one.layer for one in new)]


def _insert_above(image: Gimp.Image, layer: Gimp.Layer, other: Gimp.Layer) -> None:
    image.insert_layer(layer, other.get_parent(), image.get_item_position(other))


def _mask(image: Gimp.Image, one: _Placed) -> None:
    """Show of the new layer what is selected, what of the original is shown, and what of it was repaired."""
    others = [mask for mask in (_mask_of(one.above), one.mask) if mask is not None]
    selected = not Gimp.Selection.is_empty(image)
    if not selected and not others:
        return
    mask = one.layer.create_mask(Gimp.AddMaskType.SELECTION if selected else Gimp.AddMaskType.WHITE)
    one.layer.add_mask(mask)
    for other in others:
        mask.combine_masks(other, Gimp.ChannelOps.INTERSECT, 0, 0)
    one.layer.set_edit_mask(False)
    # else GIMP converts for blending, and what the mask hides would be off by a rounding
    space = own_space(one.layer)
    one.layer.set_composite_space(space)
    if one.layer.get_mode() == Gimp.LayerMode.NORMAL:  # colour modes have a space of their own
        one.layer.set_blend_space(space)


def _mask_of(layer: Gimp.Layer) -> Gimp.LayerMask | None:
    return layer.get_mask() if layer.get_apply_mask() else None


def _filled(image: Gimp.Image, one: Done, mode: Gimp.LayerMode) -> Gimp.Layer:
    layer = _layer(image, one.name, one.raw, alpha=one.raw["channels"] in (2, 4), mode=mode)
    read_into(layer, one.raw)
    return layer


def _layer(image: Gimp.Image, name: str, raw: dict[str, Any], *, alpha: bool, mode: Gimp.LayerMode) -> Gimp.Layer:
    # a copy of a text or group layer would again be one, which cannot be written to
    kind = _TYPES[image.get_base_type(), alpha]
    return Gimp.Layer.new(image, name, raw["width"], raw["height"], kind, 100.0, mode)
