"""The thread that works, with a real worker and a real journal."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from fakes.workers import command
from resilver.recipe import preset
from resilver.settings import Settings
from resilver_watcher import journal as journals
from resilver_watcher.job import State
from resilver_watcher.journal import Journal, JournalError
from resilver_watcher.pairs import Pair
from resilver_watcher.scheduler import Scheduler
from resilver_watcher.work import Work


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "folder.sqlite")
    yield journal
    journal.close()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path / "in", tmp_path / "out")


@contextlib.contextmanager
def working(journal: Journal, pair: Pair, engine: str, ended: Callable[..., None] = lambda *_: None) -> Iterator[Work]:
    def never(*_: Any) -> None:
        raise AssertionError

    work = Work(
        journal, Scheduler(journal), Settings(), [pair], preset("Restore"),
        changed=never, ended=ended, command=command(engine),
    )  # fmt: skip
    work.start()
    yield work
    work.stop()


def queue(journal: Journal, pair: Pair, *names: str) -> None:
    paths = [save_photo(pair.input / name) for name in names]
    journal.see(pair.input, dict.fromkeys(paths, pair.output))
    journal.queue([(journal.find(path), None, 0) for path in paths])


def fail_to_write(journal: Journal) -> None:
    """As the thread that watches does on a full disk."""

    def write() -> None:
        with pytest.raises(JournalError):
            journal.note(journal.newest(tuple(State), 1)[0], nonsense=1)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()


def results(pair: Pair) -> list[str]:
    return sorted(path.name for path in pair.output.iterdir())


def test_moves_that_went_with_the_error_of_another_thread_are_made_again(
    journal: Journal, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not yet committed when its write fails: no picture stays at work for ever, each has one result."""
    monkeypatch.setattr(journals, "TOGETHER_S", 60.0)
    queue(journal, pair, "a.jpg", "b.jpg", "c.jpg")
    told: list[Path] = []

    def ended(_how: str, output: Path) -> None:
        told.append(output)
        if len(told) in (1, 3):
            fail_to_write(journal)

    with working(journal, pair, "Negative", ended):
        wait_for(lambda: journal.counts()[State.DONE] == 3)
    assert results(pair) == ["a-improved.jpg", "b-improved.jpg", "c-improved.jpg"]
    assert len(told) > 3


def test_an_end_that_went_with_the_error_of_another_thread_is_told_again(
    tmp_path: Path, journal: Journal, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the picture was begun is committed, that it ended not yet when the write of another thread fails."""
    monkeypatch.setattr(journals, "TOGETHER_S", 60.0)
    monkeypatch.setenv("RESILVER_TEST_GATE", str(tmp_path / "gate"))
    queue(journal, pair, "b.jpg")
    told: list[Path] = []

    def ended(_how: str, output: Path) -> None:
        told.append(output)
        if len(told) == 1:
            fail_to_write(journal)

    def begun() -> bool:
        with contextlib.closing(sqlite3.connect(journal.path)) as other:
            return other.execute("SELECT state FROM jobs").fetchall() == [("working",)]

    with working(journal, pair, "dropped.GatedAtB", ended):
        wait_for(begun)
        (tmp_path / "gate").touch()
        wait_for(lambda: journal.counts()[State.DONE] == 1 and len(told) == 2)
    assert results(pair) == ["b-improved.jpg"]


def test_the_worker_is_ready_before_the_first_picture(journal: Journal, pair: Pair) -> None:
    """While a picture settles, the process starts; without any picture there is none."""
    with working(journal, pair, "Negative") as work:
        assert work.pid is None
        work.expect()
        wait_for(lambda: work.pid is not None)
        first = work.pid
        queue(journal, pair, "a.jpg")
        work.wake()
        wait_for(lambda: journal.counts()[State.DONE] == 1)
        assert work.pid == first
        assert first != os.getpid()
