"""Pixels between GIMP's buffers and raw files, in strips, in the colour space they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp, GLib  # noqa: E402  their versions come first

from core import Trouble  # noqa: E402
from language import _  # noqa: E402

Box = tuple[int, int, int, int]
"""x, y, width, height."""
STRIP_ROWS = 256
_MODELS = {1: "Y'", 2: "Y'A", 3: "R'G'B'", 4: "R'G'B'A"}
_SCREEN = "R'G'B'A u8"  # sRGB; the short name means it
_PLAIN = "Y u8"  # of masks: the numbers that GIMP itself has, without a tone curve
_SPACES = {
    "'": Gimp.LayerColorSpace.RGB_NON_LINEAR,
    "~": Gimp.LayerColorSpace.RGB_PERCEPTUAL,
    "": Gimp.LayerColorSpace.RGB_LINEAR,
}


def _no_breath() -> None:
    pass


def write_layer(
    layer: Gimp.Layer, path: Path, box: Box | None = None, breathe: Callable[[], None] = _no_breath
) -> dict[str, Any]:
    """Write the layer's pixels to ``path`` and its ICC profile beside it; return both as the worker takes them.

    8 bits where the layer has 8 in its space's own tone curve, 16 for everything else, which then
    loses nothing that 8 bits could have held; not premultiplied. No profile is written for sRGB.
    ``box``: in the layer's coordinates, also beyond its edges, where there is nothing; ``None``: the whole.
    ``breathe`` is called after each strip.
    """
    own = layer.get_format()
    channels = (1 if layer.is_gray() else 3) + layer.has_alpha()
    space, encoding = Babl.format_get_space(own), Babl.format_get_encoding(own)
    depth = 8 if encoding == f"{_MODELS[channels]} u8" else 16
    names = [_format(channels, depth, space)]
    if depth == 16 and encoding.endswith(" u8"):
        # on the way from RGBA u8 to 16 bits, babl 0.1.114 and 0.1.128 lose colours to alpha after some 100,000 pixels
        names.insert(0, Babl.get_name(Babl.format_with_space(f"{_MODELS[channels]} float", space)))
    told = _write(layer, path, box, names, breathe)
    profile = _profile(layer)
    if profile is not None:
        path.with_suffix(".icc").write_bytes(profile)
    icc = None if profile is None else str(path.with_suffix(".icc"))
    return {**told, "channels": channels, "depth": depth, "icc": icc}


def write_mask(mask: Gimp.Channel, path: Path, box: Box) -> dict[str, Any]:
    """The same of a mask, such as the selection, whose coordinates are the image's: 1 channel of 8 bits."""
    return {**_write(mask, path, box, [_PLAIN]), "channels": 1, "depth": 8, "icc": None}


def read_into(layer: Gimp.Layer, raw: dict[str, Any]) -> None:
    """Fill the layer, which has the size of ``raw``, with its pixels.

    Raises:
        Trouble: the file holds fewer pixels than it should.
    """
    _read(layer, raw, _format(raw["channels"], raw["depth"], _space(layer, raw.get("icc"))))


def read_mask_into(mask: Gimp.Drawable, raw: dict[str, Any]) -> None:
    """Fill the mask or layer, which has the size of ``raw``, with its 1 channel of 8 bits; errors as above."""
    _read(mask, raw, _PLAIN)


def enlarge_into(mask: Gimp.Channel, source: Gimp.Channel, factor: int) -> None:
    """Fill the mask with ``source``, whose sides are ``factor`` times as short."""
    buffer = mask.get_buffer()
    for strip in _strips(mask.get_width(), mask.get_height()):
        buffer.set(strip, _PLAIN, source.get_buffer().get(strip, float(factor), _PLAIN, Gegl.AbyssPolicy.CLAMP))
    buffer.flush()
    mask.update(0, 0, mask.get_width(), mask.get_height())


def seen(layer: Gimp.Layer, box: Box) -> bytes:
    """Red, green, blue and alpha of each pixel in ``box``, 8 bits in sRGB, for the screen."""
    return layer.get_buffer().get(Gegl.Rectangle.new(*box), 1.0, _SCREEN, Gegl.AbyssPolicy.NONE)


def seen_raw(layer: Gimp.Layer, raw: dict[str, Any]) -> bytes:
    """The same of raw pixels that were made of the layer; few, such as a detail."""
    name = _format(raw["channels"], raw["depth"], _space(layer, raw.get("icc")))
    box = Gegl.Rectangle.new(0, 0, raw["width"], raw["height"])
    buffer = Gegl.Buffer.new(_SCREEN, 0, 0, raw["width"], raw["height"])
    with Path(raw["path"]).open("rb") as file:
        file.seek(raw.get("offset", 0))
        buffer.set(box, name, file.read(raw["width"] * raw["height"] * raw["channels"] * raw["depth"] // 8))
    return buffer.get(box, 1.0, _SCREEN, Gegl.AbyssPolicy.NONE)


def own_space(layer: Gimp.Layer) -> Gimp.LayerColorSpace:
    """The tone curve that the layer's numbers have: blended in it, they come out again as they went in."""
    encoding = Babl.format_get_encoding(layer.get_format())
    return next(space for sign, space in _SPACES.items() if sign in encoding)


def _write(
    drawable: Gimp.Drawable, path: Path, box: Box | None, names: list[str], breathe: Callable[[], None] = _no_breath
) -> dict[str, Any]:
    x, y, width, height = box or (0, 0, drawable.get_width(), drawable.get_height())
    buffer = drawable.get_buffer()
    with path.open("xb") as file:
        for strip in _strips(width, height, x, y):
            file.write(_get(buffer, strip, *names))
            breathe()
    return {"path": str(path), "width": width, "height": height}


def _read(drawable: Gimp.Drawable, raw: dict[str, Any], name: str) -> None:
    row_bytes = raw["width"] * raw["channels"] * raw["depth"] // 8
    buffer = drawable.get_buffer()
    with Path(raw["path"]).open("rb") as file:
        file.seek(raw.get("offset", 0))
        for strip in _strips(raw["width"], raw["height"]):
            data = file.read(strip.height * row_bytes)
            if len(data) != strip.height * row_bytes:  # GEGL would only murmur, and leave the pixels as they were
                raise Trouble(_("Resilver's worker gave fewer pixels than it said; run it again."))
            buffer.set(strip, name, data)
    buffer.flush()
    drawable.update(0, 0, raw["width"], raw["height"])


def _get(buffer: Gegl.Buffer, box: Gegl.Rectangle, name: str, *then: str) -> bytes:
    """The pixels in the format ``name``, turned into those of the names ``then``, one after the other."""
    data = buffer.get(box, 1.0, name, Gegl.AbyssPolicy.NONE)
    if not then:
        return data
    between = Gegl.Buffer.new(name, box.x, box.y, box.width, box.height)
    between.set(box, name, data)
    return _get(between, box, *then)


def _strips(width: int, height: int, x: int = 0, y: int = 0) -> Iterator[Gegl.Rectangle]:
    for top in range(0, height, STRIP_ROWS):
        yield Gegl.Rectangle.new(x, y + top, width, min(STRIP_ROWS, height - top))


def _format(channels: int, depth: int, space: Any) -> str:
    # the full name, which carries the space: the short one means sRGB, and would convert
    return Babl.get_name(Babl.format_with_space(f"{_MODELS[channels]} u{depth}", space))


def _profile(layer: Gimp.Layer) -> bytes | None:
    """The ICC profile of the layer's pixels, or ``None`` if they are sRGB."""
    # an image may be linear without a profile of its own; the strips have the tone curve of sRGB then
    profile = layer.get_image().get_color_profile()
    return None if profile is None else bytes(profile.get_icc_profile())


def _space(layer: Gimp.Layer, icc: str | None) -> Any:
    if icc is None:
        return Babl.space("sRGB")
    data = Path(icc).read_bytes()
    if data == _profile(layer):
        return Babl.format_get_space(layer.get_format())
    try:
        return Gimp.ColorProfile.new_from_icc_profile(data).get_space(Gimp.ColorRenderingIntent.PERCEPTUAL)
    except GLib.Error as error:
        raise Trouble(
            _("The result's colour profile cannot be used ({reason}).").format(reason=error.message)
        ) from error
