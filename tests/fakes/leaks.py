"""Whether a text shows a secret: whole, in part, or as an address has it."""

from __future__ import annotations

import functools
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

TOKEN = "cnry+7f3a9c/e5b2d4680=Qx~"
"""A canary, of characters that a query must escape."""
RUN = 8
"""Of so many characters of the token in a row none may be seen; fewer tell nothing."""


def _runs(secret: str) -> set[str]:
    forms = (secret, quote(secret, safe=""), quote(secret))
    return {form[at : at + RUN] for form in forms for at in range(len(form) - RUN + 1)}


@functools.cache
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_runs(secret)))))


def leak(text: str, secret: str = TOKEN) -> str:
    """What is seen of a secret in a text, with what surrounds it; empty: nothing."""
    found = _pattern(secret).search(text)
    return text[max(0, found.start() - 80) : found.end() + 40] if found else ""


def assert_no_leak(*things: object) -> None:
    """Neither in what a thing says of itself, nor, of an error, in its causes."""
    for thing in things:
        shown = [str(thing), repr(thing)]
        if isinstance(thing, BaseException):
            shown += traceback.format_exception(thing)
        for text in shown:
            assert not leak(text), leak(text)


def assert_no_leak_in_files(folder: Path) -> None:
    """In no name and no content of all that lies in a folder."""
    for path in folder.rglob("*"):
        assert not leak(str(path)), path
        if path.is_file():
            assert not leak(path.read_bytes().decode("latin-1")), path


class _Watching(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines = 0
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        if found := leak(self.format(record)):
            self.leaks.append(found)


@contextmanager
def logs_watched() -> Iterator[_Watching]:
    """Every line of every logger, at DEBUG, is looked through; none may show the token."""
    root, handler = logging.getLogger(), _Watching()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert not handler.leaks, handler.leaks[:3]
