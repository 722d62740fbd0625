"""``kill -9`` at random instants: the same seed kills at the same times, in so far as the machine has the same pace."""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator

from fakes.watched import Watched, jpeg


def kill_and_restart(
    folder: Watched,
    *,
    kills: int,
    seed: int,
    longest_s: float,
    gap_s: float = 0.4,
    round_ended: Callable[[random.Random], None] = lambda _chance: None,
) -> int:
    """Kill and start ``folder`` so often, while pictures come in by and by; then let it come to its end.

    How many pictures there were; they come up to ``gap_s`` apart. Each kill comes at a random instant up to
    ``longest_s`` after the start, every third one takes the workers along; ``round_ended`` is called just before it.
    """
    chance = random.Random(seed)
    with _dropping(folder, chance, gap_s) as names:
        for number in range(kills):
            folder.launch()
            time.sleep(chance.uniform(0.0, longest_s))
            round_ended(chance)
            folder.kill(workers=number % 3 == 0)
    folder.start()
    folder.wait(120 + kills, done=len(names))
    return len(names)


@contextlib.contextmanager
def _dropping(folder: Watched, chance: random.Random, gap_s: float) -> Iterator[list[str]]:
    """Pictures come in until the context ends; their names."""
    ended = threading.Event()
    names: list[str] = []

    def drop() -> None:
        while not ended.wait(chance.uniform(0.05, gap_s)):
            names.append(f"{chance.choice(('', 'sub/', 'sub/deep/'))}{len(names):05}.jpg")
            _bring(folder, names[-1], chance.choice(("write", "rename", "slow")))

    dropping = threading.Thread(target=drop)
    dropping.start()
    try:
        yield names
    finally:
        ended.set()
        dropping.join()


def _bring(folder: Watched, name: str, way: str) -> None:
    path, content = folder.input / name, jpeg()
    path.parent.mkdir(parents=True, exist_ok=True)
    if way == "write":
        path.write_bytes(content)
    elif way == "rename":
        stock = folder.place / "stock"
        stock.mkdir(exist_ok=True)
        (stock / path.name).write_bytes(content)
        shutil.move(stock / path.name, path)
    else:
        with path.open("wb") as file:
            for at in range(0, len(content), 1000):
                file.write(content[at : at + 1000])
                file.flush()
                time.sleep(0.02)
    folder.expect(path)
