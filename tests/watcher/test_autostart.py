"""Starting with the computer: the files, judged by the programs that read them where those are here."""

from __future__ import annotations

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resilver.errors import OutputDenied
from resilver_watcher import autostart

DESKTOP = {"XDG_CURRENT_DESKTOP": "XFCE", "DISPLAY": ":0"}
ODD = "a folder with $HOME, `ls` and ünicode"


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def odd_python(tmp_path, monkeypatch):
    """A Python whose path holds what has to be quoted; it writes its arguments down.

    No quotes and no backslash, with which systemd runs no program; and no %, with which GLib does not.
    """
    program = tmp_path / ODD / "python"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > "{tmp_path}/ran"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


@pytest.mark.parametrize(
    ("platform", "extra", "file"),
    [
        ("linux", DESKTOP, "config/autostart/resilver.desktop"),
        ("linux", {}, "config/systemd/user/resilver.service"),
        ("darwin", {}, "Library/LaunchAgents/org.resilver.watch.plist"),
    ],
    ids=["desktop", "systemd", "launchd"],
)
def test_on_and_off(home, tmp_path, platform, extra, file):
    """Turning it on twice writes one file, turning it off twice leaves none, and the state is told rightly."""
    environ = {**home, **extra}
    assert not autostart.is_on(environ, platform)
    for _ in range(2):
        assert autostart.turn_on(environ, platform) == tmp_path / file
        assert autostart.is_on(environ, platform)
    for _ in range(2):
        autostart.turn_off(environ, platform)
        assert not autostart.is_on(environ, platform)
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or path.is_file()]


def test_never_both(home):
    """Who turned it on without a desktop and again with one is started once."""
    autostart.turn_on(home, "linux")
    path = autostart.turn_on({**home, **DESKTOP}, "linux")
    files = [found for found in Path(home["HOME"]).rglob("*") if found.is_symlink() or found.is_file()]
    assert files == [path]


@pytest.mark.skipif(not shutil.which("gio"), reason="needs gio (Debian: libglib2.0-bin)")
def test_a_desktop_starts_the_right_program(home, tmp_path, odd_python):
    """The desktop's own launcher runs the program, whatever its path holds."""
    path = autostart.turn_on({**home, **DESKTOP}, "linux")
    subprocess.run(["gio", "launch", str(path)], check=True, timeout=30, env={**os.environ, "HOME": str(tmp_path)})
    _wait_for(tmp_path / "ran")
    assert (tmp_path / "ran").read_text().split() == ["-P", "-m", "resilver_watcher"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
def test_systemd_takes_the_unit(home, tmp_path, odd_python):
    """systemd finds no fault in the unit, not with a path that needs every escape either, and it is enabled."""
    path = autostart.turn_on(home, "linux")
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    link = path.parent / "default.target.wants" / path.name
    assert link.resolve() == path


def test_launchd_gets_the_words(home, odd_python):
    """The property list holds the program and its arguments as they are."""
    agent = plistlib.loads(autostart.turn_on(home, "darwin").read_bytes())
    assert agent["ProgramArguments"] == [str(odd_python), "-P", "-m", "resilver_watcher"]
    assert agent["RunAtLoad"] is True


def test_the_desktop_entry_is_one(home):
    """The file has the keys that every desktop wants."""
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str
    parser.read(autostart.turn_on({**home, **DESKTOP}, "linux"), encoding="utf-8")
    assert {"Type", "Name", "Exec"} <= set(parser["Desktop Entry"])


def test_a_folder_that_cannot_be_written(home, tmp_path):
    """Where the file cannot be written, the error names it."""
    (tmp_path / "config").write_text("")
    with pytest.raises(OutputDenied, match=r"resilver\.(service|desktop)"):
        autostart.turn_on(home, "linux")


def _wait_for(path: Path) -> None:
    import time

    for _ in range(200):
        if path.exists() and path.read_text():
            return
        time.sleep(0.05)
