"""File managers whose entries are files of freedesktop.org's key-value format: Nemo, Dolphin, PCManFM, "Open With"."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from resilver_desktop.actions import ACTIONS, FOLDER, MIME_TYPES, TITLE, Action
from resilver_desktop.file_manager import Entry, OwnFiles, mark
from resilver_desktop.machine import Machine
from resilver_watcher.autostart import desktop_quoted

_CHOSEN = ";".join([*MIME_TYPES, FOLDER, ""])
_NOTHING_ELSE = "all/all;!application/*;!audio/*;!font/*;!message/*;!model/*;!text/*;!video/*;"
"""Pictures and folders by exclusion: of what it lists, libfm wants one kind that all that is chosen are of."""
Groups = Mapping[str, Mapping[str, str]]


def _nemo(machine: Machine) -> dict[Path, Entry]:
    """Nemo 5.6 has no sub-menus, so each name says whose it is; ``Quote`` is what line breaks in names need."""
    folder = machine.data / "nemo" / "actions"
    return {
        folder / f"resilver-{number}-{action.name}.nemo_action": _key_file(
            "nemo",
            {
                "Nemo Action": {
                    **_labels("Name", action, f"{TITLE}: "),
                    # read by GLib's key file first, which wants its backslashes doubled, then by its shell
                    "Exec": shlex.join(machine.command(action)).replace("\\", "\\\\") + " %F",
                    "Quote": "double",
                    "Selection": "notnone",
                    "Mimetypes": _CHOSEN,
                }
            },
        )
        for number, action in enumerate(ACTIONS, 1)
    }


def _dolphin(machine: Machine) -> dict[Path, Entry]:
    """A service menu, where Plasma 6 looks and where Plasma 5 does."""
    menu = {
        "Type": "Service",
        "X-KDE-ServiceTypes": "KonqPopupMenu/Plugin",
        "MimeType": _CHOSEN,
        "X-KDE-Protocol": "file",
        "X-KDE-Submenu": TITLE,
        "Actions": "".join(f"{action.name};" for action in ACTIONS),
    }
    groups = {
        f"Desktop Action {action.name}": {**_labels("Name", action), "Exec": _exec(machine, action)}
        for action in ACTIONS
    }
    entry = _key_file("dolphin", {"Desktop Entry": menu, **groups}, executable=True)
    return {
        machine.data / folder / "resilver.desktop": entry for folder in ("kio/servicemenus", "kservices5/ServiceMenus")
    }


def _pcmanfm(machine: Machine) -> dict[Path, Entry]:
    """By the draft "Desktop Entry Specification for Menus and Actions", which libfm follows in part."""
    folder = machine.data / "file-manager" / "actions"
    names = [f"resilver-{action.name}" for action in ACTIONS]
    # PCManFM shows the tooltip of a menu as its name (1.3)
    menu = {"Type": "Menu", "Name": TITLE, "Tooltip": TITLE, "ItemsList": "".join(f"{name};" for name in names)}
    files = {folder / "resilver.desktop": _key_file("pcmanfm", {"Desktop Entry": menu})}
    for name, action in zip(names, ACTIONS, strict=True):
        entry = {"Type": "Action", **_labels("Name", action), "Profiles": "chosen;"}
        profile = {"MimeTypes": _NOTHING_ELSE, "Exec": _exec(machine, action)}
        files[folder / f"{name}.desktop"] = _key_file(
            "pcmanfm", {"Desktop Entry": entry, "X-Action-Profile chosen": profile}
        )
    return files


def _open_with(machine: Machine) -> dict[Path, Entry]:
    """A program for pictures that no menu of programs shows; folders are left to file managers."""
    program = {
        "Type": "Application",
        "Name": "Restore with Resilver",
        "Name[ru]": "Восстановить в Resilver",
        "NoDisplay": "true",
        "Terminal": "false",
        "Exec": _exec(machine, ACTIONS[0]),
        "MimeType": "".join(f"{kind};" for kind in MIME_TYPES),
    }
    return {machine.data / "applications" / "resilver-open.desktop": _key_file("open-with", {"Desktop Entry": program})}


def _tell_desktop(machine: Machine) -> None:
    """Renew the list of which program opens what; without that tool desktops read the entry by themselves, or late."""
    if program := shutil.which("update-desktop-database", path=machine.path):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([program, str(machine.data / "applications")], capture_output=True, check=False, timeout=30)


def _exec(machine: Machine, action: Action) -> str:
    return " ".join([*map(desktop_quoted, machine.command(action)), "%F"])


def _labels(key: str, action: Action, before: str = "") -> dict[str, str]:
    return {key if one == "en" else f"{key}[{one}]": before + label for one, label in action.labels.items()}


def _key_file(name: str, groups: Groups, *, executable: bool = False) -> Entry:
    texts = [
        f"[{group}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) for group, keys in groups.items()
    ]
    return Entry(f"# {mark(name)}\n" + "\n".join(texts), executable)


NEMO = OwnFiles(name="nemo", programs=("nemo",), entries=_nemo)
DOLPHIN = OwnFiles(
    name="dolphin",
    programs=("dolphin",),
    entries=_dolphin,
    advice="Dolphin cannot hand over a picture whose name is not in UTF-8.",
)
PCMANFM = OwnFiles(
    name="pcmanfm",
    programs=("pcmanfm", "pcmanfm-qt"),
    entries=_pcmanfm,
    advice="PCManFM shows it with Debian's package libfm-modules; PCManFM-Qt needs none.",
)
OPEN_WITH = OwnFiles(
    name="open-with",
    programs=("",),  # no file manager, so it is brought only where it is asked for
    entries=_open_with,
    advice="If a double click restores a picture now, choose the program that shows pictures under its Properties.",
    afterwards=_tell_desktop,
)
