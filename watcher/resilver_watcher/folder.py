"""One input folder under watch: whether it is there, whether its events can be trusted, when to look through it."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path

from resilver_watcher.events import Told
from resilver_watcher.pairs import Pair
from resilver_watcher.scan import file_system, folder_identity, is_network

if sys.platform == "linux":
    from resilver_watcher.inotify import Watch
else:
    from resilver_watcher.observed import Watch

_log = logging.getLogger(__name__)


AGAIN_S = 60.0  # where the system refused a watch, it is asked for again


class Folder:
    """The input of a pair. ``sweep_s``: how often it is searched anyway; ``rescan_s``: without trusted events."""

    def __init__(self, pair: Pair, told: Told, *, sweep_s: float, rescan_s: float, events: bool) -> None:
        self.pair = pair
        self.trouble = ""
        self.count = 0
        self.few_watches = False
        self._told = told
        self._sweep_s, self._rescan_s, self._events = sweep_s, rescan_s, events
        self._identity: tuple[int, int] | None = None
        self._watch: Watch | None = None
        self._foreign = False
        self._again_s = 0.0
        self.foreign_clock = False
        self._wanted_s = float("inf")
        self.swept_s = float("-inf")

    @property
    def present(self) -> bool:
        """Whether it can be searched."""
        return self._identity is not None

    @property
    def due_s(self) -> float:
        """When it is to be searched again."""
        trusted = self._watch is not None and not self._foreign and not self.few_watches
        return min(self._wanted_s, self.swept_s + (self._sweep_s if trusted else self._rescan_s))

    @property
    def watched(self) -> bool:
        """Whether events come from there."""
        return self._watch is not None

    def sweep_by(self, when_s: float) -> None:
        """Search it by then."""
        self._wanted_s = min(self._wanted_s, when_s)

    def swept(self, now_s: float) -> None:
        """It was searched now."""
        self.swept_s, self._wanted_s = now_s, float("inf")

    def check(self, now_s: float) -> bool:
        """Look whether it is still the same folder and its watch lives; whether it has to be searched at once."""
        identity = folder_identity(self.pair.input)
        alive = self._watch is None or self._watch.alive
        told = identity is not None or self.trouble  # missing from the start
        if identity == self._identity and alive and told:
            if self._watch is None and self._events and now_s >= self._again_s and identity is not None:
                self._arm(now_s)
            return False
        self.stop()
        self._identity = identity
        if identity is None:
            self.trouble = f"The folder {self.pair.input} is missing; bring it back, or choose another one."
            _log.warning("missing: %s", self.pair.input)
            return False
        self.trouble = ""
        self._arm(now_s)
        return True

    def same(self) -> bool:
        """Whether the folder is still the one that was there at the last check."""
        return folder_identity(self.pair.input) == self._identity

    def _arm(self, now_s: float) -> None:
        self._again_s = now_s + AGAIN_S
        kind = file_system(self.pair.input)
        self.foreign_clock = is_network(kind)
        # an overlay tells nothing of what is written to the layers that it is made of
        self._foreign = self.foreign_clock or kind == "overlay"
        if not self._events:
            return
        try:
            self._watch = Watch(self.pair.input, self._told)
        except OSError as error:  # limits of the system, or gone again
            _log.warning("no events for %s, it is searched every %.0f s: %s", self.pair.input, self._rescan_s, error)

    def stop(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None


def make_folders(pair: Pair) -> None:
    """Make both folders of a pair where what they lie in is there: a drive that is not mounted is waited for."""
    for folder in (pair.input, pair.output):
        if not folder.exists() and _above_is_there(folder):
            with contextlib.suppress(OSError):
                folder.mkdir()


def _above_is_there(folder: Path) -> bool:
    return folder.parent.is_dir()
