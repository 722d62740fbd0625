"""Our server in a process of its own, and requests for it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image

TOKEN = "canary-token-that-must-never-be-seen"
PATH = "/api/v1/photo/improve"
CURL_META = '{"mode":["improve","resolution"],"images":[{"name":"file_0"}],"rfactor":2,"rtype":"photo"}'
"""As the contract's own command line has it."""
META = {"mode": ["improve"], "images": [{"name": "file_0"}]}


class Served:
    """A server with a fake engine; ``folder`` holds its temporary files, its log, and the gate of gated engines.

    ``before``: a command that starts the server's, as ``nice`` does.
    """

    def __init__(
        self,
        folder: Path,
        engine: str = "Negative",
        tls: tuple[Path, Path] | None = None,
        before: Sequence[str] = (),
        **server: Any,
    ) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.gate = folder / "open"
        self.log = folder / "log"
        asked = {"engine": engine, "server": server, "token": TOKEN, "tls": tls and [str(path) for path in tls]}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, str(Path(__file__).with_name("serve.py")), json.dumps(asked)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "TMPDIR": str(self.temporary), "RESILVER_TEST_GATE": str(self.gate)},
            )
        port = self.process.stdout.readline()
        if not port:
            self.process.stdout.close()
            self.process.wait()
            raise RuntimeError(self.log.read_text(errors="replace")[-3000:])
        self.port = int(port)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=60, verify=not tls)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 60) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def post(self, meta: Any = META, files: Any = None, path: str = PATH, **options: Any) -> httpx.Response:
        """A request with a part for each of ``files`` and ``meta`` last; without a token if ``params`` are given."""
        files = [("file_0", ("file_0.png", picture()))] if files is None else files
        parts = [*files, *([] if meta is None else [("meta", (None, json.dumps(meta)))])]
        options.setdefault("params", {"oauth_provider": "mcs", "oauth_token": TOKEN})
        return self.client.post(path, files=parts, **options)

    def gauge(self, name: str) -> float:
        """A figure of /metrics."""
        lines = httpx.get(f"{self.url}/metrics", verify=False).text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def leftovers(self) -> list[Path]:
        """The files and folders of requests that lie about."""
        return list(self.temporary.glob("resilver-server-*/*"))

    def rss(self) -> int:
        """Resident bytes of the server's own process."""
        return psutil.Process(self.process.pid).memory_info().rss

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def picture(width: int = 40, height: int = 30, kind: str = "png", **options: Any) -> bytes:
    """A noisy picture."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def images(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def items(answer: httpx.Response, mode: str = "improve") -> list[Mapping[str, Any]]:
    """The answer's items of that mode; the envelope must tell of success."""
    document = answer.json()
    assert answer.status_code == document["status"] == 200, document
    assert document["body"]["status"] == 0
    return document["body"][mode]


def eventually(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)
