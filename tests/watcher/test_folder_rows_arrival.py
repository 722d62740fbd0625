"""Rows of the list of faults, provoked at the real ``resilver watch``: how pictures arrive.

After each of them the invariants of ``Watched`` hold: originals untouched, whole results only and one of each, one
state for each picture, no token anywhere, and the daemon does the next picture.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from fakes.namespaces import limited, linux
from fakes.watched import Watched, jpeg


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


HEAPS = [
    300,
    pytest.param(
        20_000,
        marks=[
            pytest.mark.slow,
            pytest.mark.timeout(4500),
            pytest.mark.skipif(not os.environ.get("RESILVER_TEST_WHOLE"), reason="RESILVER_TEST_WHOLE is not set"),
        ],
    ),
]


@linux
@pytest.mark.parametrize("count", HEAPS)
def test_row_11_stopped_while_many_came(tmp_path: Path, count: int) -> None:
    """What came while it was stopped, more than the kernel's queue holds at 20,000, is done once each."""
    with Watched(tmp_path, sweep_s=600) as folder:
        folder.checked = False  # the history ends at 10,000
        folder.drop("first.jpg")
        folder.wait(done=1)
        folder.send(signal.SIGSTOP)
        for number in range(count):
            folder.drop(f"{number:05}.jpg", jpeg(16, 16))
        folder.send(signal.SIGCONT)
        folder.wait(60 + count / 5, done=count + 1)
        assert len(folder.results()) == count + 1


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
