"""What disks answer, as errors that people understand."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resilver.errors import OutputDenied, OutputError, OutputFull


@contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Within it, what the disk answers is raised as the :class:`OutputError` that it means."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        # EFBIG: a limit of the process or of FAT
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputFull(f"There is no room for the result in {directory} ({why}); make some there.") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputDenied(
                f"Nothing can be written to {directory} ({why}); mend its permissions or choose another folder with -o."
            ) from error
        raise OutputError(f"The result cannot be written to {directory} ({why}); choose another folder.") from error
