"""Flatpak: the locked packages and Resilver in a folder that the manifest copies to ``/app``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from builders import wheels
from builders.lock import LINUX
from builders.metainfo import ID
from builders.project import BUILD, DIST, HERE, ROOT, Unbuildable, reproducible, version
from builders.tree import put, settle
from recipes import share
from resilver_desktop.key_files import OPEN_WITH
from resilver_desktop.machine import Machine

MANIFEST = HERE / "recipes" / "flatpak" / f"{ID}.yaml"
PYTHON = "3.13"
"""The runtime's."""
_LAUNCHER = '#!/bin/sh\nexec python3 -P -m resilver.cli "$@"\n'


def build() -> Path:
    """The bundle in ``dist/``, which ``flatpak install`` takes.

    Raises:
        Unbuildable: Flatpak's tools are not here.
    """
    place = BUILD / "flatpak"
    fill(place / "files")
    if not shutil.which("flatpak-builder"):
        raise Unbuildable("A Flatpak needs flatpak-builder, and the runtime that the manifest names.")
    words = ["flatpak-builder", "--force-clean", f"--repo={place / 'repo'}", str(place / "app"), str(MANIFEST)]
    subprocess.run(words, check=True, env=reproducible(), cwd=place)
    DIST.mkdir(exist_ok=True)
    packed = DIST / f"resilver-{version()}.flatpak"
    subprocess.run(["flatpak", "build-bundle", str(place / "repo"), str(packed), ID], check=True)
    return packed


def fill(folder: Path) -> None:
    """Make what becomes ``/app``."""
    shutil.rmtree(folder, ignore_errors=True)
    wheels.install(LINUX, PYTHON, folder / "lib" / "resilver")
    put(folder / "bin" / "resilver", _LAUNCHER.encode(), executable=True)
    share.fill(folder / "share", ID)
    put(folder / "share/applications" / f"{ID}.open.desktop", open_with())
    for document in ("LICENSE", "THIRD_PARTY.md"):
        put(folder / "share/licenses" / ID / document, (ROOT / document).read_bytes())
    settle(folder)


def open_with() -> bytes:
    """The entry "Open With", which is what of the sandbox's a file manager outside can see."""
    machine = Machine(
        platform="linux",
        home=Path("/"),
        config=Path("/"),
        data=Path("/"),
        system_config=(),
        system_data=(),
        path="",
        language="en",
        program=("python3", "-P", "-m", "resilver_desktop"),
    )
    (entry,) = OPEN_WITH.entries(machine).values()
    _, _, text = entry.text.partition("\n")  # without the mark by which `integrate` knows what it wrote
    return text.replace("NoDisplay=true\n", f"NoDisplay=true\nIcon={ID}\n").encode()
