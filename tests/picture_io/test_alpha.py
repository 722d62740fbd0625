"""Transparency: found where a file has it, kept even where it hides nothing."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from picture_io import seeds
from resilver.picture import Picture
from resilver.picture_io import read
from resilver.picture_io.read import ReadLimits, decode, read_picture
from resilver.picture_io.write import encode

LIMITS = ReadLimits()
OPAQUE = np.full((48, 64, 1), 255, np.uint8)


def solid(channels, dtype=np.uint8):
    peak = np.iinfo(dtype).max
    return Picture(pixels=seeds.pixels(channels=channels, dtype=dtype), alpha=np.full((48, 64), peak, dtype))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_gray_is_found_at_each_depth(bits):
    """A PNG may name one gray that is transparent, at any of its depths."""
    peak = (1 << bits) - 1
    row = np.arange(16) % 2 * peak  # black and white in turn, white is transparent
    digits = "".join(f"{value:0{bits}b}" for value in row)
    packed = int(digits, 2).to_bytes(len(digits) // 8, "big")
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 16, 1, bits, 0, 0, 0, 0)), (b"tRNS", struct.pack(">H", peak))]
    parts += [(b"IDAT", zlib.compress(b"\0" + packed)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
              for name, body in parts]  # fmt: skip
    picture = decode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks), LIMITS)
    assert picture.gray
    assert picture.alpha is not None
    assert (picture.alpha[0] == (peak - row) * (picture.peak // peak)).all()
    assert (picture.pixels[0, :, 0] == row * (picture.peak // peak)).all()


def test_associated_alpha_is_taken_out_of_the_colours():
    """A TIFF whose colours are multiplied by their alpha gives the colours themselves."""
    colour = np.full((16, 16, 4), 100, np.uint8)
    colour[..., :3] = 50  # half of the colour 127.5 at alpha 100/255
    data = seeds.vips(colour, "srgb").tiffsave_buffer()
    unassociated, associated = (struct.pack("<HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
    assert data.count(unassociated) == 1
    picture = decode(data.replace(unassociated, associated), LIMITS)
    assert abs(int(picture.pixels[0, 0, 0]) - 128) <= 1
    assert int(picture.alpha[0, 0]) == 100


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "avif"])
def test_an_opaque_alpha_survives(tmp_path, monkeypatch, kind, dtype, channels, large):
    """A channel that hides nothing is read, written and read again, by either decoder and at each depth."""
    if large:
        monkeypatch.setattr(read, "LARGE_PIXELS", 1)
    encode(solid(channels, dtype), tmp_path / "a", kind)
    found = read_picture(tmp_path / "a", LIMITS)
    assert found.pixels.shape[2] == channels
    # AVIF compresses a deep alpha with loss
    least = found.peak if (kind, found.depth) != ("avif", 16) else found.peak * 0.999
    assert found.alpha is not None
    assert found.alpha.min() >= least


@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "avif"])
def test_other_programs_see_the_opaque_alpha(tmp_path, kind):
    """The files that we write have four channels for Pillow, with and without metadata."""
    for metadata in ({}, {"icc": seeds.srgb(), "dpi": (300.0, 300.0)}):
        encode(solid(3).replace(**metadata), tmp_path / "a", kind)
        with Image.open(tmp_path / "a") as image:
            assert image.mode == "RGBA"
            assert image.size == (64, 48)
            assert np.asarray(image)[..., 3].min() == 255
            assert np.abs(np.asarray(image)[..., :3].astype(int) - seeds.pixels()).mean() < 3
        told = json.loads(seeds.exiftool("-j", "-validate", "-warning", tmp_path / "a"))[0]
        assert "Error" not in told


def test_a_jpeg_drops_an_opaque_alpha_without_a_word(tmp_path):
    """Nothing is lost with it, so nothing is said; what is transparent is put on white, and that is said."""
    assert encode(solid(3), tmp_path / "a", "jpeg") == ()
    assert read_picture(tmp_path / "a", LIMITS).alpha is None
    clear = solid(3).replace(alpha=np.full((48, 64), 254, np.uint8))
    assert "white" in encode(clear, tmp_path / "b", "jpeg")[0]


@pytest.mark.parametrize(("interpretation", "extra"), [("srgb", 2), ("srgb", 1), ("cmyk", 2), ("b-w", 2), ("b-w", 1)])
def test_an_opaque_alpha_of_a_tiff_is_read(interpretation, extra):
    """Associated or not, beside gray, colour or four inks."""
    colours = {"srgb": 3, "cmyk": 4, "b-w": 1}[interpretation]
    inks = np.concatenate((seeds.pixels(channels=colours), OPAQUE), axis=2)
    data = seeds.vips(inks, interpretation).tiffsave_buffer()
    written = struct.pack("<HHIHH", 338, 3, 1, 2, 0)
    assert data.count(written) == 1
    picture = decode(data.replace(written, struct.pack("<HHIHH", 338, 3, 1, extra, 0)), LIMITS)
    assert picture.alpha is not None
    assert picture.alpha.min() == 255
    if interpretation != "cmyk":
        assert (picture.pixels == inks[..., :-1]).all()


def test_an_opaque_palette_keeps_its_transparency():
    """A table of transparencies that are all opaque is an alpha, too."""
    palette = Image.fromarray(seeds.pixels()).quantize(16)
    stream = io.BytesIO()
    palette.save(stream, "PNG", transparency=bytes([255] * 16))
    picture = decode(stream.getvalue(), LIMITS)
    assert picture.alpha is not None
    assert picture.alpha.min() == 255
