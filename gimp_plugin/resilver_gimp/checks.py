"""Whether a GIMP would really load the plug-in: GIMP itself ignores most of what can be wrong without a word."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from resilver import __version__
from resilver.cli.doctor import Problem
from resilver.worker.protocol import PROTOCOL
from resilver_gimp.install import ENTRY, SOURCE, read_json, shipped, stale_folders, version_of
from resilver_gimp.places import Place

AGAIN = "Give `resilver gimp install`, then start GIMP again."


def problems(place: Place, source: Path = SOURCE) -> list[Problem]:
    """What keeps that GIMP from loading the plug-in, or the plug-in from finding its core; the gravest first."""
    if not place.usable:
        return []
    misplaced = list(_misplaced(place))
    if not (place.folder / ENTRY).is_file():
        return [*misplaced, Problem(f"{place.profile} has no plug-in.", AGAIN)]
    return [*misplaced, *_entry(place.folder / ENTRY), *_files(place, source), *_core(place)]


def python_problem(environ: Mapping[str, str]) -> Problem | None:
    """What is wrong with the Python that GIMP starts plug-ins with: the first on its path, with GIMP's own modules.

    The environment that Resilver runs from is left out of the path, since GIMP's desktop entry does not have it.
    """
    own = {Path(sys.prefix) / "bin", Path(sys.executable).parent} if sys.prefix != sys.base_prefix else set()
    path = os.pathsep.join(part for part in environ.get("PATH", "").split(os.pathsep) if part and Path(part) not in own)
    python = shutil.which("python3", path=path)
    if python is None:
        return Problem("There is no python3 for GIMP's plug-ins.", "Install Python 3.11 or later.")
    check = "import sys; assert sys.version_info >= (3, 11); import gi; gi.require_version('Gimp', '3.0')"
    try:
        done = subprocess.run([python, "-c", check], env={**environ, "PATH": path}, capture_output=True, timeout=20)  # noqa: PLW1510
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        return Problem(
            f"{python} lacks GIMP's modules, so GIMP shows no plug-in that is written in Python.",
            "Install them (on Debian: sudo apt install python3-gi gir1.2-gimp-3.0).",
        )
    return None


def _misplaced(place: Place) -> Iterator[Problem]:
    for folder in stale_folders(place):
        yield Problem(f"{folder} is an older copy, or was renamed, and GIMP ignores it.", AGAIN)
    loose = place.plug_ins / ENTRY
    if loose.is_file():
        yield Problem(f"{loose} lies in no folder of its own, and GIMP skips it.", f"Remove it. {AGAIN}")


def _entry(entry: Path) -> Iterator[Problem]:
    if os.name == "posix" and not os.access(entry, os.X_OK):
        yield Problem(f"{entry} is not executable, and GIMP ignores it without a word.", AGAIN)
    if not entry.read_bytes().startswith(b"#!"):
        yield Problem(f"{entry} does not say which program runs it (a first line with #!), so GIMP cannot.", AGAIN)


def _files(place: Place, source: Path) -> Iterator[Problem]:
    installed = version_of(place)
    if installed is None:
        yield Problem(f"{place.folder} was not put there by Resilver.", f"Remove it if you can spare it. {AGAIN}")
    elif installed != __version__:
        yield Problem(f"The plug-in in {place.folder} is of version {installed}, Resilver of {__version__}.", AGAIN)
    else:
        for name, data in shipped(source).items():
            if not _same(place.folder / name, data):
                yield Problem(f"{place.folder / name} is not as Resilver has it.", AGAIN)
                return


def _same(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _core(place: Place) -> Iterator[Problem]:
    core = read_json(place.core_file)
    interpreter = core.get("interpreter")
    if not isinstance(interpreter, str):
        yield Problem(f"{place.core_file} does not tell the plug-in where Resilver is.", AGAIN)
    elif not os.access(interpreter, os.X_OK):
        yield Problem(f"The Python that the plug-in would start, {interpreter}, is gone.", AGAIN)
    elif (core.get("version"), core.get("protocol")) != (__version__, PROTOCOL):
        yield Problem(f"The plug-in would start Resilver {core.get('version')}, and this is {__version__}.", AGAIN)
