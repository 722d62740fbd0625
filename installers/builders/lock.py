"""``lock.txt`` and ``lock-windows.txt``: which version of each package of others is shipped, with digests."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from builders.project import HERE, ROOT

EXTRA = "server"
"""Of the optional parts the one that is shipped with the installers."""
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_SOURCES = "pyvips"
"""Published as source only; plain Python."""
_HEAD = "# What is shipped beside Resilver; made by: ./run build lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What is shipped for: ``pythons`` as "3.11", pip's names of ``platforms``, and ``markers`` that differ there."""

    lock: Path
    pythons: Sequence[str]
    platforms: Sequence[str]
    markers: Mapping[str, str]


LINUX = System(
    lock=HERE / "lock.txt",
    # of Debian 12 and 13
    pythons=("3.11", "3.13"),
    # what runs with the C library of Debian 12, 2.36, and with every later one
    platforms=(*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64"),
    markers={},
)
_MARKERS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"}
WINDOWS = System(
    lock=HERE / "lock-windows.txt",
    pythons=("3.13",),
    platforms=("win_amd64",),
    # pip takes those of the system that it runs on
    markers={**_MARKERS, "python_version": "3.13", "python_full_version": "3.13.0"},
)


def write() -> Path:
    """Take the newest versions that ``pyproject.toml`` allows, and lock them; on Windows the same ones."""
    _write(LINUX, dict(_newest()))
    return write_windows()


def write_windows() -> Path:
    """Lock for Windows what is locked for Linux; what only Windows needs, as it is in this environment."""
    known = locked(LINUX)
    return _write(WINDOWS, {name: known.get(name) or importlib.metadata.version(name) for name in shipped(WINDOWS)})


def fetch(system: System, python: str, folder: Path, requirements: Path) -> None:
    """Download into the folder what those requirements name, for that Python on that system."""
    only = ["--only-binary=:all:", f"--no-binary={_SOURCES}", *chosen(system, python)]
    words = [*PIP, "download", "--no-deps", "-d", str(folder), "-r", str(requirements), *only]
    subprocess.run(words, check=True)


def chosen(system: System, python: str) -> list[str]:
    """What tells pip to take files for that Python on that system, and not for this one."""
    platforms = [f"--platform={name}" for name in system.platforms]
    return ["--implementation=cp", f"--python-version={python}", *platforms]


def locked(system: System) -> dict[str, str]:
    """The version of each package that is shipped there, by its normalised name."""
    lines = system.lock.read_text("utf-8").splitlines()
    return dict(line.split()[0].split("==") for line in lines if not line.startswith("#"))


def normal(name: str) -> str:
    """A package's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shipped(system: System) -> set[str]:
    """The normalised names of all packages that come with Resilver there, those of packages of packages included."""
    found: set[str] = set()
    waiting = [("resilver", frozenset({EXTRA}))]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        waiting += _needed(system, name, extras)
    return found - {"resilver"}


def needed(system: System, name: str) -> set[str]:
    """What that package needs itself, of what is shipped."""
    extras = frozenset({EXTRA} if name == "resilver" else ())
    return {one for one, _ in _needed(system, name, extras)} & shipped(system)


def _needed(system: System, name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for line in importlib.metadata.requires(name) or []:
        one = Requirement(line)
        there = [{**system.markers, "extra": extra} for extra in ("", *extras)]
        if one.marker is None or any(one.marker.evaluate(environment) for environment in there):
            yield normal(one.name), frozenset(one.extras)


def _newest() -> Iterator[tuple[str, str]]:
    """What pip would install for this Python, which is the oldest that is shipped for and needs the most packages."""
    words = [*PIP, "install", "--dry-run", "--ignore-installed", "--report=-", f"{ROOT}[{EXTRA}]"]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    for one in told["install"]:
        name = normal(one["metadata"]["name"])
        if name != "resilver":
            yield name, one["metadata"]["version"]


def _write(system: System, pins: Mapping[str, str]) -> Path:
    digests: dict[str, set[str]] = {name: set() for name in sorted(pins)}
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), "utf-8")
        for python in system.pythons:
            fetch(system, python, Path(scratch, python), wanted)
            for file in Path(scratch, python).iterdir():
                # a file's name begins with the package's, then comes the version
                name = normal(file.name.split("-")[0])
                digests[name].add(hashlib.sha256(file.read_bytes()).hexdigest())
    lines = [
        " ".join([f"{name}=={pins[name]}", *(f"--hash=sha256:{one}" for one in sorted(found))])
        for name, found in digests.items()
    ]
    system.lock.write_text("\n".join([_HEAD, *lines, ""]), "utf-8")
    return system.lock
