"""Pixels between GIMP's buffers and raw files, in strips, in the colour space they have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp, GLib  # noqa: E402  their versions come first

from core import Trouble  # noqa: E402

STRIP_ROWS = 256
_MODELS = {1: "Y'", 2: "Y'A", 3: "R'G'B'", 4: "R'G'B'A"}


def write_layer(layer: Gimp.Layer, path: Path) -> dict[str, Any]:
    """Write the layer's pixels to ``path`` and its ICC profile beside it; return both as the worker takes them.

    8 bits where the layer has 8 in its space's own tone curve, 16 for everything else, which then
    loses nothing that 8 bits could have held; not premultiplied. No profile is written for sRGB.
    """
    own = layer.get_format()
    channels = (1 if layer.is_gray() else 3) + layer.has_alpha()
    encoding = Babl.format_get_encoding(own)
    depth = 8 if encoding == f"{_MODELS[channels]} u8" else 16
    name = _format(channels, depth, Babl.format_get_space(own))
    buffer = layer.get_buffer()
    with path.open("xb") as file:
        for strip in _strips(layer.get_width(), layer.get_height()):
            file.write(buffer.get(strip, 1.0, name, Gegl.AbyssPolicy.NONE))
    profile = _profile(layer)
    if profile is not None:
        path.with_suffix(".icc").write_bytes(profile)
    return {
        "path": str(path),
        "width": layer.get_width(),
        "height": layer.get_height(),
        "channels": channels,
        "depth": depth,
        "icc": None if profile is None else str(path.with_suffix(".icc")),
    }


def read_into(layer: Gimp.Layer, raw: dict[str, Any]) -> None:
    """Fill the layer, which has the size of ``raw``, with its pixels.

    Raises:
        Trouble: the file holds fewer pixels than it should.
    """
    name = _format(raw["channels"], raw["depth"], _space(layer, raw.get("icc")))
    row_bytes = raw["width"] * raw["channels"] * raw["depth"] // 8
    buffer = layer.get_buffer()
    with Path(raw["path"]).open("rb") as file:
        file.seek(raw.get("offset", 0))
        for strip in _strips(raw["width"], raw["height"]):
            data = file.read(strip.height * row_bytes)
            if len(data) != strip.height * row_bytes:  # GEGL would only murmur, and leave the pixels as they were
                raise Trouble("Resilver's worker gave fewer pixels than it said; run it again.")
            buffer.set(strip, name, data)
    buffer.flush()
    layer.update(0, 0, raw["width"], raw["height"])


def _strips(width: int, height: int) -> Iterator[Gegl.Rectangle]:
    for top in range(0, height, STRIP_ROWS):
        yield Gegl.Rectangle.new(0, top, width, min(STRIP_ROWS, height - top))


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
        raise Trouble(f"The result's colour profile cannot be used ({error.message}).") from error
