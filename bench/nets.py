"""Measures the package's own networks as they are shipped: what they reach, and processor seconds per megapixel.

What is marked "through the engine" goes the whole way that a photograph goes: measured, decided, in tiles, blended. The
rest asks a network alone, on one thread. The repair and colour figures need the validation pictures (`--data`, by
default ../shared/data beside this folder).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import bw  # noqa: E402
import improve  # noqa: E402
from training.apply import Exported, Plane, cleaned, detector, filler, on_luminance, plane_function  # noqa: E402
from training.colour_figures import colouring  # noqa: E402
from training.data import Bytes  # noqa: E402
from training.repair_figures import detecting, repairing, squares, through  # noqa: E402

from resilver.engine import Report  # noqa: E402
from resilver.local.damage import fill_damage, find_damage  # noqa: E402
from resilver.local.engine import LocalEngine  # noqa: E402
from resilver.local.measure import assess  # noqa: E402
from resilver.local.runtime import Runtime  # noqa: E402
from resilver.picture import Picture  # noqa: E402
from resilver.recipe import Recipe  # noqa: E402
from resilver.settings import LocalSettings  # noqa: E402
from training import figures  # noqa: E402

WEIGHTS = ROOT / "shared" / "resilver" / "local" / "weights"
TILE = 256 + 2 * 8  # what the engine gives a network at a time, overlap included
BARE = LocalSettings(models=Path(tempfile.gettempdir()) / "no-networks-of-others", gpu="off", threads=1)


def cost(stem: Path, channels: int) -> str:
    net, planes = Exported(stem), np.random.default_rng(1).random((channels, TILE, TILE), np.float32)
    seconds = []
    for _ in range(5):
        began = time.process_time()
        net(planes)
        seconds.append(time.process_time() - began)
    return f"{min(seconds) * 1e6 / 256**2:.2f} CPU-seconds per megapixel in tiles of 256 with an overlap of 8"


def done(recipe: Recipe, pixels: Bytes) -> Bytes:
    """What the engine makes of a picture with our own networks alone; the picture where it is good."""
    final = ENGINE.improve(Picture(pixels=pixels), recipe, Report()).picture("final")
    return pixels if final is None else final.pixels


def enlarge(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 2)
    yield cost(stem, 1)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 2), 2)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, lambda plane: run(run(plane)), 4), 4)
    yield "through the engine:"
    yield from figures.enlarging(partial(done, Recipe(improve=False, resolution=2)), 2)


def enlarge_best(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 2)
    yield cost(stem, 1)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 2), 2)
    for factor in (2, 4):
        yield f"through the engine at its best, x{factor}:"
        yield from figures.enlarging(partial(done, Recipe(improve=False, resolution=factor, quality="best")), factor)


def enlarge_4(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 2)
    yield cost(stem, 1)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 4), 4)
    yield "through the engine:"
    yield from figures.enlarging(partial(done, Recipe(improve=False, resolution=4)), 4)


def denoise(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:  # noqa: ARG001
    run = plane_function(Exported(stem), 8)
    yield cost(stem, 1)
    yield from figures.cleaning(lambda pixels: cleaned(pixels, run))
    yield "through the engine, which leaves what it takes for good and mends fading as well:"
    yield from figures.cleaning(partial(done, Recipe()))


def repair(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:
    find, planes = detector(Exported(stem.with_name("repair-detect"))), squares(chosen.data, 240 // chosen.part)
    yield cost(stem.with_name("repair-detect"), 1)
    yield from detecting(find, planes)
    yield cost(stem.with_name("repair-fill"), 3)
    yield from repairing(find, filler(Exported(stem.with_name("repair-fill"))), planes)
    yield "through the engine:"
    yield from through(looked, filled, planes)


def looked(plane: Plane) -> Plane:
    """The engine's mask, 0..1, of a luma plane in 0..1."""
    picture = photograph(plane)
    return find_damage(picture, assess(picture), RUNTIME, Report()).astype(np.float32) / 255


def filled(plane: Plane, mask: Plane) -> Plane:
    """The plane, filled by the engine with that mask."""
    rounded = np.rint(mask * 255).astype(np.uint8)
    made = fill_damage(photograph(plane), rounded, 1.0, RUNTIME, Report()).pixels[..., 0]
    return made.astype(np.float32) / 65535


def photograph(plane: Plane) -> Picture:
    return Picture(pixels=np.rint(np.clip(plane, 0, 1) * 65535).astype(np.uint16)[..., None])


def colour(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:
    yield cost(stem, 1)
    rarity = np.array(json.loads(stem.with_suffix(".json").read_text())["rarity"], np.float32)
    yield from colouring(Exported(stem), rarity, chosen.data, chosen.part)


def decisions(stem: Path, chosen: argparse.Namespace) -> Iterator[str]:  # noqa: ARG001
    yield from bw.lines("val.tar", chosen.part)
    yield from improve.decisions("val.tar", chosen.part)


NETS: dict[str, Callable[[Path, argparse.Namespace], Iterator[str]]] = {
    "enlarge-x2-fast": enlarge,
    "enlarge-x2-clean": enlarge_best,
    "enlarge-x2-scan": enlarge_best,
    "enlarge-x4-fast": enlarge_4,
    "denoise": denoise,
    "repair-detect": repair,
    "colour": colour,
    "decisions": decisions,
}
WITH_PICTURES = ("repair-detect", "colour", "decisions")
ENGINE, RUNTIME = LocalEngine(BARE), Runtime(BARE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", help=f"which of {', '.join(NETS)}; default: all that are there")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--part", type=int, default=1, help="every so many-th validation picture (default: all)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    for name in chosen.nets or NETS:
        stem = chosen.weights / name
        if name != "decisions" and not stem.with_suffix(".bin").exists():
            print(f"{name}: no weights in {chosen.weights}")
        elif name in WITH_PICTURES and not (chosen.data / "val.tar").exists():
            print(f"{name}: no validation pictures in {chosen.data}")
        else:
            print(f"# {name}", flush=True)
            for line in NETS[name](stem, chosen):
                print(line, flush=True)


if __name__ == "__main__":
    main()
