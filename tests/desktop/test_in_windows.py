"""Real file managers in real windows: their menu is used as people do it, and the results lie on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from fakes.chosen import daemon_in, originals, results, save_odd
from fakes.desktops import Desktop, end, until
from resilver_desktop.caja import CAJA
from resilver_desktop.file_manager import FileManager
from resilver_desktop.key_files import DOLPHIN, NEMO, PCMANFM
from resilver_desktop.machine import this_machine
from resilver_desktop.nautilus import NAUTILUS
from resilver_desktop.thunar import Thunar

pytestmark = pytest.mark.timeout(600)  # a lost key costs half a minute

NO_ANIMATION = "[Settings]\ngtk-enable-animations=0\n"


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    if lacking := [program for program in ("Xvfb", "dbus-daemon", "openbox", "xdotool") if not shutil.which(program)]:
        pytest.skip(f"a window of a file manager needs {', '.join(lacking)}")
    home = tmp_path / "home"
    home.mkdir()
    with Desktop(home, "1000x800") as started:
        started.environ |= {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CACHE")}
        started.environ |= {"XDG_RUNTIME_DIR": str(home), "LC_ALL": "C.UTF-8", "GDK_BACKEND": "x11"}
        started.environ |= {"GSK_RENDERER": "cairo"}  # without a graphics card Nautilus 48 shows nothing else
        for version in ("gtk-3.0", "gtk-4.0"):
            (home / "config" / version).mkdir(parents=True)
            (home / "config" / version / "settings.ini").write_text(NO_ANIMATION)
        started.start("openbox", stderr=subprocess.DEVNULL)
        yield started


class Window:
    """A file manager's window with everything in it chosen, and its menu open; ``kind``: of its windows."""

    def __init__(self, desktop: Desktop, kind: str) -> None:
        self._environ = desktop.environ
        self._kind = kind

    def do(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self._environ, capture_output=True, text=True, check=False)
        return done.stdout

    def press(self, key: str) -> bool:
        """When nothing moves any more: a key before a menu has drawn itself goes astray. Whether it did anything."""
        before = self._still()
        self.do("key", key)
        end = time.monotonic() + 10
        while (same := self._seen() == before) and time.monotonic() < end:
            time.sleep(0.05)
        return not same

    def _still(self) -> Image.Image:
        last = [self._seen()]

        def same() -> bool:
            time.sleep(0.3)
            last.append(self._seen())
            return last[-1] == last[-2]

        until(same)
        return last[-1]

    def _seen(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self._environ["DISPLAY"])

    def count(self) -> int:
        """How many there are, menus included."""
        return len(self.do("search", "--onlyvisible", "--class", self._kind).split())

    def open_menu(self) -> None:
        """Over all files; again, if the folder was still being read."""

        def opened() -> bool:
            if self.count() > 1:  # a menu that is not the right one; without one Dolphin would stop reading the folder
                self.do("key", "Escape")
            self.do("mousemove", "700", "560", "click", "1")  # somewhere without a file
            self.do("key", "ctrl+a")
            self._still()
            if self._kind == "nautilus":  # where the key does nothing (Nautilus 43)
                self.do("mousemove", "390", "250", "click", "3")
            else:
                self.do("key", "Menu")
            self._still()
            return self.count() > 1

        until(lambda: self.count() > 0)
        until(opened)

    def keep(self, name: str) -> None:
        """As a picture, where somebody wants to look at it."""
        if folder := os.environ.get("RESILVER_TEST_SCREENSHOTS"):
            self._still().save(Path(folder) / f"{name}.png")


def use(
    desktop: Desktop, manager: FileManager, command: list[str], keys: list[str], chosen: Callable[[Path], object]
) -> None:
    """Bring the entry, open the window, and go by ``keys`` from the open menu's end to the line."""
    manager.install(this_machine(desktop.environ, "linux"))
    pictures = desktop.home / "Pictures"
    chosen(pictures)
    with daemon_in(desktop.home, desktop.environ):
        window = Window(desktop, manager.name)

        def restored() -> bool:
            return originals(pictures).items() <= results(pictures).items()

        def tried() -> bool:
            window.open_menu()
            for number, key in enumerate(keys):
                if not window.press(key):
                    return False
                if number < len(keys) - 1:
                    window.keep(f"{command[0]}-{number}")
            return in_time()

        def in_time() -> bool:
            """Not, where a key was lost and a line beside ours was chosen: a busy machine's menus do that."""
            limit = time.monotonic() + 20
            while not (done := restored()) and time.monotonic() < limit:
                time.sleep(0.2)
            return done

        def tried_afresh() -> bool:
            """In a window of its own: one of Nautilus was once tried for 200 s in vain, and why was not seen."""
            program = desktop.start(*command, str(pictures), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            try:
                until(tried, 70)
            except AssertionError:
                end(program)
            return restored()

        until(tried_afresh, 280)
        window.keep(f"{command[0]}-done")


@pytest.mark.skipif(not shutil.which("thunar"), reason="needs Debian's thunar")
def test_thunar(desktop: Desktop) -> None:
    """All pictures and a folder, of every odd name, chosen at once: Resilver > Restore restores each beside itself."""
    use(desktop, Thunar(), ["thunar"], ["Up", "Up", "Right", "Return"], save_odd)


@pytest.mark.skipif(not shutil.which("nautilus"), reason="needs Debian's nautilus and python3-nautilus")
@pytest.mark.skipif(
    not [*Path("/usr/lib").glob("*/nautilus/extensions*/libnautilus-python.so")],
    reason="needs Debian's python3-nautilus",
)
def test_nautilus(desktop: Desktop) -> None:
    """As in Thunar, through the extension in Python."""
    use(desktop, NAUTILUS, ["nautilus", "--new-window"], ["Up", "Up", "Right", "Down", "Return"], save_odd)


@pytest.mark.skipif(not shutil.which("nemo"), reason="needs Debian's nemo")
def test_nemo(desktop: Desktop) -> None:
    """As in Thunar; the lines stand in the menu itself, below the first one."""
    use(desktop, NEMO, ["nemo"], ["Down", "Down", "Return"], save_odd)


@pytest.mark.skipif(not shutil.which("caja"), reason="needs Debian's caja")
def test_caja(desktop: Desktop) -> None:
    """As in Thunar, through a script: Scripts > Resilver > 1 Restore."""
    use(desktop, CAJA, ["caja", "--no-desktop"], ["Down", "Down", "Right", "Right", "Return"], save_odd)


@pytest.mark.skipif(not shutil.which("dolphin"), reason="needs Debian's dolphin")
def test_dolphin(desktop: Desktop) -> None:
    """As in Thunar, but for a name that is not in UTF-8, which Qt cannot hold; the lines are sorted by their names."""

    def without_latin_1(folder: Path) -> None:
        for path in save_odd(folder):
            if "\udce9" in path.name:
                path.unlink()

    use(desktop, DOLPHIN, ["dolphin", "--new-window"], ["Up", "Up", "Right", "Down", "Return"], without_latin_1)


@pytest.mark.parametrize("program", ["pcmanfm", "pcmanfm-qt"])
def test_pcmanfm(desktop: Desktop, program: str) -> None:
    """As in Thunar, in both of that name."""
    if not shutil.which(program):
        pytest.skip(f"needs Debian's {program}")
    if program == "pcmanfm" and not [*Path("/usr/lib").glob("*/libfm/modules/gtk-menu-actions.so")]:
        pytest.skip("needs Debian's libfm-modules")
    to_the_menu = ["Up"] * (3 if program == "pcmanfm-qt" else 2)
    use(desktop, PCMANFM, [program], [*to_the_menu, "Right", "Return"], save_odd)
