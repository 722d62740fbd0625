"""``resilver serve``: what it says, and that the real thing answers."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from fakes.servers import CURL_META, PATH, picture
from resilver.cli import main
from resilver.cli.log import log_file
from resilver.errors import SettingsError
from resilver.server.listen import open_socket

RESILVER = [sys.executable, "-c", "import sys; from resilver.cli import main; sys.exit(main())"]


@contextlib.contextmanager
def serving(*options: str) -> Iterator[tuple[str | None, str]]:
    """The token that it shows, if it does, and its URL."""
    command = [*RESILVER, "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            first = process.stdout.readline()
            shown = re.fullmatch(r"Token, shown only this once: (\S+)\n", first)
            line = process.stdout.readline() if shown else first
            yield shown and shown[1], re.fullmatch(r"Listening on (\S+)\n", line)[1]
        finally:
            process.send_signal(signal.SIGTERM)
            rest, serving.complaints = process.communicate(timeout=60)
            assert rest == ""


def curl(url: str, token: str, photo: object) -> dict:
    command = ["curl", "-sS", "-k", f"{url}{PATH}?oauth_provider=mcs&oauth_token={token}"]
    done = subprocess.run(
        [*command, "-F", f"file_0=@{photo}", "-F", f"meta={CURL_META}"], capture_output=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_from_the_first_start_to_a_picture(home):
    """The first start shows a token, with which curl gets pictures; the second shows none; no log knows it."""
    photo = home / "1.jpg"
    photo.write_bytes(picture(40, 30, "jpeg", quality=30))
    with serving("--workers", "1") as (token, url):
        answer = curl(url, token, photo)
        assert answer["status"] == 200
        assert answer["body"]["resolution"][0]["resolved"].startswith("/9j/")
        assert answer["body"]["improve"][0]["status"] == 0
    assert serving.complaints == ""
    with serving() as (none, url):
        assert none is None
        assert curl(url, token, photo)["status"] == 200
        assert curl(url, token + "x", photo)["status"] == 401
    log = log_file().read_text()
    assert PATH in log
    assert token[:8] not in log


def test_own_tokens_and_the_world(home):
    """A token file of one's own is used; that others can read it, and listening to the world, are told plainly."""
    tokens = home / "tokens"
    tokens.write_text("a-token-of-my-own\n")
    tokens.chmod(0o644)
    photo = home / "1.png"
    photo.write_bytes(b"no picture")
    with serving("--token-file", str(tokens), "--host", "0.0.0.0") as (none, url):
        assert none is None
        assert curl(url, "a-token-of-my-own", photo)["body"]["improve"][0]["status"] == 1
    assert "without TLS" in serving.complaints
    assert "can read" in serving.complaints


def test_ipv6(home):
    """An address of the sixth version is shown as URLs have it."""
    try:
        open_socket("::1", 0).close()
    except SettingsError:
        pytest.skip("this machine has no IPv6")
    with serving("--host", "::1") as (_, url):
        assert re.fullmatch(r"http://\[::1\]:\d+", url)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--tls-cert", "a.pem"], "--tls-key"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem"], "TLS"),
        (["--workers", "0"], "--workers"),
        (["--port", "99999"], "--port"),
        (["--host", "no.such.host.invalid"], "--port"),
        (["--token-file", "/dev/null/x"], "token-file"),
    ],
)
def test_wrong_calls(home, capsys, options, says):
    """A start that cannot be is refused with status 2 and a sentence, and makes no token."""
    assert main(["serve", "--port", "0", *options]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert not list(home.rglob("server-tokens"))


def test_a_port_that_is_taken_makes_no_token(home, capsys):
    """The token, which is shown only once, is made only when the server can start."""
    with open_socket("127.0.0.1", 0) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert not list(home.rglob("server-tokens"))


def test_without_the_extra(home, capsys, monkeypatch):
    """Where the libraries of the server are not installed, the command says how to get them."""
    monkeypatch.setitem(sys.modules, "multipart", None)
    assert main(["serve"]) == 1
    assert "pip install 'resilver[server]'" in capsys.readouterr().err
