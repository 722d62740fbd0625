"""The TIFF structure that EXIF is made of: read, corrected in place, written anew (TIFF 6.0, EXIF 2.32, BigTIFF).

Pillow and libvips both write EXIF through their own tables and lose maker notes or types on the way,
so the bytes are handled here. Values are kept as they are; only their byte order is made little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Buffer = bytes | bytearray | memoryview

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
ORIENTATION = 0x0112
WIDTH_TAGS = (0x0100, 0xA002, 0x1001)
HEIGHT_TAGS = (0x0101, 0xA003, 0x1002)
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
THUMBNAIL_OFFSET, THUMBNAIL_BYTES = 0x0201, 0x0202
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
CHILDREN = (EXIF, GPS, INTEROP)
BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_SWAP = {5: 4, 10: 4}  # rationals are pairs of 32-bit numbers
_MOST_ENTRIES = 4096  # real directories have fewer than 200


class Malformed(ValueError):
    """The bytes are no TIFF structure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: ``data`` are its values in little-endian order, ``where`` their place in what was read."""

    type: int
    count: int
    data: bytes
    where: int = 0

    def numbers(self) -> tuple[float, ...]:
        """The values of an integer or rational tag; empty for other types."""
        if self.type in (SHORT, LONG, 1, 13, 16):
            code = {1: "B", SHORT: "H", LONG: "I", 13: "I", 16: "Q"}[self.type]
            return struct.unpack(f"<{self.count}{code}", self.data)
        if self.type == RATIONAL:
            pairs = struct.unpack(f"<{self.count * 2}I", self.data)
            return tuple(a / b if b else 0.0 for a, b in zip(pairs[::2], pairs[1::2], strict=True))
        return ()


@dataclass(slots=True)
class Directory:
    """Tags by number; ``children`` are the EXIF, GPS and interoperability directories."""

    entries: dict[int, Entry] = field(default_factory=dict)
    children: dict[int, Directory] = field(default_factory=dict)
    next: int = 0

    def number(self, tag: int, default: int) -> int:
        """The first value of an integer tag."""
        found = self.entries.get(tag)
        values = found.numbers() if found else ()
        return int(values[0]) if values else default


@dataclass(frozen=True, slots=True)
class Structure:
    """A TIFF file or an EXIF block: byte order (``<`` or ``>``), BigTIFF or not, its first directory."""

    data: memoryview
    order: str
    big: bool
    first: int

    @classmethod
    def open(cls, data: Buffer) -> Structure:
        """Read the head.

        Raises:
            Malformed: it is none.
        """
        view = memoryview(data)
        order = {b"II": "<", b"MM": ">"}.get(bytes(view[:2]), "")
        if not order or len(view) < 8:
            raise Malformed("no TIFF head")
        magic = struct.unpack_from(order + "H", view, 2)[0]
        if magic == 42:
            return cls(view, order, False, struct.unpack_from(order + "I", view, 4)[0])
        if magic == 43 and len(view) >= 16:
            return cls(view, order, True, struct.unpack_from(order + "Q", view, 8)[0])
        raise Malformed("no TIFF head")

    def unpack(self, code: str, offset: int) -> tuple[Any, ...]:
        """Numbers at a place.

        Raises:
            Malformed: outside the data.
        """
        try:
            return struct.unpack_from(self.order + code, self.data, offset)
        except (struct.error, OverflowError) as error:
            raise Malformed("outside the data") from error

    def directory(self, offset: int | None = None, depth: int = 0) -> Directory:
        """Read one directory with its children; damaged tags are left out.

        Raises:
            Malformed: the directory itself is damaged.
        """
        offset = self.first if offset is None else offset
        (count,) = self.unpack("Q" if self.big else "H", offset)
        if count > _MOST_ENTRIES:
            raise Malformed("too many tags")
        start, size = (offset + 8, 20) if self.big else (offset + 2, 12)
        found = Directory(next=self.unpack("Q" if self.big else "I", start + count * size)[0])
        for place in range(start, start + count * size, size):
            tag, entry = self._entry(place)
            if entry is None:
                continue
            found.entries[tag] = entry
            if tag in CHILDREN and depth < 2:
                self._child(found, tag, depth)
        return found

    def _entry(self, place: int) -> tuple[int, Entry | None]:
        tag, kind, count = self.unpack("HHQ" if self.big else "HHI", place)
        size = BYTES.get(kind, 0) * count
        inline = 8 if self.big else 4
        where = place + (12 if self.big else 8)
        if size > inline:
            where = self.unpack("Q" if self.big else "I", where)[0]
        if size == 0 or where + size > len(self.data):
            return tag, None
        raw = bytes(self.data[where : where + size])
        return tag, Entry(kind, count, raw if self.order == "<" else _swapped(raw, kind), where)

    def _child(self, found: Directory, tag: int, depth: int) -> None:
        try:
            found.children[tag] = self.directory(found.number(tag, 0), depth + 1)
        except Malformed:
            del found.entries[tag]

    def pages(self, most: int = 1000) -> int:
        """How many directories are chained, up to ``most``; loops and damage end the chain."""
        seen: set[int] = set()
        offset = self.first
        try:
            while offset and offset not in seen and len(seen) < most:
                seen.add(offset)
                (count,) = self.unpack("Q" if self.big else "H", offset)
                after = offset + (8 + count * 20 if self.big else 2 + count * 12)
                (offset,) = self.unpack("Q" if self.big else "I", after)
        except Malformed:
            pass
        return max(1, len(seen))


def _swapped(raw: bytes, kind: int) -> bytes:
    size = _SWAP.get(kind, BYTES[kind])
    return raw if size == 1 else np.frombuffer(raw, f">u{size}").astype(f"<u{size}").tobytes()


def short(value: int) -> Entry:
    """A tag of one 16-bit number."""
    return Entry(SHORT, 1, struct.pack("<H", value))


def rational(value: float) -> Entry:
    """A tag of one positive fraction."""
    return Entry(RATIONAL, 1, struct.pack("<II", round(value * 10_000), 10_000))


def raw(data: bytes, kind: int = UNDEFINED) -> Entry:
    """A tag of plain bytes."""
    return Entry(kind, len(data), data)


def serialise(directory: Directory) -> bytes:
    """A little-endian EXIF block of its own."""
    body, first = layout(directory, 8, big=False)
    return b"II*\0" + struct.pack("<I", first) + body


def layout(directory: Directory, base: int, *, big: bool) -> tuple[bytes, int]:
    """The bytes of a directory, its values and children for the place ``base`` of a little-endian file.

    Returns them and the place of the directory itself.
    """
    body = bytearray()
    entries = dict(directory.entries)
    for tag, child in directory.children.items():
        data, place = layout(child, base + len(body), big=big)
        body += data
        entries[tag] = Entry(16 if big else LONG, 1, struct.pack("<Q" if big else "<I", place))
    inline = 8 if big else 4
    records = []
    for tag in sorted(entries):
        entry = entries[tag]
        value = entry.data
        if len(value) > inline:
            body += b"\0" * (-(base + len(body)) % 8)
            value = struct.pack("<Q" if big else "<I", base + len(body))
            body += entry.data
        records.append(
            struct.pack("<HHQ" if big else "<HHI", tag, entry.type, entry.count) + value.ljust(inline, b"\0")
        )
    body += b"\0" * (-(base + len(body)) % 8)
    place = base + len(body)
    body += struct.pack("<Q" if big else "<H", len(records)) + b"".join(records) + bytes(inline)
    return bytes(body), place


def corrected(block: bytes, changes: Mapping[int, float]) -> bytes:
    """The block with numbers of some tags changed in place and without its thumbnail.

    Nothing is moved, so that maker notes with offsets of their own stay whole. Tags that are not
    there are not added.

    Raises:
        Malformed: it is no EXIF.
    """
    structure = Structure.open(block)
    if structure.big:
        raise Malformed("EXIF is no BigTIFF")
    result = bytearray(block)
    top = structure.directory()
    for directory in _family(top):
        for tag, value in changes.items():
            if tag in directory.entries:
                _patch(result, structure.order, directory.entries[tag], tag, value)
    return _without_thumbnail(result, structure, top)


def _family(directory: Directory) -> list[Directory]:
    return [directory] + [each for child in directory.children.values() for each in _family(child)]


def _patch(result: bytearray, order: str, entry: Entry, tag: int, value: float) -> None:
    if entry.count != 1:
        return
    if entry.type == RATIONAL:
        struct.pack_into(order + "II", result, entry.where, min(round(value * 10_000), 2**32 - 1), 10_000)
    elif entry.type in (SHORT, LONG):
        head = entry.where - 8  # such a number lies in the tag's own record
        kind = entry.type if value < 2**16 else LONG
        struct.pack_into(order + "HHI", result, head, tag, kind, 1)
        result[entry.where : entry.where + 4] = bytes(4)
        struct.pack_into(order + ("H" if kind == SHORT else "I"), result, entry.where, int(value))


def _without_thumbnail(result: bytearray, structure: Structure, top: Directory) -> bytes:
    if not top.next:
        return bytes(result)
    (count,) = structure.unpack("H", structure.first)
    result[structure.first + 2 + count * 12 : structure.first + 6 + count * 12] = bytes(4)
    try:
        second = structure.directory(top.next)
    except Malformed:
        return bytes(result)
    start, size = second.number(THUMBNAIL_OFFSET, 0), second.number(THUMBNAIL_BYTES, 0)
    if 8 < start < start + size <= len(result) and not _overlaps(top, start, start + size):
        result[start : start + size] = bytes(size)
        if start + size == len(result):
            del result[start:]
    return bytes(result)


def _overlaps(top: Directory, start: int, end: int) -> bool:
    """Whether a damaged offset would wipe a tag that stays."""
    values = [entry for directory in _family(top) for entry in directory.entries.values()]
    return any(entry.where < end and start < entry.where + len(entry.data) for entry in values)
