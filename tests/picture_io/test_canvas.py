"""Arrays in mapped temporary files."""

import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import psutil
import pytest

from resilver.errors import OutputFull
from resilver.picture_io import canvas

LARGE = (4000, 8000, 3)  # 96 MB


def test_content_survives_release():
    """What was written is read back after the pages were dropped, through any view."""
    array = canvas.allocate((512, 64, 3), np.uint16, limit_bytes=0)
    array[:] = np.arange(array.size, dtype=np.uint16).reshape(array.shape)
    canvas.release(array[10:20, :, :1])
    assert np.array_equal(array.ravel(), np.arange(array.size, dtype=np.uint16))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows trims working sets by itself")
def test_release_bounds_resident_memory():
    """Strips with a release after each stay far below the size of the array."""
    process = psutil.Process()
    array = canvas.allocate(LARGE, np.uint8, limit_bytes=0)
    before = process.memory_info().rss
    peak = 0
    for top in range(0, LARGE[0], 200):
        array[top : top + 200] = 7
        peak = max(peak, process.memory_info().rss - before)
        canvas.release(array)
    assert peak < array.nbytes / 4
    assert array.min() == 7


def test_small_arrays_are_plain():
    """Below the limit no file is made, and release leaves the array alone."""
    array = canvas.allocate((3, 2, 1), np.uint8)
    array[:] = 1
    canvas.release(array)
    assert array.base is None
    assert array.sum() == 6


def test_full_disk_is_a_typed_error():
    """A file that finds no room is refused at once with a sentence that says what to do."""
    with pytest.raises(OutputFull, match="TMPDIR"):
        canvas.allocate((1 << 50,), np.uint8)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_kill_leaves_nothing(tmp_path):
    """A process killed while it holds a canvas leaves no file behind."""
    program = (
        "import numpy, sys; from resilver.picture_io import canvas; "
        "a = canvas.allocate((1000, 1000), numpy.uint8, limit_bytes=0); a[:] = 1; print('held', flush=True); "
        "sys.stdin.read()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as child:
        assert child.stdout.readline() == b"held\n"
        child.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() != str(tmp_path)
