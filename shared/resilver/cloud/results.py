"""The service's JPEGs back to pictures: put together, of the right size, with all that the original came with.

The service works with 8 bits in sRGB. What it changed is applied to the original: the difference between
the original and what was sent of it (finer steps, colours outside of sRGB) is added to what came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from resilver.cloud.preparation import Box, Prepared, shown
from resilver.errors import CloudGarbage, EngineMemory, PictureError
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas, profiles
from resilver.picture_io.read import ReadLimits, read_picture

_STRIP_BYTES = 16 << 20
_HALO = 2  # rows around a strip, so that its edges are interpolated as if it were whole
_SAME_SHAPE = 0.02  # of the ratio of sides; a service may round
_TONE_SIGMA = 16.0  # pixels of the overview: coarser differences are tone, finer ones are repairs


def assemble(prepared: Prepared, files: Sequence[Path | None], overview: Path | None, factor: int) -> Pixels | None:
    """What came back for all pieces as one picture: (height, width, 3), 8 bits, sRGB, ``factor`` times as large.

    ``files`` go with ``prepared.pieces``; ``None``: nothing to repair there. ``overview``: what came back for that,
    whose tone and colours the tiles take on. ``None`` if nothing came back at all.

    Raises:
        CloudGarbage: a file is no picture, or of another shape.
    """
    if all(path is None for path in files):
        return None
    guide = None
    if overview is not None and prepared.overview is not None:
        guide = _load(overview, None)
    width, height = prepared.size
    if len(prepared.pieces) == 1 and files[0] is not None:
        return _load(files[0], (width * factor, height * factor))
    out = canvas.allocate((height * factor, width * factor, 3), np.uint8)
    rows: dict[int, list[int]] = {}
    for number, piece in enumerate(prepared.pieces):
        rows.setdefault(piece.box.top, []).append(number)
    reached = 0
    for numbers in rows.values():
        strip = _strip(prepared, numbers, files, guide, factor)
        box = prepared.pieces[numbers[0]].box
        _blend(out[box.top * factor : box.bottom * factor], strip, reached - box.top * factor)
        reached = box.bottom * factor
        canvas.release(out)
    return out


def _strip(
    prepared: Prepared, numbers: Sequence[int], files: Sequence[Path | None], guide: Pixels | None, factor: int
) -> Pixels:
    """One row of tiles, as wide as the picture."""
    width, height = prepared.size[0] * factor, prepared.pieces[numbers[0]].box.height * factor
    strip = np.empty((width, height, 3), np.uint8)  # lying on its side, so that columns blend as rows do
    reached = 0
    for number in numbers:
        piece = prepared.pieces[number]
        box, path = piece.box, files[number]
        # a tile without a result was good as it was
        tile = _load(path or piece.path, (box.width * factor, box.height * factor))
        if guide is not None:
            tile = _toned(tile, _seen(guide, box, prepared.size))
        _blend(strip[box.left * factor : box.right * factor], tile.swapaxes(0, 1), reached - box.left * factor)
        reached = box.right * factor
    return strip.swapaxes(0, 1)


def _blend(out: Pixels, fresh: Pixels, overlap: int) -> None:
    """Write the rows of ``fresh`` over ``out``; of the ``overlap`` with what is there, the middle half fades over."""
    if overlap > 0:
        row = np.arange(overlap, dtype=np.float32)
        weight = np.clip((row + 0.5 - overlap / 4) / (overlap / 2), 0, 1)[:, None, None]
        mixed = out[:overlap] * (1 - weight) + fresh[:overlap] * weight
        out[:overlap] = (mixed + 0.5).astype(np.uint8)
    out[max(0, overlap) :] = fresh[max(0, overlap) :]


def _seen(guide: Pixels, box: Box, size: tuple[int, int]) -> Pixels:
    """The part of the overview that shows a box."""
    across, down = guide.shape[1] / size[0], guide.shape[0] / size[1]
    rows = slice(int(box.top * down), max(int(box.top * down) + 1, round(box.bottom * down)))
    columns = slice(int(box.left * across), max(int(box.left * across) + 1, round(box.right * across)))
    return guide[rows, columns]


def _toned(tile: Pixels, guide: Pixels) -> Pixels:
    """The tile with the guide's coarse tone and colours.

    Each tile was judged by itself; without this a sky would change its colour from tile to tile.
    """
    small = cv2.resize(tile, guide.shape[1::-1], interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(guide.astype(np.float32) - small, (0, 0), _TONE_SIGMA, borderType=cv2.BORDER_REFLECT)
    shift = cv2.resize(coarse, tile.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    toned: Pixels = np.clip(tile + shift + 0.5, 0, 255).astype(np.uint8)
    return toned


def _load(path: Path, size: tuple[int, int] | None) -> Pixels:
    """A file that came back, as (height, width, 3) bytes in sRGB of the size that it must have."""
    most = 200_000_000 if size is None else max(1_000_000, 4 * size[0] * size[1])
    try:
        picture = read_picture(path, ReadLimits(most))
    except EngineMemory:
        raise
    except PictureError as error:
        raise CloudGarbage(f"The service sent something that is no good picture ({error.title}); try again.") from error
    pixels = shown(picture)
    if picture.gray:
        pixels = pixels.repeat(3, axis=2)
    if size is None or size == (picture.width, picture.height):
        return pixels
    if abs(picture.width / picture.height / (size[0] / size[1]) - 1) > _SAME_SHAPE + 1 / min(size):
        raise CloudGarbage(
            f"The service sent a picture of {picture.width} x {picture.height} pixels where {size[0]} x {size[1]} "
            "belong; try again."
        )
    smaller = picture.width > size[0]
    resized: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LANCZOS4)
    return resized


def applied(picture: Picture, made: Pixels, factor: int, *, gray: bool, strength: float = 1.0) -> Picture:
    """The original as the service changed it: of its depth and profile, with its alpha and metadata.

    ``made``: what came back, (height, width, 3), 8 bits, sRGB, ``factor`` times as large. ``gray``: the result has
    one channel. ``strength``: how much of the change is taken.
    """
    original = profiles.as_srgb_gray(picture)
    if not gray:
        original = profiles.as_rgb(original)
    plain = original.depth == 8 and _other_icc(original) is None and strength == 1.0
    shape = (original.height * factor, original.width * factor, 1 if gray else 3)
    if plain and not gray:
        pixels = made
    else:
        pixels = canvas.allocate(shape, original.pixels.dtype)
        rows = max(1, _STRIP_BYTES // (original.pixels[0].nbytes * factor * factor))
        for top in range(0, original.height, rows):
            bottom = min(top + rows, original.height)
            _apply(original, made, pixels, (top, bottom), factor=factor, strength=strength)
            canvas.release(pixels)
            canvas.release(made)
    dpi = None if original.dpi is None else (original.dpi[0] * factor, original.dpi[1] * factor)
    return original.replace(pixels=pixels, alpha=_enlarged_alpha(original.alpha, factor), dpi=dpi)


def _apply(
    original: Picture, made: Pixels, out: Pixels, rows: tuple[int, int], *, factor: int, strength: float
) -> None:
    top, bottom = max(0, rows[0] - _HALO), min(original.height, rows[1] + _HALO)
    before = original.pixels[top:bottom]
    sent = shown(original.replace(pixels=before, alpha=None))
    came = made[rows[0] * factor : rows[1] * factor]
    dtype, peak, icc = original.pixels.dtype, original.peak, _other_icc(original)
    if original.gray:
        came = cv2.cvtColor(np.ascontiguousarray(came), cv2.COLOR_RGB2GRAY)[..., None]
    back, kept = profiles.from_srgb(came, icc, dtype), profiles.from_srgb(sent, icc, dtype)
    inner = slice((rows[0] - top) * factor, (rows[0] - top) * factor + came.shape[0])

    def enlarged(values: Pixels) -> Pixels:
        if factor > 1:
            values = cv2.resize(values, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        return values.reshape(-1, out.shape[1], out.shape[2])[inner]

    rest = enlarged(before.astype(np.float32) - kept.astype(np.float32))
    result = back.astype(np.float32) + rest
    if strength < 1:
        first = enlarged(before.astype(np.float32))
        result = first + np.float32(strength) * (result - first)
    out[rows[0] * factor : rows[1] * factor] = np.clip(result + 0.5, 0, peak).astype(dtype)


def _other_icc(picture: Picture) -> bytes | None:
    return None if profiles.is_srgb(picture.icc) else picture.icc


def _enlarged_alpha(alpha: Pixels | None, factor: int) -> Pixels | None:
    if alpha is None or factor == 1:
        return alpha
    large: Pixels = cv2.resize(alpha, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return large
