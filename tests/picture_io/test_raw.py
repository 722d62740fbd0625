"""Raw strips: what is written is what is read, and what cannot be is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.errors import OutputDenied, PictureBroken, PictureError, PictureTooLarge, PictureUnreadable
from resilver.picture import Picture
from resilver.picture_io.raw import STRIP_ROWS, RawFile, read_raw, write_raw
from resilver.picture_io.read import ReadLimits

LIMITS = ReadLimits()


def noise(height: int, width: int, channels: int, depth: int, *, alpha: bool) -> Picture:
    random = np.random.default_rng(height * width)
    kind = np.uint8 if depth == 8 else np.uint16
    pixels = random.integers(0, 2**depth, (height, width, channels), dtype=kind)
    return Picture(pixels=pixels, alpha=random.integers(0, 2**depth, (height, width), dtype=kind) if alpha else None)


@given(
    height=st.one_of(st.integers(1, 9), st.integers(STRIP_ROWS - 1, 2 * STRIP_ROWS + 1)),
    width=st.integers(1, 9),
    channels=st.sampled_from((1, 3)),
    depth=st.sampled_from((8, 16)),
    alpha=st.booleans(),
    icc=st.none() | st.binary(min_size=1, max_size=50),
)
def test_round_trip(tmp_path_factory, height, width, channels, depth, alpha, icc) -> None:
    """Pixels, alpha and profile come back bit by bit, whatever the size and layout."""
    picture = noise(height, width, channels, depth, alpha=alpha).replace(icc=icc)
    raw = write_raw(picture, tmp_path_factory.mktemp("raw") / "layer")
    back = read_raw(raw, LIMITS)
    np.testing.assert_array_equal(back.pixels, picture.pixels)
    assert (back.alpha is None) == (not alpha)
    if alpha:
        np.testing.assert_array_equal(back.alpha, picture.alpha)
    assert back.icc == icc
    assert raw.channels == channels + alpha
    assert raw.path.stat().st_size == raw.size


def test_layout_is_the_documented_one(tmp_path: Path) -> None:
    """Pixel by pixel, channel by channel, 16 bits little-endian, after the offset."""
    path = tmp_path / "layer"
    path.write_bytes(b"head" + bytes([1, 2, 3, 4, 5, 6, 7, 8]))
    picture = read_raw(RawFile(path=path, width=1, height=2, channels=2, depth=16, offset=4), LIMITS)
    assert picture.pixels.tolist() == [[[0x0201]], [[0x0605]]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0x0403], [0x0807]]


def test_mapped_pixels_outlive_their_file(tmp_path: Path) -> None:
    """A result can be deleted as soon as it is mapped, so that nothing is left over."""
    picture = noise(20, 30, 3, 8, alpha=False)
    raw = write_raw(picture, tmp_path / "layer")
    back = read_raw(raw, LIMITS)
    raw.path.unlink()
    np.testing.assert_array_equal(back.pixels, picture.pixels)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": -1},
        {"channels": 0},
        {"channels": 5},
        {"depth": 32},
        {"depth": 0},
        {"offset": -1},
        {"width": 10**30},
    ],
)
def test_layout_that_cannot_be(tmp_path: Path, changes: dict[str, int]) -> None:
    """A wrong layout is a typed error, not a crash."""
    (tmp_path / "layer").write_bytes(bytes(100))
    layout = {"width": 2, "height": 2, "channels": 3, "depth": 8} | changes
    with pytest.raises(PictureError):
        read_raw(RawFile(path=tmp_path / "layer", **layout), LIMITS)


def test_too_short(tmp_path: Path) -> None:
    """A file that ends before its last row is refused, for a mapping beyond the end would kill the process."""
    (tmp_path / "layer").write_bytes(bytes(11))
    for offset, width in ((0, 2), (10**20, 1)):
        raw = RawFile(path=tmp_path / "layer", width=width, height=2, channels=3, depth=8, offset=offset)
        with pytest.raises(PictureBroken):
            read_raw(raw, LIMITS)


def test_too_large(tmp_path: Path) -> None:
    """The limit on pixels holds before anything is read."""
    raw = RawFile(path=tmp_path / "gone", width=1000, height=1000, channels=3, depth=8)
    with pytest.raises(PictureTooLarge):
        read_raw(raw, ReadLimits(max_pixels=999_999))


def test_no_regular_file(tmp_path: Path) -> None:
    """Pipes, folders, links, missing files and impossible names are refused at once; nothing blocks."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(bytes(100))
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("pipe", "link", "gone", ".", "nul\0"):
        with pytest.raises(PictureUnreadable):
            read_raw(RawFile(path=tmp_path / name, width=1, height=1, channels=1, depth=8), LIMITS)


def test_never_overwrites(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "layer").write_bytes(b"mine")
    with pytest.raises(OutputDenied):
        write_raw(noise(2, 2, 1, 8, alpha=False), tmp_path / "layer")
    assert (tmp_path / "layer").read_bytes() == b"mine"
