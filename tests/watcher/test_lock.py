"""The lock: one holder, free again when it dies (row 23 of the faults)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from resilver.errors import OutputDenied
from resilver_watcher.lock import Lock

HOLD = """
import sys, time
from pathlib import Path
from resilver_watcher.lock import Lock
print(Lock(Path(sys.argv[1])).take() and "held" or "refused", flush=True)
time.sleep(60)
"""


def holder(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def end(process):
    process.kill()
    process.communicate()


def test_one_process_at_a_time_and_free_after_a_kill(tmp_path):
    """A second process is refused while the first lives, and gets the lock as soon as that was killed."""
    path = tmp_path / "state" / "watch.lock"
    first, said = holder(path)
    assert said == "held"
    assert not Lock(path).take()
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second, said = holder(path)
    assert said == "held"
    end(second)


def test_also_within_one_process(tmp_path):
    """Two locks of one process exclude each other, and one that was freed can be taken again."""
    path = tmp_path / "watch.lock"
    with Lock(path) as first:
        assert first.take()
        assert not Lock(path).take()
    with Lock(path) as second:
        assert second.take()
    assert path.exists()


def test_a_child_does_not_keep_it(tmp_path):
    """A worker that outlives its daemon does not hold the lock."""
    path = tmp_path / "watch.lock"
    with Lock(path) as lock:
        assert lock.take()
        child = subprocess.Popen(["sleep", "60"])
    try:
        with Lock(path) as again:
            assert again.take()
    finally:
        end(child)


def test_stale_contents_mean_nothing(tmp_path):
    """A file that somebody left, whatever stands in it, is no lock."""
    path = tmp_path / "watch.lock"
    path.write_text(str(os.getpid()))
    os.utime(path, (0, time.time() + 1e6))
    with Lock(path) as lock:
        assert lock.take()


def test_a_folder_that_cannot_be(tmp_path):
    """Where the file cannot be made, the error names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputDenied, match=r"watch\.lock"):
        Lock(tmp_path / "file" / "watch.lock").take()
