"""Which file it was: told again before a result is published, since files are replaced while they are worked on."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from resilver.errors import PictureUnreadable


@dataclass(frozen=True, slots=True)
class Identity:
    """Device, inode, size in bytes and modification time in nanoseconds: equal while the file is the same."""

    device: int
    inode: int
    size: int
    mtime_ns: int


def identify(path: Path) -> Identity:
    """Look at the file without reading it.

    Raises:
        PictureUnreadable: it is gone, forbidden, or no regular file.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise PictureUnreadable(f"{path} is no regular file; name a picture.")
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes in hexadecimal.

    Raises:
        PictureUnreadable: it cannot be read.
    """
    identify(path)
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError | ValueError) -> PictureUnreadable:
    """The system's refusal as a sentence that says what to do."""
    number = error.errno if isinstance(error, OSError) else None
    why = {
        errno.ENOENT: "it is not there; check the name",
        errno.EACCES: "you may not read it; change its permissions",
        errno.ELOOP: "its links lead in a circle",
        errno.EISDIR: "it is a folder",
    }.get(number or 0, os.strerror(number) if number else "its name is not valid")
    return PictureUnreadable(f"{path} cannot be read: {why}.")
