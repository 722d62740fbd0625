"""What comes back: whole, without seams, of the original's size and depth, with all that it came with."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from cloud.test_preparation import SMALL, noise, other_profile, smooth
from fakes.cloud_service import jpeg
from picture_io.seeds import gray_icc
from resilver.cloud.preparation import prepare
from resilver.cloud.results import applied, assemble
from resilver.engine import Report
from resilver.errors import CloudGarbage
from resilver.picture import Metadata, Picture

JPEG = 4  # of 255: what quality 98 does to smooth pixels


def answered(prepared, tmp_path, change=lambda pixels, number: pixels, factor=1):
    """A file for each piece, changed by a function, and one for the overview."""
    paths = []
    for number, piece in enumerate((*prepared.pieces, *([prepared.overview] if prepared.overview else []))):
        with Image.open(piece.path) as image:
            pixels = np.asarray(image.convert("RGB")).repeat(factor, 0).repeat(factor, 1)
        path = tmp_path / f"answer-{number}.jpg"
        path.write_bytes(jpeg(change(pixels, number)))
        paths.append(path)
    return (paths[:-1], paths[-1]) if prepared.overview else (paths, None)


def photo(height, width):
    """Soft shapes at many sizes, without noise that a JPEG would change much."""
    small = noise(height // 12 + 1, width // 12 + 1, seed=3)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def prepared_of(picture, tmp_path, overview=False):
    directory = tmp_path / "pieces"
    directory.mkdir(exist_ok=True)
    return prepare(picture, SMALL, directory, Report(), file=None, overview=overview)


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("size", [(100, 140), (250, 333), (121, 700)])
def test_tiles_are_stitched_to_what_the_whole_would_be(tmp_path, size, factor):
    """What comes back unchanged is the picture again at every size, also where tiles meet."""
    pixels = photo(*size)
    prepared = prepared_of(Picture(pixels=pixels), tmp_path)
    files, _ = answered(prepared, tmp_path, factor=factor)
    whole = assemble(prepared, files, None, factor)
    wanted = pixels.repeat(factor, 0).repeat(factor, 1)
    assert whole.shape == wanted.shape
    error = np.abs(whole.astype(int) - wanted)
    assert error.max() <= 24  # JPEG at the edges of repeated pixels
    assert error.mean() < 2


def test_no_seam_where_tiles_were_judged_differently(tmp_path):
    """If every tile comes back with a tone of its own, the whole has the overview's, without a step anywhere."""
    pixels = np.full((250, 500, 3), 120, np.uint8)
    pixels[:, :, 1] += np.linspace(0, 40, 500).astype(np.uint8)
    prepared = prepared_of(Picture(pixels=pixels), tmp_path, overview=True)
    last = len(prepared.pieces)

    def judged(tile, number):
        shift = 20 if number == last else (number * 37) % 50 - 25
        return np.clip(tile.astype(int) + shift, 0, 255).astype(np.uint8)

    files, overview = answered(prepared, tmp_path, judged)
    whole = assemble(prepared, files, overview, 1).astype(int)
    assert np.abs(whole - (pixels.astype(int) + 20)).max() <= 6
    assert np.abs(np.diff(whole, axis=0)).max() <= 3
    assert np.abs(np.diff(whole, axis=1)).max() <= 3


def test_without_an_overview_tones_fade_into_each_other(tmp_path):
    """Two tiles of different tone meet in a ramp over their overlap, not in a step."""
    pixels = np.full((100, 300, 3), 100, np.uint8)
    prepared = prepared_of(Picture(pixels=pixels), tmp_path)
    assert len(prepared.pieces) > 1
    files, _ = answered(prepared, tmp_path, lambda tile, number: tile + np.uint8(40 * (number % 2)))
    whole = assemble(prepared, files, None, 1).astype(int)
    assert np.ptp(whole) >= 35
    assert np.abs(np.diff(whole, axis=1)).max() <= 4


def test_a_tile_without_a_result_stays_as_it_was(tmp_path):
    """Tiles that were good are filled from what was sent."""
    pixels = photo(100, 300)
    prepared = prepared_of(Picture(pixels=pixels), tmp_path)
    files, _ = answered(prepared, tmp_path)
    whole = assemble(prepared, [None, *files[1:]], None, 1)
    assert np.abs(whole.astype(int) - pixels).max() <= 24
    assert assemble(prepared, [None] * len(files), None, 1) is None


def test_another_size_is_brought_back(tmp_path):
    """A smaller answer has the original's size again."""
    pixels = smooth(90, 120)
    prepared = prepared_of(Picture(pixels=pixels), tmp_path)
    path = tmp_path / "small.jpg"
    path.write_bytes(jpeg(cv2.resize(pixels, (60, 45), interpolation=cv2.INTER_AREA)))
    whole = assemble(prepared, [path], None, 1)
    assert whole.shape == pixels.shape
    assert np.abs(whole.astype(int) - pixels).mean() < 4


@pytest.mark.parametrize(
    "content", [b"", b"<html>no</html>", b"\xff\xd8\xff\xe0 cut", jpeg(smooth(90, 120))[:900], jpeg(smooth(120, 90)),
                jpeg(smooth(5, 2000))],
)  # fmt: skip
def test_what_is_no_such_picture_is_garbage(tmp_path, content):
    """Text, cut files and pictures of another shape are refused with a typed error."""
    prepared = prepared_of(Picture(pixels=smooth(90, 120)), tmp_path)
    path = tmp_path / "came"
    path.write_bytes(content)
    with pytest.raises(CloudGarbage):
        assemble(prepared, [path], None, 1)


def sent_as(picture):
    """What the service sees of a picture, as RGB."""
    from resilver.cloud.preparation import shown

    pixels = shown(picture)
    return pixels.repeat(3, axis=2) if picture.gray else pixels


@pytest.mark.parametrize("gray", [False, True])
def test_sixteen_bits_survive_what_was_not_changed(gray):
    """A service that changes nothing changes no value of a 16-bit picture; a shift by 10 shifts all alike."""
    picture = Picture(pixels=noise(50, 60, 1 if gray else 3, np.uint16) // 2 + 8000)
    made = sent_as(picture)
    same = applied(picture, made, 1, gray=gray)
    assert np.array_equal(same.pixels, picture.pixels)
    shifted = applied(picture, made + np.uint8(10), 1, gray=gray)
    assert shifted.pixels.dtype == np.uint16
    assert np.abs(shifted.pixels.astype(int) - picture.pixels - 2570).max() <= 1


def test_an_enlarged_picture_keeps_its_fine_steps():
    """A smooth 16-bit ramp has far more than 256 levels when it comes back enlarged, and no step of 8 bits."""
    ramp = np.linspace(20_000, 24_000, 200).astype(np.uint16)
    picture = Picture(pixels=np.broadcast_to(ramp[None, :, None], (20, 200, 3)).copy())
    made = cv2.resize(sent_as(picture), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    large = applied(picture, made, 2, gray=False)
    assert large.pixels.shape == (40, 400, 3)
    assert len(np.unique(large.pixels[0, :, 0])) > 150
    assert np.abs(large.pixels[:, ::2].repeat(2, 1).astype(int)[:, :398, 0] - ramp.repeat(2)[None, :398]).max() < 200


def test_another_profile_comes_back(tmp_path):
    """The result is in the original's own profile; unchanged colours are exactly what they were, inside sRGB or not."""
    picture = Picture(pixels=noise(40, 50), icc=other_profile())
    same = applied(picture, sent_as(picture), 1, gray=False)
    assert same.icc == picture.icc
    assert np.abs(same.pixels.astype(int) - picture.pixels).max() <= 1


def test_a_gray_profile_gives_way_to_srgb_with_the_same_look():
    """Gray with a linear profile comes back as gray in sRGB's tone."""
    picture = Picture(pixels=np.full((10, 10, 1), 60, np.uint8), icc=gray_icc(1.0))
    same = applied(
        picture, sent_as(picture.replace(pixels=np.full((10, 10, 1), 132, np.uint8), icc=None)), 1, gray=True
    )
    assert same.icc is None
    assert same.gray
    assert abs(int(same.pixels[0, 0, 0]) - 132) <= 1


def test_everything_else_travels_along():
    """Alpha, metadata, resolution and format are the original's; alpha and resolution grow with the picture."""
    alpha = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    metadata = Metadata(exif=b"MM", xmp=b"<x/>", iptc=b"\x1c")
    picture = Picture(pixels=smooth(40, 50), alpha=alpha, dpi=(300.0, 200.0), metadata=metadata, format="png")
    same = applied(picture, sent_as(picture), 1, gray=False)
    assert np.array_equal(same.alpha, alpha)
    assert (same.dpi, same.metadata, same.format) == (picture.dpi, metadata, "png")
    large = applied(picture, sent_as(picture).repeat(4, 0).repeat(4, 1), 4, gray=False)
    assert large.alpha.shape == (160, 200)
    assert np.abs(large.alpha[::4, ::4].astype(int) - alpha).max() <= 3
    assert large.dpi == (1200.0, 800.0)


def test_strength_takes_a_part_of_the_change():
    """Half the strength is half the change, none is the original."""
    picture = Picture(pixels=smooth(40, 50) // 2)
    made = sent_as(picture) + np.uint8(40)
    for strength, shift in ((0.5, 20), (0.0, 0), (1.0, 40)):
        got = applied(picture, made, 1, gray=False, strength=strength)
        assert np.abs(got.pixels.astype(int) - picture.pixels - shift).max() <= 1


def test_the_original_is_never_written_to():
    """Arrays of the input may be mapped files; they stay as they are."""
    pixels = noise(30, 30, dtype=np.uint16)
    pixels.flags.writeable = False
    applied(Picture(pixels=pixels), sent_as(Picture(pixels=pixels)), 1, gray=False, strength=0.5)
