"""Which files are complete: a small class with no watcher and no clock of its own.

A close after writing and a second of quiet is enough; what was only seen to appear needs two equal looks, or an inode
that has not changed for that long. Measured against scanners, downloads, rsync and copies; what still gets through is
caught by decoding, since a picture that is cut off is tried again later.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from resilver_watcher.scan import Look, ends_in_zeros, look_at

OPEN_S = 60.0  # a file that was written to and not closed, without an event for so long, is judged by looks
AT_ONCE = 250  # so many of a heap are taken in together, so that the first do not wait for the last
ZEROS_S = 60.0  # a file that ends in zeros was reserved and not written, or is a black picture


class Hint(enum.Enum):
    """What was told of a file."""

    SEEN = enum.auto()
    CREATED = enum.auto()
    MODIFIED = enum.auto()
    CLOSED = enum.auto()
    MOVED = enum.auto()
    GONE = enum.auto()


@dataclass(slots=True)
class _Candidate:
    since_s: float
    event_s: float
    closed: bool = False
    open: bool = False
    look: Look | None = None
    looked_s: float = 0.0
    asked_s: float = 0.0


class Readiness:
    """Candidates on their way to being complete; ``quiet_s``, ``look_s``: the two waits of the rule.

    ``patience_s``: what does not change and is still not usable after so long is given up.
    ``look`` and ``zeros`` are asked for a path; times are seconds of one clock that never jumps.
    """

    def __init__(
        self,
        quiet_s: float = 1.0,
        look_s: float = 2.0,
        patience_s: float = 600.0,
        *,
        look: Callable[[str], Look | None] = look_at,
        zeros: Callable[[str], bool] = ends_in_zeros,
    ) -> None:
        self._quiet_s, self._look_s, self._patience_s = quiet_s, look_s, patience_s
        self._look, self._zeros = look, zeros
        self._candidates: dict[str, _Candidate] = {}
        self._due: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()  # of those that are due together, the first that was told of comes first

    def __len__(self) -> int:
        return len(self._candidates)

    def __contains__(self, path: str) -> bool:
        return path in self._candidates

    def hint(self, path: str, hint: Hint, now_s: float) -> None:
        """Something was told of this file."""
        if hint is Hint.GONE:
            self._candidates.pop(path, None)
            return
        candidate = self._candidates.get(path)
        if candidate is None:
            candidate = self._candidates[path] = _Candidate(now_s, now_s)
            self._ask(path, candidate, now_s)
        elif hint is Hint.SEEN:
            return
        candidate.event_s = now_s
        if hint is Hint.MODIFIED:
            candidate.open, candidate.closed, candidate.look, candidate.since_s = True, False, None, now_s
        elif hint in (Hint.CLOSED, Hint.MOVED):
            candidate.open, candidate.closed = False, True
            if now_s + self._quiet_s < candidate.asked_s:  # it was put off for long
                self._ask(path, candidate, now_s + self._quiet_s)

    def _ask(self, path: str, candidate: _Candidate, when_s: float) -> None:
        candidate.asked_s = when_s  # an earlier entry of the heap counts no longer
        heapq.heappush(self._due, (when_s, next(self._numbers), path))

    def next_s(self) -> float | None:
        """When to ask again."""
        return self._due[0][0] if self._due else None

    def ready(self, now_s: float, clock_ns: int | None) -> tuple[list[tuple[str, Look]], list[str]]:
        """Those that are complete now, and those that are given up; both are no candidates any longer.

        Of a heap only the first: ask again while :meth:`next_s` has passed. ``clock_ns``: the time by which inodes are
        stamped, if that can be trusted here.
        """
        complete: list[tuple[str, Look]] = []
        stuck: list[str] = []
        while self._due and self._due[0][0] <= now_s and len(complete) < AT_ONCE:
            asked_s, _, path = heapq.heappop(self._due)
            candidate = self._candidates.get(path)
            if candidate is None or candidate.asked_s != asked_s:
                continue
            if (due_s := self._due_s(candidate)) > now_s:
                self._ask(path, candidate, due_s)
                continue
            look = self._look(path)
            if look is not None and not self._complete(path, candidate, look, now_s, clock_ns):
                if now_s - candidate.since_s < self._patience_s:
                    self._ask(path, candidate, now_s + self._look_s)
                    continue
                stuck.append(path)
            elif look is not None:
                complete.append((path, look))
            del self._candidates[path]
        return complete, stuck

    def _due_s(self, candidate: _Candidate) -> float:
        if candidate.open:
            return candidate.event_s + OPEN_S
        if candidate.closed:
            return candidate.event_s + self._quiet_s
        return candidate.event_s if candidate.look is None else candidate.looked_s + self._look_s

    def _complete(self, path: str, candidate: _Candidate, look: Look, now_s: float, clock_ns: int | None) -> bool:
        same = candidate.look == look
        if not same:
            if candidate.look is not None:
                candidate.since_s = now_s
            candidate.look, candidate.looked_s = look, now_s
        candidate.open = False  # for too long: by looks from now on
        if look.identity.size == 0:
            return False
        if candidate.closed:
            return True
        aged = clock_ns is not None and clock_ns - look.ctime_ns >= self._look_s * 1e9
        if not aged and not (same and now_s - candidate.looked_s >= self._look_s):
            return False
        return now_s - candidate.since_s >= ZEROS_S or not self._zeros(path)
