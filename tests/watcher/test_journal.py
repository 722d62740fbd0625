from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from resilver.picture_io.identity import Identity
from resilver.recipe import Recipe
from resilver_watcher.job import State
from resilver_watcher.journal import Journal, JournalBroken, JournalError, JournalNewer, open_journal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder.sqlite"


def seen(journal: Journal, *names: str, root: str = "/in") -> list[Path]:
    paths = [Path(root, name) for name in names]
    journal.see(Path(root), dict.fromkeys(paths, Path("/out")))
    return paths


def test_a_picture_is_entered_once(file: Path) -> None:
    """Seen fifty times is one row, and what is known of it stays."""
    journal = Journal(file)
    (path,) = seen(journal, "a.jpg")
    journal.queue([(journal.find(path), Identity(1, 2, 3, 4), 0)])
    for _ in range(50):
        seen(journal, "a.jpg")
    job = journal.find(path)
    assert (job.state, job.identity) == (State.WAITING, Identity(1, 2, 3, 4))
    assert sum(journal.counts().values()) == 1
    journal.close()


def test_everything_is_told_again_after_a_restart(file: Path) -> None:
    """All that a row says, also a name that is no UTF-8, is there after closing and opening."""
    journal = Journal(file)
    path = Path(os.fsdecode(b"/in/w\xff\n.jpg"))
    journal.see(None, {path: Path("/else")}, Recipe(resolution=2))
    job = journal.find(path)
    journal.queue([(job, None, 2)])
    journal.move(journal.find(path), State.WORKING, sha256="ab", recipe_digest="cd", identity=Identity(1, 2, 3, 4))
    journal.move(
        journal.find(path), State.DONE, outputs=[path], notes=["turned"], seconds=1.5, attempts=1, reason=str(path)
    )
    before = journal.find(path, Path("/else"), Recipe(resolution=2))
    journal.close()
    journal = Journal(file)
    after = journal.find(path, Path("/else"), Recipe(resolution=2))
    assert after == before
    assert (after.root, after.recipe, after.outputs, after.notes) == (None, Recipe(resolution=2), (path,), ("turned",))
    journal.close()


def test_turns_are_by_rank_and_then_by_age(file: Path) -> None:
    """A lower rank goes first; within a rank, the oldest."""
    journal = Journal(file)
    a, b, c, d = seen(journal, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    for path, rank in ((c, 3), (a, 3), (b, 0), (d, 3)):
        journal.queue([(journal.find(path), None, rank)])
    assert [job.path for job in journal.waiting(10)] == [b, c, a, d]
    assert [job.path for job in journal.waiting(2, 1)] == [c, a]
    journal.close()


def test_a_kill_loses_nothing_that_was_entered(file: Path) -> None:
    """A process that is killed between two moves leaves its rows, and what it worked on waits again."""
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom resilver_watcher.job import State\n"
        "from resilver_watcher.journal import Journal\n"
        f"journal = Journal(Path({str(file)!r}))\n"
        "paths = [Path(f'/in/{n}.jpg') for n in range(100)]\n"
        "journal.see(Path('/in'), dict.fromkeys(paths, Path('/out')))\n"
        "journal.queue([(journal.find(path), None, 3) for path in paths])\n"
        "journal.move(journal.find(paths[0]), State.WORKING)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    journal, damaged = open_journal(file)
    assert not damaged
    assert journal.counts()[State.WAITING] == 100
    assert journal.waiting(1)[0].path == Path("/in/0.jpg")
    journal.close()


@pytest.mark.parametrize("harm", ["junk", "header", "pages"])
def test_a_damaged_journal_is_kept_aside(file: Path, harm: str) -> None:
    """Whatever is broken in the file, there is a new journal and the old bytes are kept."""
    journal = Journal(file)
    seen(journal, *(f"{number}.jpg" for number in range(500)))
    journal.close()
    data = bytearray(file.read_bytes())
    if harm == "junk":
        data = bytearray(b"this is no journal" * 1000)
    elif harm == "header":
        data[:16] = b"x" * 16
    else:
        data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    journal, damaged = open_journal(file)
    assert damaged
    assert sum(journal.counts().values()) == 0
    (kept,) = file.parent.glob("folder.sqlite.damaged-*")
    assert kept.read_bytes() == data
    journal.close()


def test_damage_that_comes_later_is_told_as_such(file: Path) -> None:
    """Pages that are overwritten under an open journal, larger than its cache, are a typed error, no empty answer."""
    journal = Journal(file)
    seen(journal, *(f"{number}-{'x' * 2000}.jpg" for number in range(2000)))
    journal.close()
    journal = Journal(file)
    file.write_bytes(os.urandom(file.stat().st_size))
    with pytest.raises(JournalBroken):
        journal.known(Path("/in"))
    journal.close()


def test_the_journal_of_a_newer_version_is_refused_and_unchanged(file: Path) -> None:
    """It is neither read nor set aside nor written."""
    Journal(file).close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = file.read_bytes()
    with pytest.raises(JournalNewer, match="newer version"):
        open_journal(file)
    assert file.read_bytes() == before
    assert not list(file.parent.glob("*damaged*"))


def test_folders_that_are_watched_no_longer_keep_their_history_only(file: Path) -> None:
    """Pictures that waited there do not come up in another folder's work; what was done stays told."""
    journal = Journal(file)
    old, done = seen(journal, "old.jpg", "done.jpg", root="/gone")
    (new,) = seen(journal, "new.jpg")
    journal.move(journal.find(done), State.DONE)
    journal.keep_only([Path("/in")])
    assert journal.find(old) is None
    assert journal.find(done).state is State.DONE
    assert journal.find(new).state is State.SEEN
    journal.close()


def test_a_locked_journal_is_waited_for_and_then_told(file: Path) -> None:
    """Another program that holds it is an error which ends; then everything goes on."""
    journal = Journal(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match="locked") as caught:
        seen(journal, "a.jpg")
    assert caught.value.temporary
    other.execute("ROLLBACK")
    other.close()
    (path,) = seen(journal, "a.jpg")
    assert journal.find(path) is not None
    journal.close()


def test_a_turn_that_somebody_else_gave_is_kept(file: Path) -> None:
    """Two who want to queue the same picture at once do not fail; what is worked on is not taken away."""
    journal = Journal(file)
    (path,) = seen(journal, "a.jpg")
    job = journal.find(path)
    journal.queue([(job, None, 0), (job, None, 3)])
    journal.move(job, State.WORKING)
    journal.queue([(job, None, 0)])
    assert journal.find(path).state is State.WORKING
    journal.recover()
    assert journal.find(path).state is State.WAITING
    journal.close()


def test_what_somebody_named_is_not_left_behind_by_a_kill(file: Path) -> None:
    """Entered and not yet given a turn, it has one after the next start: no sweep would find it."""
    journal = Journal(file)
    path = Path("/else/a.jpg")
    journal.see(None, {path: Path("/out")}, Recipe(resolution=2))
    (found,) = seen(journal, "b.jpg")
    journal.close()
    journal = Journal(file)
    assert [job.path for job in journal.waiting(10)] == [path]
    assert journal.find(found).state is State.SEEN
    journal.close()


def test_a_kill_between_two_commits_leaves_whole_moves(file: Path) -> None:
    """Moves that were kept stand after a kill, later ones are as if they had not been: the picture waits again."""
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom resilver_watcher.job import State\n"
        "from resilver_watcher.journal import Journal\n"
        f"journal = Journal(Path({str(file)!r}))\n"
        "jobs = [journal.find(path) for path in (Path('/in/a.jpg'), Path('/in/b.jpg'))]\n"
        "for job in jobs:\n    journal.move(job, State.WORKING)\n"
        "journal.move(jobs[0], State.DONE, attempts=1)\n"
        "journal.keep()\n"
        "journal.move(jobs[1], State.DONE, attempts=1)\n"
        "assert journal.counts()[State.DONE] == 2\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    journal = Journal(file)
    a, b = seen(journal, "a.jpg", "b.jpg")
    journal.queue([(journal.find(path), None, 0) for path in (a, b)])
    journal.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    journal = Journal(file)
    assert (journal.find(a).state, journal.find(a).attempts) == (State.DONE, 1)
    assert (journal.find(b).state, journal.find(b).attempts) in ((State.WAITING, 0), (State.DONE, 1))
    journal.close()
