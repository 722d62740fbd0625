"""Prints the figures of a checkpoint: `python -m training.evaluate denoise`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training import figures
from training.colour_figures import colorizer, colouring
from training.damage import fill
from training.repair_figures import Detect, Fill, detecting, repairing, squares
from training.tasks import TASKS
from training.train import CHECKPOINTS, DATA


def load(name: str, checkpoints: Path = CHECKPOINTS, data: Path = DATA) -> nn.Module:
    """The averaged weights of a run."""
    net = TASKS[name](data).build()
    state = torch.load(checkpoints / f"{name}.pt", map_location="cpu", weights_only=True)
    net.load_state_dict(state["average"])
    return net.eval()


def plane_function(net: nn.Module, multiple: int) -> figures.PlaneFunction:
    """The network as a function of one plane of any size: edges are replicated and cut off again."""

    def run(plane: figures.Plane) -> figures.Plane:
        height, width = plane.shape
        padded = np.pad(plane, ((16, 16 + -height % multiple), (16, 16 + -width % multiple)), mode="edge")
        with torch.no_grad():
            got = net(torch.from_numpy(padded)[None, None])[0, 0].numpy()
        scale = got.shape[0] // padded.shape[0]
        return got[16 * scale : (16 + height) * scale, 16 * scale : (16 + width) * scale]

    return run


def detector(net: nn.Module) -> Detect:
    """The network as a function of luma of any size that gives probabilities."""
    logits = plane_function(net, 16)
    return lambda plane: 1 / (1 + np.exp(-logits(plane)))


def filler(net: nn.Module) -> Fill:
    """Classical fill, then the network, inside the mask only."""

    def run(plane: figures.Plane, mask: figures.Plane) -> figures.Plane:
        planes = np.stack([fill(plane, mask), plane, mask])
        height, width = plane.shape
        padded = np.pad(planes, ((0, 0), (16, 16 + -height % 16), (16, 16 + -width % 16)), mode="edge")
        with torch.no_grad():
            got = net(torch.from_numpy(padded)[None])[0, 0].numpy()[16 : 16 + height, 16 : 16 + width]
        return np.where(mask > 0, np.clip(got, 0, 1), plane)

    return run


def show(rows: Iterable[tuple[str, float, float, float]]) -> None:
    for what, before, after, similarity in rows:
        print(f"{what:40s} {before:6.2f} -> {after:6.2f} dB ({after - before:+.2f})  SSIM {similarity:.3f}")


def report(name: str, net: nn.Module, chosen: argparse.Namespace) -> None:
    """Prints what the task's figures are."""
    if name == "repair-detect":
        print(*detecting(detector(net), squares(chosen.data), chosen.threshold), sep="\n")
    if name == "colour":
        print(*colouring(colorizer(net, TASKS["colour"](chosen.data)), chosen.data), sep="\n")
    if name == "repair-fill":
        find = detector(load("repair-detect", chosen.checkpoints, chosen.data))
        print(*repairing(find, filler(net), squares(chosen.data), chosen.threshold), sep="\n")
    if name.startswith("enlarge-x2"):
        run = plane_function(net, 2)
        show(figures.enlarging(lambda pixels: figures.on_luminance(pixels, run, 2), 2))
        show(figures.enlarging(lambda pixels: figures.on_luminance(pixels, lambda p: run(run(p)), 4), 4))
    elif name == "denoise":
        run = plane_function(net, 8)
        show(figures.cleaning(lambda pixels: figures.on_luminance(pixels, run, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--threshold", type=float, default=0.5, help="probability from which a pixel counts as damage")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    report(chosen.task, load(chosen.task, chosen.checkpoints, chosen.data), chosen)


if __name__ == "__main__":
    main()
