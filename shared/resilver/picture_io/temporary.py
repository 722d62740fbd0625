"""Names of files that are still being written: hidden, with the number of their process, to tell whose they were."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_PREFIX = ".resilver-"


def temporary_path(directory: Path, suffix: str = "") -> Path:
    """A new name in ``directory``, for a file that this process gives its final name when it is complete."""
    return directory / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(6)}{suffix}"


def remove_temporaries(directory: Path, pid: int) -> None:
    """Delete what the ended process ``pid`` left half-written in ``directory``; nobody else's files are touched."""
    with contextlib.suppress(OSError):  # the folder may be gone, too
        for path in directory.glob(f"{_PREFIX}{pid}-*"):
            path.unlink(missing_ok=True)
