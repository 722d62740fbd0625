"""Rows 24 to 28 of the list of faults: a service that refuses, lies, drips, leads astray, and must not learn of paths.

After each of them the invariants of ``CloudPlace`` hold: originals untouched, complete results only, one state for
each photograph, the next one is done, and the token is in no log line (at DEBUG), error, file or database.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from fakes.cloud_place import CloudPlace
from fakes.hostile_answers import (
    bomb_picture,
    doubled,
    dripping,
    dripping_header,
    each,
    echoing_token,
    encoded,
    endless,
    failing,
    good,
    gzip_bomb,
    items_missing,
    leaving,
    lists_missing,
    page,
    raw,
    redirecting,
    refused,
    resetting,
    silent,
    text,
    truncated,
    unframed,
    with_items,
    with_names,
    with_strangers,
)
from fakes.hostile_server import CERTIFICATE, Exchange, HostileServer, Script
from fakes.leaks import TOKEN, assert_no_leak, assert_no_leak_in_files, leak, logs_watched
from fakes.photos import save_photo
from fakes.served import DYING
from fakes.servers import TOKEN as SERVED
from fakes.servers import Served, picture
from resilver.cloud.tokens import Secret, request_token
from resilver.errors import (
    CloudBusy,
    CloudError,
    CloudGarbage,
    CloudRefused,
    CloudUnauthorized,
    CloudUnreachable,
    CloudUntrusted,
    ResilverError,
)
from resilver.improve import FileResult
from resilver.recipe import Recipe
from resilver.settings import CloudSettings

ROOT = Path(__file__).parents[2]
ENVELOPE_500 = refused(500, "Internal Server Error", http=200)


@pytest.mark.parametrize("script", [refused(401), refused(403), echoing_token(401), echoing_token(403), page(401)])
def test_row_24_stops_and_asks(place: CloudPlace, script: Script) -> None:
    """A refused token is renewed once, the request repeated once; then nothing more is sent, and the user is asked."""
    place.photo("a.jpg")
    place.photo("b.jpg")
    with HostileServer(script) as server:
        place.restore(server.url)
        assert len(server.requests) == 2
    assert isinstance(place.halted, CloudUnauthorized)
    assert "resilver login" in str(place.halted)
    assert place.tokens.renewals == 1
    assert not place.restored


TEMPORARY = {
    "429": refused(429),
    "429 with nonsense": refused(429, Retry_After="soon"),
    "500": refused(500),
    "502, a page": page(502),
    "503": refused(503, {"status": 2}),
    "envelope 500 in HTTP 200": ENVELOPE_500,
    "item status 2": failing(2, "try later"),
    "item missing": items_missing,
    "lists missing": lists_missing,
    "no answer": leaving,
    "reset": resetting,
    "truncated": truncated(),
    "truncated chunk": truncated(chunked=True),
}


@pytest.mark.parametrize("name", TEMPORARY)
def test_row_24_backs_off_and_goes_on(place: CloudPlace, name: str) -> None:
    """What is temporary is tried again, and then done."""
    place.photo()
    with HostileServer(TEMPORARY[name], good) as server:
        place.restore(server.url)
        assert len(server.requests) == 2
    assert isinstance(place.only(), FileResult)


def test_row_24_waits_as_long_as_asked(place: CloudPlace) -> None:
    """``Retry-After`` is a lower bound of the pause."""
    place.photo()
    with HostileServer(refused(429, Retry_After="2"), good) as server:
        started = time.monotonic()
        place.restore(server.url)
        assert time.monotonic() - started >= 2
    assert isinstance(place.only(), FileResult)


@pytest.mark.parametrize("name", TEMPORARY)
def test_row_24_gives_up(place: CloudPlace, name: str) -> None:
    """What stays so ends after few tries; the photograph waits, with the reason."""
    place.photo()
    with HostileServer(TEMPORARY[name]) as server:
        place.restore(server.url)
        assert len(server.requests) == 2
    outcome = place.only()
    assert isinstance(outcome, CloudBusy | CloudUnreachable)
    assert outcome.temporary


PERMANENT: dict[str, tuple[Script, type[ResilverError]]] = {
    "body a string": (refused(200, "something"), CloudRefused),
    "400": (refused(400, "empty image"), CloudRefused),
    "404": (page(404), CloudRefused),
    "413": (refused(413), CloudRefused),
    "item status 1": (failing(1, "no"), CloudRefused),
    "item status 7": (failing(7, "no"), CloudRefused),
    "cannot be decoded": (failing(2, "unable decode input image"), CloudRefused),
    "HTML": (page(200), CloudGarbage),
    "nothing": (page(200, b""), CloudGarbage),
    "no envelope": (page(200, b"[1, 2]"), CloudGarbage),
    "bad base64": (each(improved="no base64! " * 900), CloudGarbage),
    "short bad base64": (each(improved="?"), CloudGarbage),
    "base64 of no picture": (each(improved=text(HTML := b"<html>" * 900)), CloudGarbage),
    "base64 of a cut picture": (each(improved=text(encoded(Image.effect_noise((90, 90), 60))[:900])), CloudGarbage),
    "a bomb of 900 megapixels": (each(improved=text(bomb_picture())), CloudGarbage),
    "a picture of another shape": (each(improved=text(encoded(Image.effect_noise((90, 9), 60)))), CloudGarbage),
    "an endless string": (endless(b"A" * 65536), CloudGarbage),
    "endless blanks": (endless(b" " * 65536, b'{"status":'), CloudGarbage),
    "nested without end": (page(200, b"[" * 200_000), CloudGarbage),
}


@pytest.mark.parametrize("name", PERMANENT)
def test_row_24_fails_for_good(place: CloudPlace, name: str) -> None:
    """What would come again is not asked for again; the photograph failed, with the reason."""
    script, kind = PERMANENT[name]
    place.photo()
    with HostileServer(script) as server:
        place.restore(server.url)
        assert len(server.requests) == 1
    outcome = place.only()
    assert type(outcome) is kind, outcome
    assert not outcome.temporary


def test_row_24_sends_again_only_what_failed(place: CloudPlace) -> None:
    """Of three photographs of which one was not done, one goes up again."""

    def change(items: list, exchange: object) -> None:
        items[1].clear()
        items[1].update({"status": 2, "error": "try later", "name": "file_1"})

    for name in ("a.jpg", "b.jpg", "c.jpg"):
        place.photo(name)
    with HostileServer(with_items(change), good) as server:
        place.restore(server.url)
        assert [len(request.names) for request in server.requests] == [3, 1]
        assert server.requests[1].parts[server.requests[1].names[0]] == (place.photos / "b.jpg").read_bytes()
    assert all(isinstance(outcome, FileResult) for outcome in place.restored.values())


@pytest.mark.parametrize("fields", [{"improved": None}, {"improved": ""}])
def test_row_24_already_good(place: CloudPlace, fields: dict[str, str | None]) -> None:
    """No ``improved`` means that there is nothing to repair: no error, and no file."""
    place.photo()
    with HostileServer(each(**fields)) as server:
        place.restore(server.url)
    outcome = place.only()
    assert isinstance(outcome, FileResult)
    assert not outcome.outputs
    assert "good" in outcome.absent["improved"]


def test_row_24_names(place: CloudPlace) -> None:
    """A name that is missing counts by its position; strangers are ignored and counted; doubles are asked for alone."""
    place.photo("a.jpg")
    place.photo("b.jpg")
    with HostileServer(with_names(None, "")) as server:
        place.restore(server.url)
        assert len(server.requests) == 1
    for path in (first := dict(place.restored)):
        assert isinstance(first[path], FileResult)


def test_row_24_strangers_and_doubles(place: CloudPlace, caplog: pytest.LogCaptureFixture) -> None:
    """Results that nobody asked for are ignored and counted; of two for one picture none is taken."""
    place.photo("a.jpg")
    place.photo("b.jpg")
    with HostileServer(doubled, with_strangers) as server:
        place.restore(server.url)
        assert sorted(len(request.names) for request in server.requests) == [1, 1, 2]
    assert all(isinstance(outcome, FileResult) for outcome in place.restored.values())
    assert "7 results belong to no picture" in caplog.text


def test_row_25_more_than_the_service_takes(place: CloudPlace) -> None:
    """50 pictures go in requests of at most 48; one of too many bytes is re-encoded, and all are done."""
    for number in range(49):
        place.photo(f"{number:02}.jpg")
    place.photo("large.png", encoded(Image.effect_noise((300, 200), 90), "PNG"))
    with HostileServer(good) as server:
        place.restore(server.url, bytes_each=45_000, bytes_together=100_000)
        for request in server.requests:
            sizes = [len(request.parts[name]) for name in request.names]
            assert len(sizes) <= 48
            assert max(sizes) <= 45_000
            assert sum(sizes) <= 100_000
        assert sum(len(request.names) for request in server.requests) == 50
    assert all(isinstance(outcome, FileResult) for outcome in place.restored.values())


@pytest.mark.parametrize("script", [dripping(), dripping_header(), silent], ids=["body", "header", "silence"])
def test_row_25_slow_drip(place: CloudPlace, script: Script) -> None:
    """A byte now and then does not outlast the deadline; the photograph waits."""
    place.photo()
    with HostileServer(script) as server:
        place.restore(server.url, deadline_s=2.0)
        assert len(server.requests) == 1
    assert isinstance(place.only(), CloudUnreachable)


def test_row_25_gzip_bomb(place: CloudPlace) -> None:
    """300 MB in a small answer are refused before they are in memory."""
    place.photo()
    with HostileServer(gzip_bomb()) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        place.restore(server.url)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
        assert server.requests[0].headers["accept-encoding"] == "identity"
    assert isinstance(place.only(), CloudGarbage)


def test_row_25_answer_without_a_length(place: CloudPlace) -> None:
    """An answer that ends with the connection is as good as any."""
    place.photo()
    with HostileServer(unframed) as server:
        place.restore(server.url)
    assert isinstance(place.only(), FileResult)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_26_redirects_are_never_followed(place: CloudPlace, status: int) -> None:
    """Neither the picture nor the token goes to the host that the service points to."""
    place.photo()
    with HostileServer(good) as other, HostileServer(redirecting(other.url, status)) as server:
        place.restore(server.url)
        assert other.connections == 0
        assert len(server.requests) == 1
    assert isinstance(place.only(), CloudRefused)


def test_row_26_certificate_stops_the_queue(place: CloudPlace) -> None:
    """A certificate that nobody vouches for stops everything before a byte is sent; named as trusted, it serves."""
    place.photo("a.jpg")
    place.photo("b.jpg")
    with HostileServer(good, tls=True) as server:
        place.restore(server.url)
        assert not server.requests
        assert isinstance(place.halted, CloudUntrusted)
        assert not place.restored
        place.halted = None
        place.restore(server.url, ca_file=str(CERTIFICATE))
    assert all(isinstance(outcome, FileResult) for outcome in place.restored.values())


def test_row_26_proxy(place: CloudPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the settings, and that of the environment, get the request for the service."""
    place.photo("a.jpg")
    with HostileServer(good) as proxy:
        place.restore("http://service.invalid", proxy=proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        second = place.photo("b.jpg")
        place.restore("http://service.invalid", sources=[second])
        assert [request.target.partition("?")[0] for request in proxy.requests] == [
            "http://service.invalid/api/v1/photo/improve"
        ] * 2
    assert all(isinstance(outcome, FileResult) for outcome in place.restored.values())


def test_row_26_no_way_around_certificates() -> None:
    """Nothing in the product can switch the check of certificates off."""
    for path in (ROOT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "verify":
                assert not (isinstance(node.value, ast.Constant) and node.value.value is False), path
            names = {getattr(node, "id", ""), getattr(node, "attr", "")}
            assert not names & {"CERT_NONE", "_create_unverified_context", "check_hostname"}, path


SHOUTING = {
    "401 that echoes the token": (echoing_token(401, 999), "cloud-unauthorized"),
    "500 that echoes it": (echoing_token(500, 999), "cloud-busy"),
    "400 that echoes it": (echoing_token(400, 999), "cloud-refused"),
    "its picture's error": (failing(1, f"token {TOKEN} has no right"), "cloud-refused"),
    "no HTTP": (raw(f"HTTP/1.1 2oo {TOKEN}\r\n{TOKEN}\r\n\r\n".encode()), "cloud-unreachable"),
    "no JSON": (page(200, f'{{"status": {TOKEN}'.encode(), Set_Cookie=f"a={TOKEN}"), "cloud-garbage"),
}


@pytest.mark.parametrize("name", SHOUTING)
def test_row_27_no_token_in_anything_a_user_sends_us(tmp_path: Path, name: str) -> None:
    """After a failure, which the service answers with the token, it stands in no output, log, report, database or
    list of processes: ``resilver restore --engine cloud`` as it is.
    """
    script, code = SHOUTING[name]
    home = tmp_path / "home"
    photo = save_photo(tmp_path / "attic.jpg")
    lines: list[str] = []

    def watched(exchange: Exchange) -> None:
        lines.extend(_command_lines())
        script(exchange)

    with HostileServer(watched) as server:
        options = ["--engine", "cloud", "--base-url", server.url, "--yes-send", "--json", "-o", tmp_path / "out"]
        done = subprocess.run(
            [sys.executable, "-c", "from resilver.cli import main; main()", "restore", photo, *options],
            env={**_home(home), "RESILVER_TOKEN": TOKEN, "RESILVER_CLOUD_ATTEMPTS": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert {request.token for request in server.requests} == {TOKEN}
    assert json.loads(done.stdout)["error"]["code"] == code, done.stdout + done.stderr
    assert any("restore" in line for line in lines)
    assert_no_leak(done.stdout, done.stderr, *lines)
    assert (home / "resilver" / "log" / "resilver.log").stat().st_size
    assert (home / "resilver" / "cloud" / "ledger.sqlite3").stat().st_size
    assert_no_leak_in_files(tmp_path)


def _home(home: Path) -> dict[str, str]:
    folders = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"), str(home))
    return {**os.environ, **folders}


def _command_lines() -> list[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.parametrize(
    "head",
    [
        f"HTTP/1.1 2oo {TOKEN}",
        f"{TOKEN} HTTP/1.1",
        f"HTTP/1.1 200 OK\r\nX {TOKEN}",
        f"HTTP/1.1 200 OK\r\nX: \0{TOKEN}",
        f"HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {TOKEN}",
        f"HTTP/1.1 307 Go\r\nLocation: http://[{TOKEN}",
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {TOKEN}",
    ],
)
def test_row_27_no_token_in_the_causes_of_an_error(place: CloudPlace, head: str) -> None:
    """What the libraries say about an answer that is no HTTP holds its words; those are not passed on, either."""
    place.photo()
    with HostileServer(raw(f"{head}\r\n\r\n".encode())) as server:
        place.restore(server.url, attempts=1)
        assert server.requests[0].token == TOKEN
    assert isinstance(place.only(), CloudError)


def _repeating(status: int) -> Script:
    """Gives back whatever came, in the body and in the header."""
    return lambda exchange: exchange.answer(status, exchange.body, [("X-Echo", exchange.body.decode("latin-1"))])


@pytest.mark.parametrize("script", [_repeating(401), _repeating(500), _repeating(200), raw(TOKEN.encode()), leaving])
def test_row_27_no_secret_of_an_oauth_client(script: Script) -> None:
    """What a client proves itself with is in no log line and no error, whatever the token's service makes of it."""
    secret = Secret(client_id="me", client_secret=TOKEN, refresh=TOKEN[::-1] + TOKEN)
    with HostileServer(script) as server, logs_watched():
        with pytest.raises(CloudError) as caught:
            request_token(CloudSettings(token_url=f"{server.url}/token"), secret)
        assert TOKEN.encode() in server.requests[0].body
    assert_no_leak(caught.value, secret)


def test_row_27_no_token_of_our_server(tmp_path: Path) -> None:
    """Our server's log at DEBUG, its answers and its figures tell nobody a token, right or wrong."""
    wrong = "wrong-" + SERVED[::-1]
    with Served(tmp_path, engine="Mortal") as server:
        answers = [server.post(params={"oauth_provider": "mcs", "oauth_token": token}) for token in (SERVED, wrong)]
        answers.append(server.post(meta={"mode": []}))
        answers.append(server.post(files=[("file_0", ("a.png", picture(width=DYING)))]))
        answers.append(server.client.get(f"/nowhere?oauth_token={SERVED}"))
        answers.append(server.client.get("/metrics"))
    assert [answer.status_code for answer in answers] == [200, 401, 400, 200, 404, 200]
    log = server.log.read_text()
    assert "/api/v1/photo/improve" in log
    for text_ in (log, *(answer.text for answer in answers)):
        assert not leak(text_, SERVED), leak(text_, SERVED)
        assert not leak(text_, wrong), leak(text_, wrong)


def test_row_28_names_of_the_service(place: CloudPlace) -> None:
    """Names from outside are keys at most: no file of theirs is made, wherever they point."""
    place.photo()
    names = ["../../evil.jpg", "/tmp/evil.jpg", "evil\0.jpg", "evil\n.jpg", "w\udcff.jpg", "é" * 255, "file_0"]
    with HostileServer(with_names(*names)) as server:
        place.restore(server.url)
    assert isinstance(place.only(), FileResult)
    assert not list(place.root.parent.glob("**/evil*"))


def test_row_28_names_of_photographs(place: CloudPlace) -> None:
    """Whatever a photograph is called, the service learns nothing of it, and its result has a name that fits."""
    for name in (b"w\xff\n.jpg", "é".encode() * 125 + b".jpg", b"-o.jpg", b'a";name="meta.jpg', b"%2e%2e.jpg"):
        place.photo(name.decode("utf-8", "surrogateescape"))
    with HostileServer(good) as server:
        place.restore(server.url, Recipe(improve=False, resolution=2))
        (request,) = server.requests
        assert sorted(request.names) == [f"file_{number}" for number in range(5)]
        assert sorted(filename or "" for filename in request.filenames.values()) == [
            "",
            *(f"file_{number}.jpg" for number in range(5)),
        ]
    results = [outcome for outcome in place.restored.values() if isinstance(outcome, FileResult)]
    assert len({path for result in results for path in result.outputs.values()}) == 5
