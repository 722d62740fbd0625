"""Asks for a folder, in a window of whatever this desktop has for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from resilver.errors import UsageError

_TITLES = {"en": "Folder for the results", "ru": "Папка для результатов"}
_POWERSHELL = "$f = (New-Object -ComObject Shell.Application).BrowseForFolder(0, '{}', 0); if ($f) {{ $f.Self.Path }}"


def choose_folder(start: Path, language: str, platform: str = sys.platform) -> Path | None:
    """The folder, or ``None`` where no one was chosen; ``start``: where the choice begins.

    Raises:
        UsageError: there is nothing here to ask with.
    """
    title = _TITLES.get(language, _TITLES["en"])
    # what the window says besides is of no interest, and a name may be of any bytes and end with a line break
    done = subprocess.run(_question(title, start, platform), stdout=subprocess.PIPE, check=False)
    name = os.fsdecode(done.stdout.removesuffix(b"\n").removesuffix(b"\r"))
    return Path(name) if done.returncode == 0 and name else None


def _question(title: str, start: Path, platform: str) -> list[str]:
    if platform == "win32":
        return ["powershell", "-NoProfile", "-Command", _POWERSHELL.format(title)]
    if platform == "darwin":
        return ["osascript", "-e", f'POSIX path of (choose folder with prompt "{title}")']
    if program := shutil.which("zenity"):
        return [program, "--file-selection", "--directory", f"--title={title}", f"--filename={start}/"]
    if program := shutil.which("kdialog"):
        return [program, "--title", title, "--getexistingdirectory", str(start)]
    raise UsageError('To be asked for a folder, install "zenity", or on KDE "kdialog", and try again.')
