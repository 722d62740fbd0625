"""Whole requests that are refused: in the contract's envelope, after what was sent has been taken."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess

import httpx
import pytest

from fakes.servers import META, PATH, TOKEN, Served, eventually, images, items, picture
from resilver.http_contract import TOKEN_PATH

QUERY = {"oauth_provider": "mcs", "oauth_token": TOKEN}
BIG = b"x" * 6_000_000  # more than fits into the buffers of a connection
BOTH = {"mode": ["improve", "resolution"], "images": images("file_0")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Served(
        tmp_path_factory.mktemp("refusals"), pictures=3, bytes_each=300_000, bytes_together=1_000_000
    ) as server:
        yield server
        assert not server.leftovers()


def refused(answer: httpx.Response, status: int) -> str:
    document = answer.json()
    assert (answer.status_code, document["status"]) == (status, status), document
    assert TOKEN[:8] not in document["body"]
    return document["body"]


@pytest.mark.parametrize(
    ("params", "status", "says"),
    [
        ({}, 401, "oauth_token"),
        ({"oauth_provider": "mcs"}, 401, "oauth_token"),
        ({"oauth_provider": "mcs", "oauth_token": ""}, 401, "oauth_token"),
        ({"oauth_provider": "mcs", "oauth_token": "wrong" + TOKEN}, 401, "Access Token invalid"),
        ({"oauth_provider": "mcs", "oauth_token": TOKEN[:-1]}, 401, "Access Token invalid"),
        ({"oauth_token": TOKEN}, 400, "oauth_provider"),
    ],
)
def test_who_may_ask(server, params, status, says):
    """Without a valid token or a provider nothing is done, and the answer holds nothing of the token."""
    assert says in refused(server.post(params=params), status)


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ([], "object"),
        ({**META, "mode": []}, "mode"),
        ({**META, "mode": ["improve", "colour"]}, "mode"),
        ({**META, "images": []}, "images"),
        ({**META, "images": images("file_0", "file_0")}, "differ"),
        ({**META, "images": images("meta")}, "meta"),
        ({**META, "images": images("file_1")}, "could not get image by name file_1: http: no such file"),
        ({**META, "images": images(*"abcd")}, "at most 3"),
        ({**BOTH, "rfactor": 3}, "rfactor must be 2 or 4"),
        ({**BOTH, "rfactor": "2"}, "rfactor must be 2 or 4"),
        ({**BOTH, "rtype": "art", "ftype": "photo"}, "differ"),
        ({**BOTH, "rtype": "drawing"}, "art or photo"),
    ],
)
def test_meta_that_makes_no_sense(server, meta, says):
    """What meta asks for wrongly refuses the whole request, in the words of the service where it has some."""
    assert says in refused(server.post(meta), 400)


def test_bodies_that_cannot_be_used(server):
    """No form, no meta, no picture, too many parts or bytes: each is refused as what it is."""
    assert "multipart" in refused(server.post(None, [], content=b"{}"), 415)
    assert "meta is required" in refused(server.post(None), 400)
    assert "no JSON" in refused(server.post(None, [("meta", (None, "{"))]), 400)
    assert "empty image" in refused(server.post(files=[("file_0", ("a.png", b""))]), 400)
    assert "two parts" in refused(server.post(files=[("file_0", ("a.png", picture()))] * 2), 400)
    assert "300000 bytes" in refused(server.post(files=[("file_0", ("a.png", b"x" * 300_001))]), 413)
    many = [(f"file_{number}", ("a.png", b"x")) for number in range(4)]
    assert "at most 3 pictures" in refused(server.post(files=many), 413)
    assert "1000000 bytes" in refused(server.post(files=[("file_0", ("a.png", BIG))]), 413)
    assert "meta is larger" in refused(server.post({**META, "note": "x" * 270_000}), 413)


def test_a_limit_counts_where_no_length_is_told(server):
    """A chunked body without an end is cut off soon after the limit; the client can read why."""

    def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="file_0"\r\n\r\n'
        while True:
            yield b"x" * 65_536

    before = server.gauge("resilver_received_bytes_total")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = server.client.post(PATH, params=QUERY, content=endless(), headers=headers)
    except httpx.TransportError:
        pass  # one that never stops sending may miss the answer
    else:
        refused(answer, 413)
    eventually(lambda: server.gauge("resilver_received_bytes_total") > before)
    assert server.gauge("resilver_received_bytes_total") - before < 40_000_000
    assert items(server.post())[0]["status"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("PUT", PATH + "/", 405),
        ("GET", "/auth/oauth/v1/token", 405),
        ("POST", "/healthz", 405),
        ("POST", PATH + "//", 404),
        ("GET", "/", 404),
        ("GET", "/%00%ff", 404),
    ],
)
def test_other_paths_and_methods(server, method, path, status):
    """There is an envelope for these, too, and never a redirect."""
    answer = server.client.request(method, path, content=BIG if method == "POST" else None)
    refused(answer, status)
    assert ("allow" in answer.headers) == (status == 405)


def test_async_clients_read_every_refusal(server):
    """A client that sends and reads at a time, and breaks off when the connection does, gets each early refusal."""

    async def ask() -> list[int]:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            answers = []
            for params in ({}, QUERY):
                for _ in range(5):
                    answer = await client.post(PATH, params=params, files={"file_0": BIG})
                    answers.append(answer.status_code)
            return answers

    assert asyncio.run(ask()) == [401] * 5 + [413] * 5


def test_curl_sends_nothing_after_a_refusal(server, tmp_path):
    """Who waits for 100 Continue is refused before a byte of the body is on its way."""
    photo = tmp_path / "a.jpg"
    photo.write_bytes(BIG)
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "-o",
            "-",
            "-w",
            "\n%{http_code} %{size_upload}",
            server.url + PATH,
            "-F",
            f"file_0=@{photo}",
            "-H",
            "Expect: 100-continue",
            "--expect100-timeout",
            "30",
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    envelope, figures = done.stdout.decode().split("\n")
    assert json.loads(envelope)["status"] == 401
    assert figures == "401 0"


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000,
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http(server, head):
    """Broken HTTP gets an envelope with 400 and a closed connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(head)
        answer = b""
        while piece := line.recv(65_536):
            answer += piece
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401"))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] in (400, 401)


def test_a_full_disk_is_told_and_passes(tmp_path):
    """Uploads that find no room on the disk get 503 and when to come again; as soon as there is room, all is well."""
    script = f'mount -t tmpfs -o size=1m none "{tmp_path / "tmp"}" && exec "$@"'
    before = ["unshare", "-m", "sh", "-c", script, "sh"]
    (tmp_path / "tmp").mkdir()
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    with Served(tmp_path, before=before) as server:
        for _ in range(3):
            answer = server.post(files=[("file_0", ("", b"x" * 2_000_000))])
            refused(answer, 503)
            assert int(answer.headers["retry-after"]) > 0
            assert items(server.post())[0]["status"] == 0


def test_strict_and_always_200_and_providers(tmp_path):
    """By setting, resolution without factor or type is refused, providers are few, errors come under HTTP 200."""
    with Served(tmp_path, strict=True, always_200=True, providers="mcs, own") as server:
        for meta, says in ((BOTH, "rfactor"), ({**BOTH, "rfactor": 2}, "rtype")):
            answer = server.post(meta)
            assert answer.status_code == 200
            assert answer.json()["status"] == 400
            assert says in answer.json()["body"]
        assert server.post(params={**QUERY, "oauth_provider": "mr"}).json()["status"] == 403
        assert items(server.post(params={**QUERY, "oauth_provider": "own"}))[0]["status"] == 0
        assert server.post(path=TOKEN_PATH, params={}).status_code == 400, "an OAuth client knows no envelope"
