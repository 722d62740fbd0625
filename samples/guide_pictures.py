"""Makes the guide's pictures of what each preset does: `python samples/guide_pictures.py [NAME...]`.

They go into docs/guide/images. The photographs come with scikit-image; their terms are in README.md here. What is
drawn over them is damage; all the rest is what the engine made of them, with Resilver's own networks alone and the
options that the guide names.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from age import age
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from resilver import PRESETS, Recipe, improve_picture, load_settings, make_engine
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.recipe import Hint

ROOT = Path(__file__).resolve().parents[1]
Bytes = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
IMAGES = ROOT / "docs" / "guide" / "images"
LIMITS = ReadLimits(max_pixels=10**8, max_bytes=10**8)
ENGINE = make_engine(load_settings(options={"local": {"models": Path("/nonexistent")}}))
GAP = 6
QUALITY = 86


def made(
    before: Bytes, recipe: Recipe, jpeg: int | None = None, mask: Bytes | None = None
) -> tuple[Bytes, Bytes, Bytes]:
    """The picture as a file holds it, what the engine makes of that, and the mask of what was filled (or shall be)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.jpg" if jpeg else "a.png")
        Image.fromarray(before).save(path, quality=jpeg or 0)
        picture = read_picture(path, LIMITS).replace(mask=mask)
        masks = ("final", "mask") if recipe.improve else ("final",)
        result = improve_picture(picture, recipe, ENGINE, wanted=masks)
    result.raise_for_error()
    after, filled = result.picture("final"), result.picture("mask")
    start = _rgb(np.asarray(picture.pixels))
    return (
        start,
        start if after is None else _rgb(np.asarray(after.pixels)),
        (np.zeros_like(start) if filled is None else _rgb(np.asarray(filled.pixels))),
    )


def _rgb(pixels: Bytes) -> Bytes:
    flat = pixels.squeeze()
    return np.dstack([flat] * 3) if flat.ndim == 2 else np.ascontiguousarray(flat[..., :3])


def gray(rgb: Bytes) -> Bytes:
    """A black-and-white photograph of it."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def old(rgb: Bytes, seed: int = 1) -> Bytes:
    """An old print of it, as the samples are."""
    return np.rint(age(rgb.astype(np.float32) / 255, "print", seed) * 255).astype(np.uint8)


def cut(pixels: Bytes, box: Box, times: int = 1) -> Bytes:
    """That part (left, top, width, height), each pixel as a square of `times`."""
    left, top, width, height = box
    return pixels[top : top + height, left : left + width].repeat(times, 0).repeat(times, 1)


def row(*pictures: Bytes, height: int = 300) -> Bytes:
    """Side by side, all of that height."""
    shown = []
    for picture in pictures:
        size = (round(picture.shape[1] * height / picture.shape[0]), height)
        way = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_CUBIC
        same = picture.shape[0] == height
        shown += [
            picture if same else cv2.resize(picture, size, interpolation=way),
            np.full((height, GAP, 3), 255, np.uint8),
        ]
    return np.hstack(shown[:-1])


def column(*rows: Bytes) -> Bytes:
    """One below the other, all as wide as the widest."""
    width = max(one.shape[1] for one in rows)
    filled = []
    for one in rows:
        filled += [np.pad(one, ((0, GAP), (0, width - one.shape[1]), (0, 0)), constant_values=255)]
    return np.vstack(filled)[:-GAP]


def torn(rgb: Bytes) -> Bytes:
    """Wide scratches, a crease, spots, and a corner and a part of the cheek without any picture."""
    image = Image.fromarray(rgb)
    draw, chance = ImageDraw.Draw(image), np.random.default_rng(4)
    paper = (236, 228, 208)
    for left, width in ((0.12, 3), (0.62, 4), (0.86, 2)):
        x = (left + 0.02 * chance.standard_normal(7).cumsum()) * image.width
        draw.line(
            list(zip(x, np.linspace(0, 1, 7) * image.height, strict=True)), fill=paper, width=width, joint="curve"
        )
    for _ in range(24):
        x, y, r = chance.integers(image.width), chance.integers(image.height), chance.integers(2, 6)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=paper)
    return np.asarray(image)


def restore() -> Bytes:
    """A faded, grainy print; one with scratches and spots, and where they were found."""
    rows = []
    for rgb in (data.astronaut(), data.camera()):
        before, after, mask = made(torn(old(_rgb(rgb))), PRESETS["Restore"], jpeg=80)
        rows.append(row(before, after, mask, height=420))
    return column(*rows)


def restore_jpeg() -> Bytes:
    """Strong JPEG compression, closer."""
    before, after, _ = made(data.astronaut(), PRESETS["Restore"], jpeg=12)
    box = (150, 10, 180, 130)
    return row(*(cut(one, box, 3) for one in (before, after)), height=390)


def restore_mistaken() -> Bytes:
    """Old prints in which things were taken for damage: lines between bricks, coins, strokes of a pen."""
    rows = [made(old(_rgb(data.brick())), PRESETS["Restore"], jpeg=75)]
    rows.append(made(torn(old(_rgb(data.coins()))), PRESETS["Restore"], jpeg=75))
    rows.append(made(old(_rgb(data.text())), PRESETS["Restore"], jpeg=75))
    return column(*(row(*one, height=height) for one, height in zip(rows, (360, 284, 150), strict=True)))


def restore_loss() -> Bytes:
    """A large loss across a face: as it came, as Restore leaves it, and filled where somebody said."""
    damaged, mask = data.astronaut().copy(), np.zeros((512, 512), np.uint8)
    for picture, colour in ((damaged, (240, 236, 228)), (mask, 255)):
        cv2.ellipse(picture, (238, 120), (26, 18), 20, 0, 360, colour, -1, cv2.LINE_AA)
    mask = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    before, alone, _ = made(damaged, PRESETS["Restore"])
    _, told, _ = made(damaged, PRESETS["Restore"], mask=mask)
    box = (150, 0, 160, 190)
    return row(*(cut(one, box, 2) for one in (before, alone, told, data.astronaut())), height=380)


def restore_skin() -> Bytes:
    """A face under grain: before, after, and as it was without the grain."""
    before, after, _ = made(old(data.astronaut()), PRESETS["Restore"], jpeg=62)
    margin = round(0.045 * 512)
    box = (180 + margin, 60 + margin, 100, 100)
    true = _rgb(gray(data.astronaut()))
    return row(cut(before, box, 4), cut(after, box, 4), cut(true, (180, 60, 100, 100), 4), height=400)


def colorize() -> Bytes:
    """In colour, in black and white, coloured."""
    rows = []
    for rgb in (data.chelsea(), data.rocket()):
        before, after, _ = made(gray(rgb), PRESETS["Colorize"])
        rows.append(row(rgb, before, after, height=250))
    return column(*rows)


def colorize_wrong() -> Bytes:
    """The same, where the colours were not guessed: careful, then vivid."""
    rows = []
    for rgb in (data.astronaut(), cut(data.coffee(), (100, 0, 400, 400))):
        careful, vivid = (made(gray(rgb), replace(PRESETS["Colorize"], vividness=value))[1] for value in (0.0, 1.0))
        rows.append(row(rgb, _rgb(gray(rgb)), careful, vivid, height=260))
    return column(*rows)


def colorize_hint() -> Bytes:
    """Guessed, and with what somebody knows: the suit, the flag."""
    rgb = data.astronaut()
    # pixels of the suit, some on each arm
    places = ((150, 330), (330, 330), (60, 420), (120, 270), (240, 420), (95, 480), (60, 340), (200, 470), (165, 460))
    known = tuple(Hint(x, y, "#e4572e") for x, y in places)
    plain, told = (made(gray(rgb), replace(PRESETS["Colorize"], hints=hints))[1] for hints in ((), known))
    return row(_rgb(gray(rgb)), plain, told, rgb, height=360)


def upscale() -> Bytes:
    """A small photograph at twice and four times its size: plain squares, the engine, the truth."""
    rows = []
    for rgb, factor, box in ((data.astronaut(), 2, (170, 40, 200, 150)), (data.coffee(), 4, (200, 150, 200, 150))):
        small = cv2.resize(rgb, (rgb.shape[1] // factor, rgb.shape[0] // factor), interpolation=cv2.INTER_AREA)
        before, after, _ = made(small, PRESETS[f"Upscale {factor}x"])
        squares = before.repeat(factor, 0).repeat(factor, 1)
        rows.append(row(*(cut(one, box, 2) for one in (squares, after, rgb)), height=300))
    return column(*rows)


def upscale_lettering() -> Bytes:
    """Lettering that can still be read, and lettering that is too small, at four times."""
    rows = []
    for size in (8, 4):
        small = _sign(size)
        before, after, _ = made(small, PRESETS["Upscale 4x"])
        times = 32 // size
        rows.append(row(before.repeat(times, 0).repeat(times, 1), after, height=times * small.shape[0]))
    return column(*rows)


def _sign(size: int) -> Bytes:
    """A shop's sign, drawn large and photographed so small that its capitals have `size` pixels."""
    large = Image.new("RGB", (2000, 480), (86, 62, 48))
    draw = ImageDraw.Draw(large)
    draw.rectangle((40, 40, 1960, 440), outline=(214, 190, 140), width=14)
    for line, text in enumerate(("WATCHMAKER BRANDT & SONS", "clocks · repairs · est. 1887")):
        font = ImageFont.load_default(120 - 24 * line)
        draw.text((1000, 170 + 150 * line), text, (226, 206, 160), font, anchor="mm")
    scale = size / 88
    tiny = large.resize((round(2000 * scale), round(480 * scale)), Image.Resampling.LANCZOS)
    soft = cv2.GaussianBlur(np.asarray(tiny, np.float32), (0, 0), 0.6)
    grain = np.random.default_rng(2).normal(0, 3, (*soft.shape[:2], 1))
    return np.clip(soft + grain, 0, 255).astype(np.uint8)


def upscale_grain() -> Bytes:
    """Grain that is enlarged, and mended first."""
    before, plain, _ = made(cut(old(data.astronaut()), (200, 80, 110, 110)), PRESETS["Upscale 4x"], jpeg=62)
    _, mended, _ = made(cut(old(data.astronaut()), (200, 80, 110, 110)), Recipe(resolution=4), jpeg=62)
    return row(before.repeat(4, 0).repeat(4, 1), plain, mended, height=440)


def machines() -> Bytes:
    """A drawing: laptops and the server that works for them, and computers that share a folder."""
    image = Image.new("RGB", (2 * 900, 2 * 330), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    ink, blue, paper = (50, 56, 66), (32, 96, 176), (243, 240, 232)
    for top in (40, 240, 440):
        _laptop(draw, (120, top))
    _tower(draw, (620, 200))
    draw.text((700, 500), "resilver serve", blue, font, anchor="mm")
    draw.text((230, 640), "resilver restore --engine cloud", blue, font, anchor="mm")
    for top in (100, 300, 500):
        for forth, y in ((True, 0), (False, 30)):
            _arrow(draw, (350, top + y), (590, 280 + y + (top - 300) // 4), forth)
    draw.line((900, 30, 900, 630), (210, 210, 210), 3)
    for top in (110, 370):
        _laptop(draw, (980, top))
        _arrow(draw, (1200, top + 60), (1290, 240 + (top - 240) // 3), True)
    for name, top in (("/srv/scans", 190), ("/srv/restored", 400)):
        draw.rounded_rectangle((1310, top - 34, 1420, top), 12, paper, ink, 5)
        draw.rounded_rectangle((1310, top - 14, 1530, top + 110), 12, paper, ink, 5)
        draw.text((1420, top + 48), name, ink, font, anchor="mm")
    _tower(draw, (1610, 220))
    draw.text((1660, 560), "resilver watch", blue, font, anchor="mm")
    _arrow(draw, (1540, 260), (1600, 290), True)
    _arrow(draw, (1540, 450), (1600, 420), False)
    return np.asarray(image.resize((900, 330), Image.Resampling.LANCZOS))


def _laptop(draw: ImageDraw.ImageDraw, corner: tuple[int, int]) -> None:
    x, y = corner
    draw.rounded_rectangle((x + 20, y, x + 200, y + 110), 10, (222, 232, 244), (50, 56, 66), 6)
    draw.rounded_rectangle((x, y + 114, x + 220, y + 130), 6, (50, 56, 66))


def _tower(draw: ImageDraw.ImageDraw, corner: tuple[int, int]) -> None:
    x, y = corner
    draw.rounded_rectangle((x, y, x + 140, y + 250), 12, (222, 232, 244), (50, 56, 66), 6)
    for row_ in (40, 80):
        draw.line((x + 24, y + row_, x + 116, y + row_), (50, 56, 66), 6)
    draw.ellipse((x + 56, y + 190, x + 84, y + 218), (32, 150, 90))


def _arrow(draw: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int], forth: bool) -> None:
    """A line with its head at the end, or at the start."""
    colour = (32, 96, 176) if forth else (32, 150, 90)
    draw.line((*start, *end), colour, 5)
    tip, tail = np.float32(end if forth else start), np.float32(start if forth else end)
    along = (tip - tail) / np.linalg.norm(tip - tail)
    across = np.float32([-along[1], along[0]])
    head = [tip + 6 * along, tip - 22 * along + 11 * across, tip - 22 * along - 11 * across]
    draw.polygon([tuple(map(float, point)) for point in head], colour)


FIGURES: dict[str, Callable[[], Bytes]] = {
    figure.__name__.replace("_", "-"): figure
    for figure in (
        restore, restore_jpeg, restore_mistaken, restore_loss, restore_skin, colorize, colorize_wrong, colorize_hint,
        upscale, upscale_lettering, upscale_grain, machines,
    )
}  # fmt: skip


def main() -> None:
    """Make those named, or all."""
    IMAGES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FIGURES:
        made_of = Image.fromarray(FIGURES[name]())
        if name == "machines":
            made_of.quantize(64).save(IMAGES / f"{name}.png", optimize=True)
        else:
            made_of.save(IMAGES / f"{name}.jpg", quality=QUALITY, optimize=True)
    ENGINE.close()


if __name__ == "__main__":
    main()
