"""What was sent to whom, in a small database of this user: consent, counts for the month, and who is sending what.

Every picture is written down before it goes out, so that a crash can only make the count too high.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from resilver.errors import CloudConsent, CloudError, CloudLimit
from resilver.settings import CloudSettings, state_dir

_VERSION = 1
_SCHEMA = """
CREATE TABLE consent (origin TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE allowance (month TEXT NOT NULL, pictures INTEGER NOT NULL);
CREATE TABLE sent (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, month TEXT NOT NULL, origin TEXT NOT NULL, key TEXT NOT NULL,
  modes TEXT NOT NULL, bytes INTEGER NOT NULL, times INTEGER NOT NULL, outcome TEXT NOT NULL, sender TEXT NOT NULL
);
CREATE INDEX sent_month ON sent (month);
CREATE INDEX sent_key ON sent (key) WHERE outcome = 'sending';
"""
_WAIT_S = 30.0  # for another process that writes


def cloud_folder() -> Path:
    """Where the ledger and the paid results lie."""
    return state_dir() / "cloud"


def origin(settings: CloudSettings) -> str:
    """Who gets the pictures: scheme, host and port of the base URL."""
    parts = urlsplit(settings.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def who_gets_them(settings: CloudSettings) -> str:
    """What a person has to know before agreeing, in two sentences."""
    plain = " without encryption" if settings.base_url.lower().startswith("http:") else ""
    return (
        f"Pictures leave this computer: they are sent{plain} to {origin(settings)} and worked on there. "
        "What is stored in their files goes along (such as date, camera and place)."
    )


@dataclass(frozen=True, slots=True)
class Sending:
    """One picture on its way: the key of what it is and of what is asked for, and its bytes."""

    key: str
    modes: Sequence[str]
    size: int


class Ledger:
    """The database in ``folder``, shared by all processes of this user."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.sqlite3"

    def agreed(self, settings: CloudSettings) -> bool:
        """Whether the user agreed that pictures go to this service."""
        with self._open() as base:
            found = base.execute("SELECT 1 FROM consent WHERE origin = ?", (origin(settings),)).fetchone()
        return found is not None

    def agree(self, settings: CloudSettings) -> None:
        """Remember that the user agreed."""
        with self._open() as base:
            base.execute("INSERT OR REPLACE INTO consent VALUES (?, ?)", (origin(settings), _now().isoformat()))

    def withdraw(self, settings: CloudSettings) -> None:
        """Forget it again; nothing more is sent."""
        with self._open() as base:
            base.execute("DELETE FROM consent WHERE origin = ?", (origin(settings),))

    def allow(self, pictures: int) -> None:
        """Let so many pictures more than the limit go out in this month."""
        with self._open() as base:
            base.execute("INSERT INTO allowance VALUES (?, ?)", (_month(), pictures))

    def sent_this_month(self) -> int:
        """How many pictures went out in this calendar month (UTC), each as often as it was sent whole."""
        with self._open() as base:
            return _count(base)

    def left_this_month(self, settings: CloudSettings) -> int | None:
        """How many more may go out; ``None``: there is no limit."""
        with self._open() as base:
            return _left(base, settings)

    def claim(self, settings: CloudSettings, sendings: Sequence[Sending]) -> dict[str, int]:
        """Write down, before they are sent, those that no other process is sending now; their rows by key.

        Raises:
            CloudConsent: the user did not agree yet.
            CloudLimit: they are more than may go out in this month.
        """
        if not self.agreed(settings):
            raise CloudConsent(
                f"{who_gets_them(settings)} Nothing was sent yet; agree with 'resilver account consent' first."
            )
        with self._open() as base:
            busy = {key for key, sender in base.execute("SELECT key, sender FROM sent WHERE outcome = 'sending'")
                    if sender != _me() and _alive(sender)}  # fmt: skip
            mine = [sending for sending in sendings if sending.key not in busy]
            left = _left(base, settings)
            if left is not None and len(mine) > left:
                raise CloudLimit(_over(settings, len(mine), left))
            rows = {}
            for sending in mine:
                cursor = base.execute(
                    "INSERT INTO sent (at, month, origin, key, modes, bytes, times, outcome, sender) "
                    "VALUES (?, ?, ?, ?, ?, ?, 1, 'sending', ?)",
                    (_now().isoformat(), _month(), origin(settings), sending.key, " ".join(sending.modes),
                     sending.size, _me()),
                )  # fmt: skip
                assert cursor.lastrowid is not None
                rows[sending.key] = cursor.lastrowid
        return rows

    def settle(self, outcomes: Mapping[int, tuple[int | None, str]]) -> None:
        """Write down how rows ended: how often the picture went up whole (``None``: as assumed), and a word."""
        with self._open() as base:
            for row, (times, outcome) in outcomes.items():
                base.execute(
                    "UPDATE sent SET times = coalesce(?, times), outcome = ? WHERE id = ?", (times, outcome, row)
                )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            base = sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)
            try:
                base.execute("BEGIN IMMEDIATE")
                _prepare(base)
                yield base
                base.execute("COMMIT")
            finally:
                base.close()  # which takes back what was not committed
        except (sqlite3.Error, OSError) as error:
            raise CloudError(
                f"The ledger of sent pictures in {self._path} cannot be used ({error}), so nothing is sent; "
                "make room or mend its permissions, or if it is damaged, move it away (the month's count starts anew)."
            ) from error


def estimate(settings: CloudSettings, pictures: int) -> str:
    """``12 pictures``, with what they cost by the user's price."""
    counted = f"{pictures} picture{'' if pictures == 1 else 's'}"
    if not settings.price:
        return counted
    return f"{counted}, {f'{pictures * settings.price:.2f} {settings.currency}'.strip()}"


def _over(settings: CloudSettings, wanted: int, left: int) -> str:
    return (
        f"{wanted} more pictures would exceed the monthly limit ({left} of {settings.monthly_limit} left); "
        f"allow more with 'resilver account allow {wanted}', or raise the setting 'cloud.monthly_limit'."
    )


def _prepare(base: sqlite3.Connection) -> None:
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise CloudError("The ledger of sent pictures is of a newer Resilver; update this one.")
    if version == 0:
        for statement in _SCHEMA.split(";"):
            base.execute(statement)
        base.execute(f"PRAGMA user_version = {_VERSION}")


def _count(base: sqlite3.Connection) -> int:
    found: int = base.execute("SELECT coalesce(sum(times), 0) FROM sent WHERE month = ?", (_month(),)).fetchone()[0]
    return found


def _left(base: sqlite3.Connection, settings: CloudSettings) -> int | None:
    if settings.monthly_limit <= 0:
        return None
    (extra,) = base.execute("SELECT coalesce(sum(pictures), 0) FROM allowance WHERE month = ?", (_month(),)).fetchone()
    return max(0, settings.monthly_limit + int(extra) - _count(base))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _month() -> str:
    return f"{_now():%Y-%m}"


def _me() -> str:
    return _sender(psutil.Process(os.getpid()))


def _sender(process: psutil.Process) -> str:
    # numbers of processes are used again; their starting times are not
    return f"{process.pid} {process.create_time():.2f}"


def _alive(sender: str) -> bool:
    try:
        return _sender(psutil.Process(int(sender.split(maxsplit=1)[0]))) == sender
    except (psutil.Error, ValueError):
        return False
