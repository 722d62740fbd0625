"""The command ``watch`` as a process: one of it for each user, with its socket, its tray and its signals."""

from __future__ import annotations

import contextlib
import gettext
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from resilver.cli.printing import complain, shown
from resilver.errors import NotWatching, ResilverError, UsageError
from resilver.settings import Settings
from resilver.worker.bridge import bridges
from resilver_watcher import language
from resilver_watcher.autostart import command
from resilver_watcher.control import ControlServer
from resilver_watcher.daemon import Daemon
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.lock import Lock
from resilver_watcher.notify import Notifier, described
from resilver_watcher.pairs import Pair
from resilver_watcher.remote import Remote, answering, watch_dir
from resilver_watcher.state import News

START_S = 20.0
"""So long a daemon may take until it answers: a large journal is read on a slow disk."""
_INTERRUPTED = 130
_log = logging.getLogger(__name__)


def lock() -> Lock:
    """The lock that the one daemon of this user holds."""
    return Lock(watch_dir() / "lock")


def watch(
    settings: Settings, pairs: Sequence[Pair], *, once: bool, tray: bool, asked: bool, engine: str | None = None
) -> int:
    """Watch until told to stop, or with ``once`` until all is done; the exit status.

    ``engine``: the one that was asked for now, which for this time wins over one that was chosen from the tray.
    Where a daemon runs already, it shows itself, unless something particular was ``asked`` of this one.

    Raises:
        UsageError: something was asked that only the running daemon could do.
        SettingsError, JournalError: it cannot start.
    """
    with lock() as mine:
        if not mine.take():
            return _show_the_other(asked or once)
        signals: list[int] = []
        told, close = (_print, lambda: None) if once else _notifying(settings)
        daemon = Daemon(settings, pairs, once=once, told=told, engine=engine)
        icon = Tray()
        show = icon.start if tray and not once else lambda: None
        with (
            contextlib.closing(icon),
            _ended_by_signals(daemon.stop, signals),
            ControlServer(Endpoint(watch_dir()), answering(daemon, show)),
            contextlib.ExitStack() if once else bridges(Path.home()),
        ):
            show()
            if not once:
                _say(pairs)
            status = daemon.run()
        close()
        return _INTERRUPTED if once and signals else status


def start_daemon() -> None:
    """Start a daemon that outlives this process, and wait until it answers.

    Raises:
        NotWatching: it did not start.
    """
    process = subprocess.Popen(
        command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if not _answers(lambda: process.poll() in (None, 0)):  # 0: another one was quicker
        raise NotWatching("The folder's daemon did not start; call `resilver watch`, which says why.")


class Tray:
    """The tray's process. It may end at any time, and be started again."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it if it does not run; on Linux without a display there is nothing to show it on."""
        displays = ("DISPLAY", "WAYLAND_DISPLAY")
        if sys.platform == "linux" and not any(self._environ.get(name) for name in displays):
            return
        if self._process is None or self._process.poll() is not None:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "resilver_watcher.tray"], stdin=subprocess.DEVNULL
                )
            except OSError as error:
                _log.warning("no tray: %s", error)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _show_the_other(asked: bool) -> int:
    if asked:
        raise UsageError("Resilver is watching already; end it with `resilver stop` to start it in another way.")
    if not _answers(lambda: True):
        raise NotWatching("Resilver is watching already, but does not answer; end its process and start it anew.")
    Remote().show()
    print("Resilver is watching already; `resilver status` tells what it does.")
    return 0


def _answers(hope: Callable[[], bool]) -> bool:
    """Wait until the daemon answers."""
    until = time.monotonic() + START_S
    while hope() and time.monotonic() < until:
        with contextlib.suppress(ResilverError):
            Remote().status()
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def _ended_by_signals(stop: Callable[[], None], got: list[int]) -> Iterator[None]:
    def handle(number: int, _frame: FrameType | None) -> None:
        got.append(number)
        stop()

    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
    before = {
        number: signal.signal(number, handle) for name in names if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notifying(settings: Settings) -> tuple[Callable[[News], None], Callable[[], None]]:
    """What hears the news and what ends it."""

    def log(news: News) -> None:
        _log.info("%s", ": ".join(filter(None, described(news, gettext.NullTranslations()))))

    if not settings.watch.notifications:
        return log, lambda: None
    from resilver_watcher.opening import open_path

    notifier = Notifier(language.translation(os.environ), open_path)

    def both(news: News) -> None:
        log(news)
        notifier.tell(news)

    return both, notifier.close


def _print(news: News) -> None:
    if news.trouble:
        complain(shown(news.trouble))
    elif news.done or news.unchanged or news.failed:
        unchanged = f"{news.unchanged} unchanged, " if news.unchanged else ""
        print(f"{news.done} done, {unchanged}{news.failed} failed.", flush=True)


def _say(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        print(f"Watching {shown(pair.input)}; results go to {shown(pair.output)}.", flush=True)
    print("Ctrl-C, or `resilver stop`, ends it.", flush=True)


def folder_of_pictures(pairs: Sequence[Pair], usual: Path) -> None:
    """Make the user's pictures folder where the usual pair is to lie in it and it is not there yet."""
    if any(pair.input == usual for pair in pairs):
        with contextlib.suppress(OSError):
            usual.parent.mkdir(parents=True, exist_ok=True)
