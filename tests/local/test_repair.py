import cv2
import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio as psnr

from resilver.engine import Report
from resilver.errors import Cancelled
from resilver.local.measure import assess
from resilver.local.models import ModelStore
from resilver.local.own import OwnNetworks
from resilver.local.repair import improve
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.settings import LocalSettings

CHANCE = np.random.default_rng(2)


def rounded(values, kind=np.uint8):
    return np.clip(np.rint(values), 0, np.iinfo(kind).max).astype(kind)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A runtime with nothing but our own networks."""
    return Runtime(LocalSettings(models=tmp_path_factory.mktemp("models"), gpu="off"))


@pytest.fixture(scope="module")
def installed():
    settings = LocalSettings(gpu="off")
    if "waifu2x" not in ModelStore(settings.models).installed():
        pytest.skip("needs the networks: resilver models install waifu2x")
    return Runtime(settings)


@pytest.fixture(scope="module")
def clean():
    return data.astronaut()[:200, 120:320]


def mend(picture, runtime, quality="fast", strength=1.0, report=None):
    return improve(picture, assess(picture), quality, strength, runtime, report or Report())


def test_a_good_photograph_is_left_alone(bare):
    """Nothing wrong, nothing done; and nothing is done with strength 0."""
    assert mend(Picture(pixels=data.astronaut()), bare) is None
    assert mend(Picture(pixels=rounded(data.astronaut() * 0.5 + 60)), bare, strength=0.0) is None


def test_fading_and_grain_are_mended_together(bare):
    """An old photograph comes nearer to its original by 6 dB, and the step tells what was done."""
    original = data.astronaut()
    old = Picture(pixels=rounded(original * 0.5 + 60 + CHANCE.normal(0, 9, original.shape)))
    made, step = mend(old, bare)
    assert psnr(original, made.pixels) > psnr(original, old.pixels) + 6
    assert step.action == "improved"
    assert not step.generated
    assert "fading" in step.detail
    assert "grain" in step.detail


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_grain_goes_and_detail_stays(clean, installed, quality):
    """Noise of 12 levels is brought down by 3 dB or more, and a tenth of it stays."""
    noisy = Picture(pixels=rounded(clean + CHANCE.normal(0, 12, clean.shape)))
    made, _step = mend(noisy, installed, quality)
    assert psnr(clean, made.pixels) > psnr(clean, noisy.pixels) + 3


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_blocks_go(clean, installed, quality):
    """A JPEG of quality 20 comes nearer to its original by a network, without a network as well."""
    poor = Picture(pixels=_jpeg(clean, 20), jpeg_quality=20)
    made, step = mend(poor, installed, quality)
    assert "waifu2x" in step.tool
    assert psnr(clean, made.pixels) > psnr(clean, poor.pixels) + 0.8


def test_our_own_network_is_enough(clean, bare):
    """Where no other's network is installed, ours takes the blocks away and a note names the command for more."""
    notes = []
    poor = Picture(pixels=_jpeg(clean, 20), jpeg_quality=20)
    made, step = mend(poor, bare, report=Report(on_note=notes.append))
    assert step.tool == "Resilver denoiser"
    assert psnr(clean, made.pixels) > psnr(clean, poor.pixels) + 0.6
    assert any("resilver models install waifu2x" in note for note in notes)


@pytest.mark.parametrize("sigma", [10, 25])
def test_grain_needs_no_other_network(clean, bare, sigma):
    """Grain is our own network's: 5 dB and more without a note."""
    notes = []
    noisy = Picture(pixels=rounded(clean + CHANCE.normal(0, sigma, clean.shape)))
    made, step = mend(noisy, bare, report=Report(on_note=notes.append))
    assert step.tool == "Resilver denoiser"
    assert notes == []
    assert psnr(clean, made.pixels) > psnr(clean, noisy.pixels) + 5


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_blotches_go(clean, bare, quality):
    """What JPEG has left of the grain, coarse and blocky, goes by 1.5 dB or more, by two means."""
    noise = cv2.GaussianBlur(CHANCE.normal(0, 1, clean.shape[:2]), (0, 0), 0.9)[..., None]
    poor = Picture(pixels=_jpeg(rounded(clean + 9 * noise / noise.std()), 70), jpeg_quality=70)
    assert assess(poor).coarse
    made, step = mend(poor, bare, quality)
    assert step.tool == "Resilver denoiser + non-local means"
    assert psnr(clean, made.pixels) > psnr(clean, poor.pixels) + 1.5


def test_without_any_network_filters_do_it(clean, tmp_path):
    """Not even our own: a filter for blocks, another one for grain, and a note that says what to do."""
    store = ModelStore(tmp_path / "others", own=OwnNetworks(tmp_path / "own"))
    nothing = Runtime(LocalSettings(gpu="off"), store=store)
    poor = Picture(pixels=_jpeg(clean, 20), jpeg_quality=20)
    noisy = Picture(pixels=rounded(clean + CHANCE.normal(0, 12, clean.shape)))
    for damaged, tool in ((poor, "a bilateral filter"), (noisy, "non-local means")):
        notes = []
        made, step = mend(damaged, nothing, report=Report(on_note=notes.append))
        assert step.tool == tool
        assert psnr(clean, made.pixels) > psnr(clean, damaged.pixels) + 0.2
        assert len(notes) == 1


def test_gray_stays_gray(installed):
    """One channel stays one channel; three equal channels stay equal through every filter and network."""
    gray = data.camera()[100:260, 150:330]
    poor = rounded(_jpeg(gray, 25)[..., None] * 0.5 + 60)
    one, _step = mend(Picture(pixels=poor, jpeg_quality=25), installed)
    assert one.pixels.shape == poor.shape
    three, _step = mend(Picture(pixels=np.repeat(poor, 3, axis=2), jpeg_quality=25), installed, "best")
    assert np.array_equal(three.pixels, np.repeat(three.pixels[..., :1], 3, axis=2))


def test_sixteen_bits_stay_sixteen(clean, bare):
    """A 16-bit picture is filtered without being rounded to 8 bits, and alpha is left alone."""
    noisy = clean.astype(float) * 257 + CHANCE.normal(0, 10 * 257, clean.shape)
    alpha = np.full(clean.shape[:2], 40000, np.uint16)
    made, _step = mend(Picture(pixels=rounded(noisy, np.uint16), alpha=alpha), bare)
    assert made.pixels.dtype == np.uint16
    assert len(np.unique(made.pixels)) > 5000
    assert made.alpha is alpha


def test_strength_is_a_share(clean, bare):
    """Half the strength makes about half the difference."""
    noisy = Picture(pixels=rounded(clean + CHANCE.normal(0, 12, clean.shape)))
    half, whole = (mend(noisy, bare, strength=share)[0].pixels.astype(float) for share in (0.5, 1.0))
    ratio = np.abs(half - noisy.pixels).mean() / np.abs(whole - noisy.pixels).mean()
    assert ratio == pytest.approx(0.5, abs=0.06)


def test_tiles_leave_no_seams(bare):
    """A picture of many tiles is filtered like its parts: the filter's margin covers what it looks at."""
    noisy = rounded(np.tile(data.camera(), (2, 2))[:700, :900, None] + CHANCE.normal(0, 14, (700, 900, 1)))
    seen = assess(Picture(pixels=noisy))
    whole, _step = improve(Picture(pixels=noisy), seen, "fast", 1.0, bare, Report())
    # on the same grid of 8 pixels, as every tile is
    part, _step = improve(Picture(pixels=noisy[152:504, 152:504]), seen, "fast", 1.0, bare, Report())
    inner = part.pixels[72:-72, 72:-72].astype(int)
    assert np.abs(whole.pixels[224:432, 224:432] - inner).max() <= 1


def test_progress_rises_and_work_stops_when_asked(bare):
    """Fractions never fall and end at 1; a cancelled report ends the work."""
    old = Picture(pixels=rounded(data.astronaut() * 0.5 + 60 + CHANCE.normal(0, 9, (512, 512, 3))))
    heard = []
    mend(old, bare, report=Report(on_progress=lambda fraction, step: heard.append(fraction)))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    with pytest.raises(Cancelled):
        mend(old, bare, report=Report(cancelled=lambda: True))


def _jpeg(pixels, quality):
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
