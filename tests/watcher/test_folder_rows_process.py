"""Rows of the list of faults, provoked at the real ``resilver watch``: processes that die, hang, sleep or meet.

After each of them the invariants of ``Watched`` hold: originals untouched, whole results only and one of each, one
state for each picture, no token anywhere, and the daemon does the next picture.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from fakes.kills import kill_and_restart
from fakes.namespaces import linux
from fakes.watched import Watched, jpeg


@linux
def test_row_1_kill_at_any_instant(tmp_path: Path) -> None:
    """Killed ten times while pictures come in and go out, it does each of them once."""
    with Watched(tmp_path, "dropped.Steady", starts=False) as folder:
        kill_and_restart(folder, kills=10, seed=11, longest_s=2.0)


def test_row_18_killed_for_memory(tmp_path: Path) -> None:
    """A picture that killed the worker twice is set aside, with the reason; the others are done."""
    with Watched(tmp_path, "picky.KilledAtB") as folder:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            folder.drop(name)
        folder.wait(done=2, aside=1)
        (entry,) = folder.remote.status().failed
        assert (entry.state, Path(entry.source).name) == ("aside", "b.jpg")
        assert "memory" in entry.reason


def test_row_18_not_enough_memory(tmp_path: Path) -> None:
    """A picture for which memory does not suffice is tried once more, and fails with that reason."""
    with Watched(tmp_path, "dropped.EatsMemoryAtB", worker__memory_mb=500) as folder:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            folder.drop(name)
        folder.wait(done=2, failed=1)
        (entry,) = folder.remote.status().failed
        assert "memory" in entry.reason
        assert (tmp_path / "eaten").read_text() == "xx"


def test_row_19_hangs(tmp_path: Path) -> None:
    """A worker that does not look up is ended; its picture is set aside the second time, the others are done."""
    slow = {"worker__deadline_s": 1.0, "worker__deadline_s_per_megapixel": 1.0}
    with Watched(tmp_path, "dropped.HangsAtB", **slow) as folder:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            folder.drop(name)
        folder.wait(done=2, aside=1)


def test_row_20_no_network(tmp_path: Path) -> None:
    """A picture for which there is no network fails with what to do, and is done when somebody asks again."""
    with Watched(tmp_path, "dropped.MissingAtB") as folder:
        for name in ("a.jpg", "b.jpg"):
            folder.drop(name)
        folder.wait(done=1, failed=1)
        (note,) = folder.output.glob("b*not-restored.txt")
        assert "resilver models install b" in note.read_text()


@pytest.mark.parametrize("damage", ["junk", "pages", "empty"])
def test_row_22_damaged_journal(tmp_path: Path, damage: str) -> None:
    """A journal that is none is kept aside and made anew: nothing is done twice, and what is new is done."""
    with Watched(tmp_path) as folder:
        for name in ("a.jpg", "sub/b.jpg"):
            folder.drop(name)
        folder.wait(done=2)
        folder.kill()
        before = folder.results()
        content = folder.journal.read_bytes()
        for path in folder.journal.parent.glob(folder.journal.name + "-*"):
            path.unlink()
        folder.journal.write_bytes(
            {"junk": b"no journal " * 1000, "pages": content[:100] + b"\xff" * (len(content) - 100), "empty": b""}[
                damage
            ]
        )
        folder.start()
        folder.drop("c.jpg")
        folder.wait(done=3)
        assert len(list(folder.journal.parent.glob(folder.journal.name + ".damaged-*"))) == (damage != "empty")
        after = folder.results()
        assert {key: after[key] for key in before} == before


def test_row_22_locked_journal(tmp_path: Path) -> None:
    """While another program holds the journal all waits; after that it goes on by itself."""
    with Watched(tmp_path) as folder:
        folder.drop("a.jpg")
        folder.wait(done=1)
        with contextlib.closing(sqlite3.connect(folder.journal, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            folder.drop("b.jpg")
            time.sleep(7)
            other.execute("ROLLBACK")
        folder.wait(done=2)


@linux
def test_row_22_full_journal(tmp_path: Path) -> None:
    """While the journal cannot grow all waits, with that reason; after that it goes on by itself."""
    with Watched(tmp_path) as folder:
        folder.drop("a.jpg")
        folder.wait(done=1)
        daemon = psutil.Process(folder.pid)
        daemon.rlimit(psutil.RLIMIT_FSIZE, (1, -1))
        folder.drop("b.jpg")
        folder.eventually(lambda: "journal" in folder.remote.status().trouble)
        assert len(folder.results()) == 1
        daemon.rlimit(psutil.RLIMIT_FSIZE, (-1, -1))
        folder.wait(done=2)


def test_row_23_two_instances(tmp_path: Path) -> None:
    """A second one leaves at once and well; after a kill nothing is in the way of the next."""
    with Watched(tmp_path) as folder:
        assert folder.run("watch", "--no-tray", timeout_s=20).returncode == 0
        assert folder.run("watch", "--no-tray", "--colorize", "always", timeout_s=20).returncode == 2
        folder.kill()
        folder.start()
        folder.drop("a.jpg")
        folder.wait(done=1)


def test_row_29_odd_times(tmp_path: Path) -> None:
    """Pictures of 1970 and of a time to come are as good as any."""
    with Watched(tmp_path) as folder:
        for name, when in (("old.jpg", 0), ("coming.jpg", 4_000_000_000), ("before.jpg", -1_000_000)):
            path = tmp_path / name
            path.write_bytes(jpeg())
            os.utime(path, (when, when))
            folder.expect(path.rename(folder.input / name))
        folder.wait(done=3)


@pytest.mark.skipif(not shutil.which("faketime"), reason="the clock is moved by faketime")
def test_row_29_clock_jumps(tmp_path: Path) -> None:
    """The clock goes back by days and forward by years while pictures come in; all are done."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    moved = (f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1")
    with Watched(tmp_path, before=["env", *moved, f"LD_PRELOAD={library()}"]) as folder:
        for number, jump in enumerate(("+0", "-3d", "+900d", "-1d")):
            clock.write_text(jump)
            folder.drop(f"{number}.jpg")
            folder.eventually(lambda done=number + 1: folder.remote.status().counts["done"] == done)


def library() -> Path:
    """What lets the clock be moved while a program runs."""
    return next(Path("/usr/lib").rglob("libfaketimeMT.so.1"))


def test_row_30_stopped_and_continued(tmp_path: Path) -> None:
    """A machine that sleeps in the middle of a picture for longer than that may take fails nothing."""
    deadline = {"worker__deadline_s": 2.0, "worker__deadline_s_per_megapixel": 0.0}
    with Watched(tmp_path, "Slow", **deadline) as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: (now := folder.remote.status().current) is not None and now.fraction > 0.05)
        for worker in psutil.Process(folder.pid).children(recursive=True):
            worker.suspend()
        time.sleep(0.5)  # what the worker said before is heard
        folder.send(signal.SIGSTOP)
        time.sleep(3)
        folder.send(signal.SIGCONT, workers=True)
        folder.wait(done=1)
        assert "->" not in folder.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["TERM", "INT", "HUP"])
def test_row_30_asked_to_end(tmp_path: Path, number: int) -> None:
    """It ends in time, the picture goes back to those that wait, and the next start does it."""
    with Watched(tmp_path, "dropped.GatedAtB") as folder:
        folder.drop("b.jpg")
        folder.eventually((tmp_path / "begun").exists)
        assert folder.stop(number) in (0, 128 + number)
        assert not folder.results()
        (tmp_path / "gate").touch()
        folder.start()
        folder.wait(done=1)


def test_row_30_journal_of_a_newer_version(tmp_path: Path) -> None:
    """It is refused with a sentence and stays as it is."""
    with Watched(tmp_path) as folder:
        folder.checked = False
        folder.drop("a.jpg")
        folder.wait(done=1)
        folder.stop()
        with contextlib.closing(sqlite3.connect(folder.journal)) as journal:
            journal.execute("PRAGMA user_version = 99")
        before = folder.journal.read_bytes()
        done = folder.run("watch", "--no-tray", timeout_s=20)
        assert done.returncode == 1
        assert "newer" in done.stderr
        assert "Traceback" not in done.stderr
        assert folder.journal.read_bytes() == before
