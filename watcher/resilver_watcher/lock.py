"""One daemon for each user: a lock that the system frees when its holder dies, whatever it died of."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from resilver.errors import OutputDenied

if sys.platform == "win32":
    import msvcrt

    # far behind what is ever written, since Windows keeps others from reading the bytes that are locked
    _PLACE = 1 << 30

    def _take(file: int) -> None:
        os.lseek(file, _PLACE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """A lock on a file, which stays there; it is held from :meth:`take` to :meth:`free` or the process's death."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it; ``False`` if another process, or another ``Lock`` of this one, has it.

        Raises:
            OutputDenied: the file cannot be made.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise OutputDenied(
                f"{self._path} cannot be written ({error.strerror}); give yourself the right to that folder."
            ) from error
        try:
            _take(file)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def free(self) -> None:
        """Let the next one have it; the file stays, since removing it would let two processes lock two files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.free()
