"""The real ``resilver``, with a fake engine in its workers unless ENGINE is empty: ``python watch.py ENGINE watch``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.workers import command
from resilver.cli import main
from resilver.worker import client


def run() -> None:
    engine = sys.argv.pop(1)
    if engine:  # what starts a worker is asked for in one place
        client.worker_command = lambda: command(engine)
    sys.exit(main())


run()
