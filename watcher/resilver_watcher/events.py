"""What the kernel tells of a folder, by watchdog: hints that are queued and nothing else.

What goes silently wrong there is looked for by the daemon: a root that is another one (:func:`.scan.folder_identity`),
threads that have died (:attr:`Watch.alive`), fewer watches than folders (:func:`watches`), a queue that overflowed (a
warning in watchdog's log, heard here).
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver

from resilver_watcher.readiness import Hint

_log = logging.getLogger(__name__)

Told = Callable[[Path, str, Hint | None], None]
"""Hears the root, a path, and what happened to the file; ``None``: a folder came or went, a sweep is wanted."""

_FILES: dict[type[FileSystemEvent], Hint] = {
    FileCreatedEvent: Hint.CREATED,
    FileModifiedEvent: Hint.MODIFIED,
    FileClosedEvent: Hint.CLOSED,
    FileDeletedEvent: Hint.GONE,
}
_FOLDERS = (DirCreatedEvent, DirMovedEvent, DirDeletedEvent)
# opening and closing after reading would come from every thumbnailer, and from ourselves
_HEARD: list[type[FileSystemEvent]] = [*_FILES, FileMovedEvent, *_FOLDERS]


class _Handler(FileSystemEventHandler):
    def __init__(self, root: Path, told: Told) -> None:
        self._root, self._told = root, told

    def on_any_event(self, event: FileSystemEvent) -> None:
        try:
            self._pass_on(event)
        except Exception:  # noqa: BLE001 - it would end watchdog's thread without a word
            _log.exception("an event was lost")
            self._told(self._root, str(self._root), None)

    def _pass_on(self, event: FileSystemEvent) -> None:
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if isinstance(event, _FOLDERS):
            self._told(self._root, target or source, None)
        elif isinstance(event, FileMovedEvent):
            if source:
                self._told(self._root, source, Hint.GONE)
            if target:
                self._told(self._root, target, Hint.MOVED)
        elif (hint := _FILES.get(type(event))) is not None:
            self._told(self._root, source, hint)


class Watch:
    """Watchdog on one root with its subfolders.

    Raises:
        OSError: the root is missing, or the system's limit of watches or instances is reached.
    """

    def __init__(self, root: Path, told: Told) -> None:
        self._observer = _observer()
        try:
            self._observer.schedule(_Handler(root, told), str(root), recursive=True, event_filter=_HEARD)
            self._observer.start()
        except BaseException:
            with contextlib.suppress(RuntimeError):  # it never began
                self._observer.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether all its threads live; the observer alone says so also when its emitters are dead."""
        emitters = self._observer.emitters
        return self._observer.is_alive() and bool(emitters) and all(emitter.is_alive() for emitter in emitters)

    def stop(self) -> None:
        """End its threads."""
        with contextlib.suppress(OSError, RuntimeError):
            self._observer.stop()
            self._observer.join(5.0)


def _observer() -> BaseObserver:
    if platform.system() == "Linux":
        from watchdog.observers.inotify import InotifyObserver

        # else what is moved in from outside looks as if it had just been created, and has to be waited for
        return InotifyObserver(generate_full_events=True)
    from watchdog.observers import Observer

    return Observer()


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


class Overflows(logging.Handler):
    """Hears watchdog's warnings, which are all that it tells of events that it lost."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._lost = lost

    def __enter__(self) -> Overflows:
        logging.getLogger("watchdog").addHandler(self)
        return self

    def __exit__(self, *_: Any) -> None:
        logging.getLogger("watchdog").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - every warning is reason enough to look
        """Want a sweep."""
        self._lost()
