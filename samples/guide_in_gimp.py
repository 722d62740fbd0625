"""Uses the plug-in in GIMP's own windows by keyboard and mouse, for guide_gimp.py, which starts it beside GIMP."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

RESTORE = "plug-in-resilver-restore"
SETTINGS = """(config-version "{version}")
(check-updates no)
(show-welcome-dialog no)
(color-profile-policy keep)
"""


def main() -> None:
    """Open the photograph, restore it through the menu and the dialog, and keep what is seen."""
    home = Path(os.environ["HOME"])
    told = subprocess.run(["gimp-console", "--version"], capture_output=True, text=True, check=True).stdout
    (home / "gimp" / "gimprc").write_text(SETTINGS.format(version=told.split()[-1]))
    gimp = subprocess.Popen(["gimp", "-s", "-d", "-f", "attic.jpg"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: windows("gimp-image-window-1"))
        time.sleep(8)
        xdotool("windowactivate", windows("gimp-image-window-1")[-1])
        xdotool("windowsize", "--sync", windows("gimp-image-window-1")[-1], "1180", "780")
        # Filters, Enhance, Resilver, Restore, each in the order of its language's alphabet
        up, down = (3, 0) if os.environ["LC_ALL"].startswith("ru") else (1, 1)
        key("F10", *["Right"] * 8, *["Down"] * 3, "Right", "End", *["Up"] * up, "Right", *["Down"] * down)
        shot("menu")
        key("Return")
        until(lambda: windows(RESTORE))
        time.sleep(10)  # the detail, and then that of the face
        drag(windows(RESTORE)[-1], (600, 130), (570, 250))
        time.sleep(10)
        shot("dialog")
        key("Return")
        until(lambda: windows("resilver-progress"))
        until(lambda: not windows("resilver-progress"))
        time.sleep(3)
        shot("result")
        key("shift+ctrl+f")  # the same once more, with its dialog
        until(lambda: windows(RESTORE))
        time.sleep(10)
        # who does the work: the list is closed again, since where it opens depends on what is chosen in it
        xdotool("mousemove", "--window", windows(RESTORE)[-1], "300", "65", "click", "1")
        key("Escape", "space", "Down", "Return")
        time.sleep(5)
        xdotool("mousemove", "1250", "950")
        shot("cloud")
    finally:
        gimp.kill()


def key(*keys: str) -> None:
    """Press them, slowly."""
    for one in keys:
        xdotool("key", "--delay", "60", one)
        time.sleep(1)


def drag(window: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """The mouse in that window, and then away from everything."""
    xdotool("mousemove", "--window", window, *map(str, start), "mousedown", "1")
    for step in range(1, 11):
        x, y = (a + (b - a) * step // 10 for a, b in zip(start, end, strict=True))
        xdotool("mousemove", "--window", window, str(x), str(y))
        time.sleep(0.1)
    xdotool("mouseup", "1", "mousemove", "1250", "950")


def xdotool(*words: str) -> None:
    """Of the display."""
    subprocess.run(["xdotool", *words], check=True)


def windows(role: str) -> list[str]:
    """Those of that role that are open; xdotool's own search finds no roles."""
    found = _xprop("-root", "_NET_CLIENT_LIST").partition("#")[2].replace(",", " ").split()
    return [number for number in found if f'"{role}"' in _xprop("-id", number, "WM_WINDOW_ROLE")]


def _xprop(*words: str) -> str:
    return subprocess.run(["xprop", *words], capture_output=True, text=True, check=False).stdout


def until(true: Callable[[], object]) -> None:
    """Wait for it."""
    end = time.monotonic() + 120
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.2)


def shot(name: str) -> None:
    """The whole display, into the folder in which this runs."""
    subprocess.run(["import", "-window", "root", f"{name}.png"], check=True)


if __name__ == "__main__":
    main()
