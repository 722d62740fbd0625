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
    """``config`` and ``data``: XDG's folders; ``system_config``: those of the system, the first wins.

    ``program``: the words that start :mod:`resilver_desktop`. ``language``: of labels where a format has but one.
    """

    platform: str
    home: Path
    config: Path
    data: Path
    system_config: tuple[Path, ...]
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
        system_config=tuple(map(Path, (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep))),
        path=environ.get("PATH", os.defpath),
        language=system_language(environ, platform),
        program=(str(python), "-m", "resilver_desktop"),
    )
