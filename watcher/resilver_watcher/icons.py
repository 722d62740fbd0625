"""The icon of the tray, drawn for each state so that it reads on dark and on light panels from 16 px up.

A disc in the state's colour stands inside a white ring inside a dark ring: one of the two rings stands out from any
panel. States differ by sign and not by colour alone, for those who see colours differently.
"""

from __future__ import annotations

from PIL import Image, ImageDraw

from resilver_watcher.state import Mood

STEPS = 12
"""How many steps of progress the icon tells apart; more cannot be seen at 16 px."""

_OVER = 4  # drawn so many times larger and scaled down, which smooths the edges
_DARK, _WHITE = (24, 26, 30, 255), (255, 255, 255, 255)
_FILL = {
    "idle": (44, 98, 158, 255),
    "working": (44, 98, 158, 255),
    "paused": (96, 100, 108, 255),
    "trouble": (196, 40, 28, 255),
}
_DONE = (14, 140, 62, 255)


def draw(mood: Mood, progress: float = 0.0, size: int = 64) -> Image.Image:
    """The icon as ``size`` x ``size`` sRGB pixels with alpha; ``progress``, 0 to 1, is told while working."""
    side = size * _OVER
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    _disc(pen, side, 0.0, _DARK)
    _disc(pen, side, 0.06, _WHITE)
    if mood == "working":
        # a full ring would say that all is done, an empty one that nothing goes on
        swept = 360 * min(max(progress, 1 / STEPS), 1)
        pen.pieslice(_box(side, 0.06), -90, -90 + swept, fill=_DONE)
        _disc(pen, side, 0.19, _WHITE)
        _disc(pen, side, 0.23, _FILL[mood])
    else:
        _disc(pen, side, 0.14, _FILL[mood])
    _SIGNS[mood](pen, side)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def _box(side: int, inset: float) -> tuple[float, float, float, float]:
    return side * inset, side * inset, side * (1 - inset) - 1, side * (1 - inset) - 1


def _disc(pen: ImageDraw.ImageDraw, side: int, inset: float, fill: tuple[int, int, int, int]) -> None:
    pen.ellipse(_box(side, inset), fill=fill)


def _photograph(pen: ImageDraw.ImageDraw, side: int) -> None:
    # a hill and the sun above it: what every picture viewer shows for a picture
    pen.polygon([(side * x, side * y) for x, y in ((0.24, 0.68), (0.45, 0.36), (0.66, 0.68))], fill=_WHITE)
    pen.polygon([(side * x, side * y) for x, y in ((0.52, 0.68), (0.64, 0.50), (0.78, 0.68))], fill=_WHITE)
    pen.ellipse([side * 0.58, side * 0.26, side * 0.74, side * 0.42], fill=_WHITE)


def _arrow(pen: ImageDraw.ImageDraw, side: int) -> None:
    pen.polygon([(side * x, side * y) for x, y in ((0.42, 0.35), (0.42, 0.65), (0.66, 0.50))], fill=_WHITE)


def _bars(pen: ImageDraw.ImageDraw, side: int) -> None:
    pen.rectangle([side * 0.33, side * 0.29, side * 0.44, side * 0.71], fill=_WHITE)
    pen.rectangle([side * 0.56, side * 0.29, side * 0.67, side * 0.71], fill=_WHITE)


def _exclamation(pen: ImageDraw.ImageDraw, side: int) -> None:
    pen.rectangle([side * 0.43, side * 0.24, side * 0.57, side * 0.56], fill=_WHITE)
    pen.ellipse([side * 0.42, side * 0.63, side * 0.58, side * 0.79], fill=_WHITE)


_SIGNS = {"idle": _photograph, "working": _arrow, "paused": _bars, "trouble": _exclamation}
