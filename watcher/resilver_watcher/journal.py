"""The book of all pictures: SQLite with a write-ahead log, written by this process alone.

A kill loses nothing that was committed. A power cut may lose the last commits, whose moves are then made again: what
was published is found by its provenance, what was paid for by the cloud's own book. So syncing each commit (some
milliseconds each) would buy nothing, and for the same reason the moves of pictures at work, of which there may be
thousands a second, are committed together; see :meth:`Journal.move`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from resilver.errors import ResilverError
from resilver.picture_io.identity import Identity
from resilver.recipe import Recipe
from resilver_watcher.job import IllegalMove, Job, State, check_move
from resilver_watcher.rows import COLUMNS, identity_columns, marks, now, path_column, recipe_column, to_job
from resilver_watcher.state import COPIED

SCHEMA = 1
BUSY_S = 5.0  # another program that looks into the journal is waited for so long
TOGETHER_S = 0.1  # moves that follow each other so closely are committed together
_UNCHANGED = f"state = 'done' AND (outputs = '[]' OR instr(notes, '{COPIED}'))"
_CREATE = f"""
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, path BLOB NOT NULL, directory BLOB NOT NULL, root BLOB, recipe TEXT,
  recipe_digest TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '',
  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER,
  rank INTEGER NOT NULL DEFAULT 0, turn INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0,
  code TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
  outputs TEXT NOT NULL DEFAULT '[]', notes TEXT NOT NULL DEFAULT '[]',
  seconds REAL NOT NULL DEFAULT 0, seen_at TEXT NOT NULL, changed_at TEXT NOT NULL, changes INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_by_request ON jobs (path, directory, coalesce(recipe, ''));
CREATE INDEX jobs_by_turn ON jobs (state, rank, turn);
CREATE INDEX jobs_by_root ON jobs (root);
CREATE INDEX jobs_by_change ON jobs (changes);
CREATE INDEX jobs_unchanged ON jobs (state) WHERE {_UNCHANGED};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_MARKS = 500  # values in one question; SQLite's own limit may be 999
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class JournalError(ResilverError):
    """The journal cannot be written now: full, locked, or forbidden; it goes on when that ends."""

    code: ClassVar[str] = "journal"
    title: ClassVar[str] = "The folder's journal cannot be written"
    temporary: ClassVar[bool] = True


class JournalBroken(JournalError):
    """The file is damaged, or no journal at all."""

    code: ClassVar[str] = "journal-broken"
    title: ClassVar[str] = "The folder's journal is damaged"


class JournalNewer(JournalError):
    """A newer version of the program wrote it; it stays as it is."""

    code: ClassVar[str] = "journal-newer"
    title: ClassVar[str] = "The folder's journal is of a newer version"
    temporary: ClassVar[bool] = False


def open_journal(path: Path) -> tuple[Journal, bool]:
    """The journal, and whether it is a new one in place of a damaged one, which is kept beside it.

    Raises:
        JournalNewer: a newer version wrote it.
        JournalError: it cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise JournalError(f"{path.parent} cannot be made ({error.strerror}); make room or allow it.") from error
    try:
        return Journal(path), False
    except JournalBroken:
        set_aside(path)
        return Journal(path), True


def set_aside(path: Path) -> Path:
    """Give the damaged files another name; the new name."""
    name = f"{path.name}.damaged-{time.time_ns()}"
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(path.with_name(name + suffix))
    return path.with_name(name)


class Journal:
    """Every picture's row. Usable from several threads, which take turns.

    ``undone``: a write failed, and with it went moves of any thread that were not yet committed, until :meth:`recover`.

    Raises:
        JournalError: of each method, where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._kept_s = 0.0
        self.undone = False
        try:
            with self._transaction() as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > SCHEMA:
                    raise JournalNewer(
                        f"The journal {path} was written by a newer version; install that again, or move the file away."
                    )
                self._prepare(db, version)
            with self._reading() as db:
                self._turn = db.execute("SELECT coalesce(max(turn), 0) FROM jobs").fetchone()[0]
                self._changes = db.execute("SELECT coalesce(max(changes), 0) FROM jobs").fetchone()[0]
            self.recover()
        except BaseException:
            self.close()
            raise

    def recover(self) -> None:
        """Let what was with a worker wait again, when there is none: the process ended, or its last move failed.

        What somebody named, and no sweep will find, waits as well.
        """
        self.undone = False
        with self._transaction() as db:
            db.execute("UPDATE jobs SET state = 'waiting' WHERE state = 'working' OR (state = 'seen' AND root IS NULL)")

    def _prepare(self, db: sqlite3.Connection, version: int) -> None:
        if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise JournalBroken(f"The journal {self.path} is damaged.")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -2000")
        if version == 0:
            db.executescript(f"BEGIN; {_CREATE} PRAGMA user_version = {SCHEMA}; COMMIT;")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._db is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._db.commit()
                with contextlib.suppress(sqlite3.Error):
                    self._db.close()
                self._db = None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Nothing is committed, and what is not yet committed is read as well."""
        with self._lock:
            try:
                if self._db is None:
                    self._db = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False)
                yield self._db
            except sqlite3.Error as error:
                raise self._translated(error) from error

    @contextlib.contextmanager
    def _transaction(self, together_s: float = 0.0) -> Iterator[sqlite3.Connection]:
        """Committed at its end with all that was not yet, unless the last commit was less than so long ago."""
        with self._reading() as db:
            try:
                yield db
                if time.monotonic() - self._kept_s >= together_s:
                    db.commit()
                    self._kept_s = time.monotonic()
            except IllegalMove:  # it wrote nothing, and the moves before it that are not yet committed stand
                raise
            except BaseException:
                self.undone = True
                with contextlib.suppress(sqlite3.Error):
                    db.rollback()
                raise

    def keep(self) -> None:
        """Commit the moves that are not yet committed."""
        with self._reading() as db:
            if db.in_transaction:
                with self._transaction():
                    pass

    def _translated(self, error: sqlite3.Error) -> JournalError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more of the same
        if code in _BROKEN:
            return JournalBroken(f"The journal {self.path} is damaged ({error}).")
        return JournalError(
            f"The journal {self.path} cannot be used ({error}); make room on the disk or free the file."
        )

    def see(self, root: Path | None, finds: Mapping[Path, Path], recipe: Recipe | None = None) -> None:
        """Enter pictures with the folders of their results, unless they are known; each ``recipe`` is another request.

        Those that somebody named before they were found in ``root`` belong there from now on.
        """
        text, when = recipe_column(recipe), now()
        rows = [
            (os.fsencode(path), os.fsencode(directory), path_column(root), text, when, when)
            for path, directory in finds.items()
        ]
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO jobs (path, directory, root, recipe, state, seen_at, changed_at) "
                "VALUES (?, ?, ?, ?, 'seen', ?, ?) "
                "ON CONFLICT DO UPDATE SET root = excluded.root WHERE root IS NULL AND excluded.root IS NOT NULL",
                rows,
            )

    def queue(self, ranked: Sequence[tuple[Job, Identity | None, int]]) -> None:
        """Move pictures to ``waiting``, each behind those of its rank; what was told of them before is forgotten.

        Those that wait already, or are worked on since somebody else was quicker, stay as they are.
        """
        when = now()
        with self._transaction() as db:
            rows: list[tuple[Any, ...]] = []
            for job, identity, rank in ranked:
                row = db.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()
                if row is None or row[0] in (State.WAITING, State.WORKING):
                    continue
                check_move(State(row[0]), State.WAITING)
                self._turn += 1
                self._changes += 1
                rows.append((when, self._changes, *identity_columns(identity), rank, self._turn, job.id))
            db.executemany(
                "UPDATE jobs SET state = 'waiting', changed_at = ?, changes = ?, device = ?, inode = ?, size = ?, "
                "mtime_ns = ?, rank = ?, turn = ?, attempts = 0, deaths = 0, code = '', reason = '', sha256 = '' "
                "WHERE id = ?",
                rows,
            )

    def move(self, job: Job, state: State, **fields: Any) -> None:
        """Move a picture and set the columns named; ``identity`` stands for its four.

        It may be committed with the moves after it: who stops moving pictures, or does what cannot be repeated, has to
        :meth:`keep` it. A kill before that leaves the picture where it was.

        Raises:
            IllegalMove: there is no such move.
        """
        with self._transaction(TOGETHER_S) as db:
            self._move(db, job, state, **fields)

    def _move(self, db: sqlite3.Connection, job: Job, state: State, **fields: Any) -> None:
        row = db.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()
        if row is None:  # it was taken out meanwhile
            return
        check_move(State(row[0]), state)
        self._changes += 1
        self._set(db, job, state=str(state), changed_at=now(), changes=self._changes, **fields)

    def note(self, job: Job, **fields: Any) -> None:
        """Set columns without a move."""
        with self._transaction() as db:
            self._set(db, job, **fields)

    def _set(self, db: sqlite3.Connection, job: Job, **fields: Any) -> None:
        if "identity" in fields:
            values = identity_columns(fields.pop("identity"))
            fields.update(zip(("device", "inode", "size", "mtime_ns"), values, strict=True))
        if "outputs" in fields:
            fields["outputs"] = json.dumps([str(path) for path in fields["outputs"]])
        if "notes" in fields:
            fields["notes"] = json.dumps(list(fields["notes"]))
        if "reason" in fields:  # names that are no UTF-8
            fields["reason"] = fields["reason"].encode("utf-8", "backslashreplace").decode()
        columns = ", ".join(f"{name} = ?" for name in fields)
        db.execute(f"UPDATE jobs SET {columns} WHERE id = ?", (*fields.values(), job.id))  # noqa: S608 - names of ours

    def keep_only(self, roots: Collection[Path]) -> None:
        """Take out what is not done of folders that are watched no longer; it is found again if they ever are."""
        with self._transaction() as db:
            db.execute(
                "DELETE FROM jobs WHERE state != 'done' AND root IS NOT NULL "  # noqa: S608 - question marks
                f"AND root NOT IN ({marks(roots)})",
                [os.fsencode(root) for root in roots],
            )

    def forget(self, jobs: Collection[Job]) -> None:
        """Take out pictures that are gone."""
        with self._transaction() as db:
            db.executemany("DELETE FROM jobs WHERE id = ?", [(job.id,) for job in jobs])

    def find(self, path: Path, directory: Path | None = None, recipe: Recipe | None = None) -> Job | None:
        """The picture with results in that folder by that recipe (``None``: the folder's), or its newest row."""
        where = "path = ?"
        values: list[bytes | str | None] = [os.fsencode(path)]
        if directory is not None:
            where, values = (
                where + " AND directory = ? AND recipe IS ?",
                [*values, os.fsencode(directory), recipe_column(recipe)],
            )
        return next(iter(self._select(f"{where} ORDER BY changes DESC LIMIT 1", values)), None)

    def find_each(self, finds: Mapping[str, Path]) -> dict[str, Job]:
        """Those of these paths that are known, with results in these folders by the folder's recipe."""
        paths, found = [os.fsencode(path) for path in finds], {}
        for start in range(0, len(paths), _MARKS):
            some = paths[start : start + _MARKS]
            for job in self._select(f"path IN ({marks(some)}) AND recipe IS NULL", some):
                if finds[str(job.path)] == job.directory:
                    found[str(job.path)] = job
        return found

    def requests(self, path: Path) -> list[Job]:
        """All that was asked for a picture."""
        return self._select("path = ?", [os.fsencode(path)])

    def find_all(self, root: Path, states: Collection[State]) -> list[Job]:
        """The pictures of an input folder in these states."""
        return self._select(f"root = ? AND state IN ({marks(states)})", [os.fsencode(root), *map(str, states)])

    def known(self, root: Path) -> dict[str, tuple[State, int | None, int | None, int | None]]:
        """For every picture of an input folder: state, inode, size, mtime in ns."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT path, state, inode, size, mtime_ns FROM jobs WHERE root = ?", (os.fsencode(root),)
            )
            return {os.fsdecode(path): (State(state), *rest) for path, state, *rest in rows}

    def waiting(self, limit: int, start: int = 0) -> list[Job]:
        """Those in ``waiting`` in the order of their turns."""
        return self._select("state = 'waiting' ORDER BY rank, turn LIMIT ? OFFSET ?", [limit, start])

    def newest(self, states: Collection[State], limit: int) -> list[Job]:
        """Those in these states, the last moved first."""
        return self._select(f"state IN ({marks(states)}) ORDER BY changes DESC LIMIT ?", [*map(str, states), limit])

    def counts(self) -> dict[State, int]:
        """How many there are in each state."""
        with self._reading() as db:
            found = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(str(state), 0) for state in State}

    def unchanged(self) -> int:
        """How many of those that are done are their own results, or have none."""
        with self._reading() as db:
            return int(db.execute(f"SELECT count(*) FROM jobs WHERE {_UNCHANGED}").fetchone()[0])  # noqa: S608

    def unfinished(self) -> bool:
        """Whether any picture is on its way; asked after each one, so nothing is counted."""
        with self._reading() as db:
            rows = db.execute("SELECT 1 FROM jobs WHERE state IN ('seen', 'waiting', 'working') LIMIT 1")
            return rows.fetchone() is not None

    def fact(self, name: str) -> str | None:
        """A value that lasts over a restart."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Keep such a value."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _select(self, where: str, values: Sequence[Any]) -> list[Job]:
        with self._reading() as db:
            return [to_job(row) for row in db.execute(f"SELECT {COLUMNS} FROM jobs WHERE {where}", values)]  # noqa: S608
