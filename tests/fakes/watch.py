"""The real ``resilver`` with a fake engine in its workers: ``python watch.py ENGINE watch --input DIR ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.workers import command
from resilver.cli import main
from resilver.worker import client


def run() -> None:
    engine = sys.argv.pop(1)
    client.worker_command = lambda: command(engine)  # what starts a worker is asked for in one place
    sys.exit(main())


run()
