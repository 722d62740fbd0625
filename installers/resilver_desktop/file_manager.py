"""What a file manager is here, and those whose entries are files that belong to Resilver alone."""

from __future__ import annotations

import contextlib
import enum
import glob
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from resilver.errors import OutputDenied
from resilver_desktop.machine import Machine


class State(enum.StrEnum):
    """Of the entries; ``OUTDATED``: they are there, but not as this Resilver would write them now.

    ``SHARED``: a package brought them for everybody on this computer, and this user has none of his own.
    """

    ABSENT = "absent"
    SHARED = "installed for everybody"
    OUTDATED = "outdated"
    INSTALLED = "installed"


class FileManager(Protocol):
    """One file manager; ``advice``: a sentence on what is to be known or done."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def advice(self) -> str:
        """May be empty."""

    def found(self, machine: Machine) -> bool:
        """Whether this user can use it."""

    def places(self, machine: Machine) -> list[str]:
        """The files, or keys of the registry, that are written."""

    def state(self, machine: Machine) -> State:
        """Of its entries."""

    def install(self, machine: Machine) -> None:
        """Bring the entries, or renew them; nothing where everybody has them, who would see them twice.

        Raises:
            OutputDenied: something cannot be written, or somebody else's is in the way.
        """

    def remove(self, machine: Machine) -> None:
        """Take the entries away, and nothing else.

        Raises:
            OutputDenied: something cannot be changed.
        """


class Entry(NamedTuple):
    """A file: its text, which has the mark of its file manager in it, and whether it may be executed."""

    text: str
    executable: bool = False


def mark(name: str) -> str:
    """By which a file is known to be ours."""
    return f'Written by "resilver integrate install {name}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFiles:
    """A :class:`FileManager` that reads a file for each entry, or one for all.

    ``programs``: it is there if one of them is. ``afterwards``: called when something was changed.
    """

    name: str
    programs: tuple[str, ...]
    entries: Callable[[Machine], Mapping[Path, Entry]]
    advice: str = ""
    platform: str = "linux"
    afterwards: Callable[[Machine], None] = lambda _: None

    def found(self, machine: Machine) -> bool:
        """See :class:`FileManager`; where nothing is started by name, the system is enough."""
        return machine.platform == self.platform and (not self.programs or machine.has(*self.programs))

    def places(self, machine: Machine) -> list[str]:
        """See :class:`FileManager`."""
        return [*map(str, self.entries(machine))]

    def state(self, machine: Machine) -> State:
        """See :class:`FileManager`."""
        wanted = {path: _encoded(entry) for path, entry in self.entries(machine).items()}
        there = {path: path.read_bytes() for path in self._ours(machine)}
        if not there:
            return State.SHARED if self._shared(machine) else State.ABSENT
        return State.INSTALLED if there == wanted else State.OUTDATED

    def install(self, machine: Machine) -> None:
        """See :class:`FileManager`."""
        if self.state(machine) is State.SHARED:
            return
        entries, ours = self.entries(machine), set(self._ours(machine))
        for path in entries:
            if path not in ours and os.path.lexists(path):
                raise OutputDenied(f"{path} was not written by Resilver; rename it, and try again.")
        self._remove(ours - set(entries))
        for path, entry in entries.items():
            write(path, _encoded(entry), 0o755 if entry.executable else 0o644)
        self.afterwards(machine)

    def remove(self, machine: Machine) -> None:
        """See :class:`FileManager`."""
        ours = set(self._ours(machine))
        self._remove(ours)
        if ours:
            self.afterwards(machine)

    def _ours(self, machine: Machine) -> Iterator[Path]:
        """Files with the mark: also those that were written under other names, as in another language."""
        for folder in sorted({path.parent for path in self.entries(machine)}):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                with contextlib.suppress(OSError):
                    if path.is_file() and mark(self.name).encode() in path.read_bytes():
                        yield path

    def _shared(self, machine: Machine) -> bool:
        names = [path.relative_to(machine.data) for path in self.entries(machine) if path.is_relative_to(machine.data)]
        return any((folder / name).exists() for folder in machine.system_data for name in names)

    def _remove(self, paths: set[Path]) -> None:
        for path in paths:
            with changing(path):
                path.unlink(missing_ok=True)
                for compiled in path.parent.glob(f"__pycache__/{glob.escape(path.stem)}.*.pyc"):
                    compiled.unlink(missing_ok=True)
            for folder in (path.parent / "__pycache__", *[*path.parents][:2]):  # a sub-menu's, or a bundle's
                with contextlib.suppress(OSError):
                    folder.rmdir()


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """The whole file or nothing of it, in place of what is there.

    Raises:
        OutputDenied: it cannot be written.
    """
    with changing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".resilver-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def changing(path: Path) -> Iterator[None]:
    """Tell a system's refusal as OutputDenied."""
    try:
        yield
    except OSError as error:
        raise OutputDenied(f"{path} cannot be changed ({error.strerror}); see to that folder.") from error


def _encoded(entry: Entry) -> bytes:
    return entry.text.encode("utf-8", "surrogateescape")
