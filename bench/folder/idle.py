"""A daemon whose engine does nothing but note when it was handed what: `python idle.py INPUT OUTPUT COUNT`.

Says "ready" once it watches; ends when it was handed so many, or at SIGTERM; then writes the times and its
CPU seconds into OUTPUT/figures.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from resilver.improve import FileResult
from resilver.settings import Settings
from resilver_watcher import work
from resilver_watcher.daemon import Daemon
from resilver_watcher.events import watches
from resilver_watcher.pairs import Pair

handed: dict[str, int] = {}


class Nothing:
    """A worker that says of everything at once that it is done; the result is the source itself."""

    pid = 0

    def __init__(self, *_: Any) -> None:
        pass

    def improve_file(self, source: Path, *_: Any, **__: Any) -> FileResult:
        """Note the time."""
        handed[str(source)] = time.time_ns()
        return FileResult(source, {"final": source})

    def close(self) -> None:
        """There is nothing to let go of."""


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    folder, output, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    logging.basicConfig(level=logging.WARNING)
    work.Worker = Nothing
    daemon = Daemon(Settings(), [Pair(folder, output)], journal=output / "journal")
    signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
    begun: list[float] = []

    def attend() -> None:
        while not watches():
            time.sleep(0.05)
        time.sleep(0.5)
        begun.append(cpu_s())
        print("ready", flush=True)
        while len(handed) < count:
            time.sleep(0.05)
        begun.append(cpu_s())
        daemon.stop()

    threading.Thread(target=attend, daemon=True).start()
    daemon.run()
    used = begun[-1] - begun[0] if len(begun) > 1 else cpu_s() - begun[0]
    (output / "figures").write_text(json.dumps({"handed": handed, "cpu": used}))


main()
