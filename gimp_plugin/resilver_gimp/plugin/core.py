"""Finds the installed Resilver: its interpreter and version, as its installation wrote them down."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from language import _

PROTOCOL = 1  # of resilver.worker.protocol; another number cannot be spoken to


class Trouble(Exception):
    """What stops the work, as one sentence to a person that says what to do."""


class Cancelled(Exception):
    """The user stopped the work; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Core:
    """The interpreter that has the package ``resilver``, and the file that takes the worker's words.

    ``features``: what not every version can do, such as "mask". ``bridge``: the file that tells the way
    out of a sandbox, if GIMP lives in one.
    """

    interpreter: Path
    version: str
    log: Path
    features: frozenset[str] = frozenset()
    bridge: Path | None = None


def find_core(beside: Path) -> Core:
    """What the user's own file says, or else the one in the plug-in's folder ``beside``, as packages bring it.

    Raises:
        Trouble: there is none, it is broken, or of another protocol.
    """
    for path in (_user_file(), beside / "core.json"):
        if path.is_file():
            return _read(path)
    raise Trouble(
        _("Resilver itself was not found (looked for {path}); install it, then run: resilver gimp install").format(
            path=_user_file()
        )
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
        core = Core(
            Path(told["interpreter"]),
            str(told["version"]),
            Path(told["log"]).expanduser(),
            frozenset(told.get("features", ())),
            Path(told["bridge"]) if told.get("bridge") else None,
        )
        protocol = int(told["protocol"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Trouble(
            _("{path} cannot be read ({error}); run: resilver gimp install").format(path=path, error=repr(error))
        ) from error
    if protocol != PROTOCOL:
        older = _("Resilver {version} is too old for this plug-in; update Resilver, then run: resilver gimp install")
        newer = _("This plug-in is too old for Resilver {version}; run: resilver gimp install")
        raise Trouble((older if protocol < PROTOCOL else newer).format(version=core.version))
    if not core.interpreter.is_file() and core.bridge is None:
        raise Trouble(
            _("Resilver is no longer at {path}; install it again, then run: resilver gimp install").format(
                path=core.interpreter
            )
        )
    return core


def write_down(sentence: str, core: Core | None = None) -> Path | None:
    """Add the sentence to the log of that core, or to where Resilver's logs usually are; the log, if that worked."""
    log = core.log if core else _state_folder() / "resilver" / "log" / "gimp.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} plug-in: {sentence}\n")
    except OSError:
        return None
    return log


def _state_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
