"""macOS: a Quick Action for each line, which Finder shows. Only the format of the files was tried."""

from __future__ import annotations

import plistlib
import shlex
from pathlib import Path
from typing import Any

from resilver_desktop.actions import ACTIONS, TITLE, Action
from resilver_desktop.file_manager import Entry, OwnFiles, mark
from resilver_desktop.machine import Machine

_SHELL = "/System/Library/Automator/Run Shell Script.action"


def _workflows(machine: Machine) -> dict[Path, Entry]:
    services = machine.home / "Library" / "Services"
    files = {}
    for action in ACTIONS:
        contents = services / f"{TITLE} {action.name}.workflow" / "Contents"
        files[contents / "Info.plist"] = _plist(_info(action, machine.language))
        files[contents / "document.wflow"] = _plist(_document(machine.command(action)))
    return files


def _info(action: Action, language: str) -> dict[str, Any]:
    return {
        "NSServices": [
            {
                "NSMenuItem": {"default": f"{TITLE}: {action.label(language)}"},
                "NSMessage": "runWorkflowAsService",
                "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
                "NSSendFileTypes": ["public.image", "public.folder"],
            }
        ]
    }


def _document(words: list[str]) -> dict[str, Any]:
    script = {
        "ActionBundlePath": _SHELL,
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": f'exec {shlex.join(words)} "$@"',
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,  # as arguments
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": "com.apple.RunShellScript",
        "Class Name": "RunShellScriptAction",
    }
    return {
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": script, "isViewVisible": 1}],
        "connectors": {},
        "workflowMetaData": {
            "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }


def _plist(data: dict[str, Any]) -> Entry:
    text = plistlib.dumps(data).decode("utf-8")
    return Entry(text.replace("<plist ", f"<!-- {mark('macos')} -->\n<plist ", 1))


MACOS = OwnFiles(
    name="macos",
    programs=(),
    entries=_workflows,
    platform="darwin",
    advice="Not verified on macOS: see Quick Actions in Finder.",
)
