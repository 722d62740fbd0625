"""What the system tells of a folder: hints that are queued and nothing else.

By inotify on Linux (:mod:`.inotify`), by watchdog elsewhere (:mod:`.observed`). What goes silently wrong there is
looked for by the daemon: a root that is another one (:func:`.scan.folder_identity`), threads that have died
(``Watch.alive``), fewer watches than folders (:func:`watches`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from resilver_watcher.readiness import Hint

Told = Callable[[Path, str, Hint | None], None]
"""Hears the root, a path, and what happened to the file; ``None``: a folder came or went or events were lost, a sweep
is wanted."""


def watches() -> int | None:
    """How many folders this process watches, as the kernel says; ``None`` where it does not."""
    count = 0
    try:
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) == "anon_inode:inotify":
                    lines = Path("/proc/self/fdinfo", descriptor.name).read_text(encoding="ascii")
                    count += lines.count("inotify wd:")
    except OSError:
        return None
    return count
