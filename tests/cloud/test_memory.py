"""A batch of any length takes the memory of a few pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes.cloud_service import serving

RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from cloud.test_engine import Fixed
from resilver.cloud.engine import CloudEngine
from resilver.cloud.ledger import Ledger
from resilver.improve import FileJob, improve_files
from resilver.recipe import Recipe
from resilver.settings import CloudSettings
settings, state = CloudSettings(base_url={url!r}), Path({state!r})
Ledger(state).agree(settings)
engine = CloudEngine(settings, state, Fixed())
jobs = [FileJob(path, Path({out!r})) for path in sorted(Path({album!r}).iterdir())[:{count}]]
done = dict(improve_files(jobs, Recipe(), engine))
assert all(result.outputs for result in done.values()), done
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc; ru_maxrss counts the parent, too")
def test_memory_does_not_grow_with_the_batch(tmp_path):
    """Twenty pictures of a megapixel take hardly more than five: nothing of the others stays in memory."""
    album = tmp_path / "album"
    album.mkdir()
    y, x = np.mgrid[0:900, 0:1200]
    for seed in range(20):
        pixels = np.stack([(x + seed) % 200, (y + 2 * seed) % 200, (x + y) // 20], 2).astype(np.uint8)
        Image.fromarray(pixels).save(album / f"{seed:02}.jpg", quality=90)
    peaks = []
    with serving() as service:
        for count in (5, 20):
            names = {"state": f"state{count}", "out": f"out{count}"}
            paths = {name: str(tmp_path / folder) for name, folder in names.items()}
            code = RUN.format(
                tests=str(Path(__file__).parents[1]), url=service.url, album=str(album), count=count, **paths
            )
            run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=250, check=True)
            peaks.append(int(run.stdout) / 1024)
    # one picture decoded takes 3 MB, one result likewise; 15 more of them would take 49 to 97
    assert peaks[1] - peaks[0] < 30, peaks
