"""One picture's way through the hot folder: its states, and the only moves between them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resilver.picture_io.identity import Identity
from resilver.recipe import Recipe


class State(enum.StrEnum):
    """Where a picture is.

    ``seen``: found, perhaps still being written. ``waiting``: complete, until its turn or its next try. ``working``:
    with the worker. ``done``. ``failed``: with a reason, until it changes or someone asks. ``aside``: it killed the
    worker twice, until someone asks or it changes.
    """

    SEEN = "seen"
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    ASIDE = "aside"


MOVES: Mapping[State, frozenset[State]] = {
    State.SEEN: frozenset({State.WAITING, State.FAILED, State.DONE}),
    State.WAITING: frozenset({State.WORKING}),
    State.WORKING: frozenset({State.DONE, State.FAILED, State.ASIDE, State.WAITING, State.SEEN}),
    State.DONE: frozenset({State.WAITING}),
    State.FAILED: frozenset({State.WAITING}),
    State.ASIDE: frozenset({State.WAITING}),
}
"""From where to where; a crash moves ``working`` to ``waiting`` at the next start."""


class IllegalMove(Exception):
    """A move that is not in the table: a defect of the program, never of a picture."""


def check_move(start: State, end: State) -> None:
    """Refuse what the table does not have.

    Raises:
        IllegalMove: there is no such move.
    """
    if end not in MOVES[start]:
        raise IllegalMove(f"There is no way from {start} to {end}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the journal: the picture ``path`` whose results go into ``directory``.

    ``root``: the input folder that it was found in; ``None`` if somebody named it. ``recipe``: what was asked for
    this picture alone; ``None``: its folder's. ``identity`` and ``sha256``: of the bytes that the state is about.
    ``deaths``: of workers at this picture. ``when``: of the last move, UTC, ISO 8601.
    """

    id: int
    path: Path
    directory: Path
    root: Path | None
    recipe: Recipe | None
    recipe_digest: str
    state: State
    sha256: str
    identity: Identity | None
    attempts: int
    deaths: int
    code: str
    reason: str
    outputs: tuple[Path, ...]
    notes: tuple[str, ...]
    seconds: float
    when: str
