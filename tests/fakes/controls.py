"""A daemon's controls that write down what they are told."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from resilver.errors import RecipeError
from resilver_watcher.state import COUNTS, Current, Entry, PairState, Status

BUSY = Status(
    state="working",
    current=Current("/home/ann/To restore/Bär\udcff.jpg", 0.5, "enlarging", 12.5),
    counts={**dict.fromkeys(COUNTS, 0), "waiting": 3, "working": 1, "done": 7, "failed": 1},
    failed=(Entry("/home/ann/To restore/cut.jpg", "failed", code="picture-broken", reason="cut.jpg is damaged."),),
    results=(Entry("/home/ann/a.jpg", "done", ("/home/ann/a-improved.jpg",), recipe={"improve": True}, seconds=3.5),),
    pairs=(PairState("/home/ann/To restore", "/home/ann/Restored", "Restore"),),
    pid=4711,
    version="1.2.3",
)


class FakeControls:
    """Says ``told`` what it was told; ``stopped`` is set by :meth:`stop`."""

    def __init__(self, status: Status = BUSY, entries: tuple[Entry, ...] = ()) -> None:
        self.told: list[tuple] = []
        self.stopped = threading.Event()
        self._status = status
        self._entries = entries

    def status(self):
        return self._status

    def pause(self):
        self.told.append(("pause",))
        self._status = replace(self._status, state="paused")

    def resume(self):
        self.told.append(("resume",))
        self._status = replace(self._status, state="idle")

    def retry(self, paths=None):
        self.told.append(("retry", paths))
        return 4 if paths is None else len(paths)

    def enqueue(self, files, recipe=None, beside=False, into=None):
        self.told.append(("enqueue", list(files), recipe, beside, *([into] if into else [])))
        return len(files)

    def set_engine(self, name):
        self.told.append(("engine", name))

    def set_preset(self, name):
        if name != "Colorize":
            raise RecipeError(f"There is no preset '{name}'.")
        self.told.append(("preset", name))

    def history(self, n=100):
        return self._entries[:n]

    def show(self):
        self.told.append(("show",))

    def stop(self):
        self.told.append(("stop",))
        self.stopped.set()


def some_files(*names: str) -> list[Path]:
    return [Path("/home/ann") / name for name in names]
