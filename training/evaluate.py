"""Prints the figures of a checkpoint: `python -m training.evaluate denoise`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from training import figures
from training.apply import Net, Plane, cleaned, detector, filler, on_luminance, plane_function
from training.colour_figures import colouring
from training.repair_figures import detecting, repairing, squares
from training.tasks import TASKS
from training.train import CHECKPOINTS, DATA


def load(name: str, checkpoints: Path = CHECKPOINTS, data: Path = DATA) -> nn.Module:
    """The averaged weights of a run."""
    net = TASKS[name](data).build()
    state = torch.load(checkpoints / f"{name}.pt", map_location="cpu", weights_only=True)
    net.load_state_dict(state["average"])
    return net.eval()


def as_function(module: nn.Module) -> Net:
    """A PyTorch network as a function of planes."""

    def run(planes: Plane) -> Plane:
        with torch.no_grad():
            return module(torch.from_numpy(planes)[None])[0].numpy()

    return run


def enlarging(net: Net, factor: int) -> Iterable[str]:
    """Lines at x2 and, applied twice, at x4; or at x4."""
    run = plane_function(net, 2)
    if factor == 4:
        yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 4), 4)
        return
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, run, 2), 2)
    yield from figures.enlarging(lambda pixels: on_luminance(pixels, lambda plane: run(run(plane)), 4), 4)


def lines(name: str, net: Net, chosen: argparse.Namespace) -> Iterable[str]:
    """What is printed about a network."""
    if name == "repair-detect":
        return detecting(detector(net), squares(chosen.data, 240 // chosen.part))
    if name == "repair-fill":
        find = detector(as_function(load("repair-detect", chosen.checkpoints, chosen.data)))
        return repairing(find, filler(net), squares(chosen.data, 240 // chosen.part))
    if name == "colour":
        return colouring(net, TASKS[name](chosen.data).rarity().numpy(), chosen.data, chosen.part)
    if name == "denoise":
        run = plane_function(net, 8)
        return figures.cleaning(lambda pixels: cleaned(pixels, run))
    return enlarging(net, 4 if "x4" in name else 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--part", type=int, default=1, help="every so many-th validation picture only")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    net = as_function(load(chosen.task, chosen.checkpoints, chosen.data))
    print(*lines(chosen.task, net, chosen), sep="\n")


if __name__ == "__main__":
    main()
