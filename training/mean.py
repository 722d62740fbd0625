"""The mean of two states of one network: `python -m training.mean repair-detect EARLIER.pt --share 0.6`.

After a further cycle on other pictures it keeps what the earlier state could (Wortsman and others, "Robust fine-tuning
of zero-shot models", 2022). The checkpoint is replaced; keep a copy.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.tasks import TASKS, Task
from training.train import CHECKPOINTS, DATA

BATCHES = 25  # of the task's, from which batch normalisation takes its statistics

State = dict[str, Tensor]


def mean(earlier: State, later: State, share: float) -> State:
    """Weights between two states, `share` of the later one; counts are the later one's."""
    return {k: torch.lerp(earlier[k], v, share) if v.is_floating_point() else v for k, v in later.items()}


def measure_statistics(net: nn.Module, task: Task, batches: int = BATCHES, seed: int = 1) -> None:
    """Measures batch normalisation's means and variances anew: those of two networks say nothing of their mean."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean of all batches
    rng = np.random.default_rng(seed)
    net.train()
    with torch.no_grad():
        for _ in range(batches):
            net(torch.from_numpy(np.stack([task.sample(rng)[0] for _ in range(task.batch)])))
    net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("earlier", type=Path, help="a checkpoint of the same network")
    parser.add_argument("--share", type=float, default=0.5, help="of the later state, 0 to 1")
    parser.add_argument("--side", type=int, help="side of the training pictures; default: the task's")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    chosen = parser.parse_args()
    task = TASKS[chosen.task](chosen.data)
    task.side = chosen.side or task.side
    path = chosen.checkpoints / f"{chosen.task}.pt"
    later, earlier = (torch.load(p, map_location="cpu", weights_only=True) for p in (path, chosen.earlier))
    net = task.build()
    net.load_state_dict(mean(earlier["average"], later["average"], chosen.share))
    measure_statistics(net, task)
    torch.save(later | {"net": net.state_dict(), "average": net.state_dict()}, path)


if __name__ == "__main__":
    main()
