"""Thunar: actions among the user's own in ``uca.xml``, of which every other byte stays as it is."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from resilver.errors import SettingsError
from resilver_desktop.actions import ACTIONS, TITLE
from resilver_desktop.file_manager import State, changing, write
from resilver_desktop.machine import Machine

_OURS = "resilver-"
_NEW = b'<?xml version="1.0" encoding="UTF-8"?>\n<actions>\n</actions>\n'
# older versions of Thunar write the encoding before the version, which no parser of XML takes
_DECLARATION = re.compile(rb"\A(\xef\xbb\xbf)?\s*<\?xml[^>]*\?>")


class Thunar:
    """See :class:`.file_manager.FileManager`."""

    name = "thunar"
    advice = "Thunar shows it after `thunar -q` and a new start."

    def found(self, machine: Machine) -> bool:
        """Whether Thunar is installed."""
        return machine.platform == "linux" and machine.has("thunar", "Thunar")

    def places(self, machine: Machine) -> list[str]:
        """The user's file."""
        return [str(_file(machine))]

    def state(self, machine: Machine) -> State:
        """Of our actions among the user's."""
        path = _file(machine)
        before = _read(path)
        if before is None or replaced(before, b"", path) == before:
            return State.ABSENT
        return State.INSTALLED if replaced(before, actions(machine), path) == before else State.OUTDATED

    def install(self, machine: Machine) -> None:
        """Put our actions where they are already, else after the user's; where he has none, after the system's."""
        path = _file(machine)
        before = _read(path)
        write(path, replaced(_base(machine) if before is None else before, actions(machine), path), _mode(path))

    def remove(self, machine: Machine) -> None:
        """Take them out, and the file away if nothing but the system's is left in it."""
        path = _file(machine)
        before = _read(path)
        if before is None or (after := replaced(before, b"", path)) == before:
            return
        if after == _base(machine):
            with changing(path):
                path.unlink()
        else:
            write(path, after, _mode(path))


def replaced(document: bytes, ours: bytes, path: Path) -> bytes:
    """The document with ``ours`` in place of our actions that are in it, or at its end; every other byte stays.

    ``ours``: whole lines, or empty to take them out. A root ``<actions/>`` is opened, and stays so.

    Raises:
        SettingsError: it is no such document; ``path`` says which.
    """
    found = _found(document, path)
    if found.empty and ours:
        opened = document[: found.end].removesuffix(b"/>").rstrip()
        return opened + b">\n" + ours + b"</actions>" + document[found.end :]
    place = found.ours[0][0] if found.ours else found.end
    pieces, end = [document[:place], ours], place
    for start, stop in found.ours:
        pieces.append(document[end:start])
        end = stop + (document[stop : stop + 1] == b"\n")
    return b"".join([*pieces, document[end:]])


@dataclass(slots=True)
class _Found:
    """Where in the bytes: our actions, each with its end; where the root's end tag begins.

    ``empty``: the root has no end tag, and ``end`` is after it.
    """

    ours: list[tuple[int, int]] = field(default_factory=list)
    end: int = -1
    empty: bool = False


def _found(document: bytes, path: Path) -> _Found:
    found, reader = _Found(), _Reader(document)
    try:
        document.decode("utf-8")  # as Thunar does
        reader.read(found)
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is no list of actions that Thunar would take ({error}); mend it or move it away, and try again."
        ) from error
    if found.end < 0:
        raise SettingsError(f"{path} holds no actions of Thunar's; move it away, and try again.")
    return found


class _Reader:
    """Walks over the document, and looks at the ``unique-id`` of each action."""

    def __init__(self, document: bytes) -> None:
        # blanks in its place, so that all places stay
        self._text = _DECLARATION.sub(lambda found: b" " * len(found[0]), document)
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._open: list[str] = []
        self._start = 0
        self._id = ""

    def read(self, found: _Found) -> None:
        def opened(name: str, _attributes: dict[str, str]) -> None:
            self._open.append(name)
            if self._open == ["actions", "action"]:
                self._start, self._id = self._parser.CurrentByteIndex, ""

        def closed(_name: str) -> None:
            place = self._parser.CurrentByteIndex
            if self._open == ["actions", "action"] and self._id.strip().startswith(_OURS):
                found.ours.append((self._start, self._text.index(b">", place) + 1))
            elif self._open == ["actions"]:
                found.end, found.empty = place, not self._text.startswith(b"</", place)
            self._open.pop()

        def said(text: str) -> None:
            if self._open == ["actions", "action", "unique-id"]:
                self._id += text

        self._parser.StartElementHandler, self._parser.EndElementHandler = opened, closed
        self._parser.CharacterDataHandler = said
        self._parser.Parse(self._text, True)


def actions(machine: Machine) -> bytes:
    """Ours, a sub-menu of them, each with its line break."""
    texts = []
    for number, action in enumerate(ACTIONS, 1):
        names = "".join(
            f"<name>{label}</name>\n" if one == "en" else f'<name xml:lang="{one}">{label}</name>\n'
            for one, label in action.labels.items()
        )
        # expanded as a field code of desktop entries, then read as a shell's words
        command = escape(shlex.join(machine.command(action)).replace("%", "%%"))
        texts.append(
            f"<action>\n<icon></icon>\n{names}<submenu>{TITLE}</submenu>\n"
            f"<unique-id>{_OURS}{number}-{action.name}</unique-id>\n<command>{command} %F</command>\n"
            "<description></description>\n<range>*</range>\n<patterns>*</patterns>\n"
            "<directories/>\n<image-files/>\n</action>\n"
        )
    return "".join(texts).encode("utf-8", "surrogateescape")


def _file(machine: Machine) -> Path:
    # one that is a link to somewhere else is written there
    return (machine.config / "Thunar" / "uca.xml").resolve()


def _base(machine: Machine) -> bytes:
    """What Thunar uses while the user has no file: the first of the system's; nothing is merged."""
    files = (folder / "Thunar" / "uca.xml" for folder in machine.system_config)
    return next((data for file in files if (data := _read(file)) is not None), _NEW)


def _read(path: Path) -> bytes | None:
    with changing(path):
        return path.read_bytes() if path.exists() else None


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.exists() else 0o644
