"""Caja: scripts in a folder, which is the sub-menu; it gives what is chosen as URIs, in which no name is ambiguous."""

from __future__ import annotations

import shlex
from pathlib import Path

from resilver_desktop.actions import ACTIONS, TITLE
from resilver_desktop.file_manager import Entry, OwnFiles, mark
from resilver_desktop.machine import Machine


def _scripts(machine: Machine) -> dict[Path, Entry]:
    folder = machine.config / "caja" / "scripts" / TITLE
    files = {}
    for number, action in enumerate(ACTIONS, 1):
        # "%f" in a name is eaten from the arguments, which are relative besides (Caja 1.26)
        words = [*machine.program, action.name, "--uris"]
        text = f'#!/bin/sh\n# {mark("caja")}\nexec {shlex.join(words)} "$CAJA_SCRIPT_SELECTED_URIS"\n'
        files[folder / f"{number} {action.label(machine.language)}"] = Entry(text, executable=True)
    return files


CAJA = OwnFiles(name="caja", programs=("caja",), entries=_scripts, advice="In Caja it is under Scripts > Resilver.")
