"""What really lies in a folder: the truth that events only hint at."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from resilver.picture_io.identity import Identity
from resilver.picture_io.junk import PICTURE_SUFFIXES, is_junk_file, is_junk_folder


@dataclass(frozen=True, slots=True)
class Look:
    """A file at one moment: which it is, and when its inode last changed (the machine's clock, ns)."""

    identity: Identity
    ctime_ns: int


@dataclass(slots=True)
class Sweep:
    """All pictures below a folder.

    ``odd``: links, pipes and devices with a picture's name, and links to folders, which are left alone. ``folders``:
    how many there are, the root included. ``unread``: those that could not be opened: of what lies there, nothing is
    known.
    """

    files: dict[str, Look] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    folders: int = 0
    unread: list[str] = field(default_factory=list)


def sweep(root: Path, skip: Collection[str] = ()) -> Sweep:
    """Look through a folder, but not into ``skip``, folders right below it."""
    found = Sweep()
    left = [str(root)]
    while left:
        folder = left.pop()
        try:
            with os.scandir(folder) as entries:
                found.folders += 1
                subfolders = [entry.path for entry in entries if _take(entry, found)]
        except OSError:
            found.unread.append(folder)
            continue
        if folder == str(root):
            subfolders = [path for path in subfolders if Path(path).name not in skip]
        left += subfolders
    return found


def _take(entry: os.DirEntry[str], found: Sweep) -> bool:
    """Enter a file; whether it is a folder to be looked into."""
    if entry.is_dir(follow_symlinks=False):
        return not is_junk_folder(entry.name)
    try:
        picture = is_picture_name(entry.name)
        if entry.is_symlink():
            if (picture or entry.is_dir()) and not is_junk_file(entry.name):
                found.odd.append(entry.path)
        elif picture:
            look = _look(entry.stat(follow_symlinks=False))
            if look is None:
                found.odd.append(entry.path)
            else:
                found.files[entry.path] = look
    except OSError:  # gone in between
        pass
    return False


def is_picture_name(name: str) -> bool:
    """Whether a file of this name is looked at."""
    return os.path.splitext(name)[1].casefold() in PICTURE_SUFFIXES and not is_junk_file(name)  # noqa: PTH122 - hot


def look_at(path: str) -> Look | None:
    """The file now; ``None`` if it is gone or no regular file."""
    try:
        return _look(os.lstat(path))
    except (OSError, ValueError):
        return None


def _look(found: os.stat_result) -> Look | None:
    if not stat.S_ISREG(found.st_mode):
        return None
    return Look(Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), found.st_ctime_ns)


def folder_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode: another one after a folder was renamed, made anew, mounted or unmounted; ``None``: missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "afs", "davfs")


def is_network(kind: str) -> bool:
    """Whether others write there, by their own clocks, of which the kernel tells nothing; FUSE may be anything."""
    return kind in _NETWORK or kind.startswith("fuse")


def file_system(path: Path) -> str:
    """The kind of file system that the folder lies on, in the kernel's word; empty if that cannot be known."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real, best, kind = os.path.realpath(path), "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if len(point) >= len(best) and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, kind = point, after.split(" ")[0]
    return kind


_TAIL_BYTES = 4096


def ends_in_zeros(path: str) -> bool:
    """Whether the last 4 KiB are nothing but zeros, as of a file whose place was reserved before it is written."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - of every picture
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL_BYTES))
            return size >= _TAIL_BYTES and not any(file.read(_TAIL_BYTES))
    except OSError:
        return False
