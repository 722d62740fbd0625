"""Which photograph comes next, at the real ``resilver watch``: one that is dropped alone does not wait for a heap."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from fakes.namespaces import linux
from fakes.watched import Watched, jpeg

IMPORT = 5_000


def done(folder: Watched) -> list[str]:
    """The names of what is done, the first one first."""
    entries = reversed(folder.remote.history(20))
    return [Path(entry.source).name for entry in entries if entry.state == "done"]


def import_heap(folder: Watched, count: int) -> None:
    """So many at once."""
    content = jpeg(16, 16)
    for number in range(count):
        (folder.place / f"{number}").write_bytes(content + bytes([number % 256, number // 256]))
    for number in range(count):
        (folder.place / f"{number}").rename(folder.input / f"{number:05}.jpg")


@linux
@pytest.mark.parametrize("taken_in", ["at once", "late and together"])
def test_one_photograph_is_next_during_an_import(tmp_path: Path, taken_in: str) -> None:
    """While 5,000 wait, one that is dropped into the same folder a moment later comes next, however late both are seen:
    after the one that is worked on, and the one with which the heap began.
    """
    with Watched(tmp_path, "dropped.GatedAtB", sweep_s=600) as folder:
        folder.checked = False  # nobody waits for the 5,000
        folder.drop("b-first.jpg")
        folder.eventually((tmp_path / "begun").exists)
        if taken_in == "late and together":
            folder.send(signal.SIGSTOP)
        import_heap(folder, IMPORT)
        time.sleep(2)
        folder.drop("single.jpg")
        folder.send(signal.SIGCONT)
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == IMPORT + 1)
        folder.eventually(lambda: not_yet(folder) == 0)
        (tmp_path / "gate").touch()
        folder.eventually(lambda: "single.jpg" in done(folder))
        before = done(folder)[: done(folder).index("single.jpg")]
        assert len(before) <= 2, before
        folder.run("pause")


def not_yet(folder: Watched) -> int:
    """How many files nobody gave a turn yet."""
    with contextlib.closing(sqlite3.connect(folder.journal)) as journal:
        return int(journal.execute("SELECT count(*) FROM jobs WHERE state = 'seen'").fetchone()[0])
