import tarfile
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from resilver.local.measure import assess
from resilver.picture import Picture

SHARED = Path(__file__).parents[2].parent / "shared"
CHANCE = np.random.default_rng(1)


def jpeg(rgb, quality):
    buffer = BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def rounded(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def gray_of(rgb):
    return rounded(np.repeat((rgb @ [0.299, 0.587, 0.114])[..., None], 3, axis=2))


@pytest.fixture(scope="module")
def portrait():
    return data.astronaut()


@pytest.fixture(scope="module")
def colourful():
    return [data.astronaut(), data.coffee(), data.chelsea(), np.asarray(data.rocket())]


def test_colour_is_colour(colourful):
    """Colour photographs are not taken for black-and-white, be they small, large or of 16 bits."""
    for rgb in colourful:
        assert not assess(Picture(pixels=rgb)).bw
        assert not assess(Picture(pixels=np.ascontiguousarray(rgb[::4, ::4]))).bw
        assert not assess(Picture(pixels=rgb.astype(np.uint16) * 257)).bw


@pytest.mark.parametrize("tone", [(1, 1, 1), (1, 0.86, 0.7), (1, 0.7, 0.4), (0.6, 0.8, 1)])
@pytest.mark.parametrize("sigma", [0, 6, 15])
def test_gray_and_toned_are_bw(colourful, tone, sigma):
    """A gray picture stays black-and-white in any tone, with noise of its own in each channel, after JPEG."""
    for rgb in (np.ascontiguousarray(rgb[::2, ::2]) for rgb in colourful):
        toned = gray_of(rgb) * np.array(tone)
        noisy = rounded(toned + CHANCE.normal(0, sigma, rgb.shape))
        assert assess(Picture(pixels=noisy)).bw
        assert assess(Picture(pixels=jpeg(noisy, 60))).bw


def test_split_tone_is_bw(portrait):
    """Blue shadows under yellow lights are one tone for each level of luma."""
    level = gray_of(portrait) / 255
    split = level * ((1 - level) * np.array([0.75, 0.85, 1]) + level * np.array([1, 0.95, 0.75]))
    assert assess(Picture(pixels=rounded(split * 255))).bw


def test_a_coloured_part_counts(portrait):
    """A gray picture with a twentieth of its area hand-coloured is a colour picture."""
    rgb = gray_of(portrait).copy()
    rgb[100:220, 180:290] = portrait[100:220, 180:290] * np.array([1, 0.6, 0.6])
    assert not assess(Picture(pixels=rgb)).bw


def test_transparent_colours_do_not_count(portrait):
    """What cannot be seen decides nothing."""
    rgb = gray_of(portrait).copy()
    rgb[:, :200] = (255, 0, 0)
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    alpha[:, :200] = 0
    assert assess(Picture(pixels=rgb, alpha=alpha)).bw
    assert not assess(Picture(pixels=rgb)).bw


def test_good_photographs_are_left_alone(colourful):
    """Nothing is wrong with clean photographs, nor with their good JPEGs."""
    for rgb in colourful[:3]:
        assert assess(Picture(pixels=rgb)).wrong == ()
        assert assess(Picture(pixels=jpeg(rgb, 90), jpeg_quality=90)).wrong == ()


def test_noise_is_measured(portrait):
    """Noise of a known deviation is found within a fifth, in 8 and in 16 bits alike."""
    for sigma in (6, 12, 25):
        noisy = np.clip(portrait + CHANCE.normal(0, sigma, (*portrait.shape[:2], 1)), 0, 255)
        seen = assess(Picture(pixels=rounded(noisy)))
        assert seen.noise == pytest.approx(sigma, rel=0.2)
        assert "calm the grain" in seen.wrong
        deep = assess(Picture(pixels=np.rint(noisy * 257).astype(np.uint16)))
        assert deep.noise == pytest.approx(seen.noise, rel=0.03)


def test_grain_is_seen_through_jpeg(portrait):
    """Noise that JPEG has made coarse is still found, where estimates from the finest pixels see nothing."""
    noisy = jpeg(rounded(portrait + CHANCE.normal(0, 20, portrait.shape)), 60)
    seen = assess(Picture(pixels=noisy))
    assert seen.fine_noise < 4 < seen.noise
    assert seen.wrong


def test_blocks_are_seen_without_the_file(portrait):
    """A PNG of a poor JPEG is recognised by its blocks, even when it was cropped beside their grid."""
    poor = jpeg(portrait, 15)
    assert assess(Picture(pixels=poor)).blocky
    assert assess(Picture(pixels=np.ascontiguousarray(poor[3:, 5:]))).blocky
    assert not assess(Picture(pixels=portrait)).blocky


def test_poor_quality_is_believed(portrait):
    """A file of low JPEG quality is cleaned without further proof."""
    assert "remove JPEG blocks" in assess(Picture(pixels=portrait, jpeg_quality=30)).wrong


def test_fading_is_seen_inside_a_border(portrait):
    """A white mount or a black film edge round a faded picture does not hide its fading."""
    faded = rounded(portrait * 0.5 + 60)
    assert assess(Picture(pixels=faded)).faded
    for colour in (255, 4):
        framed = np.pad(faded, ((40, 40), (40, 40), (0, 0)), constant_values=colour)
        seen = assess(Picture(pixels=framed))
        assert seen.faded
        assert seen.frame.top == pytest.approx(40 / 592, abs=0.02)
        assert seen.frame.right == pytest.approx(1 - 40 / 592, abs=0.02)


def test_large_pictures_cost_little(portrait):
    """A picture of 40 megapixels gives the verdict of the small one."""
    faded = rounded(portrait * 0.5 + 60)
    large = cv2.resize(faded, (6400, 6400), interpolation=cv2.INTER_LINEAR)
    seen = assess(Picture(pixels=large))
    assert seen.faded
    assert not seen.bw


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 1), (300, 2, 3), (7, 7, 1), (9, 5000, 3)])
def test_any_size_is_measured(shape):
    """Pictures of a single line or a few pixels are measured, too."""
    for pixels in (np.zeros(shape, np.uint8), CHANCE.integers(0, 65535, shape).astype(np.uint16)):
        seen = assess(Picture(pixels=pixels, alpha=np.zeros(shape[:2], pixels.dtype)))
        assert np.isfinite(seen.noise)
        assert seen.bw or shape[2] == 3


@pytest.mark.skipif(not (SHARED / "data" / "val.tar").exists(), reason="needs the pictures in ../shared/data")
def test_on_the_validation_pictures():
    """On a sample of real pictures, clean ones are left alone and judged as colour, damaged ones are seen."""
    with tarfile.open(SHARED / "data" / "val.tar") as shelf:
        members = [member for member in shelf if member.isfile()][::18]
        sample = [np.asarray(Image.open(shelf.extractfile(member)).convert("RGB")) for member in members]
    assert len(sample) > 45
    clean = [assess(Picture(pixels=rgb, jpeg_quality=78)) for rgb in sample]
    assert np.mean([seen.bw for seen in clean]) <= 0.02
    assert np.mean([bool(seen.wrong) for seen in clean]) <= 0.07
    faded = [assess(Picture(pixels=rounded(rgb * 0.5 + 60))) for rgb in sample]
    noisy = [assess(Picture(pixels=rounded(rgb + CHANCE.normal(0, 15, rgb.shape)))) for rgb in sample]
    for seen in (faded, noisy):
        assert np.mean([not one.wrong for one in seen]) <= 0.15


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (255, 0, 0)])
@pytest.mark.parametrize("side", [1, 64])
def test_a_plain_colour_has_nothing_wrong(colour, side):
    """Where there is no contrast, none was lost."""
    assert assess(Picture(pixels=np.full((side, side, 3), colour, np.uint8))).wrong == ()


def letters(paper, ink, size=10, step=22, scale=1):
    """A page of print, gray, as if it were scanned at ``scale`` times the resolution."""
    page = Image.new("L", (800, 600), paper)
    font = ImageFont.load_default(size)
    for line in range(20, 570, step):
        text = "The quick brown fox jumps over the lazy dog, 12345. " * 2
        ImageDraw.Draw(page).text((40, line), text, fill=ink, font=font)
    return np.asarray(page.resize((800 * scale, 600 * scale), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(("size", "step"), [(8, 10), (10, 22), (30, 40)])
@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (235, 30)])
def test_letters_are_left_alone(size, step, scale, paper, ink):
    """A clean page has not faded and has neither grain nor blocks, be its type small or large, printed or scanned."""
    page = letters(paper, ink, size, step, scale)
    assert assess(Picture(pixels=page[..., None])).wrong == ()
    scanned = rounded(page + CHANCE.normal(0, 2, page.shape))
    assert assess(Picture(pixels=scanned[..., None])).wrong == ()
    assert assess(Picture(pixels=jpeg(np.stack([page] * 3, axis=2), 85), jpeg_quality=85)).wrong == ()


@pytest.mark.parametrize("colour", [(0, 0, 0), (120, 120, 120), (200, 40, 30)])
def test_line_art_is_left_alone(colour):
    """Thin lines of ink, pencil or chalk on white paper are meant to be as thin and pale as they are."""
    sheet = Image.new("RGB", (900, 700), (250, 250, 248))
    for radius in range(20, 330, 22):
        ImageDraw.Draw(sheet).ellipse((450 - radius, 350 - radius, 450 + radius, 350 + radius), outline=colour)
    assert assess(Picture(pixels=np.asarray(sheet))).wrong == ()


def test_a_faded_page_is_mended():
    """Gray ink on gray paper has faded."""
    assert assess(Picture(pixels=letters(200, 90)[..., None])).wrong == ("mend fading",)


def test_a_photograph_on_white_is_no_page(portrait):
    """On a plain white backdrop, noise, blocks and fading are still found."""
    shot = np.full((700, 700, 3), 255, np.uint8)
    shot[200:500, 200:500] = portrait[:300, :300]
    faded = shot * 0.55 + 50
    assert "mend fading" in assess(Picture(pixels=rounded(faded))).wrong
    noisy = rounded(faded + CHANCE.normal(0, 12, shot.shape))
    assert {"mend fading", "calm the grain"} <= set(assess(Picture(pixels=noisy)).wrong)


def test_what_is_transparent_is_no_paper(portrait):
    """A faded photograph in the middle of an empty layer is mended, though the layer is white beneath."""
    layer, alpha = np.full((900, 900, 3), 255, np.uint8), np.zeros((900, 900), np.uint8)
    layer[200:700, 200:700], alpha[200:700, 200:700] = rounded(portrait[:500, :500] * 0.5 + 60), 255
    assert "mend fading" in assess(Picture(pixels=layer, alpha=alpha)).wrong


@pytest.mark.parametrize("colour", [(255, 0, 0), (200, 20, 20), (0, 0, 255), (0, 160, 0), (255, 128, 0), (0, 190, 220)])
@pytest.mark.parametrize("ground", [0, 255, None])
def test_one_saturated_hue_is_colour(colour, ground):
    """A poster in one strong colour, on black, on white or with nothing else, is no toned print."""
    poster = np.full((200, 240, 3), 0 if ground is None else ground, np.uint8)
    area = np.s_[:] if ground is None else np.s_[50:140, 40:200]
    poster[area] = colour
    assert not assess(Picture(pixels=poster)).bw
    assert not assess(Picture(pixels=jpeg(poster, 80), jpeg_quality=80)).bw


@pytest.mark.parametrize(
    "ink",
    [(90, 45, 15), (20, 45, 105), (0, 50, 120), (70, 40, 70), (110, 45, 30)],
    ids=["sepia", "cyanotype", "deep cyanotype", "selenium", "uranium"],
)
def test_strong_toning_is_bw(portrait, ink):
    """Prints from a strong toning bath on cream paper remain black-and-white."""
    level = gray_of(portrait) / 255
    print_ = np.array(ink) + (np.array([252, 246, 232]) - np.array(ink)) * level
    assert assess(Picture(pixels=rounded(print_))).bw
