"""Pixels and everything they came with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
Box = tuple[int, int, int, int]
"""A part of a picture: its first column and row, width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The blocks that travel with a picture, as raw bytes; ``None`` where there is none.

    ``exif``: a TIFF structure without the ``Exif\\0\\0`` head. ``xmp``: an RDF/XML packet in UTF-8.
    ``iptc``: an IPTC-IIM record (a sequence of 0x1C data sets).
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """One upright picture.

    ``pixels``: (height, width, 1) for gray or (height, width, 3) for RGB, uint8 or uint16 over their
    full range, in the picture's own colour profile ``icc`` (``None``: sRGB, or gray with its gamma).
    They may lie in a file that is mapped into memory; never write to them.
    ``alpha``: (height, width), the same type, not premultiplied; ``None`` if there is none.
    ``mask``: (height, width), uint8: the damage as the user marked it, from 0, where nothing changes, to 255,
    where the picture is filled; ``None``: the engine looks for it.
    ``dpi``: horizontal and vertical pixels per inch.
    ``format``: of the file it came from (``jpeg``, ``png``, ``tiff``, ``webp``, ``avif``, ``heic``,
    ``bmp``, ``gif``, ``pnm``, ``raw``). ``jpeg_quality``: the estimated 1..100, ``None`` if it was no JPEG.
    ``source`` and ``sha256``: the file and the digest of the very bytes that were read.
    ``warnings``: sentences about what was lost on the way in ("only the first of 3 pages").
    """

    pixels: Pixels
    alpha: Pixels | None = None
    mask: Pixels | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "png"
    jpeg_quality: int | None = None
    source: Path | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3) or 0 in self.pixels.shape:
            raise ValueError(f"pixels must be (height, width, 1 or 3), not {self.pixels.shape}")
        if self.pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be uint8 or uint16, not {self.pixels.dtype}")
        if self.alpha is not None and (
            self.alpha.shape != self.pixels.shape[:2] or self.alpha.dtype != self.pixels.dtype
        ):
            raise ValueError("alpha must have the height, width and type of the pixels")
        if self.mask is not None and (self.mask.shape != self.pixels.shape[:2] or self.mask.dtype != np.uint8):
            raise ValueError("a mask must have the height and width of the pixels, and 8 bits")

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @property
    def megapixels(self) -> float:
        """Width times height in millions."""
        return self.width * self.height / 1e6

    @property
    def depth(self) -> int:
        """Bits per channel: 8 or 16."""
        return int(self.pixels.dtype.itemsize) * 8

    @property
    def peak(self) -> int:
        """The largest value of a channel: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)

    @property
    def gray(self) -> bool:
        """Whether there is a single channel."""
        return bool(self.pixels.shape[2] == 1)

    def replace(self, **changes: Any) -> Picture:
        """A copy with other pixels, alpha or profile; all the rest travels along."""
        return dataclasses.replace(self, **changes)
