"""Brings the folder that this lies in to its place for the user, and takes it away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from resilver_watcher.autostart import desktop_quoted

HERE = Path(__file__).resolve().parent
HOME = (Path.home() / ".local/lib/resilver").resolve()
COMMAND = Path.home() / ".local/bin/resilver"
SHARE = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
ENTRY = Path("applications/resilver.desktop")


def install() -> int:
    """Renew what an earlier version brought; what cannot be brought into GIMP or a menu keeps nothing back."""
    if HERE == HOME:
        print("This Resilver is installed already; to renew it, call install.sh of a newer one.")
        return 2
    fresh = HOME.with_name("resilver.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(HERE, fresh)
    if HOME.exists():
        _resilver("stop")
        _take_away()
    fresh.rename(HOME)
    for file in _shared():
        target = SHARE / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HOME / "share" / file, target)
    _fit_entry(SHARE / ENTRY)
    print(f"Installed: {HOME}; the command: {_linked()}")
    if str(COMMAND.parent) not in os.environ.get("PATH", "").split(os.pathsep):
        print(f"{COMMAND.parent} is not among the folders of PATH; most systems add it with the next login.")
    _resilver("gimp", "install")
    _resilver("integrate", "install")
    return 0


def uninstall() -> int:
    """Nothing of the user's own lies where this removes anything."""
    if HERE != HOME:
        print(f"Call the one that is installed: {HOME}/uninstall.sh")
        return 2
    for words in (["stop"], ["autostart", "off"], ["integrate", "remove"], ["gimp", "uninstall"]):
        _resilver(*words)
    _take_away()
    print("Removed. Pictures, settings and records stay.")
    return 0


def _linked() -> Path:
    """The command; where pipx or another put its own there, that one stays."""
    if COMMAND.is_symlink() or COMMAND.exists():
        return HOME / "resilver"
    COMMAND.parent.mkdir(parents=True, exist_ok=True)
    COMMAND.symlink_to(HOME / "resilver")
    return COMMAND


def _take_away() -> None:
    for file in _shared():
        (SHARE / file).unlink(missing_ok=True)
    if COMMAND.resolve() == HOME / "resilver":
        COMMAND.unlink()
    shutil.rmtree(HOME)


def _shared() -> list[Path]:
    share = HOME / "share"
    return [path.relative_to(share) for path in sorted(share.rglob("*")) if path.is_file()]


def _fit_entry(path: Path) -> None:
    """A desktop need not have ~/.local/bin among the folders of its PATH."""
    program = HOME / "resilver"
    text = path.read_text("utf-8").replace("TryExec=resilver", f"TryExec={program}")
    path.write_text(text.replace("Exec=resilver ", f"Exec={desktop_quoted(str(program))} "), "utf-8")


def _resilver(*words: str) -> None:
    if (HOME / "resilver").exists():  # else an installation was cut off
        subprocess.run([HOME / "resilver", *words], check=False)


if __name__ == "__main__":
    sys.exit({"install": install, "uninstall": uninstall}[sys.argv[1]]())
