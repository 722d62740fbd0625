"""Windows: verbs in this user's part of the registry. Written and read back by a stand-in only; no menu was seen."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Protocol

from resilver.errors import UsageError
from resilver_desktop.actions import ACTIONS, TITLE
from resilver_desktop.file_manager import State
from resilver_desktop.machine import Machine
from resilver_watcher.autostart import windows_line

_CLASSES = r"Software\Classes"
PLACES = (rf"{_CLASSES}\SystemFileAssociations\image\shell\{TITLE}", rf"{_CLASSES}\Directory\shell\{TITLE}")
"""The keys of the two menus, of pictures and of folders."""
Keys = dict[str, dict[str, str]]
"""Values by their names, by the paths of their keys; the name of a key's own value is empty."""


class Registry(Protocol):
    """The part of the registry that is this user's."""

    def read(self, key: str) -> Mapping[str, str] | None:
        """The texts in this key, ``None`` if it is not there."""

    def write(self, key: str, values: Mapping[str, str]) -> None:
        """Make the key and those above it, with these values."""

    def remove(self, key: str) -> None:
        """Remove the key with all below it, if it is there."""


class Windows:
    """See :class:`.file_manager.FileManager`; ``registry``: another than the system's."""

    name = "windows"
    advice = 'Not verified on Windows: Windows 11 has it under "Show more options".'

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or WindowsRegistry()

    def found(self, machine: Machine) -> bool:
        """Whether this is Windows."""
        return machine.platform == "win32"

    def places(self, machine: Machine) -> list[str]:
        """The keys of both menus."""
        return [*PLACES] if self.found(machine) else []

    def state(self, machine: Machine) -> State:
        """Of the keys and what stands in them."""
        if not self.found(machine) or all(self._registry.read(place) is None for place in PLACES):
            return State.ABSENT
        same = all(self._registry.read(key) == values for key, values in keys(machine).items())
        return State.INSTALLED if same else State.OUTDATED

    def install(self, machine: Machine) -> None:
        """Write the keys anew.

        Raises:
            UsageError: this is not Windows.
        """
        if not self.found(machine):
            raise UsageError("Windows' menus are in its registry, which is not on this system.")
        self.remove(machine)
        for key, values in keys(machine).items():
            self._registry.write(key, values)

    def remove(self, machine: Machine) -> None:
        """Remove both menus."""
        for place in PLACES if self.found(machine) else ():
            self._registry.remove(place)


def keys(machine: Machine) -> Keys:
    """A sub-menu for pictures, and the same for folders.

    Each picture starts a program of its own, which only hands it over. A question for a folder comes for one alone.
    """
    found: Keys = {}
    for place in PLACES:
        found[place] = {"MUIVerb": TITLE, "SubCommands": "", "MultiSelectModel": "Player"}
        for number, action in enumerate(ACTIONS, 1):
            verb = rf"{place}\shell\{number}{action.name}"
            model = "Single" if action.asks else "Player"  # of up to 100; the usual one ends at 15
            found[verb] = {"MUIVerb": action.label(machine.language), "MultiSelectModel": model}
            found[rf"{verb}\command"] = {"": windows_line(machine.command(action)) + ' "%1"'}
    return found


class WindowsRegistry:
    """The system's, under ``HKEY_CURRENT_USER``."""

    def read(self, key: str) -> Mapping[str, str] | None:
        """See :class:`Registry`."""
        if sys.platform == "win32":
            import winreg

            with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                count = winreg.QueryInfoKey(opened)[1]
                return {name: str(value) for name, value, _ in (winreg.EnumValue(opened, n) for n in range(count))}
        return None

    def write(self, key: str, values: Mapping[str, str]) -> None:
        """See :class:`Registry`."""
        if sys.platform == "win32":
            import winreg

            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as made:
                for name, value in values.items():
                    winreg.SetValueEx(made, name, 0, winreg.REG_SZ, value)

    def remove(self, key: str) -> None:
        """See :class:`Registry`; Windows removes no key that has others below it."""
        if sys.platform == "win32":
            import winreg

            with contextlib.suppress(FileNotFoundError):
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    below = [winreg.EnumKey(opened, number) for number in range(winreg.QueryInfoKey(opened)[0])]
                for name in below:
                    self.remove(rf"{key}\{name}")
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key)
