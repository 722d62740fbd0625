"""Where each GIMP 3 of this user looks for plug-ins, and where the plug-in in it looks for its core.

Native GIMP on Linux was tried (3.0 and 3.2). The folders of Flatpak, Windows and macOS are those that others report.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("gimp-console", "gimp-console-3", "gimp", "gimp-3")
START_S = 120.0
"""The first start of all takes 5 to 10 seconds on a small machine, since it asks every plug-in."""
_FLATPAK = "org.gimp.GIMP"
_LIBRARIES = ("lib/*", "lib64", "lib")
"""Where a distribution has them: Debian by kind of processor, Fedora and Arch by the other two."""
_FOR_ALL = "A package brought it, for everybody on this computer."
_VERSION = re.compile(r"^3\.\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One GIMP: ``kind`` (native, flatpak, snap), its ``profile`` folder, and ``config``, where it sees settings lie.

    ``version``: as "3.0", empty where it is not known. ``note``: what was not verified. ``usable``: a plug-in can
    work there at all; where it cannot, ``note`` says why. ``packaged``: the plug-in there was brought by a package, for
    everybody on this computer, and is not Resilver's to change.
    """

    kind: str
    profile: Path
    config: Path
    version: str = ""
    note: str = ""
    usable: bool = True
    packaged: bool = False

    @property
    def plug_ins(self) -> Path:
        """The folder of folders in which GIMP looks."""
        return self.profile / "plug-ins"

    @property
    def folder(self) -> Path:
        """Where the plug-in belongs; GIMP wants the folder to have the name of the file that it starts."""
        return self.plug_ins / "resilver"

    @property
    def core_file(self) -> Path:
        """The file from which the plug-in there learns which Python has Resilver; the user's own comes first."""
        own = self.config / "resilver" / "gimp.json"
        return self.folder / "core.json" if self.packaged and not own.is_file() else own


def find_places(environ: Mapping[str, str], platform: str) -> list[Place]:
    """Every GIMP 3 of this user that has been started before, and those that can have no plug-in.

    Args:
        environ: ``HOME``, ``XDG_CONFIG_HOME``, ``GIMP3_DIRECTORY``, on Windows ``APPDATA`` are read.
        platform: as ``sys.platform`` has it.
    """
    home = Path(environ.get("HOME") or Path.home())
    config = _config(environ, platform, home)
    note = "" if platform == "linux" else "Not verified on this system."
    places = [_own_folder(home / own, config, note)] if (own := environ.get("GIMP3_DIRECTORY")) else []
    places += _profiles("native", config, note)
    if platform == "linux":
        sandbox = (
            "Where Flatpak's sandbox keeps it from starting Resilver, start 'resilver watch' and leave it running "
            "(not verified in a real Flatpak)."
        )
        places += _profiles("flatpak", home / ".var" / "app" / _FLATPAK / "config", sandbox)
        places += _snaps(home)
    unique = {place.profile: place for place in reversed(places)}
    return [place for place in places if unique[place.profile] is place]


def find_packaged(environ: Mapping[str, str], platform: str) -> Place | None:
    """The plug-in that a package brought for everybody's native GIMP 3, with nothing of this user's own."""
    program = find_program(environ) if platform == "linux" else None
    if program is None:
        return None
    # GIMP 3.2 looks in the folder of 3.0, too (tried): the number is that of its interface
    system = Path(program).resolve().parents[1]
    found = [path for library in _LIBRARIES for path in sorted(system.glob(f"{library}/gimp/3.*/plug-ins/resilver"))]
    version = _version_of(program, environ) if found else ""
    if not version:
        return None
    profile = found[0].parents[1]
    return Place(kind="native", profile=profile, config=profile, version=version, note=_FOR_ALL, packaged=True)


def never_started(places: list[Place], environ: Mapping[str, str], platform: str) -> tuple[str, Place] | None:
    """The program of a native GIMP 3 that has no profile yet, and the place that its first start makes."""
    if environ.get("GIMP3_DIRECTORY"):  # the variable says where, whether that folder is there or not
        return None
    program = find_program(environ)
    version = "" if program is None else _version_of(program, environ)
    if program is None or not version or any(place.kind == "native" and place.version == version for place in places):
        return None
    config = _config(environ, platform, Path(environ.get("HOME") or Path.home()))
    return program, Place(kind="native", profile=config / "GIMP" / version, config=config, version=version)


def start_once(program: str, environ: Mapping[str, str]) -> None:
    """Let GIMP make its own profile, without a window, and end.

    Only GIMP may make that folder: where it exists, GIMP takes no settings over from the version before (tried in 3.0).
    """
    _ask([program, "--no-interface", "--quit"], environ, START_S)


def find_program(environ: Mapping[str, str]) -> str | None:
    """The native GIMP on the path; a start script of Snap's is none."""
    for name in PROGRAMS:
        program = shutil.which(name, path=environ.get("PATH", ""))
        if program and "snap" not in Path(program).parts:
            return program
    return None


def _config(environ: Mapping[str, str], platform: str, home: Path) -> Path:
    if platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    if platform == "darwin":
        return home / "Library" / "Application Support"
    # XDG Base Directory Specification 0.8: a relative path is to be ignored
    said = Path(environ.get("XDG_CONFIG_HOME", ""))
    return said if said.is_absolute() else home / ".config"


def _own_folder(profile: Path, config: Path, note: str) -> Place:
    version = profile.name if _VERSION.match(profile.name) else ""
    return Place(kind="native", profile=profile, config=config, version=version, note=note)


def _profiles(kind: str, config: Path, note: str) -> Iterator[Place]:
    for profile in sorted((config / "GIMP").glob("3.*")):
        if _VERSION.match(profile.name) and profile.is_dir():
            yield Place(kind=kind, profile=profile, config=config, version=profile.name, note=note)


def _snaps(home: Path) -> Iterator[Place]:
    config = home / "snap" / "gimp" / "current" / ".config"
    note = (
        "GIMP from Snap is said to take plug-ins from other snaps only, so it gets none (not verified); "
        "use the GIMP of your distribution."
    )
    if config.parent.exists():
        found = list(_profiles("snap", config, note))
        profile = found[-1].profile if found else config / "GIMP"
        yield Place(kind="snap", profile=profile, config=config, note=note, usable=False)


def _version_of(program: str, environ: Mapping[str, str]) -> str:
    match = re.search(r"version (3\.\d+)\.", _ask([program, "--version"], environ, 20))
    return match[1] if match else ""


def _ask(words: list[str], environ: Mapping[str, str], timeout_s: float) -> str:
    """What the program prints; nothing where it fails to."""
    try:
        done = subprocess.run(
            words, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
