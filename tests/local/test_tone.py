import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from resilver.engine import Report
from resilver.errors import Cancelled
from resilver.local.measure import assess
from resilver.local.tone import curves, mend_tone
from resilver.picture import Picture


def rounded(values, kind=np.uint8):
    return np.clip(np.rint(values), 0, np.iinfo(kind).max).astype(kind)


def mend(picture, strength=1.0):
    return mend_tone(picture, assess(picture), strength, Report())


levels = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(low=st.tuples(levels, levels, levels), high=st.tuples(levels, levels, levels), gray=st.booleans())
def test_curves_rise(low, high, gray):
    """Whatever the tones of a picture, its curves go from 0 to 1 and rise all the way: nothing is clipped."""
    ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64, 1)
    rgb = np.array(low) + (np.array(high) - np.array(low)) * ramp
    pixels = rounded((rgb[..., 1:2] if gray else rgb) * 255)
    made = curves(assess(Picture(pixels=pixels)))
    assert made.shape == (3, 256)
    assert made[:, 0] == pytest.approx(0, abs=1e-6)
    assert made[:, -1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(made, axis=1) > 0).all()


def test_fading_is_undone():
    """An evenly faded and yellowed photograph comes back near its original."""
    rgb = data.astronaut()
    old = rounded((rgb * 0.55 + 50) * np.array([1, 0.95, 0.8]))
    error = np.abs(mend(Picture(pixels=old)).pixels.astype(int) - rgb).mean()
    assert error < 0.3 * np.abs(old.astype(int) - rgb).mean()


def test_strength_0_changes_nothing():
    """Strength 0 gives the very same pixels, strength 0.5 lies between."""
    old = rounded(data.astronaut() * 0.5 + 60)
    half, whole = (mend(Picture(pixels=old), strength).pixels.astype(int) for strength in (0.5, 1.0))
    assert np.array_equal(mend(Picture(pixels=old), 0.0).pixels, old)
    assert np.abs(half - (old.astype(int) + whole) / 2).max() <= 1


def test_gray_stays_gray():
    """A gray picture keeps its single channel; three equal channels stay equal."""
    gray = rounded(data.camera()[..., None] * 0.5 + 60)
    assert mend(Picture(pixels=gray)).pixels.shape == gray.shape
    made = mend(Picture(pixels=np.repeat(gray, 3, axis=2))).pixels
    assert np.array_equal(made, np.repeat(made[..., :1], 3, axis=2))


def test_a_tone_is_kept():
    """A faded sepia print gets its contrast back and stays sepia."""
    level = data.camera()[..., None] / 255
    sepia = np.array([0.30, 0.23, 0.18]) + np.array([0.55, 0.52, 0.45]) * level ** np.array([0.9, 1, 1.15])
    made = mend(Picture(pixels=rounded(sepia * 255))).pixels
    middle = np.median(made.reshape(-1, 3), axis=0)
    assert middle[0] > middle[1] > middle[2]
    assert np.ptp(np.percentile(made, (1, 99))) > 200


def test_yellowed_paper_turns_nearly_white():
    """A neutral picture on yellow paper loses most of the yellow, its blacks stay."""
    print_ = rounded(data.camera()[..., None] * np.array([1, 0.93, 0.75]))
    seen = assess(Picture(pixels=print_))
    assert seen.yellowed
    made = mend(Picture(pixels=print_)).pixels.astype(int)
    paper = np.percentile(made, 99.5, axis=(0, 1))
    assert np.ptp(paper) < 0.45 * 63
    assert paper.min() >= 215


def test_sixteen_bits_are_not_rounded():
    """A faded 16-bit ramp keeps nearly all of its 30 001 levels (8 bits have 256), in their order."""
    pixels = np.linspace(15000, 45000, 512 * 512).astype(np.uint16).reshape(512, 512, 1)
    made = mend(Picture(pixels=pixels)).pixels
    assert made.dtype == np.uint16
    assert len(np.unique(made)) > 0.8 * len(np.unique(pixels))
    order = np.argsort(pixels.ravel(), kind="stable")
    assert (np.diff(made.ravel()[order].astype(int)) >= 0).all()


def test_the_rest_travels_along():
    """Alpha, profile and metadata are the same objects afterwards, and the original is not written to."""
    pixels = rounded(data.astronaut() * 0.5 + 60)
    before = pixels.copy()
    alpha = np.full(pixels.shape[:2], 200, np.uint8)
    picture = Picture(pixels=pixels, alpha=alpha, icc=b"profile", dpi=(300, 300))
    made = mend(picture)
    assert made.alpha is alpha
    assert (made.icc, made.dpi) == (b"profile", (300, 300))
    assert np.array_equal(pixels, before)


def test_it_stops_when_asked():
    """A cancelled report ends the work."""
    picture = Picture(pixels=rounded(data.astronaut() * 0.5 + 60))
    with pytest.raises(Cancelled):
        mend_tone(picture, assess(picture), 1.0, Report(cancelled=lambda: True))
