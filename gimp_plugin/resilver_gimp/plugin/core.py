"""Finds the installed Resilver: its interpreter and version, as its installation wrote them down."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PROTOCOL = 1  # of resilver.worker.protocol; another number cannot be spoken to


class Trouble(Exception):
    """What stops the work, as one sentence to a person that says what to do."""


@dataclass(frozen=True, slots=True)
class Core:
    """The interpreter that has the package ``resilver``, and the file that takes the worker's words."""

    interpreter: Path
    version: str
    log: Path


def find_core(beside: Path) -> Core:
    """What the user's own file says, or else the one in the plug-in's folder ``beside``, as packages bring it.

    Raises:
        Trouble: there is none, it is broken, or of another protocol.
    """
    for path in (_user_file(), beside / "core.json"):
        if path.is_file():
            return _read(path)
    raise Trouble(
        f"Resilver itself was not found (looked for {_user_file()}); install it, then run: resilver gimp install"
    )


def _user_file() -> Path:
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "resilver" / "gimp.json"


def _read(path: Path) -> Core:
    try:
        told = json.loads(path.read_text("utf-8"))
        core = Core(Path(told["interpreter"]), str(told["version"]), Path(told["log"]))
        protocol = told["protocol"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{path} cannot be read ({error!r}); run: resilver gimp install") from error
    if protocol != PROTOCOL:
        raise Trouble(
            f"Resilver {core.version} and this plug-in do not fit together (protocol {protocol}, not {PROTOCOL}); "
            "update Resilver, then run: resilver gimp install"
        )
    if not core.interpreter.is_file():
        raise Trouble(f"Resilver is no longer at {core.interpreter}; install it again, then run: resilver gimp install")
    return core
