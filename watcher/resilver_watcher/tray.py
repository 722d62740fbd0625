"""The tray: a process of its own that shows what the daemon says and tells it what was clicked.

It can die or be ended without the daemon noticing, and be started again at any time.
"""

from __future__ import annotations

import gettext
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from resilver.errors import NotWatching, ResilverError
from resilver.settings import config_file
from resilver_watcher import autostart, language
from resilver_watcher.lock import Lock
from resilver_watcher.menu import Action, Ask, Autostart, Command, Leave, Look, Open, look, look_without_daemon
from resilver_watcher.opening import open_path
from resilver_watcher.remote import Remote, watch_dir
from resilver_watcher.state import Controls
from resilver_watcher.tray_backend import NullIcon, TrayIcon, make_icon, on_signals, tray_is_there

LOOK_S = 1.0
"""How often a daemon that works is asked, for its progress; one that does not, a third as often."""

LEAVE_S = 5.0
"""So long a tray may take to leave after a signal."""
_log = logging.getLogger(__name__)


class Tray:
    """Keeps an icon in step with the daemon, until :meth:`leave`."""

    def __init__(
        self,
        controls: Controls,
        words: gettext.NullTranslations,
        *,
        run_command: Callable[[Sequence[str]], None],
        open_path: Callable[[Path], None],
        autostart: Callable[[], bool | None],
        set_autostart: Callable[[bool], None],
        settings: Path,
        look_s: float = LOOK_S,
    ) -> None:
        self._controls = controls
        self._words = words
        self._run_command = run_command
        self._open_path = open_path
        self._autostart = autostart
        self._set_autostart = set_autostart
        self._settings = settings
        self._look_s = look_s
        # a SimpleQueue, since its put() may be interrupted by a signal handler that puts, too
        self._clicks: queue.SimpleQueue[Action | None] = queue.SimpleQueue()

    def click(self, action: Action) -> None:
        """Take a click, from any thread; it is acted upon by :meth:`follow`."""
        self._clicks.put(action)

    def leave(self) -> None:
        """End the tray, not the daemon; also from a signal handler."""
        self._clicks.put(None)

    def follow(self, icon: TrayIcon) -> None:
        """Show the daemon's state and act on clicks until :meth:`leave` or "Quit"; then stop the icon."""
        starts, refused = self._autostart(), ""
        try:
            while True:
                shown = self._look(starts, refused)
                icon.show(shown)
                try:
                    action = self._clicks.get(timeout=self._look_s if shown.mood == "working" else 3 * self._look_s)
                except queue.Empty:
                    continue
                refused = self._act(action) if action else ""
                if action is None or isinstance(action, Leave):
                    return
                starts = self._autostart()
        finally:
            icon.stop()

    def _look(self, starts: bool | None, refused: str) -> Look:
        try:
            status = self._controls.status()
        except NotWatching:
            return look_without_daemon(self._words)
        except ResilverError as error:
            return look_without_daemon(self._words, error.message)
        return look(status, self._words, settings=self._settings, autostart=starts, refused=refused)

    def _act(self, action: Action) -> str:
        """Do it; why not, if it was refused."""
        try:
            match action:
                case Ask():
                    self._ask(action)
                case Open(path):
                    self._open_path(path)
                case Command(arguments):
                    self._run_command(arguments)
                case Autostart(on):
                    self._set_autostart(on)
                case Leave():
                    self._controls.stop()
        except (ResilverError, OSError) as error:
            _log.warning("tray: %s", error)
            return str(error)
        return ""

    def _ask(self, ask: Ask) -> None:
        match ask.do:
            case "pause":
                self._controls.pause()
            case "resume":
                self._controls.resume()
            case "retry":
                self._controls.retry([Path(ask.about)] if ask.about else None)
            case "engine":
                self._controls.set_engine(ask.about)
            case "preset":
                self._controls.set_preset(ask.about)


def run_resilver(arguments: Sequence[str]) -> None:
    """Start ``resilver`` with these arguments, as a process that outlives this one.

    Raises:
        OSError: it cannot be started.
    """
    command = [sys.executable, "-P", "-m", "resilver.cli", *arguments]
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)


def set_autostart(on: bool) -> None:
    """Start with the computer from now on, or no more.

    Raises:
        OutputDenied: the file that does it cannot be written or removed.
    """
    if on:
        autostart.turn_on()
    else:
        autostart.turn_off()


def main() -> int:
    """Run the tray of this user until it is told to leave; the exit status, which is 0 also without any tray."""
    lock = Lock(watch_dir() / "tray.lock")
    if not lock.take():
        return 0  # this desktop has it already
    words = language.translation(os.environ)
    tray = Tray(
        Remote(),
        words,
        run_command=run_resilver,
        open_path=open_path,
        autostart=autostart.is_on,
        set_autostart=set_autostart,
        settings=config_file(),
    )

    def leave() -> None:
        tray.leave()
        _end_surely()

    on_signals(leave)
    icon = make_icon(tray.click, os.environ)
    if isinstance(icon, NullIcon) or not tray_is_there(os.environ):
        print(_no_tray(words), file=sys.stderr)  # noqa: T201 - the one line that a terminal or a service's log gets
    icon.run(lambda: tray.follow(icon), leave)
    lock.free()
    return 0


def _end_surely() -> None:
    """Pystray's part for X is now and then deaf to its own end, since two threads talk to the server at once."""
    timer = threading.Timer(LEAVE_S, os._exit, [0])
    timer.daemon = True
    timer.start()


def _no_tray(words: gettext.NullTranslations) -> str:
    return words.gettext(
        "resilver: this desktop shows no tray icons (on GNOME, an extension named AppIndicator does); all works "
        "without: results are announced, and `resilver status`, `pause`, `resume` and `history` do the rest."
    )


if __name__ == "__main__":
    sys.exit(main())
