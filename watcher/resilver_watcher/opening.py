"""Opening files and folders with the desktop's own programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from resilver.language import in_language, system_language
from resilver.settings import config_file

_FIRST_SETTINGS = (
    "Settings of Resilver. A line that begins with # is only a remark; "
    "docs/folder.md names the settings of the hot folder."
)


def open_path(path: Path) -> None:
    """Open a file or folder as a double click would; a settings file that is not there yet is begun.

    Raises:
        OSError: there is no such file, or nothing to open it with.
    """
    if path == config_file() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {in_language(_FIRST_SETTINGS, system_language(os.environ))}\n", encoding="utf-8")
    path.stat()
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606 - what a double click does there
    else:
        opener = "open" if sys.platform == "darwin" else "xdg-open"
        subprocess.Popen([opener, path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
