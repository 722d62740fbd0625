"""Measures the package's own networks as they are shipped: quality, and processor seconds per megapixel on one thread.

The repair and colour figures need the validation pictures (`--data`, by default ../shared/data beside this folder).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from training.apply import Exported, cleaned, detector, filler, on_luminance, plane_function  # noqa: E402
from training.colour_figures import colouring  # noqa: E402
from training.repair_figures import detecting, repairing, squares  # noqa: E402

from training import figures  # noqa: E402

WEIGHTS = ROOT / "shared" / "resilver" / "local" / "weights"
TILE = 256 + 2 * 8  # what the engine gives a network at a time, overlap included


def cost(stem: Path, channels: int) -> str:
    net, planes = Exported(stem), np.random.default_rng(1).random((channels, TILE, TILE), np.float32)
    seconds = []
    for _ in range(5):
        began = time.process_time()
        net(planes)
        seconds.append(time.process_time() - began)
    return f"{min(seconds) * 1e6 / 256**2:.2f} CPU-seconds per megapixel in tiles of 256 with an overlap of 8"


def enlarge(stem: Path, data: Path) -> Iterable[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 2)
    yield cost(stem, 1)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 2), 2)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, lambda plane: run(run(plane)), 4), 4)


def enlarge_4(stem: Path, data: Path) -> Iterable[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 2)
    yield cost(stem, 1)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 4), 4)


def denoise(stem: Path, data: Path) -> Iterable[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 8)
    yield cost(stem, 1)
    yield from figures.cleaning(lambda pixels: cleaned(pixels, run))


def repair(stem: Path, data: Path) -> Iterable[str]:
    find, planes = detector(Exported(stem.with_name("repair-detect"))), squares(data)
    yield cost(stem.with_name("repair-detect"), 1)
    yield from detecting(find, planes)
    if not stem.with_name("repair-fill.bin").exists():
        yield "repair-fill: no weights"
        return
    yield cost(stem.with_name("repair-fill"), 3)
    yield from repairing(find, filler(Exported(stem.with_name("repair-fill"))), planes)


def colour(stem: Path, data: Path) -> Iterable[str]:
    yield cost(stem, 1)
    rarity = np.array(json.loads(stem.with_suffix(".json").read_text())["rarity"], np.float32)
    yield from colouring(Exported(stem), rarity, data)


NETS: dict[str, Callable[[Path, Path], Iterable[str]]] = {
    "enlarge-x2-fast": enlarge,
    "enlarge-x4-fast": enlarge_4,
    "denoise": denoise,
    "repair-detect": repair,
    "colour": colour,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", help=f"which of {', '.join(NETS)}; default: all that are there")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    for name in chosen.nets or NETS:
        stem = chosen.weights / name
        if not stem.with_suffix(".bin").exists():
            print(f"{name}: no weights in {chosen.weights}")
        elif name in ("repair-detect", "colour") and not (chosen.data / "val.tar").exists():
            print(f"{name}: no validation pictures in {chosen.data}")
        else:
            print(f"# {name}", *NETS[name](stem, chosen.data), sep="\n", flush=True)


if __name__ == "__main__":
    main()
