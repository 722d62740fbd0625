"""Enlarging: which way for which picture, and what travels along."""

import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data

from fakes.nets import ONE_THREAD, fake_runtime, real_runtime, texture
from resilver.engine import Report
from resilver.local.enlarge import edge_width, enlarge
from resilver.local.models import ModelStore
from resilver.local.own import OwnNetworks
from resilver.local.runtime import Runtime
from resilver.picture import Metadata, Picture
from resilver.settings import load_settings

FACE = cv2.resize(skimage.data.astronaut()[40:240, 150:310], (80, 100), interpolation=cv2.INTER_AREA)
SHARP = Picture(pixels=FACE, icc=b"profile", dpi=(300.0, 200.0), metadata=Metadata(exif=b"II"))
SOFT = SHARP.replace(pixels=cv2.GaussianBlur(SHARP.pixels, (0, 0), 1.5))
GRAINY = SimpleNamespace(noise=8.0, jpeg_quality=None, blockiness=0.0)
BLOCKY = SimpleNamespace(noise=0.0, jpeg_quality=50, blockiness=0.0)
CONVERTED = SimpleNamespace(noise=0.0, jpeg_quality=None, blockiness=0.9)  # a JPEG that was saved as something else

MEAN_X4 = "Resilver enlarger x4 + waifu2x upconv_7_photo noise1 + Resilver enlarger x2"


def tool(picture, runtime, factor, kind, quality, strength=1.0, damage=None):
    made, step = enlarge(picture, factor, kind, quality, strength, runtime, Report(), damage)
    assert (made.width, made.height) == (picture.width * factor, picture.height * factor)
    assert step.action == f"x{factor}"
    assert not step.generated
    return step.tool


@pytest.mark.parametrize(
    ("factor", "kind", "quality", "damage", "wanted"),
    [
        (2, "photo", "fast", GRAINY, "Resilver enlarger x2"),
        (4, "photo", "fast", None, "Resilver enlarger x4"),
        (2, "photo", "best", None, "waifu2x cunet scale"),
        (2, "photo", "best", BLOCKY, "Resilver enlarger x2 + waifu2x upconv_7_photo noise1"),
        (2, "photo", "best", CONVERTED, "Resilver enlarger x2 + waifu2x upconv_7_photo noise1"),
        (2, "photo", "best", GRAINY, "Resilver enlarger x2 + Real-CUGAN se conservative"),
        (4, "photo", "best", None, MEAN_X4),
        (4, "photo", "best", BLOCKY, f"{MEAN_X4} + Real-CUGAN se conservative x4"),
        (2, "art", "fast", None, "waifu2x upconv_7_photo noise1"),
        (4, "art", "fast", None, "Real-CUGAN se conservative x4"),
        (2, "art", "best", None, "waifu2x cunet noise1"),
        (2, "art", "best", GRAINY, "Real-CUGAN pro conservative"),
        (4, "art", "best", GRAINY, "Real-CUGAN se conservative x4"),
    ],
)
def test_the_way_fits_the_picture(factor, kind, quality, damage, wanted):
    """Each kind, quality, factor and damage goes through the networks that measured best for it."""
    assert tool(SHARP, fake_runtime(), factor, kind, quality, damage=damage) == wanted


def test_soft_pictures_are_restored_as_far_as_wanted():
    """Blurred edges call for the restoring network, unless the strength is 0."""
    assert (
        edge_width(SHARP)
        < 0.72
        < edge_width(SOFT)
        < edge_width(SHARP.replace(pixels=cv2.GaussianBlur(SHARP.pixels, (0, 0), 2.5)))
    )
    assert "Real-CUGAN" in tool(SOFT, fake_runtime(), 2, "photo", "best")
    assert "Real-CUGAN" not in tool(SOFT, fake_runtime(), 2, "photo", "best", strength=0.0)


def test_all_that_belongs_to_the_picture_travels_along():
    """Profile and metadata stay; the print keeps its size because the dots per inch grow with the picture."""
    made, _ = enlarge(SHARP, 2, "photo", "fast", 1.0, fake_runtime(), Report())
    assert (made.icc, made.metadata, made.dpi) == (SHARP.icc, SHARP.metadata, (600.0, 400.0))
    assert SHARP.width / SHARP.dpi[0] == made.width / made.dpi[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_enlarged_and_rejoined(dtype, channels):
    """Transparency keeps its type, its place and its full range."""
    pixels = texture(40, 30, channels, dtype)
    alpha = np.zeros((40, 30), dtype)
    alpha[10:30, 5:25] = np.iinfo(dtype).max
    made, _ = enlarge(Picture(pixels=pixels, alpha=alpha), 4, "photo", "fast", 1.0, fake_runtime(), Report())
    assert made.pixels.shape == (160, 120, channels)
    assert made.alpha.dtype == made.pixels.dtype == dtype
    assert made.alpha[60, 60] == np.iinfo(dtype).max
    assert made.alpha[2, 2] == 0


@pytest.fixture
def alone(tmp_path):
    """Nothing but our own networks, as on a fresh machine."""
    return Runtime(ONE_THREAD, store=ModelStore(tmp_path))


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("quality", ["fast", "best"])
@pytest.mark.parametrize("kind", ["photo", "art"])
def test_our_own_networks_are_enough(alone, factor, quality, kind):
    """Without any other's networks ours do the work, and a note names the command only where those would do better."""
    notes = []
    picture = SHARP.replace(pixels=SHARP.pixels[:30, :30])
    _, step = enlarge(picture, factor, kind, quality, 1.0, alone, Report(on_note=notes.append), GRAINY)
    assert step.tool.split(" + ")[0] == f"Resilver enlarger x{factor}"
    assert len(notes) == ((kind, quality) != ("photo", "fast"))
    assert all("resilver models install" in note for note in notes)


@pytest.mark.parametrize(
    ("factor", "damage", "wanted"),
    [
        (2, None, "Resilver enlarger x2 clean"),
        (2, BLOCKY, "Resilver enlarger x2 + Resilver enlarger x2 scan"),
        (2, GRAINY, "Resilver enlarger x2 + Resilver enlarger x2 scan"),
        (4, None, "Resilver enlarger x4 + Resilver enlarger x2 + Resilver enlarger x2 clean"),
        (4, GRAINY, "Resilver enlarger x4 + Resilver enlarger x2 + Resilver enlarger x2 clean"),
    ],
)
def test_the_best_of_our_own_fits_the_picture(alone, factor, damage, wanted):
    """Without any other's networks clean pictures and scans get, at x2, those of ours that learned from such alone."""
    assert tool(SHARP, alone, factor, "photo", "best", damage=damage) == wanted


def test_one_of_the_others_is_better_than_none(tmp_path):
    """Without Real-CUGAN, but with waifu2x, a grainy picture at x4 still gets the mean with waifu2x."""
    real_runtime()
    shutil.copytree(load_settings().local.models, tmp_path, dirs_exist_ok=True)
    store = ModelStore(tmp_path)
    shutil.rmtree(store.folder("realcugan"))
    picture = SHARP.replace(pixels=SHARP.pixels[:30, :30])
    runtime = Runtime(ONE_THREAD, store=store)
    assert tool(picture, runtime, 4, "photo", "best", damage=GRAINY) == MEAN_X4


def test_enlarging_a_scan_beats_lanczos(alone):
    """A photograph reduced and given grain and JPEG comes nearer to the truth than by Lanczos, by half a decibel."""
    truth = skimage.data.astronaut()[:200, 120:320]
    small = cv2.resize(cv2.GaussianBlur(truth, (0, 0), 1.0), (100, 100), interpolation=cv2.INTER_AREA)
    small = (small + np.random.default_rng(1).normal(0, 6, small.shape)).clip(0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    scan = Picture(pixels=cv2.imdecode(coded, cv2.IMREAD_COLOR))
    ours = enlarge(scan, 2, "photo", "fast", 1.0, alone, Report())[0].pixels
    lanczos = cv2.resize(scan.pixels, (200, 200), interpolation=cv2.INTER_LANCZOS4)
    luma = [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (truth, ours, lanczos)]
    assert cv2.PSNR(luma[0], luma[1]) > cv2.PSNR(luma[0], luma[2]) + 0.5


def test_without_any_network_lanczos_and_a_note(tmp_path):
    """Not even our own: Lanczos, sharpened, and a sentence that says what to do."""
    notes = []
    store = ModelStore(tmp_path / "others", own=OwnNetworks(tmp_path / "own"))
    made, step = enlarge(SHARP, 2, "photo", "fast", 1.0, Runtime(ONE_THREAD, store=store), Report(on_note=notes.append))
    assert step.tool.startswith("Lanczos")
    assert made.pixels.shape == (200, 160, 3)
    assert len(notes) == 1
    assert "install Resilver anew" in notes[0]


def test_a_damaged_network_falls_back_and_says_so(tmp_path):
    """A flipped byte is noticed, set aside and named; the next way is taken and named, too."""
    real_runtime()
    shutil.copytree(load_settings().local.models, tmp_path, dirs_exist_ok=True)
    store = ModelStore(tmp_path)
    weights = store.folder("waifu2x") / "models-upconv_7_photo" / "noise1_scale2.0x_model.bin"
    data = bytearray(weights.read_bytes())
    data[5000] ^= 1
    weights.write_bytes(data)
    notes = []
    report = Report(on_note=notes.append)
    _, step = enlarge(SHARP, 2, "photo", "best", 1.0, Runtime(ONE_THREAD, store=store), report, BLOCKY)
    assert step.tool == "Resilver enlarger x2 + Resilver enlarger x2 scan"
    assert "noise1_scale2.0x_model.bin.broken" in notes[0]
    assert "resilver models install waifu2x" in notes[0]


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_tone_and_colour_stay(quality):
    """Reduced to its old size, an enlarged picture is the old one: nothing was redrawn, nothing shifted."""
    made, _ = enlarge(SHARP, 2, "photo", quality, 1.0, real_runtime(), Report())
    back = cv2.resize(made.pixels.astype(np.float32), (SHARP.width, SHARP.height), interpolation=cv2.INTER_AREA)
    error = back - SHARP.pixels
    assert np.abs(error.mean(axis=(0, 1))).max() < 1.5
    assert np.sqrt(np.mean(error**2)) < 8
