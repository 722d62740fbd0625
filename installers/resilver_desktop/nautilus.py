"""Nautilus: one extension in Python, which Debian's package python3-nautilus loads."""

from __future__ import annotations

from pathlib import Path

from resilver_desktop.actions import ACTIONS, FOLDER, MIME_TYPES
from resilver_desktop.file_manager import Entry, OwnFiles, mark
from resilver_desktop.machine import Machine

_EXTENSION = Path(__file__).with_name("nautilus_extension.py")


def _extension(machine: Machine) -> dict[Path, Entry]:
    filled = {
        "PROGRAM": list(machine.program),
        "ITEMS": [(action.name, dict(action.labels)) for action in ACTIONS],
        "KINDS": [*MIME_TYPES, FOLDER],
    }
    text = f"# {mark('nautilus')}\n" + _EXTENSION.read_text(encoding="utf-8")
    for name, value in filled.items():
        text = text.replace(f"\n{name} = []\n", f"\n{name} = {value!a}\n")
    return {machine.data / "nautilus-python" / "extensions" / "resilver.py": Entry(text)}


NAUTILUS = OwnFiles(
    name="nautilus",
    programs=("nautilus",),
    entries=_extension,
    advice="It needs Debian's package python3-nautilus; Nautilus shows it after `nautilus -q` and a new start.",
)
