"""Colour profiles: which pixels one fits, and the tone of a gray one."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

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


@functools.cache
def srgb() -> bytes:
    """The profile that says sRGB."""
    import pyvips

    return bytes(pyvips.Image.profile_load("srgb"))


def to_srgb(pixels: Pixels, icc: bytes | None, depth: int = 8) -> Pixels:
    """(height, width, 3) of 8 or 16 bits in the profile's colours as ``depth`` bits in sRGB, relative colorimetric.

    More bits than the pixels have are not made. A damaged profile, and one for other channels, changes nothing.
    """
    if icc is None or not _usable(icc):
        if pixels.dtype == np.uint8 or depth == 16:
            return pixels
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    import pyvips

    image = _vips(pixels, "rgb16" if pixels.dtype == np.uint16 else "srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    bits = min(depth, 8 * pixels.itemsize)
    converted: Pixels = image.icc_transform("srgb", embedded=True, intent="relative", depth=bits).numpy()
    return converted


def from_srgb(pixels: Pixels, icc: bytes | None, dtype: npt.DTypeLike) -> Pixels:
    """(height, width, 3) of 8 bits in sRGB as ``dtype`` in the profile's colours; the way back of :func:`to_srgb`."""
    if icc is None or not _usable(icc):
        return pixels if dtype == np.uint8 else pixels.astype(np.uint16) * np.uint16(257)
    import pyvips

    image = _vips(pixels, "srgb").icc_import(input_profile="srgb", intent="relative")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    converted: Pixels = image.icc_export(intent="relative", depth=np.dtype(dtype).itemsize * 8).numpy()
    return converted


@functools.lru_cache(maxsize=8)
def is_srgb(icc: bytes | None) -> bool:
    """Whether colours mean the same without the profile, or it cannot be used at all."""
    if icc is None or not _usable(icc):
        return True
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(to_srgb(cube, icc).astype(int) - cube).max() <= 1)


@functools.lru_cache(maxsize=8)
def _usable(icc: bytes) -> bool:
    import pyvips

    if channels(icc) != 3:
        return False
    probe = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb").copy()
    probe.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    try:
        probe.icc_transform("srgb", embedded=True, intent="relative", depth=8).numpy()
        probe.icc_import(embedded=True, intent="relative").icc_export(intent="relative", depth=8).numpy()
    except pyvips.Error:
        return False
    return True


def _vips(pixels: Pixels, interpretation: str) -> Any:
    import pyvips

    plain = np.ascontiguousarray(pixels)
    height, width, _ = plain.shape
    image = pyvips.Image.new_from_memory(plain, width, height, 3, "uchar" if plain.dtype == np.uint8 else "ushort")
    return image.copy(interpretation=interpretation)
