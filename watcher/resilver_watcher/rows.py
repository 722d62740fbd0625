"""A row of the journal, and the job that it stands for."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from resilver.picture_io.identity import Identity
from resilver.recipe import Recipe
from resilver_watcher.job import Job, State

COLUMNS = (
    "id, path, directory, root, recipe, recipe_digest, state, sha256, device, inode, size, mtime_ns, "
    "attempts, deaths, code, reason, outputs, notes, seconds, changed_at"
)


def to_job(row: Sequence[Any]) -> Job:
    """The job of a row with these columns."""
    (number, path, directory, root, recipe, digest, state, sha256, device, inode, size, mtime_ns, *rest) = row
    attempts, deaths, code, reason, outputs, notes, seconds, when = rest
    return Job(
        id=number,
        path=Path(os.fsdecode(path)),
        directory=_folder(directory),
        root=None if root is None else _folder(root),
        recipe=None if recipe is None else Recipe.from_json(json.loads(recipe)),
        recipe_digest=digest,
        state=State(state),
        sha256=sha256,
        identity=None if inode is None else Identity(device, inode, size, mtime_ns),
        attempts=attempts,
        deaths=deaths,
        code=code,
        reason=reason,
        outputs=tuple(map(Path, _list(outputs))),
        notes=tuple(_list(notes)),
        seconds=seconds,
        when=when,
    )


def _list(text: str) -> list[str]:
    return [] if text == "[]" else json.loads(text)


@functools.lru_cache(1000)
def _folder(name: bytes) -> Path:
    return Path(os.fsdecode(name))


def identity_columns(identity: Identity | None) -> tuple[int | None, ...]:
    """Device, inode, size and modification time."""
    return (None,) * 4 if identity is None else (identity.device, identity.inode, identity.size, identity.mtime_ns)


def recipe_column(recipe: Recipe | None) -> str | None:
    """As JSON."""
    return None if recipe is None else json.dumps(recipe.to_json())


def path_column(path: Path | None) -> bytes | None:
    """The bytes that the system knows it by, which need not be UTF-8."""
    return None if path is None else os.fsencode(path)


def marks(values: Collection[Any]) -> str:
    """A question mark for each value."""
    return ", ".join("?" * len(values))


def now() -> str:
    """UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
