"""Wheels: the project's own, and those of others that the locks name by version and digest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from builders.lock import EXTRA, LINUX, PIP, System, chosen, fetch
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
    """Every locked wheel for x86-64 Linux and its Pythons; downloaded once and kept.

    What is published as source only is built here.
    """
    found = {wheel.name: wheel for python in LINUX.pythons for wheel in _kept(LINUX, python).glob("*.whl")}
    return [found[name] for name in sorted(found)]


def install(system: System, python: str, folder: Path) -> None:
    """Install Resilver and all that is locked for that Python there into a folder, as it may lie on ``sys.path``."""
    wheel = own(BUILD / "own-wheel")
    places = [f"--find-links={wheel.parent}", f"--find-links={_kept(system, python)}"]
    # no compiled files: they bear the time, and Python makes them when it needs them
    words = [*PIP, "install", "--no-index", "--no-deps", "--no-compile", f"--target={folder}", *places]
    only = ["--only-binary=:all:", *chosen(system, python)]
    pins = [line.split()[0] for line in system.lock.read_text("utf-8").splitlines() if not line.startswith("#")]
    subprocess.run([*words, *only, *pins, f"resilver[{EXTRA}]"], check=True, env=reproducible())
    shutil.rmtree(folder / "bin")  # each begins with the path of this build's Python


def _kept(system: System, python: str) -> Path:
    folder = BUILD / "wheels" / f"{system.lock.stem}-{python}"
    stamp, wanted = folder / ".lock", system.lock.read_text("utf-8")
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        fetch(system, python, folder, system.lock)
        for source in folder.glob("*.tar.gz"):
            _build(source, folder)
            source.unlink()
        stamp.write_text(wanted, "utf-8")
    return folder


def _build(source: Path, folder: Path) -> None:
    words = [*PIP, "wheel", "--no-deps", "--no-cache-dir", "-w", str(folder), str(source)]
    subprocess.run(words, check=True, env=reproducible())
