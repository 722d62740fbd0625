"""Where the file managers of this user look, and how their entries start Resilver."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resilver.language import system_language
from resilver_desktop.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """``config`` and ``data``: XDG's folders; ``system_config``, ``system_data``: the system's, the first wins.

    ``program``: the words that start :mod:`resilver_desktop`. ``language``: of labels where a format has but one.
    """

    platform: str
    home: Path
    config: Path
    data: Path
    system_config: tuple[Path, ...]
    system_data: tuple[Path, ...]
    path: str
    language: str
    program: tuple[str, ...]

    def command(self, action: Action) -> list[str]:
        """What an entry calls, up to the names of what was chosen; after "--", as a name may begin with a dash."""
        return [*self.program, action.name, "--"]

    def has(self, *programs: str) -> bool:
        """Whether one of these is installed."""
        return any(shutil.which(program, path=self.path) for program in programs)


def this_machine(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Machine:
    """This user's, read from ``HOME``, ``PATH`` and the variables of XDG."""
    home = Path(environ.get("HOME") or Path.home())
    python = Path(sys.executable)
    windowless = python.with_name("pythonw.exe")
    if platform == "win32" and windowless.exists():
        python = windowless
    return Machine(
        platform=platform,
        home=home,
        config=Path(environ.get("XDG_CONFIG_HOME") or home / ".config"),
        data=Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share"),
        system_config=_folders(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"),
        system_data=_folders(environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"),
        path=environ.get("PATH", os.defpath),
        language=system_language(environ, platform),
        # -P: file managers start it in the folder of the pictures, out of which no code may come
        program=(str(python), "-P", "-m", "resilver_desktop"),
    )


def _folders(listed: str) -> tuple[Path, ...]:
    return tuple(map(Path, listed.split(":")))
