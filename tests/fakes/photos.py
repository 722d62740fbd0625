"""Small pictures for jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from resilver.picture import Picture


def save_photo(path: Path, width: int = 40, height: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((width, height), 60).save(path)
    return path


def small() -> Picture:
    return Picture(pixels=np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
