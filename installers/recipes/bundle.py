"""macOS: an application with a Python of its own, so that ``sys.executable`` is one, as workers and menus need."""

from __future__ import annotations

import hashlib
import plistlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from builders import wheels
from builders.lock import EXTRA, LINUX, locked
from builders.metainfo import ID
from builders.project import BUILD, DIST, HERE, ROOT, Unbuildable, version
from builders.tree import put

_LAUNCHER = HERE / "recipes" / "macos" / "Resilver"
_ICON = "import sys; from resilver_watcher.icons import draw; draw('idle', size=1024).save(sys.argv[1])"


def build(python: str = "", sha256: str = "") -> Path:
    """``dist/Resilver.app``, and on macOS a ZIP of it.

    Args:
        python: an archive of a Python that may be moved: a folder ``python`` with ``bin/python3`` and pip in it.
        sha256: its digest, as its makers publish it.

    Raises:
        Unbuildable: there is no such archive, or it is another one.
    """
    archive = Path(python)
    if not archive.is_file() or len(sha256) != 64:
        raise Unbuildable("Give the archive of a relocatable Python 3.11 or later for macOS, and its SHA-256.")
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256.lower():
            raise Unbuildable(f"{archive} is not the file whose SHA-256 was given; fetch it again.")
    app = DIST / "Resilver.app"
    shutil.rmtree(app, ignore_errors=True)
    fill(app, archive)
    if sys.platform != "darwin":
        return app
    # signed by nobody, but in itself: without that Apple's processors start nothing
    subprocess.run(["codesign", "--force", "--deep", "--sign", "-", str(app)], check=True)
    packed = DIST / f"Resilver-{version()}-macos.zip"
    subprocess.run(["ditto", "-c", "-k", "--keepParent", str(app), str(packed)], check=True)
    return packed


def fill(app: Path, archive: Path) -> None:
    """Make the bundle."""
    resources = app / "Contents" / "Resources"
    resources.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extractall(resources, filter="data")
    program = resources / "python" / "bin" / "python3"
    install(program)
    subprocess.run([program, "-c", _ICON, resources / "Resilver.icns"], check=True)
    put(app / "Contents" / "Info.plist", plistlib.dumps(info()))
    put(app / "Contents" / "MacOS" / "Resilver", _LAUNCHER.read_bytes(), executable=True)
    for document in ("LICENSE", "THIRD_PARTY.md"):
        put(resources / document, (ROOT / document).read_bytes())


def install(program: Path) -> None:
    """Into that Python: Resilver, in the versions that are locked for Linux; what macOS alone needs, the newest."""
    wheel = wheels.own(BUILD / "own-wheel")
    pip = [str(program), "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-compile"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.writelines(f"{name}=={pin}\n" for name, pin in locked(LINUX).items())
        pins.flush()
        subprocess.run([*pip, "-c", pins.name, f"{wheel}[{EXTRA}]"], check=True)
    for script in program.parent.iterdir():  # each begins with the path of this build's Python
        if not script.name.startswith("python"):
            script.unlink()


def info() -> dict[str, Any]:
    """What macOS reads of the bundle."""
    return {
        "CFBundleIdentifier": ID,
        "CFBundleName": "Resilver",
        "CFBundleExecutable": "Resilver",
        "CFBundleIconFile": "Resilver",
        "CFBundlePackageType": "APPL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleShortVersionString": version(),
        "CFBundleVersion": version(),
        "LSApplicationCategoryType": "public.app-category.photography",
        "LSMinimumSystemVersion": "12.3",  # the first with `readlink -f`
        "LSUIElement": True,  # it lives in the menu bar, and not in the Dock
        "NSHighResolutionCapable": True,
    }
