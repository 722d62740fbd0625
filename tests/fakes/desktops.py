"""A desktop of one's own: a display without a screen, a session bus, and the tray as a process in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

PANEL = Path(__file__).with_name("panel.py")
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's PyGObject is for
PROGRAMS = ("Xvfb", "dbus-daemon")


def missing() -> str:
    """What this machine lacks for it, or nothing."""
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    probe = "import gi; gi.require_version('Gtk', '3.0'); gi.require_version('AyatanaAppIndicator3', '0.1')"
    for python in (SYSTEM_PYTHON, sys.executable):
        path = {"PYTHONPATH": "/usr/lib/python3/dist-packages"} if python == sys.executable else {}
        if not lacking and subprocess.run([python, "-c", probe], env=path, capture_output=True, check=False).returncode:
            lacking.append(f"PyGObject with an AppIndicator for {python}")
    return ", ".join(lacking)


def until(true: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Wait for something true and give it; a machine that hangs is all that the limit is for."""
    end = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


class Desktop:
    """A display and a session bus with ``environ`` for programs in them; ``home`` holds their files."""

    def __init__(self, home: Path, screen: str = "640x480") -> None:
        self.home = home
        self._screen = screen
        self.temporary = home / "tmp"
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.temporary.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "TMPDIR": str(self.temporary),
            "NO_AT_BRIDGE": "1",  # Gtk would look for help for the blind on this bus
            "DISPLAY": self._display(),
        }
        self.environ["DBUS_SESSION_BUS_ADDRESS"] = self._bus()
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def start(self, *command: str, environ: dict[str, str] | None = None, **pipes: Any) -> subprocess.Popen[str]:
        """A program in this desktop, ended with it."""
        process = subprocess.Popen(command, env={**self.environ, **(environ or {})}, text=True, **pipes)
        self._open.callback(end, process)
        return process

    def tray(self, **environ: str) -> subprocess.Popen[str]:
        """The real tray."""
        return self.start(sys.executable, "-m", "resilver_watcher.tray", environ=environ, stderr=subprocess.PIPE)

    def _display(self) -> str:
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{self._screen}x24", "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL, text=True)
        self._open.callback(end, server)
        os.close(write)
        with os.fdopen(read) as numbers:
            return f":{numbers.readline().strip()}"

    def _bus(self) -> str:
        address = f"unix:path={self.temporary.parent / 'bus'}"
        command = ["dbus-daemon", "--session", "--nofork", "--nosyslog", "--print-address=1", f"--address={address}"]
        bus = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert bus.stdout
        return bus.stdout.readline().strip()


class Panel:
    """A panel that shows icons over the bus of a desktop; see ``panel.py``."""

    def __init__(self, desktop: Desktop) -> None:
        self._process = desktop.start(
            SYSTEM_PYTHON, str(PANEL), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._receive() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        end(self._process)

    def ask(self, do: str, **fields: object) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()
        return self._receive().get("ok")

    def click(self, *path: str) -> None:
        self.ask("click", path=path)

    def labels(self, *path: str) -> list[str]:
        """The lines of the menu, or of the one under these beginnings of labels; none without an icon."""
        lines = self.ask("menu") or []
        for label in path:
            lines = next((line["items"] for line in lines if line["label"].startswith(label)), [])
        return [line["label"] for line in lines if line["label"]]

    def ticked(self, label: str) -> bool | None:
        """Whether this line of the menu has its tick set; None if it has none, or is not there."""
        return next((line["checked"] for line in self.ask("menu") or [] if line["label"] == label), None)

    def _receive(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


def end(process: subprocess.Popen[str]) -> None:
    """End a process that may have ended already, and its pipes."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
