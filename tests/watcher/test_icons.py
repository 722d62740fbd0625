"""The tray's icons, measured as an eye meets them: on a panel, at the sizes that panels use."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from resilver_watcher.icons import draw

PANELS = ["#000000", "#1e1e1e", "#808080", "#f2f2f2", "#ffffff"]
SIZES = [16, 22, 24, 32, 48, 64]
SIGNS = ["idle", "working", "paused", "trouble"]


def on_panel(icon: Image.Image, panel: str) -> np.ndarray:
    flat = Image.new("RGB", icon.size, panel)
    flat.paste(icon, mask=icon)
    return np.asarray(flat, dtype=float) / 255


def luminance(pixels: np.ndarray) -> np.ndarray:
    # relative luminance of WCAG 2.1
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sign", SIGNS)
def test_it_stands_out_from_the_panel(sign: str, size: int, panel: str) -> None:
    """A fifth of the icon's square has the contrast to the panel that WCAG asks of graphics (3:1)."""
    seen = luminance(on_panel(draw(sign, 0.5, size), panel))
    ground = luminance(np.asarray(Image.new("RGB", (1, 1), panel), dtype=float) / 255)[0, 0]
    contrast = (np.maximum(seen, ground) + 0.05) / (np.minimum(seen, ground) + 0.05)
    assert (contrast >= 3).mean() > 0.2


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", SIZES)
def test_states_differ_without_colour(size: int, panel: str) -> None:
    """Any two states differ clearly in lightness alone, so that nobody has to tell red from green."""
    seen = {sign: luminance(on_panel(draw(sign, 0.5, size), panel)) for sign in SIGNS}
    for one, other in itertools.combinations(SIGNS, 2):
        assert (np.abs(seen[one] - seen[other]) > 0.2).mean() > 0.08, (one, other)


@pytest.mark.parametrize("size", SIZES)
def test_progress_goes_round(size: int) -> None:
    """More progress paints more green, and a picture just begun or nearly done is neither empty nor more than full."""

    def green(progress: float) -> int:
        pixels = np.asarray(draw("working", progress, size)).astype(int)
        return int((pixels[..., 1] > pixels[..., 0] + 60).sum() - (pixels[..., 2] > pixels[..., 0] + 60).sum())

    painted = [green(step / 4) for step in range(5)]
    assert painted == sorted(set(painted))
    assert green(-1) == green(0)
    assert green(2) == green(1)


@pytest.mark.parametrize("sign", SIGNS)
def test_it_has_no_corners(sign: str) -> None:
    """The corners are transparent, so that no square shows on a coloured panel."""
    alpha = np.asarray(draw(sign))[..., 3]
    assert alpha[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
    assert alpha[32, 32] == 255
