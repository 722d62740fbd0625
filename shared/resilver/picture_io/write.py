"""Result -> file: complete under its final name or not there at all, and never over another file.

On Linux the file is written without any name and linked into the folder when it is whole, so that a
kill leaves nothing. Elsewhere it has a hidden temporary name, which tells the process that made it.

What a crash leaves behind after each step: (1) file opened, (2) pixels written, (3) file synced:
nothing on Linux, else one hidden file that :func:`.temporary.remove_temporaries` finds by its process;
(4) name given: the whole file, whose name may be lost with the power; (5) folder synced: the whole
file. Only where a file system has no links can a crash in the middle of (4) leave an empty name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from resilver.errors import OutputDenied, PictureChanged, PictureUnreadable
from resilver.picture import Picture
from resilver.picture_io.disk import translated
from resilver.picture_io.encode import SUFFIXES, check_size, encode_into, output_format
from resilver.picture_io.identity import file_digest, unreadable
from resilver.picture_io.names import folded, output_stem
from resilver.picture_io.temporary import temporary_path
from resilver.recipe import Format

# what file systems and kernels answer that know no files without names
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.ENOSYS)
_BLOCK_BYTES = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


def encode(picture: Picture, path: Path, format: Format) -> tuple[str, ...]:  # noqa: A002 - the contract's word
    """Write the picture into exactly that file; sentences about what the format could not hold.

    Raises:
        OutputError: as :func:`publish`.
    """
    with translated(path.parent), path.open("w+b") as file:
        return encode_into(file, picture, output_format(picture, format))


def publish(
    picture: Picture,
    directory: Path,
    stem: str,
    format: Format = "keep",  # noqa: A002 - the contract's word
    note: Callable[[str], None] = lambda _sentence: None,
) -> Path:
    """Write the picture into the folder, which is made if missing, under a name that nobody else has.

    ``stem`` gets the format's suffix, and ``-2``, ``-3``... where a name is taken; names that differ
    in case or in their Unicode form only count as the same. ``note`` hears what the format could not
    hold. When this returns, the file and its name are on the disk; when it raises, nothing is left.

    Raises:
        OutputFormat: the format cannot hold the picture.
        OutputFull: no space or no inodes left.
        OutputDenied: no permission, or a read-only file system.
        OutputError: anything else that the disk answers.
    """
    kind = output_format(picture, format)
    check_size(kind, picture.width, picture.height)

    def fill(file: BinaryIO) -> None:
        for sentence in encode_into(file, picture, kind):
            note(sentence)

    return _publish(directory, stem, SUFFIXES[kind], fill)


def publish_as(picture: Picture, path: Path) -> Path:
    """Write the picture as a PNG under exactly that name, which must be free; its folder is made if missing.

    Raises:
        OutputDenied: something has that name already, or as :func:`publish`.
        OutputError: as :func:`publish`.
    """
    check_size("png", picture.width, picture.height)
    with translated(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _draft(path.parent) as draft:
            encode_into(draft.file, picture, "png")
            draft.file.flush()
            os.fsync(draft.file.fileno())
            try:
                draft.claim(path)
            except FileExistsError as error:
                raise _taken(path) from error
        _sync_folder(path.parent)
    return path


def check_free(path: Path) -> None:
    """Raise OutputDenied, as :func:`publish_as` would after the work, where something has that name."""
    if path.exists():
        raise _taken(path)


def _taken(path: Path) -> OutputDenied:
    return OutputDenied(f"{path.name} is there already; give another name, or move it away.")


def publish_copy(source: Path, directory: Path, sha256: str) -> Path:
    """Copy a file byte by byte into the folder, which is made if missing, under its own name or the next free one.

    ``sha256``: of the bytes that are meant. A copy of them that lies there already is taken for this one.

    Raises:
        PictureUnreadable: the source cannot be read.
        PictureChanged: its bytes are others by now.
        OutputError: as :func:`publish`.
    """
    if (there := find_copy(directory, source, sha256)) is not None:
        return there
    try:
        original = source.open("rb")
    except OSError as error:
        raise unreadable(source, error) from error

    def fill(file: BinaryIO) -> None:
        digest = hashlib.sha256()
        while block := original.read(_BLOCK_BYTES):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != sha256:
            raise PictureChanged(f"{source.name} was changed while it was copied; it will have to be done again.")

    with original:
        return _publish(directory, output_stem(source.name, ()), source.suffix, fill)


def find_copy(directory: Path, source: Path, sha256: str) -> Path | None:
    """An earlier copy of these bytes under the name of that file; only files with its stem are read."""
    stem, suffix = folded(output_stem(source.name, ())), folded(source.suffix)
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208 - names, not paths
        size = source.stat().st_size
    except OSError:
        return None
    for name in names:  # of thousands, few are worth a path
        if folded(name).startswith(stem) and folded((path := directory / name).suffix) == suffix:
            with contextlib.suppress(OSError, PictureUnreadable):
                if path.stat().st_size == size and file_digest(path) == sha256:
                    return path
    return None


def _publish(directory: Path, stem: str, suffix: str, fill: Callable[[BinaryIO], None]) -> Path:
    with translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
        with _draft(directory) as draft:
            fill(draft.file)
            draft.file.flush()
            os.fsync(draft.file.fileno())
            final = _claim(draft, directory, stem, suffix)
        _sync_folder(directory)
    return final


class _Draft(Protocol):
    file: BinaryIO

    def claim(self, final: Path) -> None:
        """Give the file its name, or raise FileExistsError."""


def _claim(draft: _Draft, directory: Path, stem: str, suffix: str) -> Path:
    taken = {folded(name) for name in os.listdir(directory)}  # noqa: PTH208 - names, not paths
    for number in itertools.count(1):
        name = f"{stem}-{number}{suffix}" if number > 1 else stem + suffix
        if folded(name) in taken:
            continue
        with contextlib.suppress(FileExistsError):  # somebody was quicker
            draft.claim(directory / name)
            return directory / name
    raise AssertionError("numbers do not end")


class _Unnamed:
    """A file without a name (O_TMPFILE): the kernel drops it if the process ends."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def claim(self, final: Path) -> None:
        folder = os.open(final.parent, os.O_RDONLY)
        try:
            # with a folder given, Python calls linkat(), which can follow the link in /proc (man 2 open, O_TMPFILE)
            os.link(f"/proc/self/fd/{self.file.fileno()}", final.name, dst_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)


class _Named:
    """A hidden file in the same folder."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path

    def claim(self, final: Path) -> None:
        self.file.close()  # Windows renames closed files only
        if os.name == "nt":
            self.path.rename(final)  # which never replaces a file there
            return
        try:
            final.hardlink_to(self.path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # FAT and some network drives: the name is reserved first, then filled at once
            os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            try:
                self.path.replace(final)
            except OSError:
                final.unlink()
                raise


@contextmanager
def _draft(directory: Path) -> Iterator[_Draft]:
    handle = _open_unnamed(directory)
    if handle is not None:
        with os.fdopen(handle, "w+b") as file:
            yield _Unnamed(file)
        return
    path = temporary_path(directory, ".tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o666)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield _Named(file, path)
    finally:
        path.unlink(missing_ok=True)


def _open_unnamed(directory: Path) -> int | None:
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - a constant
        return None
    try:
        return os.open(directory, flag | os.O_RDWR, 0o666)
    except OSError as error:
        if error.errno in _NO_UNNAMED:
            return None
        raise


def _sync_folder(directory: Path) -> None:
    if os.name == "nt":
        return
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network drives cannot
            raise
    finally:
        os.close(folder)
