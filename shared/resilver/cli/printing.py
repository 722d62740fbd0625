"""What the user reads: one line per picture, or one JSON object per picture, and a line of progress."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resilver.errors import ResilverError


def shown(name: Path | str) -> str:
    """A name that is safe to print: control characters and undecodable bytes become escapes."""
    text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def shown_some(names: Sequence[Path], limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = [f"{len(names) - limit} more"] if len(names) > limit else []
    return ", ".join([*map(shown, names[:limit]), *more])


def print_json(data: Mapping[str, Any]) -> None:
    """One object on a line of its own in plain ASCII.

    A byte of a name that is no UTF-8 is a lone surrogate, as Python, and ``os.fsencode``, have it.
    """
    print(json.dumps(data, ensure_ascii=True), flush=True)


def complain(sentence: str) -> None:
    """One line on stderr."""
    print(f"resilver: {sentence}", file=sys.stderr, flush=True)


def complain_of(path: Path, error: ResilverError) -> None:
    """Why this picture failed, on one line on stderr, with its name if the sentence does not have it."""
    named = path.name in error.message
    complain(shown(error.message) if named else f"{shown(path)}: {shown(error.message)}")


def span(seconds: float) -> str:
    """``0.4 s``, ``42 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    if seconds < 10:
        return f"{round(seconds, 1):g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Bar:
    """A line that shows how far the work is and how long it still takes; nothing unless stderr is a terminal.

    Only the main thread draws.
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = ""

    def draw(self, passed: float, worked: float, count: str, doing: str) -> None:
        """Show what share of everything is ``passed``, the time left, ``count`` ("3 of 20"), what is being done.

        The time left follows from the share that took real work (``worked``), not from what was only skipped.
        """
        if not self._enabled:
            return
        filled = round(20 * min(1.0, passed))
        line = f"{count} [{'#' * filled}{'-' * (20 - filled)}] {passed:4.0%}{self._left(passed, worked)}  {doing}"
        line = line[: (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1]
        if line != self._drawn:
            sys.stderr.write("\r" + line.ljust(len(self._drawn)))
            sys.stderr.flush()
            self._drawn = line

    def clear(self) -> None:
        """Take the line away, before something else is printed."""
        if self._drawn:
            sys.stderr.write("\r" + " " * len(self._drawn) + "\r")
            sys.stderr.flush()
            self._drawn = ""

    def _left(self, passed: float, worked: float) -> str:
        elapsed = time.monotonic() - self._started
        if worked < 0.02 or elapsed < 2:  # the first instants say nothing about the rest
            return ""
        return f", {span(round(elapsed * (1 - passed) / worked))} left"
