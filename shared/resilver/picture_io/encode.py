"""Picture -> bytes of a file format: libvips for JPEG, PNG, TIFF and deep AVIF, Pillow for WebP and AVIF.

libvips reads the pixels where they lie, so that even a mapped picture of hundreds of megapixels is
written within a few hundred megabytes. Metadata are put in as bytes, since both libraries lose some.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from resilver.errors import EngineMemory, OutputError, OutputFormat
from resilver.picture import Picture, Pixels
from resilver.picture_io import canvas, containers, ifd, metadata, profiles
from resilver.recipe import Format

SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "avif": ".avif"}
# of one side: JPEG's and WebP's fields have 16 and 14 bits; libavif's decoder stops at its default
_LONGEST_SIDE = {"jpeg": 65_535, "webp": 16_383, "avif": 32_768, "png": 2**31 - 1, "tiff": 2**31 - 1}
_LEAST_QUALITY = 92  # below, one sees the second compression on top of the first
_USUAL_QUALITY = 95
_BIG_TIFF_BYTES = 3_900_000_000  # a classic TIFF ends at 4 GiB; a little room for what surrounds the pixels
_STRIP_BYTES = 8 << 20
_AVIF_ROOM = b"room for the EXIF block "


def output_format(picture: Picture, wanted: Format) -> str:
    """The format to write: the one asked for, or for ``keep`` the picture's own or the nearest to it."""
    if wanted != "keep":
        return wanted
    if picture.format in SUFFIXES and not (picture.format == "jpeg" and picture.alpha is not None):
        return picture.format
    lossy = picture.format == "heic" and picture.alpha is None and picture.depth == 8
    return "jpeg" if lossy else "png"


def check_size(kind: str, width: int, height: int) -> None:
    """Refuse early what a format cannot hold.

    Raises:
        OutputFormat: a side is too long.
    """
    most = _LONGEST_SIDE[kind]
    if max(width, height) > most:
        raise OutputFormat(
            f"{kind.upper()} ends at {most} pixels a side and the result has {width} x {height}; "
            "choose TIFF (--format tiff), or a smaller enlargement."
        )


def encode_into(file: BinaryIO, picture: Picture, kind: str) -> tuple[str, ...]:
    """Write the picture to an open, empty file that can be read and sought; sentences about what was lost.

    Raises:
        OutputFormat: the format cannot hold it.
        OutputError: the encoder failed.
        OSError: the file cannot be written.
    """
    check_size(kind, picture.width, picture.height)
    try:
        fitting, notes = _fit(picture, kind)
        blocks = metadata.for_file(fitting, kind)
        return notes + blocks.notes + _ENCODERS[kind](file, fitting, blocks)
    except MemoryError as error:
        raise EngineMemory(f"There is not enough memory to write a {kind.upper()}; choose TIFF.") from error


def _fit(picture: Picture, kind: str) -> tuple[Picture, tuple[str, ...]]:
    """The picture without what the format has no place for."""
    notes = []
    if kind == "jpeg" and _opaque(picture):
        picture = picture.replace(alpha=None)
    if picture.alpha is not None and kind == "jpeg":
        picture = picture.replace(pixels=_flattened(picture, picture.alpha), alpha=None)
        notes.append("A JPEG has no transparency; the picture was put on white.")
    if picture.depth == 16 and kind in ("jpeg", "webp"):
        alpha = None if picture.alpha is None else _eight_bits(picture.alpha)
        picture = picture.replace(pixels=_eight_bits(picture.pixels), alpha=alpha)
        notes.append(f"{kind.upper()} has 8 bits per channel; choose TIFF or PNG to keep 16.")
    if picture.depth == 16 and kind == "avif":
        notes.append("AVIF has 12 bits per channel at most; choose TIFF or PNG to keep 16.")
    if kind in ("webp", "avif"):  # these have no gray pixels that every program reads
        picture = profiles.as_rgb(picture)
    return picture, tuple(notes)


def _opaque(picture: Picture) -> bool:
    """Whether there is an alpha that hides nothing, which libwebp and libavif leave out on their own."""
    return picture.alpha is not None and int(picture.alpha.min()) == picture.peak


def _by_strips(shape: tuple[int, ...], of: Pixels, compute: Callable[[slice], Pixels], dtype: Any) -> Pixels:
    result = canvas.allocate(shape, dtype)
    rows = max(1, _STRIP_BYTES // of[0].nbytes)
    for top in range(0, shape[0], rows):
        result[top : top + rows] = compute(slice(top, top + rows))
        canvas.release(of)
        canvas.release(result)
    return result


def _flattened(picture: Picture, alpha: Pixels) -> Pixels:
    def strip(rows: slice) -> Pixels:
        weight = alpha[rows, :, None].astype(np.float32) / picture.peak
        mixed: Pixels = np.rint(picture.pixels[rows] * weight + picture.peak * (1 - weight))
        return mixed

    return _by_strips(picture.pixels.shape, picture.pixels, strip, picture.pixels.dtype)


def _eight_bits(array: Pixels) -> Pixels:
    return _by_strips(array.shape, array, lambda rows: (array[rows].astype(np.uint32) + 128) // 257, np.uint8)


class _Sink:
    """A file that libvips writes to: errors are kept, the first bytes can be replaced on the way."""

    def __init__(self, file: BinaryIO, first: int = 0, splice: Callable[[bytes], bytes] = bytes) -> None:
        self.error: OSError | None = None
        self._file, self._first, self._splice, self._held = file, first, splice, b""

    def write(self, data: Any) -> int:
        try:
            if self._first:
                self._held += bytes(data)
                if len(self._held) >= self._first:
                    self._file.write(self._splice(self._held))
                    self._first, self._held = 0, b""
            else:
                self._file.write(data)
        except OSError as error:  # an exception cannot pass through the C library
            self.error = error
            return -1
        return len(data)

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int) -> int:
        try:
            return self._file.seek(offset, whence)  # which writes what is still in the buffer
        except OSError as error:
            self.error = error
            return -1


def _save(image: Any, sink: _Sink, saver: str, pixels: Pixels, **options: Any) -> None:
    import pyvips

    target = pyvips.TargetCustom()
    target.on_write(sink.write)
    target.on_read(sink.read)
    target.on_seek(sink.seek)
    image.set_progress(True)
    image.signal_connect("eval", lambda _image, _progress: canvas.release(pixels))
    try:
        getattr(image, saver)(target, keep="none", **options)
    except pyvips.Error as error:
        if sink.error is not None:
            raise sink.error from error
        raise OutputError(
            f"The picture could not be encoded ({error.detail.strip()}); choose another format."
        ) from error
    if sink.error is not None:
        raise sink.error


def _vips(picture: Picture) -> tuple[Any, Pixels]:
    import pyvips

    pyvips.cache_set_max(0)  # its cache would keep the pixels
    deep = picture.depth == 16
    pixels = np.ascontiguousarray(picture.pixels)
    size = (picture.width, picture.height)
    kind = "ushort" if deep else "uchar"
    image = pyvips.Image.new_from_memory(pixels, *size, pixels.shape[2], kind)
    if picture.alpha is not None:
        image = image.bandjoin(pyvips.Image.new_from_memory(np.ascontiguousarray(picture.alpha), *size, 1, kind))
    if picture.gray:
        return image.copy(interpretation="grey16" if deep else "b-w"), pixels
    return image.copy(interpretation="rgb16" if deep else "srgb"), pixels


def quality(picture: Picture) -> int:
    """JPEG's 1..100: as good as the picture came, and never visibly worse."""
    return max(_LEAST_QUALITY, picture.jpeg_quality or _USUAL_QUALITY)


def _jpeg(file: BinaryIO, picture: Picture, blocks: metadata.Blocks) -> tuple[str, ...]:
    segments, notes = containers.jpeg_segments(blocks.exif, blocks.xmp, blocks.iptc, blocks.icc, picture.dpi)
    image, pixels = _vips(picture)
    # libvips writes no JFIF segment when it keeps nothing, so ours follows the start of the image
    sink = _Sink(file, 2, lambda head: head[:2] + segments + head[2:])
    _save(image, sink, "jpegsave_target", pixels, Q=quality(picture), subsample_mode="off")
    return notes


def _png(file: BinaryIO, picture: Picture, blocks: metadata.Blocks) -> tuple[str, ...]:
    chunks = containers.png_chunks(blocks.exif, blocks.xmp, blocks.iptc, blocks.icc, picture.dpi)
    image, pixels = _vips(picture)
    sink = _Sink(file, containers.PNG_HEAD_BYTES, lambda head: containers.spliced_png(head, chunks))
    _save(image, sink, "pngsave_target", pixels, compression=6, filter="all")
    return ()


def _tiff(file: BinaryIO, picture: Picture, blocks: metadata.Blocks) -> tuple[str, ...]:
    image, pixels = _vips(picture)
    big = image.width * image.height * image.bands * picture.depth // 8 > _BIG_TIFF_BYTES
    _save(
        image, _Sink(file), "tiffsave_target", pixels, compression="deflate", predictor="horizontal", bigtiff=big
    )  # fmt: skip
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
        top = ifd.Structure.open(view).directory()
    metadata.into_tiff(top, blocks, picture.dpi)
    end = file.seek(0, io.SEEK_END)
    base = end + -end % 8
    body, place = ifd.layout(top, base, big=big)
    file.write(bytes(base - end) + body)
    # the pixels stay where they are; from here on the head names the new directory
    file.seek(8 if big else 4)
    file.write(struct.pack("<Q" if big else "<I", place))
    return ()


def _pillow(picture: Picture) -> Image.Image:
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = np.concatenate((pixels, picture.alpha[..., None]), axis=2)
    return Image.fromarray(np.ascontiguousarray(pixels))


def _webp(file: BinaryIO, picture: Picture, blocks: metadata.Blocks) -> tuple[str, ...]:
    data = _by_pillow(picture, "WEBP", blocks, quality=quality(picture), method=4, exact=True)
    file.write(containers.with_webp_alpha(data, picture.width, picture.height) if _opaque(picture) else data)
    return ()


def _avif(file: BinaryIO, picture: Picture, blocks: metadata.Blocks) -> tuple[str, ...]:
    # both libraries would write EXIF anew and lose part of it: they get a longer block, replaced afterwards
    held = replace(blocks, exif=_room_for(blocks.exif)) if blocks.exif else blocks
    if picture.depth == 16 or _opaque(picture):
        data = _vips_avif(picture, held)
    else:
        data = _by_pillow(picture, "AVIF", held, quality=90, subsampling="4:4:4", speed=6)
    file.write(_with_exif(data, blocks.exif) if blocks.exif else data)
    return ()


def _room_for(exif: bytes) -> bytes:
    text = _AVIF_ROOM * (len(exif) // len(_AVIF_ROOM) + 2)
    return ifd.serialise(ifd.Directory({0x010E: ifd.raw(text + b"\0", 2)}))


def _by_pillow(picture: Picture, kind: str, blocks: metadata.Blocks, **options: Any) -> memoryview:
    present = {"exif": blocks.exif, "xmp": blocks.xmp, "icc_profile": blocks.icc}
    memory = io.BytesIO()
    try:
        _pillow(picture).save(memory, kind, **options, **{name: value for name, value in present.items() if value})
    except (OSError, ValueError) as error:
        raise OutputError(f"The picture could not be encoded as {kind} ({error}); choose another format.") from error
    return memory.getbuffer()


def _vips_avif(picture: Picture, blocks: metadata.Blocks) -> memoryview:
    """AVIF of 8 or 12 bits by libvips."""
    import pyvips

    bits = 12 if picture.depth == 16 else 8
    image = _vips(picture)[0].copy()
    exif = b"Exif\0\0" + blocks.exif if blocks.exif else None
    for name, block in (("exif-data", exif), ("xmp-data", blocks.xmp), ("icc-profile-data", blocks.icc)):
        if block:
            image.set_type(pyvips.GValue.blob_type, name, block)
    try:
        return memoryview(image.heifsave_buffer(compression="av1", bitdepth=bits, Q=90, subsample_mode="off"))
    except pyvips.Error as error:
        raise OutputError("The picture could not be encoded as AVIF; choose TIFF.") from error


def _with_exif(data: memoryview, exif: bytes) -> bytes:
    result = bytearray(data)
    text = result.find(_AVIF_ROOM)
    start = max(result.rfind(head, 0, max(text, 0)) for head in (b"II*\0", b"MM\0*"))
    end = result.rfind(_AVIF_ROOM) + len(_AVIF_ROOM)
    if text < 0 or start < 0 or end - start < len(exif):
        raise OutputError("The EXIF data could not be put into the AVIF; choose TIFF.")
    result[start:end] = exif + bytes(end - start - len(exif))
    return bytes(result)


_ENCODERS: dict[str, Callable[[BinaryIO, Picture, metadata.Blocks], tuple[str, ...]]] = {
    "jpeg": _jpeg, "png": _png, "tiff": _tiff, "webp": _webp, "avif": _avif,
}  # fmt: skip
