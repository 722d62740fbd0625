"""A real daemon on real folders, in a thread, with a worker whose engine is a fake."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fakes.workers import command
from resilver.settings import Settings, WatchSettings
from resilver_watcher.daemon import Daemon
from resilver_watcher.pairs import Pair
from resilver_watcher.state import News, Status

QUICK = WatchSettings(quiet_s=0.2, look_s=0.3, patience_s=3.0, sweep_s=30.0, rescan_s=1.0)


def wait_for(true: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """What it gives as soon as that is true."""
    end = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


class HotFolder:
    """``place/in`` and ``place/out`` under watch while :meth:`running`."""

    def __init__(self, place: Path, engine: str = "Negative", settings: Settings | None = None, **watch: Any) -> None:
        self.place = place
        self.input, self.output = place / "in", place / "out"
        self.news: list[News] = []
        base = settings or Settings()
        self.settings = dataclasses.replace(base, watch=dataclasses.replace(QUICK, **watch))
        self.command = command(engine)
        self.status_code: int | None = None

    def daemon(self, once: bool = False) -> Daemon:
        return Daemon(
            self.settings,
            [Pair(self.input, self.output)],
            once=once,
            told=self.news.append,
            journal=self.place / "state" / "folder.sqlite",
            command=self.command,
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[Daemon]:
        daemon = self.daemon()
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            wait_for(self.input.is_dir)
            yield daemon
        finally:
            daemon.stop()
            thread.join(30)
            assert not thread.is_alive()

    def once(self) -> int:
        return self.daemon(once=True).run()

    def results(self) -> list[str]:
        """The names of all files in the output folder, hidden ones too."""
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())


def quiet(status: Status) -> bool:
    """Whether nothing is left to do."""
    return status.counts["waiting"] == status.counts["working"] == 0
