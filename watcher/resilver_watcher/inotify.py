"""What Linux tells of a folder and of all below it: inotify(7) as it is, read by one thread, told as hints.

watchdog, which serves the other systems (:mod:`.observed`), searches its whole queue at every rename: ten thousand
files by rsync cost it five seconds and made the kernel's queue overflow. Nothing is paired or delayed here, since for
hints both halves of a move stand for themselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import select
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

from resilver.picture_io.junk import is_junk_folder
from resilver_watcher.events import Told
from resilver_watcher.readiness import Hint
from resilver_watcher.scan import is_picture_name

_log = logging.getLogger(__name__)

# linux/inotify.h
_MODIFY, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x8, 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _ISDIR = 0x4000, 0x8000, 0x40000000
_ONLYDIR, _DONT_FOLLOW = 0x01000000, 0x02000000
_HINTS = {
    _MODIFY: Hint.MODIFIED,
    _CLOSE_WRITE: Hint.CLOSED,
    _MOVED_FROM: Hint.GONE,
    _MOVED_TO: Hint.MOVED,
    _CREATE: Hint.CREATED,
    _DELETE: Hint.GONE,
}
# opening and closing after reading would come from every thumbnailer, and from ourselves
_HEARD = sum(_HINTS) | _ONLYDIR
_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 18


class Watch:
    """Watches a root and its subfolders, but no links to folders, from a thread of its own, which calls ``told``.

    Raises:
        OSError: the root is missing, or the system's limit of watches or instances is reached.
    """

    def __init__(self, root: Path, told: Told) -> None:
        self._root, self._told = root, told
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._folders: dict[int, str] = {}
        self._inotify = self._call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)
        self._end, self._ender = os.pipe2(os.O_CLOEXEC)
        try:
            self._top = self._call("inotify_add_watch", self._inotify, os.fsencode(root), _HEARD)
        except BaseException:
            self._close()
            raise
        self._folders[self._top] = str(root)
        self._add_below(str(root))
        self._thread = threading.Thread(target=self._listen, name="inotify", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still hears anything; not once the root was deleted or unmounted."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread."""
        if self._ender >= 0:
            os.write(self._ender, b"\0")
            self._thread.join()
            self._close()

    def _close(self) -> None:
        for handle in (self._inotify, self._end, self._ender):
            os.close(handle)
        self._ender = -1

    def _call(self, name: str, *arguments: int | bytes) -> int:
        result: int = getattr(self._libc, name)(*arguments)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(self._root))
        return result

    def _listen(self) -> None:
        ready = select.poll()
        ready.register(self._inotify, select.POLLIN)
        ready.register(self._end, select.POLLIN)
        while self._top in self._folders and all(handle != self._end for handle, _ in ready.poll()):
            for watch, mask, name in self._events():
                try:
                    self._hear(watch, mask, name)
                except Exception:  # noqa: BLE001 - whatever becomes of one, the next is heard
                    _log.exception("an event was lost")
                    self._told(self._root, str(self._root), None)

    def _events(self) -> Iterator[tuple[int, int, bytes]]:
        data, at = os.read(self._inotify, _READ_BYTES), 0
        while at < len(data):
            watch, mask, _cookie, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            yield watch, mask, data[at - length : at].rstrip(b"\0")

    def _hear(self, watch: int, mask: int, name: bytes) -> None:
        if mask & _IGNORED:  # its folder is gone
            self._folders.pop(watch, None)
        elif mask & _OVERFLOW:
            _log.warning("the kernel's queue was full, events were lost")
            self._add_below(self._folders[self._top])
            self._told(self._root, str(self._root), None)
        elif watch in self._folders:
            word = os.fsdecode(name)
            path = f"{self._folders[watch]}/{word}"
            if mask & _ISDIR:
                self._hear_folder(path, word, mask)
            elif is_picture_name(word):
                self._told(self._root, path, _HINTS[mask])

    def _hear_folder(self, path: str, name: str, mask: int) -> None:
        if mask & _MOVED_FROM:  # its watches would go with it and tell the old names
            for watch, folder in list(self._folders.items()):
                if folder == path or folder.startswith(path + "/"):
                    del self._folders[watch]
                    with contextlib.suppress(OSError):
                        self._call("inotify_rm_watch", self._inotify, watch)
        elif mask & (_CREATE | _MOVED_TO) and not is_junk_folder(name) and self._add(path):
            self._add_below(path, tell=True)
        self._told(self._root, path, None)

    def _add_below(self, folder: str, *, tell: bool = False) -> None:
        """Watch all folders below one that is watched; ``tell`` of the files that may have come before the watch."""
        left = [folder]
        while left:
            with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:  # gone again, or not for us
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not is_junk_folder(entry.name) and self._add(entry.path):
                            left.append(entry.path)
                    elif tell and is_picture_name(entry.name):
                        self._told(self._root, entry.path, Hint.CREATED)

    def _add(self, path: str) -> bool:
        """Watch a folder; too few watches show when they are counted, and what is gone again is of no interest."""
        with contextlib.suppress(OSError):
            watch = self._call("inotify_add_watch", self._inotify, os.fsencode(path), _HEARD | _DONT_FOLLOW)
            self._folders[watch] = path
            return True
        return False
