"""Writes a checkpoint in the engine's format: `python -m training.export denoise`.

pnnx turns the traced network into ncnn's .param and .bin with 16-bit weights; the result is compared with PyTorch on a
photograph before it is kept. Blobs are `in0` and `out0`.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pnnx
import torch
from skimage import data as pictures
from torch import nn
from torch.fx.experimental.optimization import fuse

from training import colour
from training.apply import Exported
from training.evaluate import load
from training.tasks import TASKS
from training.train import CHECKPOINTS, DATA

WEIGHTS = Path(__file__).resolve().parents[1] / "shared" / "resilver" / "local" / "weights"
CHANNELS = {"repair-fill": 3}
# 16-bit weights may move a byte of the result by less than a quarter of a step, a logit by a little more
TOLERANCE = {"repair-detect": 0.05, "colour": 0.05}


def balanced(net: nn.Module) -> nn.Module:
    """The same network with weights of like size before and after the ReLU of each residual block.

    The files hold nothing between 0 and 6e-5: of a block that learned little the half would be lost.
    """
    net = fuse(net)
    for block in net.modules():
        if hasattr(getattr(block, "second", None), "0"):
            first, second = block.get_submodule("first.0"), block.get_submodule("second.0")
            factor = (second.weight.abs().amax((0, 2, 3)) / first.weight.abs().amax((1, 2, 3)).clamp(1e-9)).sqrt()
            factor = factor.clamp(1e-4)
            first.weight.data *= factor[:, None, None, None]
            first.bias.data *= factor
            second.weight.data /= factor[:, None, None]
    _keep_sums(next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d)))
    return net


def _keep_sums(layer: nn.Conv2d) -> None:
    """Rounds weights to 16 bits so that each kernel's sum stays: its smallest weight, the finest, takes up the rest.

    Kernels that look for fine things are differences of large weights; by their roundings they would see brightness.
    """
    kernels = layer.weight.data.flatten(2)
    halves = kernels.half().float()
    rest = (kernels - halves).sum(2, keepdim=True)
    halves.scatter_add_(2, kernels.abs().argmin(2, keepdim=True), rest)
    layer.weight.data = halves.view_as(layer.weight)


def export(name: str, net: nn.Module, folder: Path) -> float:
    """Writes `name`.param and .bin into `folder`; returns the greatest difference from PyTorch."""
    channels = CHANNELS.get(name, 1)
    sample, other = torch.rand(1, channels, 192, 192), torch.rand(1, channels, 64, 128)  # the size stays free
    net = balanced(net)
    with tempfile.TemporaryDirectory() as scratch:
        pnnx.export(net, str(Path(scratch) / "net.pt"), (sample,), (other,), fp16=True)
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("param", "bin"):
            shutil.copyfile(Path(scratch) / f"net.ncnn.{suffix}", folder / f"{name}.{suffix}")
    plane = pictures.camera()[128:320, 128:384].astype(np.float32) / 255
    planes = np.stack([plane, plane, (plane > 0.7).astype(np.float32)])[:channels]
    with torch.no_grad():
        expected = net(torch.from_numpy(planes)[None])[0].numpy()
    return float(np.abs(Exported(folder / name)(planes) - expected).max())


def sums(name: str, folder: Path) -> str:
    """The check sums of a network's files, as sha256sum writes them."""
    paths = [folder / f"{name}.{suffix}" for suffix in ("bin", "json", "param")]
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in paths if p.exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    chosen = parser.parse_args()
    difference = export(chosen.task, load(chosen.task, chosen.checkpoints, chosen.data), chosen.weights)
    if chosen.task == "colour":
        facts = {"centres": colour.CENTRES.tolist(), "rarity": TASKS[chosen.task](chosen.data).rarity().tolist()}
        (chosen.weights / f"{chosen.task}.json").write_text(json.dumps(facts) + "\n")
    (chosen.weights / f"{chosen.task}.sha256").write_text(sums(chosen.task, chosen.weights))
    print(f"{chosen.task}: differs from PyTorch by at most {difference:.5f}")
    if difference > TOLERANCE.get(chosen.task, 0.001):
        raise SystemExit("the export is wrong")


if __name__ == "__main__":
    main()
