"""What goes up for a picture: its file as it is, the best encoding that fits the limits, or overlapping tiles.

Everything that the service could not serve is refused here, before anything is sent.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from resilver.engine import Limits, Report
from resilver.errors import PictureTooLarge, PictureUnknown
from resilver.picture import Picture, Pixels
from resilver.picture_io import profiles
from resilver.picture_io.identity import Identity, identify

LEAST_SIDE = 5  # pixels, as the service's documentation has it
OVERLAP = 96  # pixels that neighbouring tiles share: context for what is mended at a tile's edge, and room to blend
_LEAST_QUALITY = 85  # of JPEG; below, tiles of a better quality serve more than one picture of a worse one
_SHRINK = (1.0, 0.7, 0.5, 0.35, 0.25)  # of the tiles' sides, until their bytes fit, too
_ORIENTATION = 0x0112  # EXIF 2.32, 4.6.5
_AS_IT_IS = {"jpeg": ("JPEG", "image/jpeg"), "png": ("PNG", "image/png")}


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture in pixels: rows ``top`` to before ``bottom``, columns ``left`` to before ``right``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def of(self, array: Pixels) -> Pixels:
        """The part of an array."""
        return array[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes up as one picture.

    ``content``: a name for its content that does not depend on the encoder. ``box``: the part of the picture that
    it shows. ``identity``: of a file that goes up as it is.
    """

    path: Path
    media_type: str
    content: str
    box: Box
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pieces of one picture, in rows; ``overview``: the whole picture reduced, where these are several.

    ``size``: width and height of the picture.
    """

    pieces: tuple[Piece, ...]
    size: tuple[int, int]
    overview: Piece | None = None


def prepare(
    picture: Picture, limits: Limits, directory: Path, report: Report, *, file: Path | None, overview: bool
) -> Prepared:
    """Make the pieces of a picture, with new files in ``directory``, which is empty.

    ``file``: where it was read from, if it may go up as it is. ``overview``: needed where there are tiles.

    Raises:
        PictureUnknown: smaller than the service takes.
        PictureTooLarge: no piece of it fits the limits.
    """
    if min(picture.width, picture.height) < LEAST_SIDE:
        raise PictureUnknown(
            f"The picture has {picture.width} x {picture.height} pixels, the service takes no side below {LEAST_SIDE}; "
            "use --engine local for it."
        )
    size, content = (picture.width, picture.height), content_of(picture)
    whole = Box(0, 0, picture.height, picture.width)
    identity = None if file is None else identify(file)
    if file is not None and (media_type := _as_it_is(picture, file, limits)):
        return Prepared((Piece(file, media_type, content, whole, identity),), size)
    names = (directory / str(number) for number in itertools.count())
    for shrink in _SHRINK:
        pieces = []
        boxes = cut(*size, limits, shrink)
        for box in boxes:
            report.check()
            path = next(names)
            media_type = encode_fitting(shown(picture, box), path, limits.bytes_each)
            if media_type is None:
                break
            pieces.append(Piece(path, media_type, f"{content} {box.top} {box.left} {box.bottom} {box.right}", box))
        else:
            reduced = _overview(picture, content, limits, next(names)) if overview and len(boxes) > 1 else None
            return Prepared(tuple(pieces), size, reduced)
    raise PictureTooLarge(
        f"The picture cannot be cut into pieces of {limits.bytes_each} bytes; raise the setting 'cloud.bytes_each'."
    )


def content_of(picture: Picture) -> str:
    """A name for the pixels and their meaning."""
    digest = hashlib.sha256(repr((picture.pixels.shape, picture.pixels.dtype.str, picture.icc)).encode())
    for top in range(0, picture.height, 256):
        digest.update(np.ascontiguousarray(picture.pixels[top : top + 256]).data)
    return digest.hexdigest()


def shown(picture: Picture, box: Box | None = None) -> Pixels:
    """What the service gets to see of a part: (height, width, 1 or 3), 8 bits, in sRGB."""
    pixels = picture.pixels if box is None else box.of(picture.pixels)
    if picture.gray:
        return profiles.to_srgb(pixels, None)
    return profiles.to_srgb(pixels, None if profiles.is_srgb(picture.icc) else picture.icc)


def cut(width: int, height: int, limits: Limits, shrink: float = 1.0) -> list[Box]:
    """The fewest overlapping boxes within the limits that cover a picture, row by row."""
    best: list[Box] = []
    for across, down in _sides(limits):
        columns = _spans(width, max(1, int(across * shrink)))
        rows = _spans(height, max(1, int(down * shrink)))
        if not best or len(rows) * len(columns) < len(best):
            best = [Box(top, left, bottom, right) for top, bottom in rows for left, right in columns]
    return best


def _sides(limits: Limits) -> tuple[tuple[int, int], tuple[int, int]]:
    long, short = limits.long_side or 1 << 30, limits.short_side or 1 << 30
    return (long, short), (short, long)


def _spans(length: int, most: int) -> list[tuple[int, int]]:
    if length <= most:
        return [(0, length)]
    overlap = min(OVERLAP, most // 2)
    count = -(-(length - overlap) // (most - overlap))
    side = -(-(length + (count - 1) * overlap) // count)
    starts = [round(number * (length - side) / (count - 1)) for number in range(count)]
    return [(start, start + side) for start in starts]


def _overview(picture: Picture, content: str, limits: Limits, path: Path) -> Piece:
    """The whole picture, made so small that it fits."""
    for shrink in _SHRINK:
        share = max(
            min(across / picture.width, down / picture.height) for across, down in _sides(limits)
        ) * shrink  # fmt: skip
        size = max(LEAST_SIDE, int(picture.width * share)), max(LEAST_SIDE, int(picture.height * share))
        small = cv2.resize(shown(picture), size, interpolation=cv2.INTER_AREA)
        media_type = encode_fitting(small.reshape(size[1], size[0], -1), path, limits.bytes_each)
        if media_type is not None:
            box = Box(0, 0, picture.height, picture.width)
            return Piece(path, media_type, f"{content} reduced to {size}", box)
    raise PictureTooLarge("The picture cannot be made small enough; raise the setting 'cloud.bytes_each'.")


def encode_fitting(pixels: Pixels, path: Path, limit_bytes: int | None) -> str | None:
    """Write the best encoding of (height, width, 1 or 3) bytes that fits: PNG, else the best JPEG; its media type."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    limit = limit_bytes or 1 << 40
    # photographs shrink to a third at best; trying more would only take time
    if pixels.nbytes < 3 * limit and _written(image, path, limit, "PNG", compress_level=6):
        return "image/png"
    least, most = _LEAST_QUALITY, 100
    if not _written(image, path, limit, "JPEG", quality=least, subsampling=0):
        return None
    while least < most:  # the best quality lies between these two
        middle = (least + most + 1) // 2
        if _written(image, path, limit, "JPEG", quality=middle, subsampling=0):
            least = middle
        else:
            most = middle - 1
    return "image/jpeg"


def _written(image: Image.Image, path: Path, limit: int, kind: str, **options: int) -> bool:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    if memory.tell() > limit:
        return False
    path.write_bytes(memory.getbuffer())
    return True


def _as_it_is(picture: Picture, file: Path, limits: Limits) -> str | None:
    """The media type of a file whose pixels are what the service shall see, and which fits."""
    if picture.format not in _AS_IT_IS or picture.depth != 8 or picture.alpha is not None:
        return None
    size = (picture.width, picture.height)
    told = picture.icc is not None if picture.gray else not profiles.is_srgb(picture.icc)
    if told or len(cut(*size, limits)) > 1 or file.stat().st_size > (limits.bytes_each or 1 << 40):
        return None
    plugin, media_type = _AS_IT_IS[picture.format]
    with Image.open(file, formats=[plugin]) as image:
        turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
        several = bool(getattr(image, "is_animated", False))
        usual = image.mode == ("L" if picture.gray else "RGB") and image.size == size
    return media_type if usual and not turned and not several else None
