"""Colour profiles: which pixels one fits, and the tone of a gray one."""

from __future__ import annotations

import numpy as np

from resilver.picture import Picture, Pixels

_FITS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}


def channels(icc: bytes | None) -> int | None:
    """How many channels the profile is for: 1, 3 or 4; ``None`` if it is none that can be used."""
    # ICC.1:2022, 7.2: data colour space at byte 16, the signature "acsp" at 36, the size first
    if not icc or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    return _FITS.get(icc[16:20])


def as_srgb_gray(picture: Picture) -> Picture:
    """A gray picture whose values mean the same in sRGB, without a profile; others come back as they are.

    Needed before colour is added, since a profile for gray cannot describe it.
    """
    if not picture.gray or picture.icc is None:
        return picture
    return picture.replace(pixels=_tone(picture.icc, picture.pixels), icc=None)


def as_rgb(picture: Picture) -> Picture:
    """The picture with three channels; gray ones keep their look and lose a gray profile."""
    if not picture.gray:
        return picture
    plain = as_srgb_gray(picture)
    return plain.replace(pixels=np.repeat(plain.pixels, 3, axis=2))


def _tone(icc: bytes, pixels: Pixels) -> Pixels:
    """Every value looked up in the profile's curve towards sRGB; a damaged profile changes nothing."""
    import pyvips

    levels = int(np.iinfo(pixels.dtype).max) + 1
    ramp = np.arange(levels, dtype=np.uint16) * np.uint16(65535 // (levels - 1))
    image = pyvips.Image.new_from_memory(ramp, levels, 1, 1, "ushort").copy(interpretation="grey16")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    try:
        curve = image.icc_transform("srgb", embedded=True, intent="relative", depth=16).numpy()
    except pyvips.Error:
        return pixels
    table = curve.reshape(levels, -1).mean(axis=1) * ((levels - 1) / 65535)
    result: Pixels = np.rint(table).astype(pixels.dtype)[pixels]
    return result
