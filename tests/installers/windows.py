"""The installer for Windows under wine, with a stand-in for Python; `.ci/installers` runs it."""

import hashlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from builders import project, windows
from fakes.desktops import Desktop
from resilver_desktop.machine import this_machine
from resilver_desktop.windows import PLACES, keys
from resilver_watcher.autostart import windows_line

WINE = "/usr/lib/wine/wine64"
UNINSTALL = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Resilver"
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not shutil.which("makensis"), reason="needs Debian's nsis"),
    pytest.mark.skipif(not Path(WINE).exists(), reason="needs Debian's wine64"),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """What stands in for Python's embeddable package, and the variables that name it."""
    folder = tmp_path_factory.mktemp("python")
    script = Path(__file__).with_name("stand_in.nsi")
    subprocess.run(["makensis", "-V2", f"-DOUT={folder / 'python.exe'}", script], check=True)
    archive = folder / "python-3.13.99-embed-amd64.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("python.exe", "pythonw.exe"):
            packed.write(folder / "python.exe", name)
        packed.writestr("python313._pth", "python313.zip\r\n.\r\n")
        packed.writestr("python313.zip", b"")
    return {windows.ARCHIVE: str(archive), windows.DIGEST: digest(archive)}


@pytest.fixture(scope="module")
def installer(python, tmp_path_factory):
    return windows.build(tmp_path_factory.mktemp("built"), python, "zlib")


class Wine:
    """A Windows of one's own: ``user`` is ann's folder in it."""

    def __init__(self, desktop):
        self._environ = {
            **desktop.environ, "WINEPREFIX": str(desktop.home / "wine"), "WINEDEBUG": "-all", "USER": "ann",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=",
        }  # fmt: skip
        self.run("wineboot", "-i")
        self.be("win10")  # Debian 12's says that it is Windows 7
        self.user = desktop.home / "wine/drive_c/users/ann"
        self.program = self.user / "AppData/Local/Programs/Resilver"
        self.menu = self.user / "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Resilver"

    def be(self, version):
        """Say so to programs."""
        self.run("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", version, "/f")

    def run(self, *words):
        done = subprocess.run([WINE, *words], env=self._environ, capture_output=True, check=False, timeout=600)
        return done.stdout.decode("utf-8", "replace")

    def wait(self):
        """Until everything that was started has ended: an uninstaller goes on as a copy of itself."""
        subprocess.run(["/usr/lib/wine/wineserver", "-w"], env=self._environ, check=False, timeout=600)

    def registry(self):
        """The texts in all keys below ann's Software, by the keys' paths."""
        exported = self.user / "exported.reg"
        exported.unlink(missing_ok=True)
        self.run("reg", "export", r"HKCU\Software", r"C:\users\ann\exported.reg")
        found = {}
        for block in exported.read_text("utf-16").split("\n\n")[1:]:
            path = block.partition("]")[0].removeprefix("[HKEY_CURRENT_USER\\")
            values = re.findall(r'^(?:"(\w+)"|@)="(.*)"$', block, re.MULTILINE)
            found[path] = {name: re.sub(r"\\(.)", r"\1", value) for name, value in values}
        return found

    def calls(self):
        """How Python was called since the last time."""
        path = self.user / "Temp/calls.txt"
        if not path.exists():
            path = self.user / "AppData/Local/Temp/calls.txt"
        told = path.read_bytes().decode("utf-16-le").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.partition("-m resilver.cli ")[2] for line in told]


@pytest.fixture
def wine(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with Desktop(home) as desktop:
        started = Wine(desktop)
        yield started
        started.wait()


def test_a_life_in_windows(installer, wine):
    """Installed in silence, renewed, removed: program, shortcuts and registry come and go, what is ann's stays."""
    mine = {wine.user / "Pictures/Ann's été.jpg", wine.user / "AppData/Local/resilver/settings.toml"}
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ann's own")
    wine.run(str(installer), "/S")
    wine.wait()
    brought(wine)
    assert not wine.registry().get(RUN)
    assert wine.calls() == []  # there is no GIMP, and nothing was there before
    (wine.user / "AppData/Roaming/GIMP/3.0").mkdir(parents=True)
    (wine.program / "python/of-an-older-version").touch()
    wine.run(str(installer), "/S", "/AUTOSTART")
    wine.wait()
    brought(wine)
    assert not (wine.program / "python/of-an-older-version").exists()
    pythonw = str(in_windows(wine) / "python/pythonw.exe")
    assert wine.registry()[RUN] == {"resilver": windows_line([pythonw, "-P", "-m", "resilver_watcher"])}
    assert wine.calls() == ["stop", "gimp install"]
    beside = wine.program / "notes of ann.txt"
    beside.touch()
    wine.run(str(wine.program / "uninstall.exe"), "/S")
    wine.wait()
    assert wine.calls() == ["gimp uninstall", "stop"]
    assert not wine.menu.exists()
    left = wine.registry()
    assert not [path for path in left if path.startswith((*PLACES, UNINSTALL))]
    assert not left[RUN]
    assert [*wine.program.iterdir()] == [beside]
    assert all(path.read_text() == "ann's own" for path in mine)


def brought(wine):
    """Everything that must be there after an installation."""
    assert (wine.program / "python/python313._pth").read_text().split() == ["python313.zip", ".", r"Lib\site-packages"]
    packages = wine.program / "python/Lib/site-packages"
    assert (packages / "resilver/local/weights").is_dir()
    assert [*packages.glob("numpy/_core/*.cp313-win_amd64.pyd")]
    assert (packages / "win32ctypes").is_dir()
    assert not (packages / "Xlib").exists()
    names = {"Resilver.lnk", "Resilver, command line.lnk", "Remove Resilver.lnk"}
    assert {path.name for path in wine.menu.iterdir()} == names
    shortcut = (wine.menu / "Resilver.lnk").read_bytes()
    assert str(in_windows(wine) / "python/pythonw.exe").encode() in shortcut
    assert "-P -m resilver_watcher".encode("utf-16-le") in shortcut
    written = wine.registry()
    machine = this_machine({"HOME": "/", "LANG": "en"}, "win32")
    machine = replace(machine, program=(str(in_windows(wine) / "python/pythonw.exe"), *machine.program[1:]))
    for key, values in keys(machine).items():
        assert written[key] == values, key
    about = written[UNINSTALL]
    assert about["DisplayVersion"] == project.version()
    assert about["QuietUninstallString"] == f'"{in_windows(wine) / "uninstall.exe"}" /S'


def in_windows(wine):
    return PureWindowsPath("C:/users/ann", *wine.program.relative_to(wine.user).parts)


def test_where_it_cannot_be_nothing_is_done(installer, wine):
    """In a Windows that is too old, or where another's folder named python lies already."""
    wine.be("win7")
    wine.run(str(installer), "/S")
    wine.wait()
    assert not wine.program.exists()
    wine.be("win10")
    other = wine.program / "python/python.exe"
    other.parent.mkdir(parents=True)
    other.write_text("another's")
    wine.run(str(installer), "/S")
    wine.wait()
    assert [path for path in wine.program.rglob("*") if path.is_file()] == [other]
    assert UNINSTALL not in wine.registry()


def test_the_same_bytes_come_out_twice(installer, python, tmp_path):
    """Made anew, from scratch but for what was downloaded."""
    assert digest(windows.build(tmp_path, python, "zlib")) == digest(installer)


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
