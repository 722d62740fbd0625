"""Damage is found and filled, and nothing else is touched."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage import data

from resilver.engine import Report
from resilver.errors import Cancelled
from resilver.local import damage
from resilver.local.damage import fill_damage, find_damage
from resilver.local.measure import assess
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.settings import LocalSettings


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    runtime = Runtime(LocalSettings(models=tmp_path_factory.mktemp("none"), gpu="off"))
    yield runtime
    runtime.unload()


def scratched(pixels, value=255):
    """The picture with bright cracks and specks, and where they are."""
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.polylines(mask, [np.array([[20, 10], [60, 90], [70, 200], [110, height - 20]])], False, 255, 3)
    cv2.polylines(mask, [np.array([[width - 10, 40], [width // 2, 60], [100, 80]])], False, 255, 2)
    for x, y in np.random.default_rng(1).integers(20, min(height, width) - 20, (12, 2)):
        cv2.circle(mask, (int(x), int(y)), 2, 255, -1)
    made = pixels.copy()
    made[mask > 0] = value
    return made, mask


def find(pixels, runtime, **planes):
    picture = Picture(pixels=pixels, **planes)
    return find_damage(picture, assess(picture), runtime, Report())


def fill(picture, mask, runtime, strength=1.0):
    return fill_damage(picture, mask, strength, runtime, Report())


def error(one, other, mask):
    return float(np.sqrt(np.square(one.astype(float) - other)[mask > 0].mean()))


@pytest.fixture(scope="module")
def portrait():
    return data.astronaut()[:256, 96:352]


@pytest.mark.parametrize(("value", "least"), [(255, 0.5), (10, 0.15)])
def test_scratches_are_found_and_heal(portrait, runtime, value, least):
    """Much of bright and some of dark scratches is found, little else, and what is found heals."""
    damaged, drawn = scratched(portrait, value)
    found = find(damaged, runtime)
    near = cv2.dilate(drawn, np.ones((7, 7), np.uint8))
    truth = drawn * (np.abs(damaged.astype(int) - portrait).mean(axis=2) > 60)
    assert (found[truth > 0] > 127).mean() > least
    assert (found[near == 0] > 0).mean() < 0.02
    healed = fill(Picture(pixels=damaged), found, runtime).pixels
    assert error(healed, portrait, truth) < (1 - least / 2) * error(damaged, portrait, truth)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "camera"])
def test_good_photographs_have_none(runtime, name):
    """Nothing is found in a clean photograph: collars, stripes and whiskers are no damage."""
    pixels = getattr(data, name)()
    assert not find(pixels if pixels.ndim == 3 else pixels[..., None], runtime).any()


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_good_photographs_have_none_when_large(runtime, name):
    """What is long and thin at full size, a spoon's rim or a scaffold, is known for what it is at half size."""
    large = cv2.resize(getattr(data, name)(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert not find(large, runtime).any()


def test_pages_and_margins_are_left_alone(portrait, runtime):
    """A page of letters has no damage, and what lies beyond the photograph's edge is none."""
    assert not find(data.page()[..., None], runtime).any()
    damaged, _ = scratched(portrait)
    framed = cv2.copyMakeBorder(damaged, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(20, 20, 20))
    framed[10:14, 30:280] = 250
    found = find(framed, runtime)
    assert found[40:-40, 40:-40].any()
    assert not found[:30].any()


@pytest.mark.parametrize("noise", [0, 10, 25])
def test_drawings_are_left_alone(runtime, noise):
    """Eyes, dots and lines on plain paper are what was drawn, under grain as well."""
    drawn = np.full((256, 256, 3), 250, np.uint8)
    cv2.circle(drawn, (120, 110), 80, (10, 10, 10), 4)
    for x in (95, 150):
        cv2.circle(drawn, (x, 98), 12, (0, 0, 0), -1)
    grainy = np.clip(drawn + np.random.default_rng(5).normal(0, noise, drawn.shape), 0, 255).astype(np.uint8)
    assert not find(grainy, runtime).any()


def test_what_is_transparent_is_not_damaged(portrait, runtime):
    """Where nothing is to be seen nothing is filled."""
    damaged, truth = scratched(portrait)
    alpha = np.full(truth.shape, 255, np.uint8)
    alpha[:, :128] = 0
    found = find(damaged, runtime, alpha=alpha)
    assert found[:, 140:].any()
    assert not found[:, :120].any()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    channels=st.sampled_from([1, 3]),
    kind=st.sampled_from([np.uint8, np.uint16]),
    spots=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 40)), min_size=1, max_size=3),
)
def test_only_the_mask_changes(runtime, size, channels, kind, spots):
    """Whatever the picture and the mask, outside of it each pixel stays; depth, size and channels do, too."""
    peak = np.iinfo(kind).max
    pixels = np.random.default_rng(4).integers(0, peak, (*size, channels), endpoint=True).astype(kind)
    mask = np.zeros(size, np.uint8)
    for y, x, radius in spots:
        cv2.circle(mask, (int(x * size[1]), int(y * size[0])), radius, 255, -1)
    made = fill(Picture(pixels=pixels, alpha=pixels[..., 0]), mask, runtime)
    assert made.pixels.dtype == kind
    assert np.array_equal(made.pixels[mask == 0], pixels[mask == 0])
    assert np.array_equal(made.alpha, pixels[..., 0])


def test_depth_and_gray_stay(portrait, runtime):
    """16 bits are filled as finely as they are; equal channels stay equal, and one channel says the same."""
    damaged, mask = scratched(data.camera()[:256, :256, None])
    deep = damaged.astype(np.uint16) * 257
    made = fill(Picture(pixels=deep), mask, runtime).pixels
    assert len(np.unique(made[mask > 0] % 257)) > 100
    three = fill(Picture(pixels=np.repeat(damaged, 3, axis=2)), mask, runtime).pixels
    assert np.ptp(three.astype(int), axis=2).max() == 0
    one = fill(Picture(pixels=damaged), mask, runtime).pixels
    assert np.abs(three[..., :1].astype(int) - one).max() <= 1


def test_strength_and_gray_masks_are_shares(portrait, runtime):
    """Half the strength, and a mask half as light, do half of it."""
    damaged, mask = scratched(portrait)
    picture = Picture(pixels=damaged)
    whole = fill(picture, mask, runtime).pixels.astype(int) - damaged
    for half in (fill(picture, mask, runtime, 0.5), fill(picture, mask // 255 * 128, runtime)):
        assert np.abs((half.pixels.astype(int) - damaged) - whole / 2).max() <= 1.5


def test_tiles_leave_no_seams(runtime):
    """A large hole across the borders of tiles is filled without a step in a plain surface."""
    y, x = np.mgrid[0:560, 0:640]
    plain = np.rint(60 + 0.1 * x + 0.08 * y).astype(np.uint8)[..., None]
    mask = np.zeros(plain.shape[:2], np.uint8)
    cv2.ellipse(mask, (400, 490), (170, 60), 10, 0, 360, 255, -1)
    torn = plain.copy()
    torn[mask > 0] = 255
    made = fill(Picture(pixels=torn), mask, runtime).pixels[..., 0].astype(int)
    inside = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0
    steps = np.abs(np.diff(made, axis=1))[inside[:, 1:]], np.abs(np.diff(made, axis=0))[inside[1:]]
    assert max(step.max() for step in steps) <= 8
    assert np.abs(made - plain[..., 0])[inside].mean() < 8


def test_large_pictures_are_looked_at_reduced(portrait, runtime):
    """Broad damage, which looks like a shape of the picture at full size, is found in a large scan."""
    damaged, truth = scratched(portrait)
    large = cv2.resize(damaged, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    found = find(large, runtime)
    assert found.shape == large.shape[:2]
    assert (found[cv2.resize(truth, None, fx=5, fy=5) > 127] > 127).mean() > 0.25


def test_it_stops_when_asked(portrait, runtime):
    """Looking and filling hear a wish to stop."""
    damaged, mask = scratched(portrait)
    picture, stop = Picture(pixels=damaged), Report(cancelled=lambda: True)
    with pytest.raises(Cancelled):
        find_damage(picture, assess(picture), runtime, stop)
    with pytest.raises(Cancelled):
        damage.fill_damage(picture, mask, 1.0, runtime, stop)
