"""Where results go: new layers above the originals, groups, masks, larger images; each run one undo step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from pixels import read_into

_TYPES = {
    (Gimp.ImageBaseType.RGB, False): Gimp.ImageType.RGB_IMAGE,
    (Gimp.ImageBaseType.RGB, True): Gimp.ImageType.RGBA_IMAGE,
    (Gimp.ImageBaseType.GRAY, False): Gimp.ImageType.GRAY_IMAGE,
    (Gimp.ImageBaseType.GRAY, True): Gimp.ImageType.GRAYA_IMAGE,
}


@dataclass(frozen=True, slots=True)
class Done:
    """A result for ``layer``: raw pixels as the worker told of them, and the new layer's name."""

    layer: Gimp.Layer
    raw: dict[str, Any]
    name: str


def place_above(
    image: Gimp.Image, done: Sequence[Done], *, group: str, mode: Gimp.LayerMode | None = None
) -> list[Gimp.Item]:
    """Each result as a layer right above its original, masked by the selection; several in one ``group``.

    ``mode``: of the new layers, ``None`` for that of their originals. Returns the group, if there is
    one, and the layers. The originals stay selected.
    """
    with _one_step(image):
        folder = _group(image, done[0].layer, group) if len(done) > 1 else None
        layers = [_insert(image, one, folder) for one in done]
        for layer, one in zip(layers, done, strict=True):
            layer.set_offsets(*one.layer.get_offsets()[1:])
            if mode is not None:
                layer.set_mode(mode)
            if not Gimp.Selection.is_empty(image):
                layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
                layer.set_edit_mask(False)
    return [*([folder] if folder else []), *layers]


def place_enlarged(image: Gimp.Image, done: Sequence[Done], factor: int, *, group: str) -> list[Gimp.Item]:
    """Enlarge the whole image, its layers by GIMP's own interpolation, and put each result above its original."""
    with _one_step(image):
        offsets = [one.layer.get_offsets()[1:] for one in done]
        Gimp.context_push()
        try:
            Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
            image.scale(image.get_width() * factor, image.get_height() * factor)
        finally:
            Gimp.context_pop()
        folder = _group(image, done[0].layer, group) if len(done) > 1 else None
        layers = [_insert(image, one, folder) for one in done]
        for layer, (x, y) in zip(layers, offsets, strict=True):
            layer.set_offsets(x * factor, y * factor)
    return [*([folder] if folder else []), *layers]


def place_apart(image: Gimp.Image, done: Sequence[Done], factor: int) -> list[Gimp.Item]:
    """Each result as a new image of its own, as large as it is on paper now; shown by the caller."""
    layers = []
    for one in done:
        new = Gimp.Image.new_with_precision(
            one.raw["width"], one.raw["height"], image.get_base_type(), image.get_precision()
        )
        profile = image.get_color_profile()
        if profile is not None:
            new.set_color_profile(profile)
        _, x, y = image.get_resolution()
        new.set_resolution(x * factor, y * factor)
        new.undo_disable()
        layers.append(_filled(new, one))
        new.insert_layer(layers[-1], None, 0)
        new.undo_enable()
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


def _group(image: Gimp.Image, above: Gimp.Layer, name: str) -> Gimp.GroupLayer:
    folder = Gimp.GroupLayer.new(image, name)
    image.insert_layer(folder, above.get_parent(), image.get_item_position(above))
    return folder


def _insert(image: Gimp.Image, one: Done, folder: Gimp.GroupLayer | None) -> Gimp.Layer:
    layer = _filled(image, one)
    if folder is None:
        image.insert_layer(layer, one.layer.get_parent(), image.get_item_position(one.layer))
    else:
        image.insert_layer(layer, folder, len(folder.get_children()))
    return layer


def _filled(image: Gimp.Image, one: Done) -> Gimp.Layer:
    # a copy of a text or group layer would again be one, which cannot be written to
    kind = _TYPES[image.get_base_type(), one.raw["channels"] in (2, 4)]
    size = one.raw["width"], one.raw["height"]
    layer = Gimp.Layer.new(image, one.name, *size, kind, one.layer.get_opacity(), one.layer.get_mode())
    read_into(layer, one.raw)
    return layer
