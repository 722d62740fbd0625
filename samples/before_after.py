"""Writes docs/images/before-after.jpg: the samples as they are and as Restore leaves them.

`python samples/before_after.py [OUT]`, with the networks installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from resilver import PRESETS, Report, improve_picture, load_settings, make_engine
from resilver.picture_io.read import ReadLimits, read_picture

HERE = Path(__file__).parent
NAMES = ("attic.jpg", "cafe.jpg")
HEIGHT = 420
GAP = 8


def main() -> None:
    """Restore every sample and lay the pairs out in a row."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs" / "images" / "before-after.jpg"
    limits = ReadLimits(max_pixels=10**7, max_bytes=10**7)
    engine = make_engine(load_settings())
    shown = []
    for name in NAMES:
        before = read_picture(HERE / name, limits)
        after = improve_picture(before, PRESETS["Restore"], engine, Report(on_note=print)).picture("final")
        if after is None:
            raise SystemExit(f"Nothing was found wrong with {name}.")
        shown += [Image.fromarray(np.asarray(picture.pixels)) for picture in (before, after)]
    engine.close()
    out.parent.mkdir(parents=True, exist_ok=True)
    _row([_of_height(image) for image in shown]).save(out, quality=88)


def _of_height(image: Image.Image) -> Image.Image:
    return image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS)


def _row(images: list[Image.Image]) -> Image.Image:
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    row = Image.new("RGB", (width, HEIGHT), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return row


if __name__ == "__main__":
    main()
