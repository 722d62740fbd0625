"""Tiles: equal to the whole, without seams, within bounded memory, to be stopped at each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.nets import FakeDevice, fake_runtime, real_runtime, texture
from resilver.engine import Report
from resilver.errors import Cancelled, EngineMemory
from resilver.local.enlarge import Lanczos
from resilver.local.networks import NETWORKS
from resilver.local.tiling import Chain, Mix, Single, run_tiled

STAGES = {
    "upconv": lambda: Single("upconv-noise1"),
    "upconv twice": lambda: Chain(Single("upconv-noise1"), Single("upconv")),
    "cunet": lambda: Single("cunet"),
    "cunet 1x": lambda: Single("cunet-1x-noise2"),
    "cugan": lambda: Single("cugan-conservative"),
    "cugan pro": lambda: Single("cugan-pro-conservative"),
    "cugan x4": lambda: Single("cugan-x4-conservative"),
    "mean": lambda: Mix(Single("upconv-noise1"), Single("cugan-conservative"), 0.5),
    "Lanczos": lambda: Lanczos(2),
}
POOLED = ["cunet", "cugan-conservative", "cugan-pro-conservative", "cugan-x4-conservative", "cunet-1x-noise2"]
SIDES = st.integers(1, 80)


@pytest.fixture(scope="module")
def runtime():
    return real_runtime()


def difference(stage, pixels, runtime, tile):
    """Largest step of the 8-bit scale between tiled and untiled, away from the border."""
    whole = run_tiled(stage, pixels, runtime, Report(), tile=max(pixels.shape)).astype(int)
    tiled = run_tiled(stage, pixels, runtime, Report(), tile=tile).astype(int)
    assert whole.shape == (pixels.shape[0] * stage.scale, pixels.shape[1] * stage.scale, pixels.shape[2])
    edge = stage.margin * stage.scale
    inner = np.abs(whole - tiled)[edge : whole.shape[0] - edge, edge : whole.shape[1] - edge]
    return inner.max(initial=0)


@settings(max_examples=6, deadline=None)
@given(height=SIDES, width=SIDES, seed=st.integers(0, 3))
@pytest.mark.parametrize("name", ["upconv", "cunet", "cugan", "cunet 1x", "Lanczos"])
def test_tiled_equals_untiled(runtime, name, height, width, seed):
    """Any size cut into tiles gives the picture that one tile gives, within 1/255 away from the border."""
    assert difference(STAGES[name](), texture(height, width, seed=seed), runtime, 40) <= 1


@pytest.mark.parametrize("name", ["upconv twice", "cugan pro", "cugan x4", "mean"])
def test_other_stages_tiled_equal_untiled(runtime, name):
    """The same for what is put together, and for the networks with borders of their own."""
    assert difference(STAGES[name](), texture(74, 61), runtime, 40) <= 1


def uneven(height, width, seed=0):
    """Nothing on one side, all on the other: averages over some places are not those over all."""
    pixels = texture(height, width, seed=seed)
    pixels[:, : width // 2] = (pixels[:, : width // 2] // 32 + 4).astype(np.uint8)
    return pixels


@settings(max_examples=4, deadline=None)
@given(height=st.integers(90, 170), width=st.integers(90, 170), tile=st.integers(24, 48), seed=st.integers(0, 3))
@pytest.mark.parametrize("name", POOLED)
def test_averages_are_those_of_the_whole(runtime, name, height, width, tile, seed):
    """Networks that weigh their features by averages over the picture give the same in many tiles as in one."""
    assert difference(Single(name), uneven(height, width, seed), runtime, tile) <= 1


@pytest.mark.parametrize("name", POOLED)
def test_what_is_kept_for_averages_is_bounded(name):
    """Each tile that takes part in the averages costs four more calls; no more take part than may be kept."""
    stage = Single(name)
    most = (40 + 2 * stage.margin) ** 2 * NETWORKS[name].kept[False]
    for side in (240, 480):
        device = FakeDevice()
        run_tiled(stage, texture(side, side), fake_runtime(device), Report(), tile=40, kept_bytes=9 * most)
        assert device.calls - (side // 40) ** 2 == 4 * 9


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (2, 41)])
@pytest.mark.parametrize("name", STAGES)
def test_tiny_pictures(runtime, name, size):
    """A picture smaller than every border comes out in full size and in its own colours."""
    flat = np.full((*size, 3), (200, 120, 60), np.uint8)
    stage = STAGES[name]()
    made = run_tiled(stage, flat, runtime, Report())
    assert made.shape == (size[0] * stage.scale, size[1] * stage.scale, 3)
    assert np.abs(made.astype(int) - (200, 120, 60)).max() < 12


def test_no_seams_where_averages_are_only_sampled(runtime):
    """On a smooth picture of many tiles the steps across tile edges are no larger than elsewhere."""
    y, x = np.mgrid[:160, :160]
    smooth = np.stack([x + 40, y + 40, (x + y) // 2 + 20], -1).astype(np.uint8)
    made = run_tiled(Single("cugan-conservative"), smooth, runtime, Report(), tile=32, kept_bytes=9_000_000)
    made = made.astype(int)
    steps = np.abs(np.diff(made, axis=1))[40:-40].mean(axis=(0, 2))
    edges = np.arange(64, 320, 64)[:-1] - 1
    others = np.delete(steps, edges)[40:-40]
    assert steps[edges].max() <= others.max() + 0.1


def test_gray_stays_gray_and_16_bits_are_not_rounded(runtime):
    """One channel in, one out; 16 bits keep levels between those of 8 bits and agree with them."""
    fine = texture(48, 48, channels=1, dtype=np.uint16)
    fine_made = run_tiled(Single("upconv-noise1"), fine, runtime, Report())
    coarse_made = run_tiled(Single("upconv-noise1"), (fine // 257).astype(np.uint8), runtime, Report())
    assert fine_made.dtype == np.uint16
    assert fine_made.shape == (96, 96, 1)
    assert np.mean(fine_made % 257 != 0) > 0.9
    assert np.abs(fine_made / 257 - coarse_made).max() < 4


def test_progress_rises_to_one_and_cancel_is_heard_at_each_tile():
    """The report hears rising fractions; a wish to stop is granted before the next tile."""
    heard = []
    run_tiled(Single("cunet"), texture(90, 90), fake_runtime(), Report(lambda part, _: heard.append(part)), tile=40)
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, 1.0)
    device = FakeDevice()
    stop = Report(cancelled=lambda: device.calls >= 3)
    with pytest.raises(Cancelled):
        run_tiled(Single("upconv"), texture(90, 90), fake_runtime(device), stop, tile=20)
    assert device.calls == 3


def test_short_memory_halves_the_tiles_once():
    """A tile that does not fit is tried at half its side; what still does not fit is a typed error."""

    def spoil(call, output):
        if output.shape[-1] > limit:
            raise MemoryError
        return output

    limit, notes, heard = 100, [], []
    device = FakeDevice(spoil=spoil)
    report = Report(lambda part, _: heard.append(part), notes.append)
    pixels = texture(128, 128)
    made = run_tiled(Single("upconv"), pixels, fake_runtime(device), report, tile=64)
    assert np.array_equal(made, pixels.repeat(2, 0).repeat(2, 1))
    assert notes == ["Memory was short; going on with smaller tiles."]
    assert heard == sorted(heard)
    limit = 10
    with pytest.raises(EngineMemory):
        run_tiled(Single("upconv"), pixels, fake_runtime(device), report, tile=64)


def test_colours_of_transparent_pixels_do_not_bleed():
    """What lies under alpha 0 has no part in what is visible."""
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:] = (0, 255, 0)
    pixels[10:30, 10:30] = (200, 10, 10)
    alpha = np.zeros((40, 40), np.uint8)
    alpha[10:30, 10:30] = 255
    made = run_tiled(Lanczos(2), pixels, fake_runtime(), Report(), alpha=alpha)
    assert np.abs(made[20:60, 20:60].astype(int) - (200, 10, 10)).max() <= 2
