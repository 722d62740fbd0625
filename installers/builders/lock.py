"""``lock.txt``: which version of each package of others is shipped, with the digest of each of its files."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from builders.project import HERE, ROOT

LOCK = HERE / "lock.txt"
PYTHONS = ["3.11", "3.13"]
"""Of Debian 12 and 13."""
EXTRA = "server"
"""Of the optional parts the one that is shipped with the installers."""
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64")
"""What runs with the C library of Debian 12, 2.36, and with every later one."""
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_SOURCES = "pyvips"
"""Published as source only; plain Python."""
_HEAD = "# What is shipped beside Resilver; made by: ./run build lock"


def write() -> Path:
    """Take the newest versions that ``pyproject.toml`` allows, and lock them."""
    pins = dict(sorted(_newest()))
    digests: dict[str, set[str]] = {name: set() for name in pins}
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), "utf-8")
        for python in PYTHONS:
            fetch(python, Path(scratch, python), wanted)
            for file in Path(scratch, python).iterdir():
                # a file's name begins with the package's, then comes the version
                name = normal(file.name.split("-")[0])
                digests[name].add(hashlib.sha256(file.read_bytes()).hexdigest())
    lines = [
        " ".join([f"{name}=={pins[name]}", *(f"--hash=sha256:{one}" for one in sorted(digests[name]))]) for name in pins
    ]
    LOCK.write_text("\n".join([_HEAD, *lines, ""]), "utf-8")
    return LOCK


def fetch(python: str, folder: Path, requirements: Path) -> None:
    """Download into the folder what those requirements name, for that Python on x86-64 Linux."""
    platform = [f"--platform={name}" for name in PLATFORMS]
    only = ["--only-binary=:all:", f"--no-binary={_SOURCES}", "--implementation=cp", f"--python-version={python}"]
    words = [*PIP, "download", "--no-deps", "-d", str(folder), "-r", str(requirements), *only, *platform]
    subprocess.run(words, check=True)


def _newest() -> Iterator[tuple[str, str]]:
    """What pip would install for this Python, which is the oldest that is shipped for and needs the most packages."""
    words = [*PIP, "install", "--dry-run", "--ignore-installed", "--report=-", f"{ROOT}[{EXTRA}]"]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    for one in told["install"]:
        name = normal(one["metadata"]["name"])
        if name != "resilver":
            yield name, one["metadata"]["version"]


def locked() -> dict[str, str]:
    """The version of each package that is shipped, by its normalised name."""
    lines = LOCK.read_text("utf-8").splitlines()
    return dict(line.split()[0].split("==") for line in lines if not line.startswith("#"))


def normal(name: str) -> str:
    """A package's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
