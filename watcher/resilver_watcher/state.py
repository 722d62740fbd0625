"""What the hot folder says about itself and what it can be told: the border between the daemon and those who ask it.

Everything here is plain values, so that the tray and the control socket need nothing of the daemon's rooms.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from resilver.recipe import Recipe

Mood = Literal["idle", "working", "paused", "trouble"]
Ending = Literal["done", "unchanged", "failed"]
"""How a picture's way through a run ended; ``unchanged``: nothing was to be done to it."""
COUNTS = ("waiting", "working", "done", "unchanged", "failed", "aside")
"""What is counted: ``waiting`` includes pictures that are still being written, ``done`` those that are unchanged."""

COPIED = "copied unchanged"
"""What is noted of a picture that is its own result."""


@dataclass(frozen=True, slots=True)
class Current:
    """The picture that is worked on: ``fraction`` 0..1 is done; ``seconds_left`` is an estimate, if there is one."""

    source: str
    fraction: float = 0.0
    step: str = ""
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of the journal. ``outputs``: the files written, the final one last; ``when``: UTC, ISO 8601."""

    source: str
    state: str
    outputs: tuple[str, ...] = ()
    code: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    seconds: float = 0.0
    when: str = ""


@dataclass(frozen=True, slots=True)
class PairState:
    """A pair of folders; ``trouble``: a sentence, empty if all is well."""

    input: str
    output: str
    preset: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What ``resilver status --json`` prints.

    ``trouble``: one sentence that says what to do, or empty. ``failed``: at most the 50 newest of those that failed or
    were set aside; ``results``: the ten newest. ``preset``: of the folder itself; ``custom`` if it is none of them.
    """

    state: Mood
    trouble: str = ""
    current: Current | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    failed: tuple[Entry, ...] = ()
    results: tuple[Entry, ...] = ()
    engine: str = "local"
    preset: str = "Restore"
    pairs: tuple[PairState, ...] = ()
    pid: int = 0
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Status:
        """Read it back; fields that only a newer daemon knows are passed over."""
        made = _known(cls, data)
        made["current"] = None if made.get("current") is None else Current(**_known(Current, made["current"]))
        for name in ("failed", "results"):
            made[name] = tuple(map(entry_from_json, made.get(name, ())))
        made["pairs"] = tuple(PairState(**_known(PairState, item)) for item in made.get("pairs", ()))
        return cls(**made)


def entry_from_json(data: Mapping[str, Any]) -> Entry:
    """An entry again that went through JSON."""
    made = _known(Entry, data)
    return Entry(**{**made, "outputs": tuple(made.get("outputs", ())), "notes": tuple(made.get("notes", ()))})


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in names}


@dataclass(frozen=True, slots=True)
class News:
    """What is worth a notification: a run that ended, with its pictures by their :data:`Ending`, or ``trouble``.

    ``opens``: the file or folder that a click opens.
    """

    done: int = 0
    unchanged: int = 0
    failed: int = 0
    trouble: str = ""
    opens: Path | None = None


class Controls(Protocol):
    """What the daemon can be told, from any thread; everything returns at once."""

    def status(self) -> Status:
        """What is going on."""

    def pause(self) -> None:
        """Take no further picture; the one that is worked on is finished. Lasts over a restart."""

    def resume(self) -> None:
        """Go on."""

    def retry(self, paths: Sequence[Path] | None = None) -> int:
        """Try these pictures again, by default all that failed or were set aside; how many there are."""

    def enqueue(
        self, files: Sequence[Path], recipe: Recipe | None = None, beside: bool = False, into: Path | None = None
    ) -> int:
        """Take files from anywhere, with the folder's recipe unless given; results go ``into`` a folder, else
        ``beside`` each file, else into the first output folder. How many were taken.
        """

    def set_engine(self, name: str) -> None:
        """Work with ``local`` or ``cloud`` from the next picture on.

        Raises:
            SettingsError: there is no such engine.
        """

    def set_preset(self, name: str) -> None:
        """Use this preset for pictures that come from now on.

        Raises:
            RecipeError: there is no such preset.
        """

    def history(self, n: int = 100) -> tuple[Entry, ...]:
        """The newest pictures that are done, failed or set aside, newest first."""

    def stop(self) -> None:
        """End :meth:`Daemon.run` within five seconds; also from a signal handler. The picture is done again later."""
