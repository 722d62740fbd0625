"""Masks on their way through a real worker with the local engine: files, and pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from resilver.errors import OutputDenied, PictureError, UsageError
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.settings import LocalSettings, Settings
from resilver.worker.client import Worker


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with Worker(Settings(local=LocalSettings(models=tmp_path_factory.mktemp("none"), gpu="off"))) as worker:
        yield worker


@pytest.fixture
def photo(tmp_path) -> Path:
    """A portrait with bright cracks, saved as it is."""
    cracked = data.astronaut()[:240, 96:336].copy()
    cv2.polylines(
        cracked, [np.array([[10, 0], [60, 90], [70, 239]]), np.array([[239, 40], [90, 70]])], False, (255,) * 3, 3
    )
    Image.fromarray(cracked).save(tmp_path / "attic.png")
    return tmp_path / "attic.png"


def opened(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_what_it_takes(worker):
    """The worker tells that its engine takes masks and colours for points."""
    assert set(worker.info().features) == {"mask", "hints"}


def test_the_mask_is_written(worker, photo, tmp_path):
    """A gray PNG of the picture's size and 8 bits, 0 where nothing is filled; never over another file."""
    out = tmp_path / "masks" / "found.png"
    done = worker.improve_file(photo, tmp_path / "out", Recipe(), mask_out=out)
    assert done.outputs["mask"] == out
    mask = opened(out)
    assert (mask.dtype, mask.shape) == (np.uint8, (240, 240))
    assert 0.005 < (mask > 0).mean() < 0.2
    before = out.read_bytes()
    with pytest.raises(OutputDenied, match=r"found\.png is there already"):
        worker.improve_file(photo, tmp_path / "out", Recipe(), mask_out=out)
    assert out.read_bytes() == before


def test_it_is_written_of_what_was_done_before(worker, photo, tmp_path):
    """The result is not made again for the sake of the mask."""
    first = worker.improve_file(photo, tmp_path / "out", Recipe())
    again = worker.improve_file(photo, tmp_path / "out", Recipe(), mask_out=tmp_path / "mask.png")
    assert again.skipped
    assert again.outputs == {**first.outputs, "mask": tmp_path / "mask.png"}
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_the_users_own_mask_is_followed(worker, photo, tmp_path):
    """Only what is light in it is filled, whatever else is damaged; another mask makes another result."""
    mask = np.zeros((240, 240), np.uint8)
    mask[60:120, 30:90] = 255
    Image.fromarray(mask).save(tmp_path / "own.png")
    done = worker.improve_file(photo, tmp_path / "out", Recipe(), mask=tmp_path / "own.png")
    changed = (opened(done.outputs["final"]) != opened(photo)).any(axis=2)
    assert changed[mask > 0].mean() > 0.2
    assert not changed[mask == 0].any()
    assert worker.improve_file(photo, tmp_path / "out", Recipe(), mask=tmp_path / "own.png").skipped
    Image.fromarray(255 - mask).save(tmp_path / "own.png")
    assert not worker.improve_file(photo, tmp_path / "out", Recipe(), mask=tmp_path / "own.png").skipped


def test_a_black_mask_fills_nothing(worker, photo, tmp_path):
    """Who marks nothing wants nothing filled: the picture is good then."""
    Image.fromarray(np.zeros((240, 240), np.uint8)).save(tmp_path / "own.png")
    done = worker.improve_file(photo, tmp_path / "out", Recipe(), mask=tmp_path / "own.png")
    assert done.absent["improved"] == "already good"


def test_what_cannot_be_meant(worker, photo, tmp_path):
    """A mask of another size, and one without repair, are refused; nothing is written."""
    Image.new("L", (10, 20)).save(tmp_path / "own.png")
    with pytest.raises(PictureError, match="10 x 20"):
        worker.improve_file(photo, tmp_path / "out", Recipe(), mask=tmp_path / "own.png")
    upscale = Recipe(improve=False, resolution=2)
    with pytest.raises(UsageError, match="repair"):
        worker.improve_file(photo, tmp_path / "out", upscale, mask_out=tmp_path / "mask.png")
    assert not (tmp_path / "mask.png").exists()
    assert not list((tmp_path).glob("out/*"))


def test_pixels(worker, photo):
    """Raw pixels go with a raw mask, and the mask comes back as one channel of 8 bits, also alone."""
    pixels = opened(photo)
    found = worker.improve_raw(Picture(pixels=pixels.astype(np.uint16) * 257), Recipe(), wanted=("mask",))
    mask = found.picture("mask")
    assert (mask.pixels.dtype, mask.pixels.shape) == (np.uint8, (240, 240, 1))
    assert mask.pixels.any()
    given = Picture(pixels=pixels, mask=np.ascontiguousarray(mask.pixels[..., 0]))
    done = worker.improve_raw(given, Recipe(resolution=2), wanted=("mask", "improved", "final"))
    assert np.array_equal(done.picture("mask").pixels, mask.pixels)
    changed = (done.picture("improved").pixels != pixels).any(axis=2)
    assert not changed[mask.pixels[..., 0] == 0].any()
    assert done.picture("final").width == 480
