"""Takes the guide's pictures of windows, in docs/guide/images: `python samples/guide_screens.py [NAME...]`.

Real programs on a display without a screen, in English and in Russian, in the home /home/ann, which is made and
removed. Beside what `./run test` wishes for it takes Debian's tumbler and locales. Thunar warns who is root, and the
pictures show it, but not so: `unshare --user --map-user=1000 --map-group=1000 python samples/guide_screens.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageGrab
from skimage import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fakes.desktops import Desktop, until  # noqa: E402

IMAGES = ROOT / "docs" / "guide" / "images"
HOME = Path("/home/ann")
LANGUAGES = {"en": "en_GB", "ru": "ru_RU"}
FOLDERS = {"en": ("To restore", "Restored"), "ru": ("На восстановление", "Восстановлено")}  # noqa: RUF001
ALBUM = {"en": "Album", "ru": "Альбом"}
RESILVER = [sys.executable, "-m", "resilver.cli"]


@contextmanager
def desktop(language: str) -> Iterator[Desktop]:
    """Of a user who speaks that, with a window manager and nothing else."""
    HOME.mkdir()
    try:
        with Desktop(HOME, "900x640") as started:
            name, data_home = LANGUAGES[language], HOME / ".local" / "share"
            data_home.mkdir(parents=True)
            subprocess.run(["localedef", "-i", name, "-f", "UTF-8", data_home / f"{name}.UTF-8"], check=True)
            started.environ |= {"LOCPATH": str(data_home), "LC_ALL": f"{name}.UTF-8", "GDK_BACKEND": "x11"}
            started.environ |= {"XDG_DATA_HOME": str(data_home), "XDG_RUNTIME_DIR": str(started.temporary)}
            (HOME / "config" / "gtk-3.0").mkdir(parents=True)
            (HOME / "config" / "gtk-3.0" / "settings.ini").write_text("[Settings]\ngtk-enable-animations=0\n")
            started.start("openbox", stderr=subprocess.DEVNULL)
            yield started
    finally:
        shutil.rmtree(HOME)


def still(started: Desktop) -> Image.Image:
    """The display, once nothing moves any more."""
    seen = [ImageGrab.grab(xdisplay=started.environ["DISPLAY"])]

    def same() -> bool:
        time.sleep(1)
        seen.append(ImageGrab.grab(xdisplay=started.environ["DISPLAY"]))
        return seen[-1] == seen[-2]

    until(same, 60)
    return seen[-1]


def keep(started: Desktop, name: str, size: tuple[int, int]) -> None:
    """The window, which is in the display's corner, as a picture."""
    still(started).crop((0, 0, *size)).quantize(128).save(IMAGES / f"{name}.png", optimize=True)


def do(started: Desktop, *words: str) -> str:
    """Of xdotool."""
    done = subprocess.run(["xdotool", *words], env=started.environ, capture_output=True, text=True, check=False)
    return done.stdout


def thunar(started: Desktop, folder: Path, size: tuple[int, int]) -> None:
    """Its window, without the bar at the side."""
    started.start("thunar", str(folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until(lambda: do(started, "search", "--onlyvisible", "--class", "thunar").split())
    still(started)
    do(started, "key", "ctrl+b")
    window = do(started, "getactivewindow").strip()
    do(started, "windowsize", "--sync", window, *map(str, size))
    do(started, "windowmove", "--sync", window, "0", "0")
    still(started)


def album(folder: Path) -> Path:
    """A folder with the samples and a photograph that is good as it is."""
    folder.mkdir(parents=True)
    for name in ("attic.jpg", "cafe.jpg"):
        shutil.copy(ROOT / "samples" / name, folder)
    Image.fromarray(data.chelsea()).save(folder / "cat.jpg", quality=95)
    for age, name in enumerate(("cat.jpg", "cafe.jpg")):  # the oldest is done first
        os.utime(folder / name, (age, age))
    return folder


def restored(started: Desktop, language: str) -> Path:
    """The folder of the results after `resilver watch` had an album in which one file is cut off."""
    given, results = (started.home / "Pictures" / name for name in FOLDERS[language])
    album(given)
    (given / "cut.jpg").write_bytes((given / "attic.jpg").read_bytes()[:9000])
    for words in (["watch", "--once", "--no-tray"], ["history", "--html"]):
        subprocess.run([*RESILVER, *words], env={**started.environ, "RESILVER_WATCH_PATIENCE_S": "2"}, check=False)
    return results


def folder(language: str) -> None:
    """The results in a file manager, and the page with before and after in a browser."""
    with desktop(language) as started:
        results = restored(started, language)
        thunar(started, results, (720, 300))
        keep(started, f"folder-{language}", (722, 322))
        browse((results / "Resilver.html").as_uri(), f"page-{language}", started.environ, "1000,650")


def menu(language: str) -> None:
    """The entries in Thunar's menu."""
    with desktop(language) as started:
        subprocess.run([*RESILVER, "integrate", "install", "thunar"], env=started.environ, check=True)
        thunar(started, album(started.home / "Pictures" / ALBUM[language]), (720, 520))
        do(started, "mousemove", "120", "210")  # where the menu comes up
        for keys in ("ctrl+a", "Menu", "Up", "Up", "Right"):
            do(started, "key", keys)
            still(started)
        keep(started, f"menu-{language}", (722, 542))


def server(_language: str = "en") -> None:
    """What a server tells at /docs."""
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "HOME": home, **{f"XDG_{part}_HOME": home for part in ("CONFIG", "STATE", "CACHE")}}
        command = [*RESILVER, "serve", "--port", "0"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as served:
            assert served.stdout
            line = next(line for line in served.stdout if line.startswith("Listening"))
            try:
                browse(line.split()[-1] + "/docs", "server", environ, "900,700")
            finally:
                served.terminate()


def browse(address: str, name: str, environ: dict[str, str], size: str) -> None:
    """A page in Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--window-size={size}", f"--user-data-dir={folder}/profile", f"--screenshot={shot}", address]
        subprocess.run(command, check=True, capture_output=True, timeout=120, env={**environ, "HOME": folder})
        with Image.open(shot) as image:
            image.convert("RGB").save(IMAGES / f"{name}.jpg", quality=82, optimize=True)


PICTURES: dict[str, Callable[[], None]] = {
    **{f"{kind.__name__}-{language}": lambda kind=kind, language=language: kind(language)  # type: ignore[misc]
       for kind in (folder, menu) for language in LANGUAGES},
    "server": server,
}  # fmt: skip


def main() -> None:
    """Take those named, or all."""
    IMAGES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main()
