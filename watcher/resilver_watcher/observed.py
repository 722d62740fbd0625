"""What watchdog tells of a folder, on the systems other than Linux."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

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
from watchdog.observers import Observer

from resilver_watcher.events import Told
from resilver_watcher.readiness import Hint

_log = logging.getLogger(__name__)

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
        self._observer = Observer()
        self._overflows = _Overflows(lambda: told(root, str(root), None))
        logging.getLogger("watchdog").addHandler(self._overflows)
        try:
            self._observer.schedule(_Handler(root, told), str(root), recursive=True, event_filter=_HEARD)
            self._observer.start()
        except BaseException:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether all its threads live; the observer alone says so also when its emitters are dead."""
        emitters = self._observer.emitters
        return self._observer.is_alive() and bool(emitters) and all(emitter.is_alive() for emitter in emitters)

    def stop(self) -> None:
        """End its threads."""
        logging.getLogger("watchdog").removeHandler(self._overflows)
        with contextlib.suppress(OSError, RuntimeError):
            self._observer.stop()
            self._observer.join(5.0)


class _Overflows(logging.Handler):
    """Hears watchdog's warnings, which are all that it tells of events that it lost."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._lost = lost

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - every warning is reason enough to look
        """Want a sweep."""
        self._lost()
