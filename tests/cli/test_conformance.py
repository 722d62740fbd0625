"""``resilver conformance`` as a user meets it, against servers on loopback."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.hostile_answers import echoing_token, good, page, refused
from fakes.hostile_server import HostileServer
from fakes.leaks import TOKEN
from resilver.cli import main
from resilver.conformance import CHECKS

RESILVER = [sys.executable, "-c", "import sys; from resilver.cli import main; sys.exit(main())"]


@pytest.fixture(autouse=True)
def token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILVER_TOKEN", TOKEN)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def test_our_server_keeps_the_contract(home: Path) -> None:
    """The whole suite passes against ``resilver serve`` as it stands, over real sockets, and it stops in order."""
    server = subprocess.Popen([*RESILVER, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert server.stdout
        made = server.stdout.readline().rpartition(" ")[2].strip()
        url = server.stdout.readline().rpartition(" ")[2].strip()
        command = [*RESILVER, "conformance", "--base-url", url, "--yes", "--json"]
        done = subprocess.run(
            command,
            check=False,
            env={**os.environ, "RESILVER_TOKEN": made},
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) in (0, -signal.SIGTERM)  # uvicorn ends by the signal that it was told to end by
        server.stdout.close()
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [verdict for verdict in verdicts if not verdict["kept"]] == []
    assert len(verdicts) == len(CHECKS)
    assert done.returncode == 0, done.stderr


def test_asks_first(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a person to ask and without --yes nothing is sent."""
    with HostileServer(good) as server:
        assert main(["conformance", "--base-url", server.url]) == 2
        assert server.connections == 0
    assert "--yes" in capfd.readouterr().err


def test_broken_server(capfd: pytest.CaptureFixture[str]) -> None:
    """A server that refuses nothing is told which sentences it breaks; the exit status is 1."""
    with HostileServer(good) as server:
        assert main(["conformance", "--base-url", server.url, "--yes"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert "BROKEN  A request without a token is refused." in lines
    assert "ok      The picture of the mode resolution is JPEG, exactly as large as asked." in lines


def test_other_decisions_count_for_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Where the contract leaves something open, another decision is told without failing."""
    with HostileServer(good) as server:
        main(["conformance", "--base-url", server.url, "--yes", "--json"])
    verdicts = {verdict["name"]: verdict for verdict in map(json.loads, capfd.readouterr().out.splitlines())}
    assert not verdicts["slash"]["kept"]
    assert not verdicts["slash"]["required"]
    assert verdicts["no-token"]["required"]


@pytest.mark.parametrize("script", [echoing_token(401, 999), page(200, TOKEN.encode()), refused(500, TOKEN * 9)])
def test_token_is_never_shown(script, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """A server's echo of the token is not passed on, and the token is in no log line."""
    caplog.set_level(0)
    with HostileServer(script) as server:
        assert main(["conformance", "--base-url", server.url, "--yes"]) == 1
        assert server.requests[0].token == ""
        assert server.requests[-2].token == TOKEN
    out, err = capfd.readouterr()
    for text in (out, err, caplog.text):
        assert not [at for at in range(len(TOKEN) - 7) if TOKEN[at : at + 8] in text]


def test_no_server(capfd: pytest.CaptureFixture[str]) -> None:
    """A server that is not there is one sentence, not a verdict."""
    with HostileServer(good) as server:
        url = server.url
    assert main(["conformance", "--base-url", url, "--yes"]) == 1
    out, err = capfd.readouterr()
    assert not out
    assert "no connection" in err
