"""AppImage: the tarball's folder with what AppImage's own tool wants to see at its top."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from builders import tarball
from builders.metainfo import ID
from builders.project import BUILD, DIST, HERE, reproducible, version
from builders.tree import put, settle
from recipes import share


def build() -> Path:
    """The AppImage in ``dist/``; where ``appimagetool`` is not on the PATH, the folder that it would be made from.

    Raises:
        Unbuildable: not even the folder can be made here.
    """
    folder = fill(BUILD / "appimage" / "Resilver.AppDir")
    tool = shutil.which("appimagetool")
    if tool is None:
        print("appimagetool was not found, so the folder is not packed; it runs as it is, by its AppRun.")  # noqa: T201
        return folder
    DIST.mkdir(exist_ok=True)
    packed = DIST / f"Resilver-{version()}-x86_64.AppImage"
    subprocess.run([tool, str(folder), str(packed)], check=True, env={**reproducible(), "ARCH": "x86_64"})
    return packed


def fill(folder: Path) -> Path:
    """Make the AppDir."""
    tarball.fill(folder)
    share.fill(folder / "share")
    put(folder / "AppRun", (HERE / "recipes/appimage/AppRun").read_bytes(), executable=True)
    put(folder / "resilver.desktop", (folder / "share/applications/resilver.desktop").read_bytes())
    put(folder / "resilver.png", (folder / "share/icons/hicolor/256x256/apps/resilver.png").read_bytes())
    # the one place where AppImage's tools look for it
    page = f"share/metainfo/{ID}.metainfo.xml"
    put(folder / "usr" / page, (folder / page).read_bytes())
    settle(folder)
    return folder
