"""Wheels: the project's own, and those of others that ``lock.txt`` names by version and digest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from builders.lock import LOCK, PIP, PYTHONS, fetch
from builders.project import BUILD, ROOT, reproducible


def own(folder: Path) -> Path:
    """Build the project's wheel into that folder."""
    made = BUILD / "own"
    shutil.rmtree(made, ignore_errors=True)
    _build(ROOT, made)
    (wheel,) = made.glob("*.whl")
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(wheel, folder))


def of_others() -> list[Path]:
    """Every locked wheel for x86-64 Linux and the Pythons of ``PYTHONS``; downloaded once and kept.

    What is published as source only is built here.
    """
    found = {wheel.name: wheel for python in PYTHONS for wheel in _for_python(python).glob("*.whl")}
    return [found[name] for name in sorted(found)]


def _for_python(python: str) -> Path:
    folder = BUILD / "wheels" / python
    stamp, wanted = folder / ".lock", LOCK.read_text("utf-8")
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        fetch(python, folder, LOCK)
        for source in folder.glob("*.tar.gz"):
            _build(source, folder)
            source.unlink()
        stamp.write_text(wanted, "utf-8")
    return folder


def _build(source: Path, folder: Path) -> None:
    words = [*PIP, "wheel", "--no-deps", "--no-cache-dir", "-w", str(folder), str(source)]
    subprocess.run(words, check=True, env=reproducible())
