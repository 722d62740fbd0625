"""The hot folder with the cloud's engine, and a service on loopback that answers as its scripts say."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import psutil

from fakes.hostile_answers import good
from fakes.hostile_server import Exchange, HostileServer, Script
from fakes.leaks import TOKEN, assert_no_leak, assert_no_leak_in_files
from fakes.watched import Watched
from resilver.cloud.ledger import Ledger
from resilver.settings import CloudSettings

QUICK = {"cloud__attempts": 1, "cloud__read_s": 20, "cloud__deadline_s": 30}


class CloudWatched(Watched):
    """``server`` gets what the daemon sends; at the end it must serve the next picture well, and no token is seen.

    ``cloud``: its settings. ``url``: of another service than the server. ``talkative``: daemon and worker log at DEBUG.
    """

    def __init__(
        self,
        place: Path,
        *scripts: Script,
        tls: bool = False,
        url: str = "",
        starts: bool = True,
        talkative: bool = False,
        **cloud: Any,
    ) -> None:
        self.server = HostileServer(*map(self._watched, scripts), tls=tls)
        self._lines: set[str] = set()
        settings = {f"cloud__{name}": value for name, value in cloud.items()}
        super().__init__(place, "", starts=starts, **{**QUICK, "cloud__base_url": url or self.server.url, **settings})
        self._environment["RESILVER_ENGINE"] = "cloud"
        if talkative:
            self._environment["PYTHONPATH"] = str(Path(__file__).with_name("talkative"))
        service = CloudSettings(base_url=url or self.server.url)
        Ledger(place / "state" / "resilver" / "cloud").agree(service)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self.server:
            super().__exit__(kind, *error)
        if kind is None:
            assert_no_leak(*self._lines)
            assert {request.token for request in self.server.requests} <= {TOKEN}

    def mend(self) -> None:
        """The service behaves from now on, and the user asks for everything again."""
        self.server.then(good)
        self.run("retry")
        self.wait(done=len(self._originals))

    def assert_no_token(self) -> None:
        """Neither in what people are shown, nor in any file."""
        for command in (("status", "--json"), ("history", "--json"), ("history", "--html")):
            done = self.run(*command)
            assert done.returncode == 0, done.stderr
            assert_no_leak(done.stdout, done.stderr)
        page = self.output / "Resilver.html"
        assert_no_leak(page.read_text())
        page.unlink()
        assert_no_leak_in_files(self.place)

    def assert_invariants(self) -> None:
        """Those of every folder, and no token in what people are shown."""
        self.assert_no_token()
        super().assert_invariants()

    def assert_takes_the_next(self) -> None:
        """Once it is mended."""
        self.mend()
        super().assert_takes_the_next()

    def _watched(self, script: Script) -> Script:
        def watched(exchange: Exchange) -> None:
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    self._lines.add(" ".join(process.cmdline()))
            script(exchange)

        return watched
