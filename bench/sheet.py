"""Lays real photographs out beside what the engine makes of them: `bench/sheet.py OUT.png [FOLDER]`.

A row for each picture: before, improved, colorized, both; then closer: before, both, and both at twice the size beside
Lanczos. The folder is by default ../shared/photos beside this one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resilver import Engine, Picture, Recipe, Report, improve_picture, load_settings, make_engine
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.result import OutputName

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from training.tiles import TILE, crop, place, whole, words  # noqa: E402

Bytes = NDArray[np.uint8]
WANTED: tuple[OutputName, ...] = ("improved", "colorized", "colorized_improved")
PHOTOS = ROOT.parent / "shared" / "photos"
LIMITS = ReadLimits(max_pixels=10**8, max_bytes=10**8)
ENDINGS = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}


def rgb(picture: Picture) -> Bytes:
    """The picture's pixels as three channels of bytes."""
    pixels = np.asarray(picture.pixels)
    pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] >= 3 else np.dstack([pixels.squeeze()] * 3)


def row(path: Path, engine: Engine) -> Bytes:
    """Everything about one picture, side by side."""
    before = read_picture(path, LIMITS)
    result = improve_picture(before, Recipe(colorize="auto"), engine, Report(), WANTED)
    shown, spot = [whole(rgb(before))], place(path.name)
    for name in WANTED:
        output = result.outputs.get(name)
        picture = output and output.picture
        reason = (output.absent or output.error) if output else "is not there"
        shown.append(whole(rgb(picture)) if picture else words(f"{name}: {reason}"))
    best = next((p for name in reversed(WANTED) if (p := result.picture(name))), before)
    shown += [crop(rgb(p), spot, TILE) for p in (before, best)]
    return np.hstack([*shown, *_twice(best, spot, engine)])


def _twice(picture: Picture, spot: tuple[int, int], engine: Engine) -> list[Bytes]:
    """A crop at twice the size, by Lanczos and by the engine."""
    recipe = Recipe(improve=False, resolution=2)
    large = improve_picture(picture, recipe, engine, Report(), ("resolved",)).picture("resolved")
    plain = np.asarray(
        Image.fromarray(rgb(picture)).resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS)
    )
    corner = (2 * spot[0] + TILE // 2, 2 * spot[1] + TILE // 2)
    return [crop(p, corner, TILE) for p in (plain, rgb(large) if large else plain)]


def main() -> None:
    """One sheet of all pictures of the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=PHOTOS)
    chosen = parser.parse_args()
    engine = make_engine(load_settings())
    paths = sorted(path for path in chosen.folder.iterdir() if path.suffix.lower() in ENDINGS)
    Image.fromarray(np.vstack([row(path, engine) for path in paths])).save(chosen.out)
    engine.close()


if __name__ == "__main__":
    main()
