"""Notifications: what a real D-Bus receives, what a click opens, and silence where there is no desktop."""

from __future__ import annotations

import gettext
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resilver_watcher.notify import Notifier, described
from resilver_watcher.state import News

WORDS = gettext.NullTranslations()
TELL = """
import gettext, sys, time
from pathlib import Path
from resilver_watcher.notify import Notifier
from resilver_watcher.state import News
notifier = Notifier(gettext.NullTranslations(), lambda path: print("opened", path, flush=True), gap_s=2.0)
for line in sys.stdin:
    notifier.tell(eval(line))
notifier.close()
"""


def dbus_mock():
    """A Python of the system with python3-dbusmock, or ``None``."""
    for program in ("/usr/bin/python3",):
        found = subprocess.run([program, "-c", "import dbusmock"], capture_output=True, check=False)
        if found.returncode == 0:
            return program
    return None


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""  # no service is started by it that happens to be installed
SERVICE, PLACE = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


class Desktop:
    """A session bus of its own with a notification daemon that writes down what it gets."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "notifications"
        (folder / "bus.conf").write_text(BUS.format(folder=folder))
        bus = ["dbus-daemon", f"--config-file={folder}/bus.conf", "--print-address", "--nofork"]
        self._bus = subprocess.Popen(bus, stdout=subprocess.PIPE, text=True)
        self.environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self._bus.stdout.readline().strip()}
        mock = [dbus_mock(), "-m", "dbusmock", "-l", str(self._log), "--template", "notification_daemon"]
        self._mock = subprocess.Popen(
            [*mock, "--parameters", '{"capabilities": "body actions"}'], env=self.environ, stdout=subprocess.DEVNULL
        )
        self._gdbus("wait", "--timeout", "20", SERVICE)

    def notified(self, number: int) -> list[str]:
        """The calls of Notify, once there are so many."""
        for _ in range(200):
            text = self._log.read_text() if self._log.exists() else ""
            calls = re.findall(r"^\S+ Notify (.*)$", text, re.MULTILINE)
            if len(calls) >= number:
                return calls
            time.sleep(0.05)
        raise AssertionError(text)

    def click(self, number: int, action: str) -> None:
        """What a desktop says when somebody clicks."""
        emit = ["call", "--dest", SERVICE, "--object-path", PLACE, "--method", "org.freedesktop.DBus.Mock.EmitSignal"]
        self._gdbus(*emit, SERVICE, "ActionInvoked", "us", f"[<uint32 {number}>, <'{action}'>]")

    def close(self) -> None:
        for process in (self._mock, self._bus):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)

    def _gdbus(self, verb: str, *words: str) -> None:
        subprocess.run(["gdbus", verb, "--session", *words], env=self.environ, check=True, timeout=30)


@pytest.fixture
def desktop(tmp_path):
    if not all(map(shutil.which, ("dbus-daemon", "gdbus", "notify-send"))) or dbus_mock() is None:
        pytest.skip("needs Debian's dbus, libglib2.0-bin, libnotify-bin and python3-dbusmock")
    desktop = Desktop(tmp_path)
    yield desktop
    desktop.close()


@pytest.fixture
def teller(desktop):
    """A process that tells each line's news."""
    with subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=desktop.environ
    ) as process:
        yield process
        process.kill()


def tell(process, news: str) -> None:
    process.stdin.write(news + "\n")
    process.stdin.flush()


def test_the_end_of_a_run_and_its_click(desktop, teller):
    """The desktop gets one notification with the counts, and a click on it opens the result."""
    tell(teller, "News(done=3, failed=1, opens=Path('/home/ann/Restored'))")
    (call,) = desktop.notified(1)
    assert "3 pictures restored" in call
    assert "1 picture failed" in call
    time.sleep(0.3)  # notify-send listens to the signal from a moment after its call
    desktop.click(1, "default")
    assert select.select([teller.stdout], [], [], 20)[0]
    assert teller.stdout.readline() == "opened /home/ann/Restored\n"


def test_a_newer_one_takes_its_place(desktop, teller):
    """Trouble after a run replaces its notification, so that there is never a heap of them."""
    tell(teller, "News(done=1, opens=Path('/r/a.jpg'))")
    desktop.notified(1)
    time.sleep(0.3)  # its number has to come back
    tell(teller, "News(trouble='The disk is full; make room.')")
    first, second = desktop.notified(2)
    assert re.search(r'"Resilver" 0 ', first)
    assert re.search(r'"Resilver" 1 ', second)
    assert "The disk is full" in second


def test_runs_close_together_are_told_together(desktop, teller):
    """Who drops one picture after another gets a word on the first, and one on all that followed soon, for a folder."""
    for name in "abcd":
        tell(teller, f"News(done=1, opens=Path('/r/{name}.jpg'))")
    first, second = desktop.notified(2)
    assert '"1 picture restored" "a.jpg"' in first
    assert '"3 pictures restored" "r"' in second
    time.sleep(0.3)
    desktop.click(1, "open")
    assert select.select([teller.stdout], [], [], 20)[0]
    assert teller.stdout.readline() == "opened /r\n"


def test_the_last_word_is_said(desktop, teller):
    """What waits to be told together is told when the daemon ends."""
    tell(teller, "News(done=1)")
    tell(teller, "News(done=2, failed=1)")
    teller.stdin.close()
    teller.wait(20)
    assert '"2 pictures restored"' in desktop.notified(2)[1]


@pytest.mark.parametrize("program", [None, "#!/bin/sh\nexit 1\n", "no program"], ids=["none", "fails", "broken"])
def test_silence_without_a_desktop(tmp_path, monkeypatch, capfd, program):
    """Where notify-send is missing, fails or cannot be run, telling does nothing and raises nothing."""
    if program is not None:
        (tmp_path / "notify-send").write_text(program)
        (tmp_path / "notify-send").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    notifier = Notifier(WORDS, lambda _path: pytest.fail("nobody clicked"))
    notifier.tell(News(done=1, opens=tmp_path))
    notifier.tell(News(trouble="Something."))
    notifier.close()
    assert capfd.readouterr() == ("", "")


def test_hostile_names_are_only_text(tmp_path):
    """Names with markup, newlines and bytes that are no UTF-8 can be shown as they are."""
    _, body = described(News(done=1, opens=Path(os.fsdecode(b"<b>&\n\xff.jpg"))), WORDS)
    assert body == "&lt;b&gt;&amp; \ufffd.jpg"


@pytest.mark.parametrize(
    ("news", "title", "body"),
    [
        (News(done=1, opens=Path("/r/a.jpg")), "1 picture restored", "a.jpg"),
        (News(done=12, opens=Path("/r")), "12 pictures restored", "r"),
        (News(failed=2), "2 pictures failed", "A text beside the results says why."),
        (News(unchanged=1, opens=Path("/r/a.jpg")), "1 picture left unchanged", "a.jpg"),
        (News(2, 1, opens=Path("/r")), "2 pictures restored", "1 picture left unchanged"),
        (
            News(1, 2, 1),
            "1 picture restored",
            "2 pictures left unchanged. 1 picture failed. A text beside the results says why.",
        ),
        (News(trouble="The folder is gone."), "Resilver needs you", "The folder is gone."),
    ],
)
def test_words(news, title, body):
    """One line says how it ended, another what to look at."""
    assert described(news, WORDS) == (title, body)
