"""Bytes or file -> Picture: opened safely, judged by its header, then decoded.

Nothing is decoded before the header has passed the limits, and nothing but a regular file is read.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from resilver.errors import PictureBroken, PictureTooLarge, PictureUnknown, PictureUnreadable
from resilver.picture import Picture
from resilver.picture_io import canvas, ifd, metadata
from resilver.picture_io.decode import (
    DECODER_ERRORS,
    Decoded,
    View,
    decode_pillow,
    decode_vips,
    memory_errors,
    quiet_pillow,
)
from resilver.picture_io.identity import unreadable

LARGE_PIXELS = 50_000_000  # above, libvips decodes by strips
_PLUGINS = {
    "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP", "gif": "GIF",
    "pnm": "PPM",
}  # fmt: skip
_STRIPS = ("jpeg", "png", "webp", "avif")  # what libvips can take from Pillow when they are large
_CHUNK = 1 << 20
_RELEASE = 64 << 20


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What is refused before it is decoded."""

    max_pixels: int = 400_000_000
    max_bytes: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its picture: size as it is stored, bits per channel, what comes with it."""

    format: str
    width: int
    height: int
    depth: int
    found: metadata.Found
    jpeg_quality: int | None = None
    warnings: tuple[str, ...] = ()


def read_picture(path: Path, limits: ReadLimits) -> Picture:
    """Read one picture, upright.

    A symbolic link is followed; a pipe, device, socket or folder is refused without being read.

    Raises:
        PictureUnreadable: gone, forbidden, or no regular file.
        PictureTooLarge: more pixels or bytes than the limits allow.
        PictureUnknown: no picture, or a format that is not read.
        PictureBroken: truncated or damaged.
        EngineMemory, OutputFull: no room for the pixels.
    """
    data, digest = _load(path, limits)
    return decode(data, limits, str(path)).replace(source=path, sha256=digest)


def decode(data: memoryview | bytes, limits: ReadLimits, name: str = "The picture") -> Picture:
    """The picture in these bytes; ``name`` is what error sentences call it.

    Raises:
        PictureTooLarge, PictureUnknown, PictureBroken, EngineMemory, OutputFull: as :func:`read_picture`.
    """
    view = memoryview(data)
    kind = sniff(view, name)
    if kind == "tiff":
        header, decoded = _tiff(view, limits, name)
    else:
        header, decoded = _other(view, kind, limits, name)
    return Picture(
        pixels=decoded.pixels,
        alpha=decoded.alpha,
        icc=decoded.icc,
        dpi=header.found.dpi,
        metadata=header.found.metadata,
        format=kind,
        jpeg_quality=header.jpeg_quality,
        warnings=header.warnings + header.found.warnings + decoded.warnings,
    )


def _load(path: Path, limits: ReadLimits) -> tuple[memoryview, str]:
    """All bytes of a regular file and their SHA-256, in plain memory or, if large, in a mapped file."""
    try:
        # O_NONBLOCK: a pipe would otherwise wait for a writer for ever
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise PictureUnreadable(f"{path} is no regular file; name a picture.")
    with io.FileIO(handle) as file:
        if state.st_size > limits.max_bytes:
            raise PictureTooLarge(
                f"{path} has {state.st_size / 1e6:.6g} MB, the limit is {limits.max_bytes / 1e6:.6g} MB; "
                "raise the setting 'limits.megabytes' if you trust it."
            )
        if state.st_size == 0:
            raise PictureBroken(f"{path} is empty (0 bytes); copy it again.")
        return _slurp(file, state.st_size, path)


def _slurp(file: io.FileIO, size: int, path: Path) -> tuple[memoryview, str]:
    data = memoryview(canvas.allocate((size,), np.uint8).data)
    digest, at = hashlib.sha256(), 0
    try:
        while at < size:
            count = file.readinto(data[at : at + _CHUNK])
            if not count:
                raise PictureBroken(f"{path} became shorter while it was read; try again when it is complete.")
            digest.update(data[at : at + count])
            at += count
            if at % _RELEASE == 0:
                canvas.release(data)
    except OSError as error:
        raise unreadable(path, error) from error
    return data, digest.hexdigest()


def sniff(data: memoryview, name: str) -> str:
    """The format by content; names lie. The first 256 bytes are enough.

    Raises:
        PictureUnknown: none that is read.
    """
    head = bytes(data[:64])
    if head[4:8] == b"ftyp":
        brands = bytes(data[8 : min(len(data), max(16, int.from_bytes(head[:4], "big")), 256)])
        if b"avif" in brands or b"avis" in brands:
            return "avif"
        if any(brand in brands for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")):
            return "heic"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "pnm"
    for magic, kind in (
        (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"), (b"MM\0+", "tiff"), (b"BM", "bmp"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
    ):  # fmt: skip
        if head.startswith(magic):
            return kind
    if head.lstrip()[:1] == b"<":
        raise PictureUnknown(f"{name} is a web page or another text, no picture; download the picture itself.")
    raise PictureUnknown(
        f"{name} is no picture in a format that is read (JPEG, PNG, WebP, TIFF, AVIF, HEIC, BMP, GIF, PNM)."
    )


def _check_size(width: int, height: int, limits: ReadLimits, name: str) -> None:
    if width < 1 or height < 1:
        raise PictureBroken(f"{name} says that it has no pixels; get a good copy of it.")
    if width * height > limits.max_pixels:
        raise PictureTooLarge(
            f"{name} has {width * height / 1e6:.6g} megapixels, the limit is {limits.max_pixels / 1e6:.6g}; "
            "raise the setting 'limits.megapixels' if you trust it."
        )


def _other(data: memoryview, kind: str, limits: ReadLimits, name: str) -> tuple[Header, Decoded]:
    image, header = _open(data, kind, limits, name)
    size, found = (header.width, header.height), header.found
    if _needs_vips(data, kind, image, header):
        # libheif turns the pixels itself
        turn = 1 if kind == "avif" else found.orientation
        if kind == "avif" and found.orientation >= 5:
            size = (header.height, header.width)
        neutral = kind in ("webp", "avif")
        return header, decode_vips(data, size, turn, found.icc, name, neutral=neutral, strict=kind != "jpeg")
    return header, decode_pillow(image, found.orientation, found.icc, name)


def _needs_vips(data: memoryview, kind: str, image: Image.Image, header: Header) -> bool:
    """Whether Pillow would need too much memory or change what is in the file."""
    large = header.width * header.height > LARGE_PIXELS and kind in _STRIPS
    # a PNG of 2 or 4 bits of gray, whose transparent gray Pillow compares with pixels that it has scaled to 8
    few_bits = kind == "png" and data[24] in (2, 4) and "transparency" in image.info and image.mode == "L"
    return large or few_bits or (header.depth == 16 and kind != "pnm") or (image.mode == "CMYK" and kind == "jpeg")


def _open(data: memoryview, kind: str, limits: ReadLimits, name: str) -> tuple[Image.Image, Header]:
    """Pillow's view of the header; no pixel is decoded."""
    if kind == "heic":
        _register_heic(name)
    with memory_errors(name), quiet_pillow():
        try:
            image = Image.open(io.BufferedReader(View(data)), formats=[_PLUGINS[kind]])
            _check_size(*image.size, limits, name)
            found = metadata.read_pillow(image, kind, data)
            pages = kind != "jpeg" and bool(getattr(image, "is_animated", False))
            quality = _jpeg_quality(image) if kind == "jpeg" else None
        except (PictureBroken, PictureTooLarge):
            raise
        except DECODER_ERRORS as error:
            raise PictureBroken(f"{name} begins like a picture but is damaged; get a good copy of it.") from error
    warnings = ("Only the first of several pictures in the file is used.",) if pages else ()
    depth = _depth(image, data, kind)
    if kind == "pnm" and depth == 16 and image.mode == "RGB":
        depth, warnings = 8, (*warnings, "A colour PNM of 16 bits is read with 8; save it as TIFF or PNG to keep them.")
    if kind == "heic" and image.info.get("bit_depth", 8) > 8:
        warnings = (*warnings, "A HEIC of more than 8 bits is read with 8; save it as TIFF or AVIF to keep them.")
    return image, Header(kind, *image.size, depth, found, quality, warnings)


def _register_heic(name: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise PictureUnknown(
            f"{name} is a HEIC picture; install the extra for it with: pip install 'resilver[heic]'."
        ) from error
    pillow_heif.register_heif_opener()


def _depth(image: Image.Image, data: memoryview, kind: str) -> int:
    if kind == "png":
        return 16 if data[24] == 16 else 8  # IHDR's bit depth always lies there
    if kind == "avif":
        # the flag high_bitdepth of the AV1 codec configuration (AV1-ISOBMFF 2.3.3)
        at = bytes(data[:4096]).find(b"av1C")
        return 16 if 0 < at < len(data) - 8 and data[at + 6] & 0x40 else 8
    if kind == "pnm":
        tile = getattr(image, "tile", ())
        return 16 if image.mode == "I" or (tile and "65535" in str(tile[0])) else 8
    return 8


def _jpeg_quality(image: Image.Image) -> int | None:
    """1..100 of libjpeg's scale from the first quantisation table's sum."""
    tables = getattr(image, "quantization", None)
    if not tables or 0 not in tables:
        return None
    total = sum(tables[0])
    # libjpeg's standard luminance table sums to 3688 at quality 50 and is scaled as in jpeg_quality_scaling()
    scale = total / 3688 * 100
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(min(100, max(1, round(quality))))


def _tiff(data: memoryview, limits: ReadLimits, name: str) -> tuple[Header, Decoded]:
    top, header = _open_tiff(data, limits, name)
    extra = top.entries.get(338)
    kind = extra.numbers()[0] if extra and extra.numbers() else None
    decoded = decode_vips(
        _of_some_orientation(data, top),
        (header.width, header.height),
        header.found.orientation,
        header.found.icc,
        name,
        extra=kind == 0,
        neutral=top.number(262, 2) == 3,
    )
    return header, decoded


def _of_some_orientation(data: memoryview, top: ifd.Directory) -> memoryview:
    """The same TIFF, upright where its orientation is no number that there is, as some scanners write."""
    # libtiff calls that an error; being less strict with its errors would let real damage through
    entry = top.entries.get(ifd.ORIENTATION)
    if entry is None or entry.type != ifd.SHORT or 1 <= top.number(ifd.ORIENTATION, 1) <= 8:
        return data
    copy = canvas.allocate((len(data),), np.uint8)
    copy[:] = data
    copy[entry.where : entry.where + 2] = (1, 0) if bytes(data[:2]) == b"II" else (0, 1)
    canvas.release(copy)
    return copy.data


def _open_tiff(data: memoryview, limits: ReadLimits, name: str) -> tuple[ifd.Directory, Header]:
    try:
        structure = ifd.Structure.open(data)
        top = structure.directory()
    except ifd.Malformed as error:
        raise PictureBroken(f"{name} begins like a TIFF but is damaged; get a good copy of it.") from error
    # DNG 1.6 tag DNGVersion, TIFF 6.0 NewSubfileType "reduced image", Canon's mark: the first page is a preview
    if 50706 in top.entries or top.number(254, 0) & 1 or bytes(data[8:10]) == b"CR":
        raise PictureUnknown(f"{name} is a camera's raw file; develop it to TIFF or JPEG first.")
    width, height = top.number(256, 0), top.number(257, 0)
    _check_size(width, height, limits, name)
    bits = top.entries.get(258)
    depth = int(max(bits.numbers(), default=1)) if bits else 1
    if depth > 16 or top.number(339, 1) in (2, 3):
        raise PictureUnknown(
            f"{name} holds {depth}-bit or signed or floating-point numbers; save it with 8 or 16 bits."
        )
    pages = structure.pages()
    warnings = (f"Only the first of {pages} pages is used.",) if pages > 1 else ()
    found = metadata.read_tiff(structure, top)
    return top, Header("tiff", width, height, 16 if depth > 8 else 8, found, None, warnings)
