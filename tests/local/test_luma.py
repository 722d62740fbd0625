"""Our own networks as they are shipped: luma through the network, the colours brought along."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from fakes.nets import ONE_THREAD, texture
from resilver.engine import Report
from resilver.local.luma import Luma
from resilver.local.models import ModelStore
from resilver.local.runtime import Runtime
from resilver.local.tiling import run_tiled

NAMES = ["own-x2", "own-x2-clean", "own-x2-scan", "own-x4", "own-denoise"]
PHOTO = data.astronaut()[60:130, 180:270]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """Nothing but the package's own networks."""
    return Runtime(ONE_THREAD, store=ModelStore(tmp_path_factory.mktemp("models")))


def through(name, pixels, runtime, **options):
    made = run_tiled(Luma(name), pixels, runtime, Report(), **options)
    scale = Luma(name).scale
    assert made.dtype == pixels.dtype
    assert made.shape == (pixels.shape[0] * scale, pixels.shape[1] * scale, pixels.shape[2])
    return made


@settings(max_examples=8, deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), noise=st.sampled_from([0, 10, 25]))
@pytest.mark.parametrize("name", NAMES)
def test_tiled_equals_untiled(runtime, name, height, width, noise):
    """Any size cut into tiles gives the picture that one tile gives, within 1/255 away from the border."""
    chance = np.random.default_rng(noise)
    pixels = texture(height, width) + chance.normal(0, noise, (height, width, 3))
    pixels = pixels.clip(0, 255).astype(np.uint8)
    whole = through(name, pixels, runtime, tile=96).astype(int)
    tiled = through(name, pixels, runtime, tile=40).astype(int)
    edge = 8 * Luma(name).scale
    assert np.abs(whole - tiled)[edge:-edge, edge:-edge].max(initial=0) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_gray_stays_gray(runtime, name):
    """Three equal channels stay equal to the bit, and are what one channel gives."""
    one = data.camera()[100:170, 200:270, None]
    made = through(name, one, runtime)
    assert np.array_equal(through(name, np.repeat(one, 3, axis=2), runtime), np.repeat(made, 3, axis=2))
    # what is gray in a part of a colour picture only is gray there still
    mixed = np.hstack([np.repeat(one, 3, axis=2)] * 2)
    mixed[:, 100:] = (200, 30, 30)
    left = through(name, mixed, runtime)[:, : 80 * Luma(name).scale].astype(int)
    assert np.ptp(left, axis=2).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_16_bits_are_not_rounded_on_the_way(runtime, name):
    """16 bits agree with 8 bits of the same picture, and use the levels between those."""
    fine = through(name, PHOTO.astype(np.uint16) * 257, runtime)
    assert np.abs(fine / 257 - through(name, PHOTO, runtime)).max() <= 0.51
    assert np.mean(fine % 257 != 0) > 0.8


@settings(max_examples=10, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
@pytest.mark.parametrize("name", NAMES)
def test_a_constant_picture_stays_constant(runtime, name, size, colour):
    """One colour in any size, as small as one pixel, comes out as that colour."""
    made = through(name, np.full((*size, 3), colour, np.uint8), runtime)
    assert np.abs(made.astype(int) - colour).max() <= 3


@pytest.mark.parametrize("name", ["own-x2", "own-x2-clean", "own-x2-scan", "own-x4"])
def test_colours_are_enlarged_by_lanczos(runtime, name):
    """The differences between the channels are those of Lanczos resampling, where nothing is clipped."""
    made = through(name, PHOTO, runtime).astype(float)
    red_less_blue = Image.fromarray(PHOTO[..., 0].astype(np.float32) - PHOTO[..., 2])
    wanted = np.asarray(red_less_blue.resize(made.shape[1::-1], Image.Resampling.LANCZOS))
    inner = np.zeros(made.shape[:2], bool)
    edge = 4 * Luma(name).scale  # beyond the picture's edge Pillow sees nothing, and we its mirror image
    inner[edge:-edge, edge:-edge] = True
    inner &= ((made > 0) & (made < 255)).all(axis=2)
    assert inner.mean() > 0.5
    assert np.abs(made[..., 0] - made[..., 2] - wanted)[inner].max() <= 1.01


def test_the_denoiser_smooths_colours_along_the_luma(runtime):
    """Noise in each channel goes from the colours, too, and the edge between two colours stays."""
    truth = np.full((96, 96, 3), (60, 120, 200), np.uint8)
    truth[:, 48:] = (210, 150, 60)
    noisy = (truth + np.random.default_rng(3).normal(0, 12, truth.shape)).clip(0, 255).astype(np.uint8)
    made = through("own-denoise", noisy, runtime)
    wanted, before, after = (x[..., 0].astype(float) - x[..., 2] for x in (truth, noisy, made))
    assert np.abs(after - wanted).mean() < np.abs(before - wanted).mean() / 3
    assert after[:, 54:].mean() - after[:, :42].mean() > 0.97 * (wanted[0, -1] - wanted[0, 0])
