"""Brings the plug-in into a GIMP's folder and takes it out again; touches nothing that it did not bring."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from resilver import __version__, language
from resilver.engines import make_engine
from resilver.errors import EngineMissing, OutputDenied
from resilver.settings import Settings, state_dir
from resilver.worker.protocol import PROTOCOL
from resilver_gimp.places import Place

SOURCE = Path(__file__).with_name("plugin")
ENTRY = "resilver.py"
MARK = "installed.json"
"""Beside the entry: ``{"program": "resilver", "version", "files": [...]}``, what was brought and may be removed."""


def shipped(source: Path = SOURCE) -> dict[str, bytes]:
    """The plug-in's files, by their names within its folder with "/", the entry last.

    Among them, in ``sentences/``, what it takes of this package to translate the core's sentences.

    Raises:
        EngineMissing: this installation of Resilver has no plug-in.
    """
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.suffix in {".py", ".mo", ".html"} and path.is_file()
    }
    for path in (Path(language.__file__), *language.CATALOGUES.rglob("*.po")):
        files[f"sentences/{path.relative_to(language.CATALOGUES.parent).as_posix()}"] = path.read_bytes()
    if ENTRY not in files:
        raise EngineMissing(f"The plug-in's files are missing from {source}; install Resilver anew.")
    # once the entry is there GIMP may load it, so everything else comes before
    return {**{name: data for name, data in files.items() if name != ENTRY}, ENTRY: files[ENTRY]}


def install(place: Place, source: Path = SOURCE) -> None:
    """Bring the plug-in to this GIMP, take away what is no longer part of it, and tell it which Python has Resilver.

    Raises:
        EngineMissing: there is nothing to bring.
        OutputDenied: a file cannot be written.
    """
    files = shipped(source)
    with _writing(place.folder):
        if place.folder.is_symlink():  # somebody's working copy: its files are not ours to write
            place.folder.unlink()
        for name in sorted(set(files_of(place.folder)) - set(files)):
            _remove(place.folder, name)
        for stale in stale_folders(place):
            remove_folder(stale)
        # the mark goes first, so that even an installation that was cut off can be taken away
        _write(place.folder / MARK, _json({"program": "resilver", "version": __version__, "files": sorted(files)}))
        for name, data in files.items():
            # a new file has a new time, without which GIMP would not look at the entry again
            _write(place.folder / name, data, executable=name == ENTRY)
    with _writing(place.core_file):
        _write(place.core_file, _json(core(place)))


def uninstall(place: Place) -> bool:
    """Take the plug-in away from this GIMP, and only what was brought; whether there was anything.

    Raises:
        OutputDenied: a file cannot be removed.
    """
    folders = [*stale_folders(place), *([place.folder] if mark_of(place.folder) else [])]
    found = bool(folders) or place.core_file.exists()
    with _writing(place.folder):
        for folder in folders:
            remove_folder(folder)
        place.core_file.unlink(missing_ok=True)
    return found


def core(place: Place) -> dict[str, Any]:
    """What the plug-in there must know of this Resilver."""
    told: dict[str, Any] = {
        "interpreter": sys.executable,
        "version": __version__,
        "protocol": PROTOCOL,
        "log": str(state_dir() / "log" / "gimp.log"),
        "features": list(make_engine(Settings()).limits.features),
    }
    # which the daemon writes for a GIMP that may not start another program
    return {**told, "bridge": str(place.core_file.with_name("bridge.json"))} if place.kind == "flatpak" else told


def with_packaged(places: Sequence[Place], packaged: Place) -> list[Place]:
    """The same places as GIMP sees them where a package brought the plug-in, too: a user's own copy hides that one."""
    seen = [
        place
        if place.kind != "native"
        else replace(place, note=f"It hides the one that a package brought, {packaged.folder}.")
        if (place.folder / ENTRY).is_file()
        else replace(packaged, config=place.config, version=place.version or packaged.version)
        for place in places
    ]
    return seen if any(place.kind == "native" for place in places) else [packaged, *seen]


def version_of(place: Place) -> str | None:
    """Of the plug-in that was brought there."""
    told = read_json(place.folder / "core.json") if place.packaged else mark_of(place.folder)
    return told.get("version")


def mark_of(folder: Path) -> dict[str, Any]:
    """What an installation wrote about itself; empty where none did, or where it is a link to somewhere else."""
    if folder.is_symlink():
        return {}
    mark = read_json(folder / MARK)
    return mark if mark.get("program") == "resilver" else {}


def files_of(folder: Path) -> list[str]:
    """The names of the files that were brought to that folder."""
    names = mark_of(folder).get("files", [])
    # a name that leads out of the folder was not written by us
    return [name for name in names if isinstance(name, str) and name and not {"..", "/"} & {*PurePosixPath(name).parts}]


def stale_folders(place: Place) -> Sequence[Path]:
    """Copies that were brought to that GIMP and lie under another name, where GIMP ignores them."""
    return [path.parent for path in sorted(place.plug_ins.glob(f"*/{MARK}")) if _is_stale(place, path.parent)]


def remove_folder(folder: Path) -> None:
    """Remove what was brought, and the folder unless something else lies in it."""
    for name in [*files_of(folder), MARK]:
        _remove(folder, name)
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def read_json(path: Path) -> dict[str, Any]:
    """The object in that file; empty where there is none that can be read."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _is_stale(place: Place, folder: Path) -> bool:
    return folder.name != place.folder.name and bool(mark_of(folder))


def _remove(folder: Path, name: str) -> None:
    """The file, and the folders above it that are empty then, but not ``folder`` itself."""
    path = folder / name
    path.unlink(missing_ok=True)
    cached = path.parent / "__pycache__"
    for stale in cached.glob(f"{path.stem}.*.pyc"):
        stale.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        cached.rmdir()
    for parent in path.relative_to(folder).parents:
        if parent.name:
            with contextlib.suppress(OSError):
                (folder / parent).rmdir()


def _write(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Complete or not at all: GIMP may be starting at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o755 if executable else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _json(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, indent=2) + "\n").encode("ascii")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise OutputDenied(f"{where} cannot be changed ({error.strerror}); see to that folder.") from error
