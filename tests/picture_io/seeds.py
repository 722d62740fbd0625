"""Small files of every format that is read, made by other programs' writers where possible, by name."""

import io
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image, ImageCms

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lr="http://ns.adobe.com/'
    b'lightroom/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" lr:weightedFlatSubject="family">'
    b'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">The attic</rdf:li></rdf:Alt></dc:title>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
EXIFTOOL_TAGS = (
    "-IFD0:Make=Leica", "-IFD0:Artist=Grandmother", "-IFD0:Copyright=The family", "-IFD0:ImageDescription=Attic, 1931",
    "-ExifIFD:DateTimeOriginal=1931:05:01 12:00:00", "-ExifIFD:ExposureTime=1/60", "-ExifIFD:ISO=100",
    "-ExifIFD:UserComment=found in a box", "-ExifIFD:LensModel=Elmar 50",
    "-GPS:GPSLatitude=52.5", "-GPS:GPSLatitudeRef=N", "-GPS:GPSLongitude=13.4", "-GPS:GPSLongitudeRef=E",
    "-IPTC:CodedCharacterSet=UTF8", "-IPTC:ObjectName=Attic", "-IPTC:Keywords=family", "-IPTC:Keywords=Möbel",
    "-IPTC:By-line=Grandmother", "-IPTC:City=Wrocław", "-IPTC:Caption-Abstract=Three children",
    "-IPTC:DateCreated=1931:05:01",
    "-XMP-dc:Subject=attic", "-XMP-xmp:Rating=4", "-XMP-lr:WeightedFlatSubject=box",
)  # fmt: skip


def pixels(height: int = 48, width: int = 64, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    """A smooth picture with a different corner each, so that turns and losses show."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [down, across, (down + across) / 2, 1 - down * across][:channels]
    peak = np.iinfo(dtype).max
    return np.rint(np.stack(planes, 2) * peak * 0.9).astype(dtype)


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gray_icc(gamma: float = 1.0) -> bytes:
    """A minimal gray profile of ICC version 2 with a plain gamma curve."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"plain gray\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    text += bytes(-len(text) % 4)
    blocks, at, body = ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)), 128 + 4 + 3 * 12, b""
    table = struct.pack(">I", 3)
    for tag, block in blocks:
        table += tag + struct.pack(">II", at + len(body), len(block))
        body += block
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def vips(array: np.ndarray, interpretation: str) -> pyvips.Image:
    array = np.ascontiguousarray(array)
    kind = {1: "uchar", 2: "ushort", 4: "float"}[array.dtype.itemsize]
    height, width, bands = array.shape
    return pyvips.Image.new_from_memory(array, width, height, bands, kind).copy(interpretation=interpretation)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _pillow_seeds() -> Iterator[tuple[str, bytes]]:
    rgb, rgba = Image.fromarray(pixels()), Image.fromarray(pixels(channels=4))
    gray, two = Image.fromarray(pixels(channels=1)[..., 0]), Image.fromarray(pixels(channels=2))
    palette = rgb.quantize(16)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Leica"
    yield "exif.jpg", _saved(rgb, "JPEG", quality=90, exif=exif, xmp=XMP, icc_profile=srgb(), dpi=(300, 300))
    yield "progressive.jpg", _saved(rgb, "JPEG", quality=60, progressive=True, subsampling=2)
    yield "gray.jpg", _saved(gray, "JPEG")
    yield "cmyk.jpg", _saved(rgb.convert("CMYK"), "JPEG")
    yield "rgb.png", _saved(rgb, "PNG", exif=exif, icc_profile=srgb(), dpi=(300, 300))
    yield "rgba.png", _saved(rgba, "PNG")
    yield "la.png", _saved(two, "PNG")
    yield "bit.png", _saved(gray.convert("1"), "PNG")
    yield "palette.png", _saved(palette, "PNG", transparency=3)
    yield "rgb.webp", _saved(rgb, "WEBP", exif=exif, xmp=XMP, icc_profile=srgb())
    yield "rgba.webp", _saved(rgba, "WEBP", lossless=True)
    yield "moving.webp", _saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)], duration=50)
    yield "rgb.avif", _saved(rgb, "AVIF", exif=exif, xmp=XMP, icc_profile=srgb(), speed=10)
    yield "rgba.avif", _saved(rgba, "AVIF", speed=10)
    yield "rgb.bmp", _saved(rgb, "BMP")
    yield "palette.bmp", _saved(palette, "BMP")
    yield "still.gif", _saved(rgb, "GIF")
    yield "moving.gif", _saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)])
    yield "clear.gif", _saved(palette, "GIF", transparency=0)
    yield "rgb.ppm", _saved(rgb, "PPM")
    yield "gray.pgm", _saved(gray, "PPM")
    yield "plain.pgm", b"P2 3 2 255\n0 128 255\n10 20 30\n"
    yield "deep.pgm", b"P5 64 48 65535\n" + pixels(channels=1, dtype=np.uint16).astype(">u2").tobytes()
    yield "deep.ppm", b"P6 64 48 65535\n" + pixels(dtype=np.uint16).astype(">u2").tobytes()
    yield "bit.pbm", _saved(gray.convert("1"), "PPM")
    yield "pages.tif", _saved(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)])
    yield "bit.tif", _saved(gray.convert("1"), "TIFF", compression="group4")
    yield "palette.tif", _saved(palette, "TIFF")
    yield "cmyk.tif", _saved(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "jpeg.tif", _saved(rgb, "TIFF", compression="jpeg")
    yield (
        "exif.tif",
        _saved(rgb, "TIFF", exif=exif, icc_profile=srgb(), dpi=(300, 300), compression="tiff_adobe_deflate"),
    )


def _deep_seeds() -> Iterator[tuple[str, bytes]]:
    rgb, rgba = vips(pixels(dtype=np.uint16), "rgb16"), vips(pixels(channels=4, dtype=np.uint16), "rgb16")
    gray = vips(pixels(channels=1, dtype=np.uint16), "grey16")
    yield "deep.png", rgb.pngsave_buffer()
    yield "deep-rgba.png", rgba.pngsave_buffer()
    yield "deep-gray.png", gray.pngsave_buffer()
    yield "deep.tif", rgb.tiffsave_buffer(compression="lzw", predictor="horizontal")
    yield "deep-rgba.tif", rgba.tiffsave_buffer()
    yield "deep-gray.tif", gray.tiffsave_buffer(compression="deflate")
    yield "tiled.tif", rgb.tiffsave_buffer(tile=True, tile_width=16, tile_height=16, bigtiff=True)
    yield "deep.avif", rgb.heifsave_buffer(compression="av1", bitdepth=10, effort=0)
    yield (
        "clear.avif",
        rgba.cast("uchar", shift=True).copy(interpretation="srgb").heifsave_buffer(compression="av1", effort=0),
    )


def write_all(folder: Path) -> list[Path]:
    """All seeds as files in a folder."""
    paths = []
    for name, data in (*_pillow_seeds(), *_deep_seeds()):
        (folder / name).write_bytes(data)
        paths.append(folder / name)
    return paths


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's power to read and write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def exiftool(*arguments: object) -> str:
    """Run ExifTool, whose reading is independent of what Resilver writes with."""
    done = subprocess.run(
        ["exiftool", "-charset", "iptc=UTF8", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stdout
