"""Which picture comes next, and what has to wait for what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resilver_watcher.job import Job
from resilver_watcher.journal import Journal

HEAP_GAP_S = 3.0  # what arrives in the same folder with smaller gaps is one heap, until that has a pace of its own
SINGLE_GAP_S = 1.0  # a pause as long, and three times as long as is usual in a heap, ends it
_RANKS = 3  # so many of a heap go like single drops, so that a heap that only begins is no heap yet
_PAGE = 500  # ten thousand that are all held are gone through in a few looks


@dataclass(slots=True)
class _Heap:
    first_s: float
    last_s: float
    count: int = 0

    @property
    def gap_s(self) -> float:
        """The pause that ends it."""
        if self.count <= _RANKS:
            return HEAP_GAP_S
        return max(SINGLE_GAP_S, 3 * (self.last_s - self.first_s) / (self.count - 1))


@dataclass(frozen=True, slots=True)
class Hold:
    """``until_s``: of the clock; ``None``: until somebody says so. ``reason``: a sentence."""

    until_s: float | None
    reason: str


class Scheduler:
    """The order: single drops before heaps, then the oldest first; what failed for a while is passed over.

    ``clock`` gives seconds and never jumps. A hold of the key ``None`` is for all pictures.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal, self._clock = journal, clock
        self._heaps: dict[Path, _Heap] = {}
        self._later: dict[int, float] = {}
        self._holds: dict[Path | None, Hold] = {}
        self._lock = threading.Lock()

    def rank(self, heap: Path, age_s: float = 0.0) -> int:
        """The rank of a picture that arrived in this heap's folder so long ago: 0 for a single drop, at most 3.

        However late pictures are taken in, what counts is when they arrived.
        """
        now = self._clock()
        arrived_s = now - age_s
        with self._lock:
            if len(self._heaps) > 1000:
                self._heaps = {key: known for key, known in self._heaps.items() if now - known.last_s < known.gap_s}
            known = self._heaps.get(heap)
            if known is not None and arrived_s < known.first_s:  # the rest of what came before
                return _RANKS
            if known is None or arrived_s - known.last_s >= known.gap_s:
                known = self._heaps[heap] = _Heap(arrived_s, arrived_s)
            known.count, known.last_s = known.count + 1, max(known.last_s, arrived_s)
            return min(known.count - 1, _RANKS)

    def put_off(self, job: Job, seconds: float) -> None:
        """Pass this picture over for so long."""
        with self._lock:
            self._later[job.id] = self._clock() + seconds

    def hold(self, key: Path | None, seconds: float | None, reason: str) -> None:
        """Let the pictures with results below a folder wait, or all."""
        with self._lock:
            self._holds[key] = Hold(None if seconds is None else self._clock() + seconds, reason)

    def release(self, key: Path | None) -> None:
        """Something went well there: the hold's reason no longer counts."""
        with self._lock:
            self._holds.pop(key, None)

    def release_all(self) -> None:
        """Try everything at once."""
        with self._lock:
            self._holds.clear()
            self._later.clear()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why pictures are held, also while they are tried again."""
        with self._lock:
            return tuple(dict.fromkeys(hold.reason for hold in self._holds.values()))

    def trouble_of(self, output: Path) -> str:
        """Why the pictures of this output folder are held, or nothing."""
        with self._lock:
            return next((hold.reason for key, hold in self._holds.items() if key == output), "")

    def next(self, output_of: Callable[[Job], Path]) -> Job | None:
        """The picture to work on now."""
        now = self._clock()
        with self._lock:
            held = {key for key, hold in self._holds.items() if hold.until_s is None or hold.until_s > now}
            self._later = {key: due for key, due in self._later.items() if due > now}
            later = set(self._later)
        if None in held:
            return None
        start, page = 0, 1  # mostly it is the first one
        while jobs := self._journal.waiting(page, start):
            for job in jobs:
                if job.id not in later and output_of(job) not in held:
                    return job
            start, page = start + len(jobs), _PAGE
        return None

    def next_s(self) -> float | None:
        """When something that waits for a time becomes due, in seconds of the clock."""
        with self._lock:
            ends = [hold.until_s for hold in self._holds.values() if hold.until_s is not None]
            due = [*ends, *self._later.values()]
        now = self._clock()
        return min((when for when in due if when > now), default=None)

    @property
    def later(self) -> int:
        """How many pictures are put off."""
        with self._lock:
            return sum(due > self._clock() for due in self._later.values())

    @property
    def stuck(self) -> bool:
        """Whether anything is held at all."""
        with self._lock:
            return bool(self._holds)
