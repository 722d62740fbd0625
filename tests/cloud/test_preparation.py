"""What goes up: within every limit, as good as it can be, and nothing that cannot serve."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from picture_io.seeds import srgb
from resilver.cloud.preparation import OVERLAP, content_of, cut, encode_fitting, prepare
from resilver.engine import Limits, Report
from resilver.errors import Cancelled, PictureTooLarge, PictureUnknown
from resilver.picture import Picture
from resilver.picture_io.read import ReadLimits, read_picture

LIMITS = Limits(48, 8_000_000, 30_000_000, 3840, 2160)
SMALL = Limits(48, 60_000, 200_000, 160, 120)


def noise(height, width, channels=3, dtype=np.uint8, seed=1):
    peak = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, peak + 1, (height, width, channels)).astype(dtype)


def smooth(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 127 // (width + height)], 2).astype(np.uint8)


def sent(prepared):
    for piece in (*prepared.pieces, *([prepared.overview] if prepared.overview else [])):
        with Image.open(piece.path) as image:
            yield piece, image.size, piece.path.stat().st_size, image.format


def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@given(st.integers(5, 9000), st.integers(5, 9000), st.sampled_from((1.0, 0.5, 0.25)))
@settings(max_examples=300, deadline=None)
def test_tiles_cover_within_the_limits(width, height, shrink):
    """Every pixel lies in a tile; tiles fit the limits, have one size, and share an overlap with their neighbours."""
    boxes = cut(width, height, LIMITS, shrink)
    covered = np.zeros((height // 7 + 1, width // 7 + 1), bool)
    for box in boxes:
        assert 0 <= box.top < box.bottom <= height
        assert 0 <= box.left < box.right <= width
        assert max(box.width, box.height) <= 3840 * shrink
        assert min(box.width, box.height) <= 2160 * shrink
        covered[-(-box.top // 7) : (box.bottom - 1) // 7 + 1, -(-box.left // 7) : (box.right - 1) // 7 + 1] = True
    assert covered[: (height - 1) // 7 + 1, : (width - 1) // 7 + 1].all()
    assert len({(box.width, box.height) for box in boxes}) == 1
    rows = sorted({(box.top, box.bottom) for box in boxes})
    assert all(before[1] - after[0] >= OVERLAP for before, after in itertools.pairwise(rows))


@pytest.mark.parametrize(
    ("size", "tiles"), [((3840, 2160), 1), ((2160, 3840), 1), ((3841, 2160), 2), ((6000, 4000), 4)]
)
def test_the_fewest_tiles(size, tiles):
    """Both orientations of the largest picture go up whole; a 24-megapixel picture in four."""
    assert len(cut(*size, LIMITS)) == tiles


def test_a_file_that_fits_goes_up_as_it_is(tmp_path):
    """A plain JPEG and a plain PNG are sent verbatim."""
    for name, options in (("a.jpg", {"quality": 90}), ("b.png", {}), ("c.jpg", {"icc_profile": srgb()})):
        path = tmp_path / name
        Image.fromarray(smooth(60, 80)).save(path, **options)
        prepared = prepare(read_picture(path, ReadLimits()), LIMITS, tmp_path, Report(), file=path, overview=True)
        assert [piece.path for piece in prepared.pieces] == [path]
        assert prepared.overview is None
        assert prepared.pieces[0].identity is not None


def other_profile():
    """A profile of other colours: sRGB's with red and blue exchanged would do; Lab's is none. Adobe RGB's gamma."""
    data = bytearray(srgb())
    red, blue = data.find(b"rXYZ", 128), data.find(b"bXYZ", 128)
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def test_whatever_the_service_would_misread_is_encoded_anew(tmp_path):
    """Turned, palette, transparent, deep, foreign-profile and oversized files never go up as they are."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(smooth(60, 80))
    files = {
        "turned.jpg": lambda path: picture.save(path, exif=exif),
        "palette.png": lambda path: picture.quantize(16).save(path),
        "clear.png": lambda path: Image.fromarray(noise(60, 80, 4)).save(path),
        "cmyk.jpg": lambda path: picture.convert("CMYK").save(path),
        "profile.jpg": lambda path: picture.save(path, icc_profile=other_profile()),
        "picture.webp": lambda path: picture.save(path, lossless=True),
        "heavy.png": lambda path: Image.fromarray(noise(200, 150)).save(path),
    }
    limits = Limits(48, 60_000, 30_000_000, 3840, 2160)
    for number, (name, save) in enumerate(files.items()):
        path = tmp_path / name
        save(path)
        made = tmp_path / str(number)
        made.mkdir()
        picture_read = read_picture(path, ReadLimits())
        prepared = prepare(picture_read, limits, made, Report(), file=path, overview=True)
        assert all(piece.path.parent == made for piece in prepared.pieces), name
        assert all(size <= 60_000 for _piece, _size, size, _format in sent(prepared))


def test_another_profile_is_converted_for_the_service(tmp_path):
    """What goes up means the same colours without a profile."""
    picture = Picture(pixels=smooth(40, 40), icc=other_profile())
    prepared = prepare(picture, LIMITS, place(tmp_path), Report(), file=None, overview=False)
    with Image.open(prepared.pieces[0].path) as image:
        got = np.asarray(image.convert("RGB")).astype(int)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.icc))
    wanted = ImageCms.profileToProfile(
        Image.fromarray(picture.pixels), profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert np.abs(got - np.asarray(wanted)).max() <= 3
    assert np.abs(got - picture.pixels).max() > 30


@given(st.integers(5, 150), st.integers(5, 150), st.integers(2_000, 60_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_best_encoding_that_fits(tmp_path_factory, width, height, limit, plain):
    """Lossless where that fits, else a JPEG that a higher quality would not fit; never above the limit."""
    pixels = smooth(height, width) if plain else noise(height, width)
    path = tmp_path_factory.mktemp("best") / "made"
    kind = encode_fitting(pixels, path, limit)
    if kind is None:
        assert jpeg_size(pixels, 85) > limit
        return
    assert path.stat().st_size <= limit
    with Image.open(path) as image:
        assert Image.MIME[image.format] == kind
        if kind == "image/png":
            assert np.array_equal(np.asarray(image), pixels)
            return
        chosen = next(quality for quality in range(85, 101) if jpeg_size(pixels, quality) == path.stat().st_size)
    assert chosen == 100 or jpeg_size(pixels, chosen + 1) > limit


def jpeg_size(pixels, quality):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.tell()


def test_large_pictures_become_tiles_and_an_overview(tmp_path):
    """All pieces fit in bytes and pixels; the overview shows the whole picture."""
    picture = Picture(pixels=noise(300, 400))
    prepared = prepare(picture, SMALL, place(tmp_path), Report(), file=None, overview=True)
    assert len(prepared.pieces) > 4
    for _piece, (width, height), size, _format in sent(prepared):
        assert max(width, height) <= 160
        assert min(width, height) <= 120
        assert size <= 60_000
    assert prepared.overview is not None
    assert prepare(picture, SMALL, place(tmp_path / "place"), Report(), file=None, overview=False).overview is None


def test_contents_have_names_of_their_own(tmp_path):
    """Names of pieces depend on the pixels and the place alone."""
    first, second = Picture(pixels=noise(300, 400)), Picture(pixels=noise(300, 400, seed=2))
    names = [
        [piece.content for piece in prepare(picture, SMALL, tmp_path, Report(), file=None, overview=False).pieces]
        for picture in (first, first.replace(dpi=(1.0, 1.0)), second)
    ]
    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])
    assert len(set(names[0])) == len(names[0])
    assert content_of(first) != content_of(first.replace(icc=srgb()))


@pytest.mark.parametrize("size", [(4, 100), (100, 4), (1, 1)])
def test_too_small_is_refused(size, tmp_path):
    """A picture below what the service takes is refused before anything is sent."""
    with pytest.raises(PictureUnknown, match="5"):
        prepare(Picture(pixels=noise(*size)), LIMITS, tmp_path, Report(), file=None, overview=True)


def test_limits_that_nothing_meets_are_said(tmp_path):
    """If no piece can be made small enough, the setting is named."""
    limits = Limits(48, 100, 1000, 160, 120)
    with pytest.raises(PictureTooLarge, match="bytes_each"):
        prepare(Picture(pixels=noise(200, 200)), limits, tmp_path, Report(), file=None, overview=True)


def test_cancel_is_heard_between_tiles(tmp_path):
    """Preparing a large picture stops when asked."""
    report = Report(cancelled=lambda: True)
    with pytest.raises(Cancelled):
        prepare(Picture(pixels=noise(300, 400)), SMALL, tmp_path, report, file=None, overview=True)
