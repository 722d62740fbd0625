"""One batch through the client, in a process of its own: `transfer.py URL FOLDER MODE...`.

Sends every picture of FOLDER in one request and prints as JSON what that took, from the moment when the program is
loaded.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from resilver.cloud.client import CloudClient, Part
from resilver.engine import Report
from resilver.settings import CloudSettings


class Token:
    """A token that never changes."""

    def token(self) -> str:
        """The token."""
        return "benchmark"

    def renew(self, rejected: str) -> str:
        """The same again."""
        return rejected


def peak_mb() -> float:
    """The most memory that this process held so far; the kernel's figure for it alone, not for its parents."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    url, folder, *modes = sys.argv[1:]
    parts = [Part(path) for path in sorted(Path(folder).iterdir())]
    settings = CloudSettings(base_url=url, bytes_together=1_000_000_000)
    client = CloudClient(settings, Token())
    wall, cpu, loaded = time.perf_counter(), time.process_time(), peak_mb()
    count = size = 0
    with tempfile.TemporaryDirectory() as directory:
        for answered in client.improve(parts, modes, Report(), Path(directory)):
            assert not answered.errors, answered
            count += 1
            for path in answered.pictures.values():
                size += path.stat().st_size
                path.unlink()
    figures = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "loaded": loaded,
        "peak": peak_mb(),
    }
    assert count == len(parts)
    print(json.dumps({**figures, "decoded": size}))


if __name__ == "__main__":
    main()
