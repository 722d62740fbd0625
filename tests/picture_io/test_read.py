import io
import json
import os
import socket
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from picture_io import seeds
from resilver.errors import PictureBroken, PictureTooLarge, PictureUnknown, PictureUnreadable
from resilver.picture_io import read
from resilver.picture_io.read import ReadLimits, decode, read_picture

HERE = Path(__file__).parent
LIMITS = ReadLimits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    seeds.write_all(folder)
    return folder


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "channels", "depth", "alpha"),
    [
        ("exif.jpg", 3, 8, False), ("gray.jpg", 1, 8, False), ("cmyk.jpg", 3, 8, False), ("rgba.png", 3, 8, True),
        ("la.png", 1, 8, True), ("bit.png", 1, 8, False), ("palette.png", 3, 8, True), ("rgb.webp", 3, 8, False),
        ("rgba.webp", 3, 8, True), ("rgb.avif", 3, 8, False), ("rgba.avif", 3, 8, True), ("rgb.bmp", 3, 8, False),
        ("clear.gif", 3, 8, True), ("rgb.ppm", 3, 8, False), ("deep.pgm", 1, 16, False), ("bit.pbm", 1, 8, False),
        ("bit.tif", 1, 8, False), ("palette.tif", 3, 8, False), ("cmyk.tif", 3, 8, False), ("jpeg.tif", 3, 8, False),
        ("deep.png", 3, 16, False), ("deep-rgba.png", 3, 16, True), ("deep-gray.png", 1, 16, False),
        ("deep.tif", 3, 16, False), ("deep-rgba.tif", 3, 16, True), ("deep-gray.tif", 1, 16, False),
        ("tiled.tif", 3, 16, False), ("deep.avif", 3, 16, False), ("clear.avif", 3, 8, True),
    ],
)  # fmt: skip
def test_every_format_is_read_with_its_channels_and_depth(folder, name, channels, depth, alpha):
    """Every format gives gray or RGB, its own depth, and alpha where the file has one."""
    picture = read_picture(folder / name, LIMITS)
    assert (picture.pixels.shape[2], picture.depth, picture.alpha is not None) == (channels, depth, alpha)
    wanted = seeds.pixels(channels=channels) / 255
    if "exif.jpg" in name or name in ("rgb.webp", "rgb.avif"):  # these are stored turned
        wanted = np.rot90(wanted, -1)
    if not name.startswith(("bit", "palette", "clear", "cmyk")):
        assert np.abs(picture.pixels / picture.peak - wanted).mean() < 0.02


def test_the_depth_of_16_bits_is_exact(folder):
    """PNG and TIFF of 16 bits come in without a single value changed."""
    for name in ("deep.png", "deep.tif", "tiled.tif"):
        assert (read_picture(folder / name, LIMITS).pixels == seeds.pixels(dtype=np.uint16)).all()
    for name in ("deep-rgba.png", "deep-rgba.tif"):
        picture = read_picture(folder / name, LIMITS)
        both = np.concatenate((picture.pixels, picture.alpha[..., None]), 2)
        assert (both == seeds.pixels(channels=4, dtype=np.uint16)).all()
    for name in ("deep-gray.png", "deep-gray.tif", "deep.pgm"):
        assert (read_picture(folder / name, LIMITS).pixels == seeds.pixels(channels=1, dtype=np.uint16)).all()


def test_white_stays_white_in_a_deep_avif():
    """The full range of 10 bits becomes the full range of 16."""
    white = seeds.vips(np.full((32, 32, 3), 65535, np.uint16), "rgb16")
    data = white.heifsave_buffer(compression="av1", bitdepth=10, effort=0)
    assert decode(data, LIMITS).pixels.min() >= 65400


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp", "avif", "deep.png"])
def test_orientation_is_applied_once(tmp_path, kind, orientation):
    """All eight EXIF orientations end upright, and nothing says any more that it must be turned."""
    upright = seeds.pixels(40, 56)
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    stored = np.ascontiguousarray(undo[orientation](upright))
    path = tmp_path / f"turned.{kind}"
    if kind == "deep.png":
        path.write_bytes(seeds.vips(stored.astype(np.uint16) * 257, "rgb16").pngsave_buffer())
    elif kind != "avif":
        Image.fromarray(stored).save(path, **({"quality": 95} if kind in ("jpg", "webp") else {}))
    if kind == "avif":  # its own boxes say how to turn
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(stored).save(path, exif=exif, quality=95, speed=10)
    else:
        seeds.exiftool("-overwrite_original", "-n", f"-IFD0:Orientation={orientation}", path)
    picture = read_picture(path, LIMITS)
    assert picture.pixels.shape == (40, 56, 3)
    assert np.abs(picture.pixels / picture.peak - upright / 255).mean() < 0.01
    again = tmp_path / "again.exif"
    again.write_bytes(picture.metadata.exif or b"")
    assert seeds.exiftool("-s3", "-n", "-Orientation", again).strip() in ("", "1")


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_that_is_none_means_upright(kind, orientation):
    """A whole picture is read as it lies where its orientation is no number that there is, as some scanners write."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(Image.new("RGB", (24, 16), (200, 120, 40)), kind, exif=exif), LIMITS)
    assert (picture.width, picture.height) == (24, 16)
    assert np.abs(picture.pixels.astype(int) - (200, 120, 40)).max() <= 4


@pytest.mark.parametrize("options", [{}, {"big_tiff": True}])
def test_damage_is_found_beside_such_an_orientation(options):
    """A TIFF that is cut off is told from a whole one also where its orientation is no number that there is."""
    exif = Image.Exif()
    exif[0x0112] = 0
    data = encoded(Image.fromarray(seeds.pixels()), "TIFF", exif=exif, **options)
    assert np.array_equal(decode(data, LIMITS).pixels, seeds.pixels())
    with pytest.raises(PictureBroken):
        decode(data[: len(data) * 3 // 4], LIMITS)


def test_pixels_per_inch_turn_with_the_picture(tmp_path):
    """A picture that is turned by 90 degrees swaps its two resolutions."""
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(seeds.pixels()).save(path, exif=exif, dpi=(300, 200))
    assert read_picture(path, LIMITS).dpi == (200, 300)


def test_cmyk_goes_through_its_profile(tmp_path):
    """Full cyan becomes a cyan that sRGB can show, the CMYK profile does not stay, and a sentence says so."""
    ink = np.zeros((32, 32, 4), np.uint8)
    ink[..., 0] = 255
    picture = decode(seeds.vips(ink, "cmyk").tiffsave_buffer(), LIMITS)
    red, green, blue = picture.pixels[0, 0].astype(int)
    assert red < 60 < 130 < green < blue
    assert picture.icc is None
    assert "CMYK" in picture.warnings[0]


def test_gray_in_a_palette_is_gray():
    """A palette that holds only grays gives one channel."""
    gray = Image.fromarray(seeds.pixels(channels=1)[..., 0]).convert("RGB").quantize(64)
    for kind in ("PNG", "GIF", "TIFF", "BMP"):
        assert decode(encoded(gray, kind), LIMITS).gray, kind


def test_pages_and_frames_are_told(folder):
    """Of several pages or frames the first is read, and a warning says so."""
    for name in ("pages.tif", "moving.gif", "moving.webp"):
        picture = read_picture(folder / name, LIMITS)
        assert "Only the first" in picture.warnings[0]
        assert np.abs(picture.pixels.astype(int) - seeds.pixels()).mean() < 8


def test_numbers_that_are_no_picture_are_refused(tmp_path):
    """Floating-point and signed samples get a sentence that says what to do."""
    data = seeds.vips(seeds.pixels().astype(np.float32), "rgb").tiffsave_buffer()
    with pytest.raises(PictureUnknown, match="8 or 16 bits"):
        decode(data, LIMITS)


def test_raw_files_of_cameras_are_refused_and_not_taken_for_their_preview():
    """In DNG and its kin the first page of the TIFF is a small preview, which nobody wants restored."""
    image = Image.fromarray(seeds.pixels())
    for tags in ({50706: b"\1\4\0\0"}, {254: 1}):
        with pytest.raises(PictureUnknown, match="raw"):
            decode(encoded(image, "TIFF", tiffinfo=tags), LIMITS)
    assert decode(encoded(image, "TIFF", tiffinfo={254: 0}), LIMITS).width == 64


def test_content_counts_and_not_the_name(folder, tmp_path):
    """A PNG called .jpg is read as the PNG that it is."""
    path = tmp_path / "scan.jpg"
    path.write_bytes((folder / "rgb.png").read_bytes())
    assert read_picture(path, LIMITS).format == "png"


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", PictureBroken, "empty"),
        (b"<!DOCTYPE html><html>", PictureUnknown, "web page"),
        (b"  <html>", PictureUnknown, "web page"),
        (b"hello world, I am a letter", PictureUnknown, "no picture"),
        (b"\xff\xd8\xff\xe0", PictureBroken, "damaged"),
    ],
)
def test_what_is_no_picture_is_told_apart(tmp_path, content, error, words):
    """Nothing, a web page, another file and a stump each have their own reason."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(error, match=words):
        read_picture(path, LIMITS)


@pytest.mark.parametrize("name", ["exif.jpg", "rgb.png", "rgb.webp", "deep.png", "deep.tif", "exif.tif", "rgb.avif"])
def test_a_cut_file_is_broken(folder, tmp_path, name):
    """A file that ends early is never read as if it were whole."""
    data = (folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 3 // 5])
    with pytest.raises(PictureBroken):
        read_picture(path, LIMITS)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims, and has, very many black pixels."""
    rows = zlib.compressobj(9)
    line = bytes(1 + (width + 7) // 8)
    data = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def test_a_bomb_is_refused_from_its_header():
    """The limit of pixels holds before anything is decoded, just above it and far above."""
    data = bomb(20_000, 1_000)
    assert len(data) < 20_000
    with pytest.raises(PictureTooLarge, match=r"20 megapixels, the limit is 19.99; .*limits.megapixels"):
        decode(data, ReadLimits(max_pixels=19_990_000))
    assert decode(data, ReadLimits(max_pixels=20_000_000)).width == 20_000


def test_the_limit_is_a_value_and_pillow_keeps_its_own():
    """Reading changes nothing global: neither Pillow's limit nor its warnings."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("always")
        data = bomb(100_000, 1_000)  # above Pillow's own warning
        results = list(pool.map(lambda _: decode(data, ReadLimits(max_pixels=100_000_000)).height, range(3)))
    assert results == [1_000] * 3
    assert before == Image.MAX_IMAGE_PIXELS
    assert not caught


def test_compressed_texts_do_not_expand_without_end():
    """A profile or text chunk that inflates to gigabytes is refused or left out."""
    good = encoded(Image.fromarray(seeds.pixels()), "PNG")
    for name, head in ((b"zTXt", b"Raw profile type iptc\0\0"), (b"iCCP", b"x\0\0")):
        body = head + zlib.compress(bytes(200_000_000), 9)
        chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        try:
            picture = decode(good[:33] + chunk + good[33:], LIMITS)
        except PictureBroken:
            continue
        assert picture.icc is None
        assert picture.metadata.iptc is None


def test_large_profiles_and_texts_are_kept():
    """The profile of a scanner and the history of an editor have some megabytes, and the picture is whole."""
    profile = seeds.srgb()
    profile = struct.pack(">I", len(profile) + 3_000_000) + profile[4:] + bytes(3_000_000)
    packet = seeds.XMP.replace(b"The attic", b"a" * 3_000_000)
    stream, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    Image.fromarray(seeds.pixels()).save(stream, "PNG", icc_profile=profile, pnginfo=texts)
    picture = decode(stream.getvalue(), LIMITS)
    assert picture.icc == profile
    assert picture.metadata.xmp == packet


def test_too_many_bytes_are_refused_unread(tmp_path):
    """A sparse file of a terabyte is refused at once."""
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(1 << 40)
    with pytest.raises(PictureTooLarge, match=r"limits\.megabytes"):
        read_picture(path, LIMITS)


def test_only_regular_files_are_read(tmp_path):
    """Pipes, sockets, devices, folders and bad links are refused without waiting; a good link is followed."""
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.jpg"))
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    names = ["pipe.jpg", "socket.jpg", "folder.jpg", "loop.jpg", "dangling.jpg", "zero.jpg", "missing.jpg", "a\0b.jpg"]
    for name in names:
        with pytest.raises(PictureUnreadable):
            read_picture(tmp_path / name, LIMITS)
    (tmp_path / "real.png").write_bytes(encoded(Image.fromarray(seeds.pixels()), "PNG"))
    (tmp_path / "link.png").symlink_to("real.png")
    assert read_picture(tmp_path / "link.png", LIMITS).width == 64


def heic(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    pytest.importorskip("pillow_heif", reason="the extra 'heic' is not installed").from_pillow(image).save(
        stream, **options
    )
    return stream.getvalue()


def test_heic_is_read_where_the_extra_is_installed():
    """A HEIC comes in upright with its profile."""
    data = heic(Image.fromarray(seeds.pixels()), quality=95)
    picture = decode(data, LIMITS)
    assert picture.format == "heic"
    assert np.abs(picture.pixels.astype(int) - seeds.pixels()).mean() < 3
    with pytest.raises(PictureBroken):
        decode(data[: len(data) // 2], LIMITS)


def test_heic_without_the_extra_names_it(monkeypatch):
    """Where the decoder is missing, the sentence says what to install."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureUnknown, match=r"resilver\[heic\]"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), LIMITS)


@pytest.mark.parametrize("quality", [30, 50, 75, 88, 95, 100])
def test_the_quality_of_a_jpeg_is_estimated(quality):
    """The estimate lies within two of what libjpeg was told."""
    data = encoded(Image.fromarray(seeds.pixels()), "JPEG", quality=quality)
    assert abs(decode(data, LIMITS).jpeg_quality - quality) <= 2


def test_the_digest_is_of_the_bytes_read(folder):
    """The digest is that of sha256sum."""
    told = subprocess.run(["sha256sum", folder / "rgb.png"], capture_output=True, text=True, check=True).stdout
    assert read_picture(folder / "rgb.png", LIMITS).sha256 == told.split()[0]


def test_large_scans_are_read_by_strips_as_they_are_in_one(folder, monkeypatch):
    """The way of large scans gives the same pixels as the usual one."""
    names = ["exif.jpg", "gray.jpg", "rgb.png", "rgba.png", "la.png", "rgb.webp", "rgba.avif", "palette.png"]
    usual = {name: read_picture(folder / name, LIMITS) for name in names}
    monkeypatch.setattr(read, "LARGE_PIXELS", 1)
    for name, wanted in usual.items():
        found = read_picture(folder / name, LIMITS)
        assert found.pixels.shape == wanted.pixels.shape, name
        # the two decoders of AVIF and JPEG differ in how they enlarge the colours
        assert np.abs(found.pixels.astype(int) - wanted.pixels).mean() <= 1, name
        assert (found.alpha is None) == (wanted.alpha is None), name
        if found.alpha is not None:
            assert np.abs(found.alpha.astype(int) - wanted.alpha).max() <= 1, name


@pytest.mark.parametrize("seed", range(6))
def test_mutated_files_end_in_a_picture_or_a_typed_error(folder, seed):
    """2,400 damaged files (400 here): no crash, no foreign error, no endless loop, bounded memory."""
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, HERE / "mutate.py", folder, str(seed), "400"],
        capture_output=True, text=True, check=False, env=environment, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert sum(told["ends"].values()) == 400
    assert told["ends"]["picture"] > 40, "the mutations are too rough to reach the decoders"
    assert told["peak_mb"] < 400


def test_a_file_without_permission_names_the_cure(tmp_path):
    """What may not be read is refused with a sentence that says so."""
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(seeds.pixels()), "PNG"))
    path.chmod(0)
    tmp_path.chmod(0o755)
    with seeds.as_nobody(), pytest.raises(PictureUnreadable, match="you may not read it"):
        read_picture(path, LIMITS)
