"""What travels with the pixels: read from every format, and made fit for the file that is written.

EXIF, XMP and ICC exist in all five formats that are written. IPTC has a place in JPEG and TIFF, and an
agreed one in PNG (a raw profile, as ImageMagick and ExifTool have it); in WebP and AVIF its fields
become the XMP properties that the IPTC standard names for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from resilver.picture import Metadata, Picture
from resilver.picture_io import ifd, profiles, xmp
from resilver.picture_io.containers import JPEG_XMP_BYTES, read_png, read_resource

# tags of a TIFF that describe its own pixels, not the photograph (TIFF 6.0; Photoshop's layers)
_STRUCTURAL = (
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, ifd.ORIENTATION, 273, 277, 278, 279, 280, 281, 284}
    | {288, 289, 290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334}
    | {336, 337, 338, 339, 340, 341, 342, 343, 346, 347, *range(512, 522), 529, 530, 531, 532, 559}
    | {700, 33723, 34377, 34675, 37724, *ifd.CHILDREN}
)
_RESOLUTION = {ifd.X_RESOLUTION, ifd.Y_RESOLUTION, ifd.RESOLUTION_UNIT}
_XMP, _IPTC, _IRB, _ICC = 700, 33723, 34377, 34675
_LARGEST_TAG = 60_000  # greater ones are previews and private data that no other format can hold
_CENTIMETRE = 3  # TIFF 6.0, ResolutionUnit


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds beside its pixels; ``orientation`` is EXIF's 1..8."""

    metadata: Metadata = field(default_factory=Metadata)
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    warnings: tuple[str, ...] = ()


def read_pillow(image: Image.Image, kind: str, data: memoryview) -> Found:
    """From an opened image that need not be decoded."""
    info = image.info
    blocks = {"exif": _bytes(info.get("exif")), "xmp": _bytes(info.get("xmp")), "icc": _bytes(info.get("icc_profile"))}
    photoshop = info.get("photoshop")
    if isinstance(photoshop, dict):
        blocks["iptc"] = _bytes(photoshop.get(0x0404))
    if kind == "png":
        blocks.update(read_png(data))
    return _found(blocks, _usable_dpi(info.get("dpi")), kind)


def _bytes(value: Any) -> bytes | None:
    return value.removeprefix(b"Exif\0\0") if isinstance(value, bytes) else None


def _found(blocks: dict[str, bytes | None], dpi: tuple[float, float] | None, kind: str) -> Found:
    exif, orientation, warnings = blocks.get("exif"), 1, []
    if exif:
        try:
            top = ifd.Structure.open(exif).directory()
            orientation = top.number(ifd.ORIENTATION, 1)
            dpi = dpi or _directory_dpi(top)
            exif = ifd.corrected(exif, {ifd.ORIENTATION: 1}) if top.entries else None
        except ifd.Malformed:
            exif = None
            warnings.append("The EXIF data were damaged and are left out.")
    if kind == "heic":
        orientation = 1  # its decoder turns the pixels itself
    if orientation in (5, 6, 7, 8) and dpi:
        dpi = (dpi[1], dpi[0])
    metadata = Metadata(exif=exif or None, xmp=blocks.get("xmp") or None, iptc=blocks.get("iptc") or None)
    return Found(metadata, blocks.get("icc") or None, dpi, orientation if 1 <= orientation <= 8 else 1, tuple(warnings))


def read_tiff(structure: ifd.Structure, top: ifd.Directory) -> Found:
    """From the first directory of a TIFF file."""
    kept = ifd.Directory(children=top.children)
    for tag, entry in top.entries.items():
        if tag not in _STRUCTURAL and len(entry.data) <= _LARGEST_TAG:
            kept.entries[tag] = entry
    blocks = {
        "exif": ifd.serialise(kept) if kept.children or set(kept.entries) - _RESOLUTION else None,
        "xmp": _tag(top, _XMP),
        "iptc": _plain_iptc(structure, top) or read_resource(_tag(top, _IRB) or b"", 0x0404),
        "icc": _tag(top, _ICC),
    }
    found = _found(blocks, None, "tiff")
    dpi, orientation = _directory_dpi(top), top.number(ifd.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    if dpi and orientation >= 5:
        dpi = (dpi[1], dpi[0])
    return Found(found.metadata, found.icc, dpi, orientation, found.warnings)


def _tag(top: ifd.Directory, tag: int) -> bytes | None:
    return top.entries[tag].data if tag in top.entries else None


def _plain_iptc(structure: ifd.Structure, top: ifd.Directory) -> bytes | None:
    """IPTC is a stream of bytes; many writers declare it as 32-bit numbers, which must not be swapped."""
    entry = top.entries.get(_IPTC)
    if entry is None:
        return None
    return bytes(structure.data[entry.where : entry.where + len(entry.data)]).rstrip(b"\0") or None


def _directory_dpi(top: ifd.Directory) -> tuple[float, float] | None:
    entries = [top.entries.get(tag) for tag in (ifd.X_RESOLUTION, ifd.Y_RESOLUTION)]
    values = [entry.numbers()[0] for entry in entries if entry and entry.numbers()]
    unit = {2: 1.0, _CENTIMETRE: 2.54}.get(top.number(ifd.RESOLUTION_UNIT, 2))
    return None if unit is None or len(values) != 2 else _usable_dpi([value * unit for value in values])


def _usable_dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 100_000 and 1 <= down <= 100_000 else None


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks as they go into one file; ``notes``: sentences about what it cannot hold."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    icc: bytes | None
    notes: tuple[str, ...] = ()


def for_file(picture: Picture, kind: str) -> Blocks:
    """The picture's metadata corrected for its present size and fit for one format."""
    notes = []
    icc = picture.icc
    if icc and profiles.channels(icc) != picture.pixels.shape[2]:
        icc = None
        notes.append("The colour profile does not fit the pixels and was left out.")
    packet, iptc = _xmp(picture), picture.metadata.iptc
    if iptc and kind in ("webp", "avif"):
        packet, iptc = xmp.with_iptc(packet, iptc), None
    if packet and kind == "jpeg" and len(packet) > JPEG_XMP_BYTES:
        packet = xmp.only(packet, ("resilver", "Iptc4xmpExt"))
        notes.append("The XMP data are too long for a JPEG; only what Resilver wrote was kept. TIFF and PNG keep all.")
    return Blocks(_exif(picture, kind), packet, iptc, icc, tuple(notes))


def _xmp(picture: Picture) -> bytes | None:
    """The packet without what has become untrue; some programs turn a picture by what they find here."""
    size = {"tiff:ImageWidth": picture.width, "tiff:ImageLength": picture.height}
    size |= {"exif:PixelXDimension": picture.width, "exif:PixelYDimension": picture.height}
    values = {"tiff:Orientation": "1"} | {name: str(value) for name, value in size.items()}
    return xmp.corrected(picture.metadata.xmp, values) if picture.metadata.xmp else None


def _exif(picture: Picture, kind: str) -> bytes | None:
    block = picture.metadata.exif
    if block:
        try:
            return ifd.corrected(block, _changes(picture, ifd.Structure.open(block).directory()))
        except ifd.Malformed:
            block = None
    if not block and picture.dpi and kind in ("webp", "avif"):  # these keep the resolution nowhere else
        return ifd.serialise(ifd.Directory(_resolution(picture.dpi)))
    return None


def _changes(picture: Picture, top: ifd.Directory) -> dict[int, float]:
    changes: dict[int, float] = {ifd.ORIENTATION: 1}
    changes |= dict.fromkeys(ifd.WIDTH_TAGS, picture.width) | dict.fromkeys(ifd.HEIGHT_TAGS, picture.height)
    if picture.dpi:
        unit = 2.54 if top.number(ifd.RESOLUTION_UNIT, 2) == _CENTIMETRE else 1.0
        changes[ifd.X_RESOLUTION], changes[ifd.Y_RESOLUTION] = (value / unit for value in picture.dpi)
    return changes


def _resolution(dpi: tuple[float, float]) -> dict[int, ifd.Entry]:
    across, down = (ifd.rational(value) for value in dpi)
    return {ifd.X_RESOLUTION: across, ifd.Y_RESOLUTION: down, ifd.RESOLUTION_UNIT: ifd.short(2)}


def into_tiff(top: ifd.Directory, blocks: Blocks, dpi: tuple[float, float] | None) -> None:
    """Add the blocks to the directory of a TIFF file that is being written."""
    if blocks.exif:
        source = ifd.Structure.open(blocks.exif).directory()
        top.children |= source.children
        top.entries |= {tag: entry for tag, entry in source.entries.items() if tag not in _STRUCTURAL | _RESOLUTION}
    for tag, kind, data in ((_XMP, 1, blocks.xmp), (_IPTC, 7, blocks.iptc), (_ICC, 7, blocks.icc)):
        if data:
            top.entries[tag] = ifd.raw(data, kind)
    for tag in _RESOLUTION:
        top.entries.pop(tag, None)
    if dpi:
        top.entries |= _resolution(dpi)
