"""The tray's process beside the daemon: there once, back again when it is gone, ended with it."""

from __future__ import annotations

import psutil
import pytest

from fakes.hot_folder import wait_for
from resilver_watcher.service import Tray


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user of his own, whose desktop has no tray."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(variable, raising=False)


def trays() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_it_can_be_started_again():
    """Starting twice makes one process; one that died is replaced; closing ends it."""
    tray = Tray({"DISPLAY": ":99"})
    tray.start()
    tray.start()
    (first,) = trays()
    first.kill()
    wait_for(lambda: not trays())
    tray.start()
    (second,) = trays()
    assert second.pid != first.pid
    tray.close()
    assert trays() == []


def test_no_display_no_process():
    """Where there is no display, no process waits for one."""
    tray = Tray({})
    tray.start()
    assert trays() == []
    tray.close()
