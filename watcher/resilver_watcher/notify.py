"""A word on the desktop when a run has ended or something is in the way; silence wherever that cannot be.

Through ``notify-send``, which needs nothing of this process and tells of a click, and ``osascript`` on macOS (not
verified). On Windows nothing is shown; the tray's icon tells it there.
"""

from __future__ import annotations

import gettext
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from resilver_watcher.language import said
from resilver_watcher.state import News

WAIT_S = 6 * 3600.0
"""So long a click is waited for; a notification in a desktop's list may be clicked much later."""
SEND_S = 0.5
"""So long a word has to reach the desktop, before another takes its place or the daemon ends."""
GAP_S = 10.0
"""Runs that end so soon after the last word are told together: who drops one picture after another is not pestered."""
_APPLE = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
_log = logging.getLogger(__name__)


class Notifier:
    """Shows one notification at a time: a newer one takes the place of the one before it.

    ``open_path``: called with what a click is to open, in a thread of its own.
    """

    def __init__(
        self,
        words: gettext.NullTranslations,
        open_path: Callable[[Path], None],
        *,
        icon: Path | None = None,
        platform: str = sys.platform,
        gap_s: float = GAP_S,
    ) -> None:
        self._words = words
        self._open_path = open_path
        self._icon = icon
        self._platform = platform
        self._gap_s = gap_s
        self._last_s = float("-inf")
        self._later: News | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._shown: subprocess.Popen[bytes] | None = None
        self._sent = threading.Event()
        self._number = ""

    def tell(self, news: News) -> None:
        """Show it, at once if it is trouble, else when the last word is some seconds old; nothing is raised."""
        with self._lock:
            if news.trouble:
                self._show(news)
                return
            self._later = news if self._later is None else _together(self._later, news)
            wait_s = self._last_s + self._gap_s - time.monotonic()
            if wait_s <= 0:
                self._show_later()
            elif self._timer is None:
                self._timer = threading.Timer(wait_s, self._on_time)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Say what is still to be said, and wait for no click any more; what is shown stays."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._show_later()
            self._end()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            self._show_later()

    def _show_later(self) -> None:
        if self._later is not None:
            news, self._later = self._later, None
            self._last_s = time.monotonic()
            self._show(news)

    def _show(self, news: News) -> None:
        self._end()
        title, body = described(news, self._words)
        command = self._command(title, body, bool(news.trouble), news.opens)
        if command is not None:
            try:
                self._start(command, news.opens)
            except OSError as error:
                _log.info("no notification: %s", error)

    def _end(self) -> None:
        # two that wait for the same notification would both open its picture
        if self._shown is not None:
            self._sent.wait(SEND_S)
            self._shown.kill()
            self._shown = None

    def _command(self, title: str, body: str, urgent: bool, opens: Path | None) -> Sequence[str] | None:
        if self._platform == "darwin":
            return ["osascript", "-e", _APPLE, title, body]
        program = None if self._platform == "win32" else shutil.which("notify-send")
        if program is None:
            return None
        command = [program, "--app-name=Resilver", "--print-id", f"--urgency={'critical' if urgent else 'normal'}"]
        if self._icon is not None:
            command.append(f"--icon={self._icon}")
        if self._number:
            command.append(f"--replace-id={self._number}")
        if opens is not None:
            words = self._words.gettext("Open")
            command += ["--wait", f"--action=default={words}", f"--action=open={words}"]
        return [*command, "--", title, body]

    def _start(self, command: Sequence[str], opens: Path | None) -> None:
        # a terminal, since into a pipe notify-send writes the number only when it ends
        reader, writer = os.openpty() if hasattr(os, "openpty") else os.pipe()
        try:
            self._shown = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._sent = threading.Event()
        follow = threading.Thread(target=self._follow, args=(self._shown, reader, self._sent, opens), daemon=True)
        follow.start()

    def _follow(self, process: subprocess.Popen[bytes], reader: int, sent: threading.Event, opens: Path | None) -> None:
        """Read the number and the click, until the notification is closed."""
        watchdog = threading.Timer(WAIT_S, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            with process, os.fdopen(reader, "rb") as lines:
                while line := _next_line(lines):
                    word = line.decode("ascii", "replace").strip()
                    if word.isdigit():
                        self._number = word
                        sent.set()
                    elif word in ("default", "open") and opens is not None:
                        self._open_path(opens)
        except OSError as error:
            _log.info("the notification's click: %s", error)
        finally:
            sent.set()
            watchdog.cancel()


def _together(before: News, after: News) -> News:
    """Both runs as one; a click opens the folder then."""
    opens = after.opens if after.done + after.unchanged != 1 or after.opens is None else after.opens.parent
    return News(
        before.done + after.done,
        before.unchanged + after.unchanged,
        before.failed + after.failed,
        opens=opens or before.opens,
    )


def _next_line(lines: BinaryIO) -> bytes:
    try:
        return lines.readline()
    except OSError:  # a terminal that nobody has open any more (EIO)
        return b""


def described(news: News, words: gettext.NullTranslations) -> tuple[str, str]:
    """Title and text of a notification, on one line each."""
    if news.trouble:
        return words.gettext("Resilver needs you"), _plain(said(news.trouble, words))
    counted = (
        (news.done, words.ngettext("{n} picture restored", "{n} pictures restored", news.done)),
        (news.unchanged, words.ngettext("{n} picture left unchanged", "{n} pictures left unchanged", news.unchanged)),
        (news.failed, words.ngettext("{n} picture failed", "{n} pictures failed", news.failed)),
    )
    title, *rest = [text.format(n=number) for number, text in counted if number]
    if news.failed:
        rest.append(words.gettext("A text beside the results says why."))
    elif not rest and news.opens is not None:
        rest.append(_plain(news.opens.name))
    return title, ". ".join(rest)


def _plain(text: str) -> str:
    """Text as a notification can have it: without lone surrogates, and with no markup (its specification, "Markup")."""
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in whole).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
