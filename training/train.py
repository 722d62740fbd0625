"""Trains one network within a time budget: `python -m training.train denoise --minutes 30`.

The same command on a processor and on a GPU. Stopped runs go on where they were; a finished run, started again, gets a
further cycle (warm restart) of the given length.
"""

import argparse
import copy
import logging
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from training.tasks import TASKS, Task

LOG = logging.getLogger("training")
CHECKPOINTS = Path.home() / ".cache" / "resilver-training"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
WARM_UP_STEPS = 100
FLAT_SHARE = 0.3  # of the budget at the full rate; then a cosine to zero
SAVE_EVERY_S = 60.0
EMA = 0.999
LAST = ("tail", "linear")  # layers whose numbers mean something else where there are more of them


class Samples(IterableDataset):
    """An endless stream of one task's samples."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __iter__(self) -> Iterator[tuple]:
        rng = np.random.default_rng()
        while True:
            yield self.task.sample(rng)


class Run:
    """A network on its way: weights, their moving average, optimizer, and the share of the cycle that is used up."""

    def __init__(self, task: Task, device: str, checkpoint: Path) -> None:
        self.task, self.device, self.checkpoint = task, device, checkpoint
        self.net: nn.Module = task.build().to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        parts = self.net.parameters()
        self.optimizer = torch.optim.AdamW(parts, lr=task.rate, weight_decay=task.decay, betas=(0.9, 0.99))
        self.progress: dict[str, float] = {"steps": 0, "seconds": 0.0, "cycle_s": 0.0, "cycle_steps": 0}
        if checkpoint.exists():
            state = torch.load(checkpoint, map_location=device, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress.update(state["progress"])

    def begin_with(self, other: Path) -> None:
        """Takes over another network's weights; a wider or deeper one of the same kind begins as good as that one.

        What is new is heard by no channel that was there before, until it has learned what is of use to them.
        """
        own = self.net.state_dict()
        found = torch.load(other, map_location=self.device, weights_only=True)["average"]
        for name, part in found.items():
            place = own.get(name, torch.empty(0))
            fits = part.dim() == place.dim() and all(map(int.__le__, part.shape, place.shape))
            if fits and (name.split(".")[0] not in LAST or part.shape[:1] == place.shape[:1]):
                place[tuple(map(slice, part.shape[:1]))] = 0
                place[tuple(map(slice, part.shape))] = part
        self.net.load_state_dict(own)
        self.average.load_state_dict(own)

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_suffix(".part")
        parts = {"net": self.net, "average": self.average, "optimizer": self.optimizer}
        torch.save({k: v.state_dict() for k, v in parts.items()} | {"progress": self.progress}, part)
        part.replace(self.checkpoint)

    def rate(self, budget_s: float, peak: float) -> float:
        """The learning rate now: warm-up, flat, cosine to zero."""
        share = min(1.0, self.progress["cycle_s"] / budget_s)
        fall = max(0.0, (share - FLAT_SHARE) / (1 - FLAT_SHARE))
        rise = min(1.0, (self.progress["cycle_steps"] + 1) / WARM_UP_STEPS)
        return peak * rise * (0.5 + 0.5 * math.cos(math.pi * fall))

    def step(self, batch: list[Tensor], rate: float) -> float:
        """One update; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = [part.to(self.device, non_blocking=True) for part in batch]
        with torch.autocast(self.device.split(":")[0], torch.bfloat16):
            loss = self.task.loss(self.net, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            keep = min(EMA, (self.progress["steps"] + 1) / (self.progress["steps"] + 10))  # young averages move fast
            for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
                mean.lerp_(now, 1 - keep) if mean.is_floating_point() else mean.copy_(now)
        return float(loss.detach())


def train(run: Run, budget_s: float, peak: float, workers: int) -> None:
    """Steps until the cycle's budget is used up, saving about once a minute."""
    progress = run.progress
    loader = DataLoader(Samples(run.task), run.task.batch, num_workers=workers, persistent_workers=workers > 0)
    began, saved, losses = time.monotonic(), time.monotonic(), []
    for batch in loader:
        losses.append(run.step(batch, run.rate(budget_s, peak)))
        if not math.isfinite(losses[-1]):
            raise SystemExit(f"the loss is {losses[-1]}; the checkpoint is kept as it was")
        now = time.monotonic()
        progress["steps"] += 1
        progress["cycle_steps"] += 1
        progress["seconds"] += now - began
        progress["cycle_s"] += now - began
        began = now
        done = progress["cycle_s"] >= budget_s
        if done or now - saved > SAVE_EVERY_S:
            loss, rate = float(np.mean(losses)), run.rate(budget_s, peak)
            LOG.info("%6d steps %6.0f s loss %.5f rate %.2e", progress["steps"], progress["seconds"], loss, rate)
            if done:
                progress.update(cycle_s=0.0, cycle_steps=0)
            run.save()
            saved, losses = now, []
        if done:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--minutes", type=float, required=True, help="time budget of this cycle")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--rate", type=float, help="peak learning rate; default: the task's")
    parser.add_argument("--side", type=int, help="side of the training pictures: small at first, large in a last cycle")
    parser.add_argument("--like", help="a task whose checkpoint a new run begins with, as far as it fits")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the shards")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    device = chosen.device if chosen.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    task = TASKS[chosen.task](chosen.data)
    task.side = chosen.side or task.side
    run = Run(task, device, chosen.checkpoints / f"{chosen.task}.pt")
    if chosen.like and not run.checkpoint.exists():
        run.begin_with(chosen.checkpoints / f"{chosen.like}.pt")
    signal.signal(signal.SIGTERM, lambda *_: (run.save(), os._exit(0)))
    workers = 0 if device == "cpu" else min(12, os.cpu_count() or 1)
    train(run, chosen.minutes * 60, chosen.rate or task.rate, workers)


if __name__ == "__main__":
    main()
