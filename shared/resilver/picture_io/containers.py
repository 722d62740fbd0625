"""JPEG segments, PNG and WebP chunks: where those formats keep what travels with the pixels."""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Iterator

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_HEAD_BYTES = 54  # signature, IHDR, and pHYs, which libvips always writes next
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_IRB_HEAD = b"Photoshop 3.0\0"
_SEGMENT_BYTES = 65533  # a length of 16 bits counts itself
JPEG_XMP_BYTES = _SEGMENT_BYTES - len(_XMP_HEAD)
_PNG_XMP = b"XML:com.adobe.xmp"
_PNG_IPTC = b"Raw profile type iptc"
MOST_INFLATED = 16 << 20  # of one compressed chunk; a bomb is left out


def jpeg_segments(
    exif: bytes | None, xmp: bytes | None, iptc: bytes | None, icc: bytes | None, dpi: tuple[float, float] | None
) -> tuple[bytes, tuple[str, ...]]:
    """What stands between the start of a JPEG and its tables, and sentences about what did not fit."""
    notes = []
    parts = [_segment(0xE0, b"JFIF\0\1\2" + _density(dpi) + b"\0\0")]
    for name, marker, body in (
        ("EXIF", 0xE1, exif and b"Exif\0\0" + exif),
        ("XMP", 0xE1, xmp and _XMP_HEAD + xmp),
        ("IPTC", 0xED, iptc and _IRB_HEAD + _resource(0x0404, iptc)),
    ):
        if body and len(body) <= _SEGMENT_BYTES:
            parts.append(_segment(marker, body))
        elif body:
            notes.append(f"The {name} data are too long for a JPEG and were left out; TIFF and PNG keep them.")
    if icc:
        parts += _icc_segments(icc)
    return b"".join(parts), tuple(notes)


def _density(dpi: tuple[float, float] | None) -> bytes:
    if dpi is None or max(dpi) > 65535 or min(dpi) < 1:
        return b"\0\0\1\0\1"  # no unit, square pixels
    return struct.pack(">BHH", 1, round(dpi[0]), round(dpi[1]))


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _resource(number: int, data: bytes) -> bytes:
    """An image resource block of Photoshop, which is where a JPEG keeps IPTC."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def _icc_segments(icc: bytes) -> list[bytes]:
    step = _SEGMENT_BYTES - 14
    pieces = [icc[at : at + step] for at in range(0, len(icc), step)]
    if len(pieces) > 255:
        return []
    head = b"ICC_PROFILE\0"
    return [_segment(0xE2, head + bytes((n, len(pieces))) + piece) for n, piece in enumerate(pieces, 1)]


def png_chunks(
    exif: bytes | None, xmp: bytes | None, iptc: bytes | None, icc: bytes | None, dpi: tuple[float, float] | None
) -> bytes:
    """The chunks that follow a PNG's header; IPTC as ImageMagick writes it, which ExifTool reads."""
    parts = []
    if icc:
        parts.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc, 9)))
    if dpi:
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1)))
    if exif:
        parts.append(_chunk(b"eXIf", exif))
    if xmp:
        parts.append(_chunk(b"iTXt", _PNG_XMP + b"\0\0\0\0\0" + xmp))
    if iptc:
        block = _resource(0x0404, iptc)
        lines = block.hex()
        text = "\n".join(lines[at : at + 72] for at in range(0, len(lines), 72))
        profile = f"\niptc\n{len(block):8}\n{text}\n"
        parts.append(_chunk(b"zTXt", _PNG_IPTC + b"\0\0" + zlib.compress(profile.encode(), 9)))
    return b"".join(parts)


def spliced_png(head: bytes, chunks: bytes) -> bytes:
    """The start of a PNG with chunks after its header, and without the resolution that was there."""
    rest = head[33:]
    return head[:33] + chunks + (rest[21:] if rest[4:8] == b"pHYs" else rest)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", binascii.crc32(name + body))


def with_webp_alpha(data: memoryview, width: int, height: int) -> bytes:
    """A WebP whose extended header says that there is an alpha; without its chunk readers take it for opaque.

    The flag L of the header "VP8X" (RFC 9649, 2.7), which a file without metadata does not have yet.
    """
    body = bytes(data[12:])
    if body[:4] != b"VP8X":
        sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        body = b"VP8X" + struct.pack("<II", 10, 0) + sides + body
    body = body[:8] + bytes((body[8] | 0x10,)) + body[9:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def walk_png(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks of a PNG but for its pixels, also those after them; damage ends the walk."""
    at = len(PNG_HEAD)
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            return
        if name != b"IDAT":
            yield name, data[at + 8 : at + 8 + size]
        at += 12 + size


def read_png(data: memoryview) -> dict[str, bytes]:
    """EXIF, XMP, IPTC and ICC of a PNG, by these names in lower case."""
    found: dict[str, bytes] = {}
    for name, body in walk_png(data):
        if name == b"eXIf":
            found["exif"] = bytes(body).removeprefix(b"Exif\0\0")
        elif name == b"iCCP":
            _, _, rest = bytes(body).partition(b"\0")
            found["icc"] = _inflated(rest[1:])
        elif name == b"iTXt":
            _read_international(bytes(body), found)
        elif name in (b"zTXt", b"tEXt"):
            key, _, rest = bytes(body).partition(b"\0")
            _read_profile(key, _inflated(rest[1:]) if name == b"zTXt" else rest, found)
    return {name: value for name, value in found.items() if value}


def _read_international(body: bytes, found: dict[str, bytes]) -> None:
    key, _, rest = body.partition(b"\0")
    if key == _PNG_XMP and len(rest) > 2:
        text = rest[2:].split(b"\0", 2)[-1]
        found["xmp"] = _inflated(text) if rest[0] else text


def _read_profile(key: bytes, text: bytes, found: dict[str, bytes]) -> None:
    kind = {_PNG_IPTC: "iptc", b"Raw profile type exif": "exif", b"Raw profile type APP1": "exif"}.get(key)
    lines = text.lstrip(b"\n").split(b"\n", 2)  # a name, the length, then the bytes in hexadecimal
    if kind is None or len(lines) < 3 or kind in found:
        return
    try:
        block = bytes.fromhex(lines[2].decode("ascii"))
    except ValueError:
        return
    found[kind] = block.removeprefix(b"Exif\0\0") if kind == "exif" else read_resource(block, 0x0404) or block


def _inflated(data: bytes) -> bytes:
    try:
        machine = zlib.decompressobj()
        result = machine.decompress(data, MOST_INFLATED)
    except zlib.error:
        return b""
    return b"" if machine.unconsumed_tail else result


def read_resource(block: bytes, number: int) -> bytes | None:
    """One image resource of Photoshop by its number; damage ends the search."""
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (kind,) = struct.unpack_from(">H", block, at + 4)
        name = block[at + 6] + 1
        head = at + 6 + name + name % 2
        if head + 4 > len(block):
            return None
        (size,) = struct.unpack_from(">I", block, head)
        if kind == number:
            return block[head + 4 : head + 4 + size]
        at = head + 4 + size + size % 2
    return None
