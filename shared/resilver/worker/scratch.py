"""Private folders for raw pixels: they end with the process, and with the next one if it was killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from resilver.errors import OutputError

if sys.platform != "win32":
    import fcntl

PREFIX = "resilver-worker-"
_YOUNG_S = 60.0  # its owner may be about to lock it
_MEMORY = Path("/dev/shm")  # noqa: S108 - folders there are made by mkdtemp, for this user only


class Scratch:
    """The folders that this process has handed out; their names begin with ``prefix``."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._locks: dict[Path, int | None] = {}

    def make(self, size: int) -> Path:
        """A new empty folder with room for ``size`` bytes, in memory where there is plenty.

        Raises:
            OutputError: no folder can be made.
        """
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{self._prefix}{os.getpid()}-", dir=_root(size)))
            self._locks[folder] = _lock(folder)
        except OSError as error:
            raise OutputError(
                f"No temporary folder can be made ({error}); make room there or set TMPDIR to another folder."
            ) from error
        return folder

    def holds(self, path: Path) -> bool:
        """Whether a file lies directly in one of these folders."""
        return path.parent in self._locks and path.name != ".."

    def clear(self) -> None:
        """Delete the folders with all that is in them."""
        for folder in list(self._locks):
            shutil.rmtree(folder, ignore_errors=True)
            lock = self._locks.pop(folder)
            if lock is not None:
                os.close(lock)


def sweep(prefix: str = PREFIX) -> None:
    """Delete the folders of this user's workers that were killed; a lock ends with its process and so tells."""
    if sys.platform == "win32":
        return
    for folder in [folder for root in _roots() for folder in root.glob(f"{prefix}*")]:
        try:
            found = folder.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _YOUNG_S:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its owner lives
        finally:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    if sys.platform == "win32":
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _roots() -> list[Path]:
    memory = [_MEMORY] if sys.platform == "linux" and os.access(_MEMORY, os.W_OK | os.X_OK) else []
    return [*memory, Path(tempfile.gettempdir())]


def _root(size: int) -> Path:
    import psutil

    memory, disk = _roots()[0], _roots()[-1]
    # what lies there takes the memory that the engine needs, so only a small part of it is given away
    roomy = size <= shutil.disk_usage(memory).free / 2 and size <= psutil.virtual_memory().available / 8
    return memory if roomy else disk
