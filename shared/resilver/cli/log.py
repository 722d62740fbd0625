"""The one log file: what went wrong in detail, for reports; nothing in it is needed to use the program."""

from __future__ import annotations

import contextlib
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from resilver.settings import state_dir

LIMIT_BYTES = 1_000_000


def log_file() -> Path:
    """Where the log lies."""
    return state_dir() / "log" / "resilver.log"


def start_log(lasting: bool = False) -> None:
    """Write everything from INFO up to the log file; one older file is kept.

    ``lasting``: this process runs so long that the file must change while it does, and not only at a start.
    Where it cannot be written, the program goes on without a log.
    """
    root = logging.getLogger()
    path = log_file()
    if any(getattr(handler, "baseFilename", None) == str(path) for handler in root.handlers):
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        limit = LIMIT_BYTES if lasting else 0
        handler = RotatingFileHandler(
            path, maxBytes=limit, backupCount=1, encoding="utf-8", errors="backslashreplace", delay=False
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
