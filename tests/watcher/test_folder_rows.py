"""The rows of the list of faults that concern the hot folder, provoked at the real ``resilver watch``.

After each of them the invariants of ``Watched`` hold: originals untouched, whole results only and one of each, one
state for each picture, no token anywhere, and the daemon does the next picture.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fakes.kills import kill_and_restart
from fakes.watched import Watched, jpeg

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fault is provoked by means of Linux")


def able(*command: str) -> bool:
    """Whether the system lets this user do so."""
    done = shutil.which(command[0]) and subprocess.run(command, capture_output=True, check=False).returncode == 0
    return bool(done)


def apart(script: str) -> list[str]:
    """Starts a command in a mount namespace of its own, after a shell script."""
    if not able("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"):
        pytest.skip("mounting needs root, or user namespaces")
    return ["unshare", "-rm", "sh", "-c", f'{script} && exec "$@"', "sh"]


def limited(script: str) -> list[str]:
    """Starts a command with limits of its own for inotify."""
    if not able("unshare", "-Ur", "sh", "-c", "echo 99 > /proc/sys/user/max_inotify_watches"):
        pytest.skip("limits of its own need user namespaces")
    return ["unshare", "-Ur", "sh", "-c", f'{script} && exec "$@"', "sh"]


def inside(folder: Watched, *command: str) -> None:
    """Do something where the daemon's mounts are seen."""
    subprocess.run(["nsenter", "-t", str(folder.pid), "-U", "-m", "--preserve-credentials", *command], check=True)


@linux
def test_row_1_kill_at_any_instant(tmp_path: Path) -> None:
    """Killed ten times while pictures come in and go out, it does each of them once."""
    with Watched(tmp_path, "dropped.Steady", starts=False) as folder:
        kill_and_restart(folder, kills=10, seed=11, longest_s=2.0)


@linux
def test_row_2_disk_full(tmp_path: Path) -> None:
    """While the output has no room its pictures wait and say so; with room again they are done without being asked."""
    out = tmp_path / "out"
    with Watched(tmp_path, before=apart(f"mount -t tmpfs -o size=64k none {out}")) as folder:
        filler = folder.view(out) / "filler.jpg"
        filler.write_bytes(b"x" * 60_000)
        for name in ("a.jpg", "b.jpg"):
            folder.drop(name, jpeg(200, 100))
        folder.eventually(lambda: "room" in folder.remote.status().trouble)
        status = folder.remote.status()
        assert (status.state, status.counts["waiting"], status.counts["failed"]) == ("trouble", 2, 0)
        filler.unlink()
        folder.wait(done=2)
        assert not folder.remote.status().trouble


@linux
def test_row_3_output_read_only(tmp_path: Path) -> None:
    """While the output is read-only its pictures wait, tried now and then and not all the time."""
    out = tmp_path / "out"
    with Watched(tmp_path, before=apart(f"mount -t tmpfs -o size=5m none {out}")) as folder:
        inside(folder, "mount", "-o", "remount,ro", str(out))
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().state == "trouble")
        tries = folder.said().count("output-denied")
        time.sleep(3)
        assert folder.said().count("output-denied") - tries <= 1
        assert folder.remote.status().counts["waiting"] == 1
        inside(folder, "mount", "-o", "remount,rw", str(out))
        folder.wait(done=1)


@linux
def test_row_4_no_permission(tmp_path: Path) -> None:
    """A forbidden picture waits, named in the log, while others are done; once it may be read it is done."""
    rights = "-dac_override,-dac_read_search"
    before = [] if os.getuid() else ["setpriv", "--bounding-set", rights, "--inh-caps", rights]
    with Watched(tmp_path, before=before) as folder:
        (tmp_path / "a.jpg").write_bytes(jpeg())
        (tmp_path / "a.jpg").chmod(0)
        path = (tmp_path / "a.jpg").rename(folder.input / "a.jpg")
        folder.drop("c.jpg")
        folder.eventually(lambda: "a.jpg': picture-unreadable" in folder.said())
        folder.eventually(lambda: folder.remote.status().counts["done"] == 1)
        path.chmod(0o644)
        folder.expect(path)
        folder.wait(done=2)


def test_row_6_still_being_written(tmp_path: Path) -> None:
    """A scanner that opens the file again for each piece, and one that holds it open: each is read when it is whole."""
    with Watched(tmp_path) as folder:
        whole = jpeg(300, 200)
        pieces = [whole[at : at + 4000] for at in range(0, len(whole), 4000)]
        with (folder.input / "held.jpg").open("wb") as held:
            for piece in pieces:
                with (folder.input / "scan.jpg").open("ab") as scan:
                    scan.write(piece)
                held.write(piece)
                held.flush()
                time.sleep(0.2)
        for name in ("scan.jpg", "held.jpg"):
            folder.expect(folder.input / name)
        folder.wait(done=2)


def test_row_7_announced_many_times(tmp_path: Path) -> None:
    """Touched, renamed and seen fifty times, also while it waits and while it is worked on: one result."""
    with Watched(tmp_path, "dropped.GatedAtB", look_s=0.5) as folder:
        folder.drop("b.jpg")
        folder.eventually((tmp_path / "begun").exists)
        path = folder.drop("c.jpg")
        hidden = path.with_suffix(".part")
        for number in range(50):
            os.utime(path, (number, number))
            path.rename(hidden)
            hidden.rename(path)
        folder.expect(path)
        (tmp_path / "gate").touch()
        folder.wait(done=2)
        for number in range(50):
            os.utime(path, (number + 1000, number + 1000))
        folder.expect(path)
        folder.drop("d.jpg")
        folder.wait(done=3)
        time.sleep(1.5)
        folder.wait(done=3)


def test_row_8_replaced_while_read(tmp_path: Path) -> None:
    """What was replaced in the middle of the work is done again, and no result of the old bytes is left."""
    with Watched(tmp_path, "picky.Overtaken") as folder:
        (folder.input / "a.new").write_bytes(jpeg())
        path = folder.drop("a.jpg")
        folder.wait(done=1)
        folder.expect(path)
        assert not (folder.input / "a.new").exists()


def test_row_8_deleted_while_read(tmp_path: Path) -> None:
    """What was taken away in the middle of the work leaves no state and no result."""
    with Watched(tmp_path, "dropped.DeletedAtB") as folder:
        path = folder.drop("b.jpg")
        folder.eventually(lambda: not path.exists())
        folder.gone(path)
        folder.wait()


@pytest.mark.parametrize("layout", ["the same", "inside", "around", "by a link"])
def test_row_9_folders_that_feed_each_other(tmp_path: Path, layout: str) -> None:
    """It does not start, and says which folders."""
    with Watched(tmp_path, starts=False) as folder:
        folder.checked = False
        (tmp_path / "link").symlink_to(folder.input)
        output = {
            "the same": folder.input,
            "inside": folder.input / "out",
            "around": tmp_path,
            "by a link": tmp_path / "link" / "out",
        }[layout]
        done = folder.run("watch", "--no-tray", "--input", str(folder.input), "--output", str(output))
        assert done.returncode == 2
        assert str(output) in done.stderr
        assert "Traceback" not in done.stderr


def test_row_10_names_that_collide(tmp_path: Path) -> None:
    """Pictures whose names differ in suffix, folder or case alone have results of their own."""
    names = ("a.jpg", "a.png", "sub/a.jpg", "IMG.jpg", "img.JPG", "sub/A.jpg")
    with Watched(tmp_path) as folder:
        for name in names:
            folder.drop(name)
        folder.wait(done=len(names))
        found = [path for path in folder.output.rglob("*") if path.is_file()]
        assert len({str(path).casefold() for path in found}) == len(names)


@linux
def test_row_11_events_lost(tmp_path: Path) -> None:
    """What came while the kernel's queue was full is found by a search, without waiting for the next one due."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip("the queue is too long to be filled here")
    with Watched(tmp_path, sweep_s=600) as folder:
        folder.drop("first.jpg")
        folder.wait(done=1)
        folder.send(signal.SIGSTOP)
        noise = [folder.input / name for name in ("one.part", "two.part")]
        for number in range(limit // 2 + 100):
            noise[number % 2].touch()
            noise[number % 2].unlink()
        for number in range(20):
            folder.drop(f"{number:02}.jpg")
        folder.send(signal.SIGCONT)
        folder.wait(done=21)


@linux
@pytest.mark.parametrize("limit", ["instances", "watches"])
def test_row_12_limits_of_the_system(tmp_path: Path, limit: str) -> None:
    """Where the system refuses to watch, the folder is searched instead, and that is said."""
    for number in range(20):
        (tmp_path / "in" / f"{number:02}").mkdir(parents=True)
    few = {"instances": 0, "watches": 5}[limit]
    before = limited(f"echo {few} > /proc/sys/user/max_inotify_{limit}")
    with Watched(tmp_path, before=before, sweep_s=600, rescan_s=1) as folder:
        for number in range(20):
            folder.drop(f"{number:02}/a.jpg")
        folder.wait(done=20)
        assert "searched every" in folder.said()


def test_row_13_folder_away_and_back(tmp_path: Path) -> None:
    """Deleted and made anew, or renamed and replaced: it says that the folder is missing, and goes on by itself."""
    with Watched(tmp_path, sweep_s=600) as folder:
        for way in ("removed", "renamed"):
            path = folder.drop(f"{way}.jpg")
            folder.eventually(lambda: folder.remote.status().counts["done"] >= 1)
            folder.eventually(lambda at=path: at in folder.entries())
            if way == "removed":
                shutil.rmtree(folder.input)
            else:
                folder.input.rename(tmp_path / "elsewhere")
            folder.eventually(lambda: "missing" in folder.remote.status().trouble, 30)
            assert path in folder.entries()  # a folder that is away is no picture that is gone
            kept = folder.place / "elsewhere"
            if way == "removed":
                folder.input.mkdir()
                folder.put_back()
            else:
                kept.rename(folder.input)
            folder.eventually(lambda: not folder.remote.status().trouble, 30)
        folder.drop("after.jpg")
        folder.wait(done=3)


@linux
def test_row_13_unmounted_and_back(tmp_path: Path) -> None:
    """A drive that is taken off and put on again: what lies below is not taken for it, and nothing is done twice."""
    inner = tmp_path / "in"
    before = apart(f"mkdir -p {tmp_path}/drive {inner} && mount --bind {tmp_path}/drive {inner}")
    with Watched(tmp_path, before=before, sweep_s=600) as folder:
        first = folder.drop("a.jpg")
        folder.wait(done=1)
        inside(folder, "umount", "-l", str(inner))
        time.sleep(6)
        assert first in folder.entries()
        inside(folder, "mount", "--bind", str(tmp_path / "drive"), str(inner))
        time.sleep(6)
        folder.drop("b.jpg")
        folder.wait(done=2)


def test_row_14_no_regular_file(tmp_path: Path) -> None:
    """Pipes, sockets, folders and links of every kind with a picture's name are left alone and told of once."""
    with Watched(tmp_path, rescan_s=0.2, sweep_s=0.2) as folder, socket.socket(socket.AF_UNIX) as door:
        outside = tmp_path / "outside.jpg"
        outside.write_bytes(jpeg())
        os.mkfifo(folder.input / "pipe.jpg")
        with contextlib.suppress(OSError):  # the name of a socket has to be short
            door.bind(str(folder.input / "door.jpg"))
        (folder.input / "folder.jpg").mkdir()
        for name, target in {"loop": "loop.jpg", "dangling": "nothing", "away": str(outside), "up": ".."}.items():
            (folder.input / f"{name}.jpg").symlink_to(target)
        folder.drop("a.jpg")
        folder.wait(done=1)
        folder.eventually(lambda: folder.said().count("away.jpg") == 1)
        time.sleep(1)
        assert folder.said().count("away.jpg") == 1
        assert folder.said().count("pipe.jpg") == 1


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
    """A machine that sleeps in the middle of a picture fails nothing."""
    with Watched(tmp_path, "Slow") as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().state == "working")
        folder.send(signal.SIGSTOP, workers=True)
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


def copies(folder: Watched, count: int) -> Path:
    """So many pictures in a folder beside."""
    stock = folder.place / "stock"
    stock.mkdir()
    for number in range(count):
        (stock / f"{number:03}.jpg").write_bytes(jpeg())
    return stock


WAYS = {
    "cp": 'cp "$1"/* "$2"',
    "mv": 'mv "$1"/* "$2"',
    "rsync": 'rsync -a "$1"/ "$2"',
    "tree": 'mv "$1" "$2"/tree',
    "cp of a tree": 'cp -r "$1" "$2"/tree',
}


@pytest.mark.parametrize("way", WAYS)
def test_many_at_once(tmp_path: Path, way: str) -> None:
    """However many come together, each is found by its events, none is left to the next search."""
    if not shutil.which(WAYS[way].split()[0]):
        pytest.skip("there is no such program")
    with Watched(tmp_path, sweep_s=600) as folder:
        stock = copies(folder, 60)
        subprocess.run(["sh", "-c", WAYS[way], "sh", str(stock), str(folder.input)], check=True)
        for path in folder.input.rglob("*.jpg"):
            folder.expect(path)
        folder.wait(done=60)
