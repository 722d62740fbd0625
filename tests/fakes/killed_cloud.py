"""The real ``resilver serve`` as the hot folder's cloud, killed like the folder itself, and what was paid to it."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Self

from fakes.kills import kill_and_restart
from fakes.leaks import TOKEN
from fakes.watched import PROGRAM, environment
from fakes.watched_cloud import CloudWatched


class ServedCloud:
    """A server in a folder of its own whose engine notes each picture that it worked on; it keeps its port."""

    def __init__(self, place: Path) -> None:
        self._place, self._log = place, place / "log"
        self._environment = environment(place)
        self._tokens = place / "tokens"
        self._tokens.write_text(TOKEN + "\n")
        self._tokens.chmod(0o600)
        self._port = 0
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """The address of the method."""
        return f"http://127.0.0.1:{self._port}/api/v1/photo/improve"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, str(PROGRAM), "dropped.Counted", "serve", "--port", str(self._port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--workers", "2", "--token-file", str(self._tokens)],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while (found := re.search(r"Listening on http://127.0.0.1:(\d+)", self._log.read_text())) is None:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self._port = int(found[1])

    def kill(self) -> None:
        """End it with its workers as ``kill -9`` does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def worked(self) -> Counter[str]:
        """How often each picture was worked on, by the digest of its pixels."""
        path = self._place / "worked"
        return Counter(path.read_text().split()) if path.exists() else Counter()


class Book:
    """What the client wrote down of what it sent, and what it kept of the answers."""

    def __init__(self, folder: CloudWatched) -> None:
        self._home = folder.place / "state" / "resilver" / "cloud"
        self._kept: dict[str, int] = {}

    def rows(self) -> list[tuple[int, str, int, str]]:
        """Number, key, how often it went up, and the outcome of each sending."""
        with contextlib.closing(sqlite3.connect(self._home / "ledger.sqlite3", timeout=30)) as ledger:
            return ledger.execute("SELECT id, key, times, outcome FROM sent ORDER BY id").fetchall()

    def look(self) -> None:
        """Remember which answers are kept by now; what they are of must not be sent from here on."""
        kept = {path.parent.name for path in self._home.glob("paid/*/answer.json")}
        last = max((row[0] for row in self.rows()), default=0)  # read after: what is sent meanwhile is not blamed
        for key in kept:
            self._kept.setdefault(key, last)

    def assert_nothing_sent_again(self) -> None:
        """Of which the answer was there when somebody looked, or that was answered before."""
        rows = self.rows()
        again = [row for row in rows if row[0] > self._kept.get(row[1], row[0])]
        assert not again, again
        answered = Counter(key for _, key, _, outcome in rows if outcome == "answered")
        assert max(answered.values()) == 1, answered
        last = {key: outcome for _, key, _, outcome in rows}
        assert {key for key, outcome in last.items() if outcome != "answered"} <= {*self._kept}

    def assert_all_written_down(self, worked: Counter[str]) -> None:
        """The service worked on nothing else, and not more often than the book has it."""
        rows = self.rows()
        assert worked.total() <= sum(times for _, _, times, _ in rows)
        assert len(worked) == len({key for _, key, _, _ in rows})


def kill_folder_and_cloud(place: Path, *, kills: int, seed: int, longest_s: float) -> tuple[int, int, int]:
    """Kill the daemon so often, and in every second round the server a moment before; then let all come to its end.

    How many pictures there were, how many the server worked on, and how many more than once. Raises AssertionError
    where something was lost, done twice, or paid for although its answer was there.
    """
    (place / "cloud").mkdir(parents=True)
    with ServedCloud(place / "cloud") as server:
        folder = CloudWatched(place / "folder", url=server.url, starts=False, pictures=8, monthly_limit=0)
        folder.checked = False
        book = Book(folder)

        def round_ended(chance: random.Random) -> None:
            if chance.random() < 0.5:
                server.kill()
                server.start()
                time.sleep(chance.uniform(0.0, 0.5))
            book.look()

        with folder:
            pictures = kill_and_restart(
                folder, kills=kills, seed=seed, longest_s=longest_s, gap_s=0.8, round_ended=round_ended
            )
            folder.assert_invariants()
            book.look()
            worked = server.worked()
            book.assert_nothing_sent_again()
            book.assert_all_written_down(worked)
    return pictures, worked.total(), sum(count > 1 for count in worked.values())
