"""Contact sheets of real photographs, to be looked at: `python -m training.sheet enlarge-x2-fast FOLDER`."""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training import colour
from training.apply import cleaned, colorizer, detector, filler, find, on_luminance, plane_function
from training.data import Bytes
from training.evaluate import as_function, load
from training.figures import lanczos
from training.tasks import TASKS
from training.tiles import TILE, crop, place, whole
from training.train import CHECKPOINTS, DATA

PHOTOS = DATA.parent / "photos"
Show = Callable[[Bytes, tuple[int, int]], list[Bytes]]


def enlarging(checkpoints: Path) -> Show:
    run = plane_function(as_function(load("enlarge-x2-fast", checkpoints)), 2)

    def show(pixels: Bytes, spot: tuple[int, int]) -> list[Bytes]:
        left, top = min(spot[0], pixels.shape[1] - TILE // 2), min(spot[1], pixels.shape[0] - TILE // 2)
        small = np.ascontiguousarray(pixels[max(0, top) :, max(0, left) :][: TILE // 2, : TILE // 2])
        return [lanczos(small, 2), on_luminance(small, run, 2)]

    return show


def denoising(checkpoints: Path) -> Show:
    run = plane_function(as_function(load("denoise", checkpoints)), 8)
    return lambda pixels, spot: [crop(pixels, spot, TILE), crop(cleaned(pixels, run), spot, TILE)]


def repairing(checkpoints: Path) -> Show:
    detect, fill_in = (
        detector(as_function(load("repair-detect", checkpoints))),
        filler(as_function(load("repair-fill", checkpoints))),
    )

    def show(pixels: Bytes, spot: tuple[int, int]) -> list[Bytes]:
        luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        mask = find(detect, luma)
        repaired = (fill_in(luma, mask) * 255 + 0.5).astype(np.uint8)
        grey = [_rgb(luma), _rgb(mask), np.dstack([repaired] * 3)]
        return [whole(part) for part in grey] + [crop(part, spot, TILE) for part in grey]

    return show


def _rgb(plane: NDArray[np.float32]) -> Bytes:
    return np.dstack([(plane * 255 + 0.5).astype(np.uint8)] * 3)


def colouring(checkpoints: Path) -> Show:
    run = colorizer(as_function(load("colour", checkpoints)), TASKS["colour"](DATA).rarity().numpy())

    def show(pixels: Bytes, spot: tuple[int, int]) -> list[Bytes]:  # noqa: ARG001
        grey = colour.lab(pixels)[..., 0]
        shown = [np.dstack([grey, run(grey, vividness)]) for vividness in (0.0, 0.3, 0.6, 1.0)]
        return [whole(pixels), *[whole(colour.rgb(part)) for part in shown]]

    return show


SHEETS = {"enlarge-x2-fast": enlarging, "denoise": denoising, "repair": repairing, "colour": colouring}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheet", choices=sorted(SHEETS))
    parser.add_argument("folder", type=Path, help="where the sheet is written")
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    chosen = parser.parse_args()
    show = SHEETS[chosen.sheet](chosen.checkpoints)
    rows = []
    for path in sorted(chosen.photos.glob("*.[jp][pn]g")):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        rows.append(np.hstack(show(pixels, place(path.name))))
    Image.fromarray(np.vstack(rows)).save(chosen.folder / f"sheet-{chosen.sheet}.png")


if __name__ == "__main__":
    main()
