"""The real tray: on a display and a session bus of its own, seen and clicked as a desktop's panel does it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab

from fakes.controls import BUSY, FakeControls
from fakes.desktops import Desktop, Panel, end, missing, until
from resilver_watcher.control import ControlServer
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.remote import Remote, answering
from resilver_watcher.state import PairState
from resilver_watcher.tray_backend import tray_is_there

STATUS = dataclasses.replace(BUSY, current=dataclasses.replace(BUSY.current, source="/in/attic_1931.jpg"))


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    if lacking := missing():
        pytest.skip(f"a desktop for the real tray needs {lacking}")
    with Desktop(tmp_path) as started:
        yield started


@pytest.fixture
def endpoint(desktop: Desktop) -> Endpoint:
    return Endpoint(desktop.home / "state/resilver/watch")


@pytest.fixture
def controls(endpoint: Endpoint) -> Iterator[FakeControls]:
    told = FakeControls(STATUS)
    with ControlServer(endpoint, answering(told, lambda: None)):
        yield told


def test_the_menu_is_read_and_pause_is_clicked(desktop: Desktop, endpoint: Endpoint, controls: FakeControls) -> None:
    """The panel shows icon, title and whole menu; Pause pauses, the status says so, and a second click goes on."""
    with Panel(desktop) as panel:
        desktop.tray()
        until(lambda: panel.labels()[:1] == ["Restoring attic_1931.jpg. 3 more pictures are waiting."])
        assert panel.labels()[1:] == [
            "Pause",
            "Open folder to restore",
            "Open restored folder",
            "Last results",
            "Failed (1)",
            "Compare before and after",
            "Engine",
            "Preset",
            "Start with the computer",
            "Settings",
            "Quit",
        ]
        assert panel.labels("Failed", "cut.jpg")[0] == "cut.jpg is damaged."
        look = panel.ask("look")
        assert look["status"] == "Active"
        assert "50 %" in look["title"]
        with Image.open(look["icon"]) as icon:
            assert icon.size == (64, 64)
        panel.click("Pause")
        until(lambda: "Paused" in panel.ask("look")["title"])
        assert Remote(endpoint).status().state == "paused"
        until(lambda: panel.ticked("Pause"))
        panel.click("Pause")
        until(lambda: Remote(endpoint).status().state == "idle")
        assert controls.told == [("pause",), ("resume",)]


def test_every_choice_reaches_the_daemon(desktop: Desktop, controls: FakeControls) -> None:
    """Engine, preset and the retries do what their lines say, through the real menu."""
    with Panel(desktop) as panel:
        desktop.tray()
        until(lambda: "Engine" in panel.labels())
        for click, told in (
            (("Engine", "Cloud"), ("engine", "cloud")),
            (("Preset", "Restore and colorize"), ("preset", "Colorize")),
            (("Failed", "Try all again"), ("retry", None)),
            (("Failed", "cut.jpg", "Try again"), ("retry", [Path("/home/ann/To restore/cut.jpg")])),
        ):
            panel.click(*click)
            until(lambda told=told: told in controls.told)


def test_it_starts_with_the_computer_when_told(desktop: Desktop, controls: FakeControls) -> None:
    """The entry writes the autostart file of this desktop and is ticked; another click removes it."""
    file = desktop.home / "config/autostart/resilver.desktop"
    with Panel(desktop) as panel:
        desktop.tray()
        for there in (True, False):
            until(lambda: "Start with the computer" in panel.labels())
            panel.click("Start with")
            until(lambda there=there: file.exists() == there)
            until(lambda there=there: panel.ticked("Start with the computer") == there)


def test_the_system_speaks_russian(desktop: Desktop, controls: FakeControls) -> None:
    """In a Russian session the menu is Russian."""
    with Panel(desktop) as panel:
        desktop.tray(LANG="ru_RU.UTF-8")
        until(lambda: "Пауза" in panel.labels())
        assert "Последние результаты" in panel.labels()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(desktop: Desktop, controls: FakeControls, number: signal.Signals) -> None:
    """It leaves with status 0, its icon's file goes, and the daemon is not told to stop."""
    with Panel(desktop) as panel:
        tray = desktop.tray()
        until(lambda: "Pause" in panel.labels())
        assert list(desktop.temporary.iterdir())
        tray.send_signal(number)
        assert tray.wait(20) == 0
        assert list(desktop.temporary.iterdir()) == []
        until(lambda: panel.ask("icons") == 0)
    assert controls.told == []


def test_quit_stops_the_daemon(desktop: Desktop, controls: FakeControls) -> None:
    """Quit tells the daemon to stop and ends the tray."""
    with Panel(desktop) as panel:
        tray = desktop.tray()
        until(lambda: "Quit" in panel.labels())
        panel.click("Quit")
        assert tray.wait(20) == 0
    assert controls.told == [("stop",)]


def test_the_daemon_survives_the_tray(desktop: Desktop, endpoint: Endpoint, controls: FakeControls) -> None:
    """A killed tray leaves the daemon as it was, a new one takes its place, and a third leaves at once."""
    with Panel(desktop) as panel:
        first = desktop.tray()
        until(lambda: "Pause" in panel.labels())
        first.kill()
        first.wait()
        assert Remote(endpoint).status() == controls.status()
        until(lambda: panel.ask("icons") == 0)
        desktop.tray()
        until(lambda: "Pause" in panel.labels())
        assert desktop.tray().wait(20) == 0
        assert panel.ask("icons") == 1


def test_the_tray_survives_the_daemon(desktop: Desktop, endpoint: Endpoint) -> None:
    """While no daemon answers the icon says so and offers a start; with a daemon it shows that one."""
    with Panel(desktop) as panel:
        desktop.tray()
        for _ in range(2):
            until(lambda: "Start watching" in panel.labels())
            with ControlServer(endpoint, answering(FakeControls(STATUS), lambda: None)):
                until(lambda: "Pause" in panel.labels())


def test_a_desktop_without_a_tray_gets_one_line(desktop: Desktop, controls: FakeControls) -> None:
    """One line says that there is no tray; the icon comes when a panel does, as after a slow login."""
    tray = desktop.tray()
    assert tray.stderr
    assert "no tray icons" in tray.stderr.readline()
    assert tray.poll() is None
    with Panel(desktop) as panel:
        until(lambda: "Pause" in panel.labels())
    with Panel(desktop) as panel:  # the panel was started again
        until(lambda: "Pause" in panel.labels())


def test_without_a_bus_there_is_still_an_icon(desktop: Desktop, controls: FakeControls) -> None:
    """Where no session bus answers, an icon of the X server's own is tried, and a signal ends it cleanly."""
    tray = desktop.tray(DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent")
    assert tray.stderr
    assert "no tray icons" in tray.stderr.readline()
    assert tray.poll() is None
    tray.terminate()
    assert tray.wait(20) == 0


def test_folders_and_settings_open(desktop: Desktop, endpoint: Endpoint, opener: Path, tmp_path: Path) -> None:
    """What is to be opened goes to the desktop's own opener; what is gone is told; a settings file is begun first."""
    (tmp_path / "out").mkdir()
    status = dataclasses.replace(STATUS, pairs=(PairState(str(tmp_path / "in"), str(tmp_path / "out")),))
    settings = tmp_path / "config/resilver/settings.toml"
    serving = ControlServer(endpoint, answering(FakeControls(status), lambda: None))
    with serving, Panel(desktop) as panel:
        desktop.tray(PATH=f"{opener}:{os.environ['PATH']}")
        until(lambda: "Settings" in panel.labels())
        panel.click("Open folder to restore")
        until(lambda: any("No such file" in label for label in panel.labels()))
        panel.click("Open restored folder")
        until(lambda: not any("No such file" in label for label in panel.labels()))
        panel.click("Settings")
        until(lambda: opened(opener) == [str(tmp_path / "out"), str(settings)])
    assert tomllib.loads(settings.read_text()) == {}


def test_the_whole_of_it(desktop: Desktop) -> None:
    """The daemon brings its tray; a click on Pause is seen by `resilver status`; `resilver stop` ends both."""
    (desktop.home / "in").mkdir()
    command = [sys.executable, "-m", "resilver.cli"]
    folders = ["--input", str(desktop.home / "in"), "--output", str(desktop.home / "out")]
    with Panel(desktop) as panel:
        daemon = desktop.start(*command, "watch", *folders, stdout=subprocess.DEVNULL)
        until(lambda: "Pause" in panel.labels(), 60)

        def state() -> str:
            status = desktop.start(*command, "status", "--json", stdout=subprocess.PIPE)
            return json.loads(status.communicate(timeout=60)[0])["state"]

        assert state() == "idle"
        panel.click("Pause")
        until(lambda: state() == "paused")
        until(lambda: panel.ticked("Pause"))
        assert desktop.start(*command, "resume").wait(60) == 0
        until(lambda: panel.ticked("Pause") is False)
        assert state() == "idle"
        assert desktop.start(*command, "stop").wait(60) == 0
        assert daemon.wait(20) == 0
        until(lambda: panel.ask("icons") == 0)


@pytest.fixture
def xfce(desktop: Desktop) -> None:
    for program in ("xfce4-panel", "xfconf-query"):
        if not shutil.which(program):
            pytest.skip(f"a real panel needs {program}")
    place = desktop.home / "config/xfce4/xfconf/xfce-perchannel-xml"
    place.mkdir(parents=True)
    (place / "xfce4-panel.xml").write_text(XFCE)
    desktop.start("xfce4-panel", "--disable-wm-check", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: tray_is_there({"DISPLAY": desktop.environ["DISPLAY"]}, "linux"))


def icon_is_seen(desktop: Desktop) -> bool:
    """Whether twenty pixels of the icon's own blue are on the screen."""
    return len(pixels_of_icon(desktop)) > 20


def pixels_of_icon(desktop: Desktop) -> list[tuple[int, int]]:
    """Where on the screen the icon's own blue is, as x and y; made smaller, it becomes a little different."""
    with ImageGrab.grab(xdisplay=desktop.environ["DISPLAY"]) as screen:
        off = np.abs(np.asarray(screen.convert("RGB"), np.int16) - (44, 98, 158))
    rows, columns = np.nonzero((off < 30).all(axis=-1))
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def test_the_icon_is_seen_in_a_real_panel(desktop: Desktop, controls: FakeControls, xfce: None) -> None:
    """In Xfce's panel the icon's own colours appear on the screen when the tray starts, and go with it."""
    assert not icon_is_seen(desktop)
    tray = desktop.tray()
    until(lambda: icon_is_seen(desktop))
    end(tray)
    until(lambda: not icon_is_seen(desktop))


def test_a_click_on_an_icon_without_a_menu_opens_the_results(
    desktop: Desktop, endpoint: Endpoint, xfce: None, opener: Path, tmp_path: Path
) -> None:
    """Where only the X server's own icon can be, which has no menu, a click opens the folder of the results."""
    if not shutil.which("xdotool"):
        pytest.skip("a click on a real panel needs xdotool")
    (tmp_path / "out").mkdir()
    status = dataclasses.replace(STATUS, pairs=(PairState(str(tmp_path / "in"), str(tmp_path / "out")),))
    with ControlServer(endpoint, answering(FakeControls(status), lambda: None)):
        desktop.tray(PATH=f"{opener}:{os.environ['PATH']}", DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent")
        until(lambda: icon_is_seen(desktop))
        x, y = pixels_of_icon(desktop)[10]
        assert desktop.start("xdotool", "mousemove", str(x), str(y), "click", "1").wait(20) == 0
        assert until(lambda: opened(opener)) == [str(tmp_path / "out")]


@pytest.fixture
def opener(tmp_path: Path) -> Path:
    """A folder with an `xdg-open` that only notes what it is to open."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "xdg-open").write_text(f'#!/bin/sh\necho "$1" >> {place}/opened\n')
    (place / "xdg-open").chmod(0o700)
    return place


def opened(opener: Path) -> list[str]:
    notes = opener / "opened"
    return notes.read_text().splitlines() if notes.exists() else []


XFCE = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
<property name="configver" type="int" value="2"/>
<property name="panels" type="array"><value type="int" value="1"/>
<property name="panel-1" type="empty">
<property name="position" type="string" value="p=6;x=0;y=0"/><property name="position-locked" type="bool" value="true"/>
<property name="length" type="uint" value="100"/><property name="size" type="uint" value="26"/>
<property name="plugin-ids" type="array"><value type="int" value="1"/></property>
</property></property>
<property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"""
