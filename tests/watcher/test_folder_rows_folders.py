"""Rows of the list of faults, provoked at the real ``resilver watch``: disks and folders in the way.

After each of them the invariants of ``Watched`` hold: originals untouched, whole results only and one of each, one
state for each picture, no token anywhere, and the daemon does the next picture.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from fakes.namespaces import apart, inside, linux
from fakes.watched import Watched, jpeg


@linux
def test_row_2_no_inodes(tmp_path: Path) -> None:
    """Room for bytes, but for no further file: its pictures wait, and are done when there is room again."""
    out = tmp_path / "out"
    with Watched(tmp_path, before=apart(f"mount -t tmpfs -o size=5m,nr_inodes=6 none {out}")) as folder:
        fillers = [folder.view(out) / f"filler{number}.jpg" for number in range(5)]
        for filler in fillers:
            filler.touch()
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().trouble != "")
        assert folder.remote.status().counts["failed"] == 0
        for filler in fillers:
            filler.unlink()
        folder.wait(done=1)
        assert not folder.remote.status().trouble


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


@linux
@pytest.mark.skipif(os.getuid() != 0, reason="a picture of somebody else needs root")
def test_row_5_owner_and_time_cannot_be_set(tmp_path: Path) -> None:
    """A picture of another owner, who alone could set times and owners of copies, has its result all the same."""
    rights = "-chown,-fowner,-dac_override"
    with Watched(tmp_path, before=["setpriv", "--bounding-set", rights, "--inh-caps", rights]) as folder:
        (tmp_path / "a.jpg").write_bytes(jpeg())
        os.chown(tmp_path / "a.jpg", 65534, 65534)
        (tmp_path / "a.jpg").chmod(0o444)
        folder.expect((tmp_path / "a.jpg").rename(folder.input / "a.jpg"))
        folder.wait(done=1)


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


@linux
def test_row_9_folders_that_are_one_by_a_bind_mount(tmp_path: Path) -> None:
    """It does not start either where the output is the input under another name."""
    with Watched(tmp_path, starts=False) as folder:
        folder.checked = False
        bind = apart(f"mount --bind {folder.input} {folder.output}")
        done = folder.run("watch", "--no-tray", before=bind)
        assert done.returncode == 2
        assert str(folder.output) in done.stderr


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


def test_row_13_another_folder_in_its_place(tmp_path: Path) -> None:
    """Exchanged for another one too quickly to be missed, it is that one that counts, without a restart."""
    with Watched(tmp_path, sweep_s=600) as folder:
        folder.drop("a.jpg")
        folder.wait(done=1)
        (tmp_path / "other").mkdir()
        folder.input.rename(tmp_path / "elsewhere")
        (tmp_path / "other").rename(folder.input)
        folder.put_back()
        time.sleep(6)  # a look at which folder it is comes every five seconds
        folder.drop("b.jpg")
        folder.wait(done=2)


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
