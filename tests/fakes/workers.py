"""Real worker processes with fake engines in them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from resilver.settings import Settings, WorkerSettings
from resilver.worker.client import Worker

TESTS = Path(__file__).parents[1]


def command(engine: str) -> list[str]:
    """What starts a worker whose engine is a class of fakes.engines, or of another module there ("picky.DiesOnce")."""
    module, _, name = engine.rpartition(".")
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from resilver.worker.loop import serve\n"
        f"from fakes.{module or 'engines'} import {name}\n"
        f"serve(lambda settings: {name}())"
    )
    return [sys.executable, "-c", code]


def worker_with(engine: str, **settings: Any) -> Worker:
    """A client whose worker has that engine."""
    return Worker(Settings(worker=WorkerSettings(**settings)), command(engine))


class Line:
    """The other end of a worker's line, with the standard library alone, as a plug-in has it."""

    def __init__(self, engine: str = "Negative") -> None:
        self.process = subprocess.Popen(
            command(engine), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.hello = self.receive()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def send(self, message: object) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def last(self, identifier: str) -> dict[str, Any]:
        """The last answer to a request; what comes before it is passed over."""
        while (answer := self.receive())["id"] != identifier or answer["type"] in ("started", "progress", "note"):
            pass
        return answer


def folders_of(pids: Collection[int]) -> list[Path]:
    """The private folders of these workers that lie about."""
    roots = {Path("/dev/shm"), Path(tempfile.gettempdir())}
    return [folder for root in roots for pid in pids for folder in root.glob(f"resilver-worker-{pid}-*")]
