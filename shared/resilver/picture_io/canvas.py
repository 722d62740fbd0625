"""Room for pixels: plain memory for usual pictures, a mapped temporary file for large scans.

A mapped file's pages count as resident only while they are in use, so whoever works in strips and
calls :func:`release` after each stays within a few hundred megabytes however large the picture is.
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from resilver.errors import EngineMemory, OutputFull
from resilver.picture import Pixels

# A 256 MB array is a scan of 85 megapixels; two of them and a network stay well within 2 GiB
PLAIN_LIMIT_BYTES = 256_000_000


class _MappedFile(mmap.mmap):
    """A mapping made here: shared, so that dropped pages come back from the file."""


def allocate(shape: Sequence[int], dtype: npt.DTypeLike, limit_bytes: int = PLAIN_LIMIT_BYTES) -> Pixels:
    """An array of undefined content that is written to before it is read.

    Above ``limit_bytes`` it lies in a temporary file that has no name, so that nothing is left over
    however the process ends; the file goes with the last view of the array.

    Raises:
        OutputFull: no room on the disk for the temporary file.
        EngineMemory: no memory or no address space.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        if size <= limit_bytes:
            return np.empty(shape, dtype)
        return np.ndarray(shape, dtype, buffer=_map_temporary(size))
    except MemoryError as error:
        raise EngineMemory(f"There is no memory for {size / 1e6:.0f} MB of pixels; close other programs.") from error


def release(array: Pixels | memoryview) -> None:
    """Drop the resident pages of an array made by :func:`allocate`; its content stays.

    Any view will do; plain arrays are left alone.
    """
    owner: object = array
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    # of a shared mapping only the page table is dropped, so the data need not reach the disk first;
    # Windows trims working sets by itself
    if isinstance(owner, _MappedFile) and sys.platform != "win32":
        owner.madvise(mmap.MADV_DONTNEED)


def _map_temporary(size: int) -> _MappedFile:
    shortage: OSError | None = None
    for folder in _folders():
        try:
            with tempfile.TemporaryFile(dir=folder, prefix="resilver-") as file:
                _reserve(file, size, folder)
                return _MappedFile(file.fileno(), size)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError from error
            shortage = error
    raise OutputFull(
        f"A temporary file of {size / 1e6:.0f} MB does not fit into {' or '.join(map(str, _folders()))} "
        f"({shortage.strerror if shortage else 'no folder'}); make room there or set TMPDIR to a larger disk."
    ) from shortage


def _folders() -> list[Path]:
    # /tmp lies in memory on many systems; /var/tmp is on a disk (file hierarchy standard 3.0, 5.15)
    chosen = Path(tempfile.gettempdir())
    large = Path("/var/tmp")  # noqa: S108 - the file has no name there
    if chosen == Path("/tmp") and os.access(large, os.W_OK | os.X_OK):  # noqa: S108
        return [large, chosen]
    return [chosen]


def _reserve(file: IO[bytes], size: int, folder: Path) -> None:
    """Take the room at once: on a full disk a mapping would die of SIGBUS in the middle of the work."""
    fallocate = getattr(os, "posix_fallocate", None)
    if fallocate is not None:
        fallocate(file.fileno(), 0, size)
        return
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(size)
