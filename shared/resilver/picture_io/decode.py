"""Pixels out of encoded bytes: Pillow for usual pictures of 8 bits, libvips for 16 bits, TIFF, CMYK and large scans.

Pillow opens RGB of 16 bits as 8 without a word, so the depth is found before anything is decoded.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from resilver.errors import EngineMemory, PictureBroken, PictureUnknown
from resilver.picture import Pixels
from resilver.picture_io import canvas, containers, profiles

# what the decoders raise for damaged data; found by feeding them mutated files
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, EOFError, AttributeError,
    AssertionError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
_STRIP_BYTES = 8 << 20
_pillow = threading.Lock()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Upright pixels, alpha where the file has one, the profile that they are now in, and sentences about losses."""

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    warnings: tuple[str, ...] = ()


class View(io.RawIOBase):
    """A file to read in memory that somebody else holds; ``BytesIO`` would copy it."""

    def __init__(self, data: memoryview) -> None:
        """Read these bytes."""
        super().__init__()
        self._data, self._at = data, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        at = offset + (0, self._at, len(self._data))[whence]
        if at < 0:
            raise OSError("seek before the start")
        self._at = at
        return at

    def tell(self) -> int:
        """The present place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Copy what fits."""
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Pillow without its warnings and its own limits: these are global, so one picture at a time.

    Sizes are checked against the caller's limits instead; a scanner's profile has more than Pillow's 1 MiB.
    """
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = None, containers.MOST_INFLATED
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = before


@contextmanager
def memory_errors(name: str) -> Iterator[None]:
    """Say what a lack of memory means."""
    try:
        yield
    except MemoryError as error:
        raise EngineMemory(f"There is not enough memory to read {name}; close other programs.") from error


def upright(array: Pixels, orientation: int) -> Pixels:
    """A view of the array as EXIF's orientation 1..8 wants it to be looked at."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    # after the transposition 5..8 are the same four mirrorings (EXIF 2.32, 4.6.4)
    rows, columns = {
        1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1),
    }[orientation]  # fmt: skip
    return array[::rows, ::columns]


def decode_pillow(image: Image.Image, orientation: int, icc: bytes | None, name: str) -> Decoded:
    """Decode an opened image of 8 bits (16 for gray PNM).

    Raises:
        PictureBroken: truncated or damaged data.
        PictureUnknown: numbers that are no picture.
        EngineMemory: no memory.
    """
    palette = image.mode in ("P", "PA")
    with memory_errors(name), quiet_pillow():
        try:
            image.load()
            array = _array(image)
        except DECODER_ERRORS as error:
            raise PictureBroken(f"{name} is damaged or cut off ({error}); get a good copy of it.") from error
    if array is None:
        raise PictureUnknown(
            f"{name} holds numbers that are no picture (mode {image.mode}); save it with 8 or 16 bits."
        )
    array = np.ascontiguousarray(upright(array, orientation))
    colours = array.shape[2] - (array.shape[2] + 1) % 2
    pixels, alpha = array[..., :colours], array[..., colours] if array.shape[2] % 2 == 0 else None
    return _finished(pixels, alpha, icc, neutral=palette or image.format in ("GIF", "WEBP", "AVIF", "HEIF", "BMP"))


def _array(image: Image.Image) -> Pixels | None:
    if image.mode in ("I", "I;16"):  # a gray PNM of more than 8 bits; Pillow has scaled it to 16
        return np.asarray(image).clip(0, 65535).astype(np.uint16)[..., None]
    if image.mode == "F":
        return None
    transparent = "transparency" in image.info or image.mode in ("PA", "LA", "La", "RGBA", "RGBa")
    gray = image.mode in ("1", "L", "LA", "La")
    wanted = ("LA" if transparent else "L") if gray else ("RGBA" if transparent else "RGB")
    array: Pixels = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return array if array.ndim == 3 else array[..., None]


def _finished(
    pixels: Pixels, alpha: Pixels | None, icc: bytes | None, *, neutral: bool, notes: tuple[str, ...] = ()
) -> Decoded:
    """Drop the colours of a gray picture in a format that cannot say that it is gray."""
    if neutral and icc is None and pixels.shape[2] == 3 and _is_gray(pixels):
        pixels = pixels[..., 1:2]
    if icc and profiles.channels(icc) != pixels.shape[2]:
        icc = None
        notes += ("The colour profile does not fit the pixels and is left out.",)
    pixels = np.ascontiguousarray(pixels)
    return Decoded(pixels, None if alpha is None else np.ascontiguousarray(alpha), icc, notes)


def _is_gray(pixels: Pixels) -> bool:
    tolerance = np.iinfo(pixels.dtype).max // 255  # WebP's and AVIF's colour conversion rounds gray to +-1
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    strips = (pixels[at : at + rows] for at in range(0, len(pixels), rows))
    return all(bool((np.ptp(strip, axis=2) <= tolerance).all()) for strip in strips)


def decode_vips(
    data: memoryview, size: tuple[int, int], orientation: int, icc: bytes | None, name: str, *,
    extra: bool = False, neutral: bool = False, strict: bool = True,
) -> Decoded:  # fmt: skip
    """Decode by libvips in strips into a canvas.

    ``size``: width and height as the header has them. ``extra``: a channel beside gray or RGB is no alpha.
    ``neutral``: the format cannot say that it is gray. ``strict``: not only a cut ends the reading but
    any error; JPEGs with stray bytes between their markers are usual and whole.

    Raises:
        PictureBroken: truncated or damaged data.
        PictureUnknown: numbers that are no picture (float, signed, 32 bits).
        EngineMemory: no memory.
        OutputFull: no disk space for a large canvas.
    """
    import pyvips

    pyvips.cache_set_max(0)  # its cache would keep whole pictures
    source = pyvips.Source.new_from_memory(data)
    try:
        image = pyvips.Image.new_from_source(
            source, "", access="sequential", fail_on="error" if strict else "truncated"
        )
        image, notes = _vips_prepared(image, name, icc)
        if (image.width, image.height) != size:
            raise PictureBroken(f"{name} contradicts itself about its size; get a good copy of it.")
        if notes:
            icc = None
        pixels, alpha = _fetch(image, data, orientation, extra=extra)
    except pyvips.Error as error:
        raise PictureBroken(f"{name} is damaged or cut off ({_reason(error)}); get a good copy of it.") from error
    except MemoryError as error:
        raise EngineMemory(f"There is not enough memory to read {name}; close other programs.") from error
    if image.bands > 4 or (extra and image.bands in (2, 4)):
        notes += ("Extra channels that are no transparency are left out.",)
    canvas.release(pixels)
    return _finished(pixels, alpha, icc, neutral=neutral, notes=notes)


def _reason(error: Any) -> str:
    lines = [line for line in str(error.detail).splitlines() if line.strip()]
    return lines[0].strip() if lines else "the decoder gives no reason"


def _vips_prepared(image: Any, name: str, icc: bytes | None) -> tuple[Any, tuple[str, ...]]:
    """Gray or RGB of 8 or 16 bits, and a sentence where the colours had to be converted."""
    if image.interpretation in ("lab", "labs", "labq", "xyz", "yxy", "lch"):
        return image.colourspace("rgb16" if image.format != "uchar" else "srgb"), ("Converted from Lab to sRGB.",)
    if image.format not in ("uchar", "ushort"):
        raise PictureUnknown(f"{name} holds {image.format} numbers; save it with 8 or 16 bits per channel first.")
    if image.interpretation == "cmyk" and image.bands >= 4:
        return _from_cmyk(image, icc)
    bits = image.get("heif-bitdepth") if "heif-bitdepth" in image.get_fields() else 16
    if image.format == "ushort" and 8 < bits < 16:
        # libvips shifts to the left; white must become 65535
        step = 1 << (16 - bits)
        image = ((image / step) * (65535 / ((1 << bits) - 1)) + 0.5).cast("ushort")
    return image, ()


def _from_cmyk(image: Any, icc: bytes | None) -> tuple[Any, tuple[str, ...]]:
    fits = profiles.channels(icc) == 4
    if not fits and "icc-profile-data" in image.get_fields():
        image = image.copy()
        image.remove("icc-profile-data")
    depth = 16 if image.format == "ushort" else 8
    # without a profile libvips takes its own one for usual offset printing
    converted = image.icc_transform(
        "srgb", embedded=True, input_profile="cmyk", intent="relative", black_point_compensation=True, depth=depth
    )
    how = "by its profile" if fits else "by a usual profile, since it has none"
    return converted, (f"Converted from CMYK to sRGB {how}.",)


def _fetch(image: Any, data: memoryview, orientation: int, *, extra: bool) -> tuple[Pixels, Pixels | None]:
    import pyvips

    colours = 3 if image.bands >= 3 else 1
    dtype = np.dtype(np.uint16 if image.format == "ushort" else np.uint8)
    height, width = (image.width, image.height) if orientation >= 5 else (image.height, image.width)
    pixels = canvas.allocate((height, width, colours), dtype)
    with_alpha = image.bands in (2, 4) and not extra
    alpha = canvas.allocate((height, width), dtype) if with_alpha else None
    # written as the file lies, seen as it stands
    lying = upright(pixels, _INVERSE.get(orientation, orientation))
    lying_alpha = None if alpha is None else upright(alpha, _INVERSE.get(orientation, orientation))
    region = pyvips.Region.new(image)
    rows = max(1, _STRIP_BYTES // (image.width * image.bands * dtype.itemsize))
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top)
        strip = np.frombuffer(region.fetch(0, top, image.width, count), dtype)
        strip = strip.reshape(count, image.width, image.bands)
        lying[top : top + count] = strip[..., :colours]
        if lying_alpha is not None:
            lying_alpha[top : top + count] = strip[..., colours]
        canvas.release(pixels)
        canvas.release(data)
    return pixels, alpha


_INVERSE = {6: 8, 8: 6}  # the other six turns undo themselves
