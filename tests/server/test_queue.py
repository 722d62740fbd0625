"""What is too much is told to come again; slow, silent and leaving clients cost nobody else anything."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import socket
import struct
import time

import httpx
import pytest

from fakes.served import WAITING
from fakes.servers import META, PATH, TOKEN, Served, eventually, images, items, picture
from resilver.http_contract import Refusal
from resilver.server.room import Room

QUERY = f"{PATH}?oauth_provider=mcs&oauth_token={TOKEN}"
BODY = (
    b'--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n' + json.dumps(META).encode() + b"\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file_0"\r\n\r\n' + picture() + b"\r\n--b--\r\n"
)
WAITING_PICTURE = [("file_0", ("", picture(WAITING)))]


def head(length: int) -> bytes:
    return (
        f"POST {QUERY} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


@contextlib.contextmanager
def lines(server: Served, count: int):
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60)) for _ in range(count)
        ]


def test_room_is_bounded_and_given_back():
    """Neither pictures nor bytes go over their bounds, and a share is given back whatever happens."""
    room = Room(3, 100, lambda: 7.2)
    with contextlib.suppress(ZeroDivisionError), room.hold() as hold:
        hold.grow(pictures=1, size=50)
        hold.grow(pictures=3, size=40)
        assert (room.pictures, room.bytes) == (3, 50)
        with room.hold() as other:
            for more in ({"pictures": 1}, {"size": 51}):
                with pytest.raises(Refusal) as refusal:
                    other.grow(**more)
                assert (refusal.value.envelope_status, refusal.value.retry_after_s) == (429, 8)
            other.grow(size=50)
        assert (room.pictures, room.bytes) == (3, 50)
        raise ZeroDivisionError
    assert (room.pictures, room.bytes) == (0, 0)


def test_a_full_queue_refuses_at_once_and_loses_nothing(tmp_path):
    """Over its bound the server says 429 and when to come again, and finishes all that it took on."""
    with Served(tmp_path, engine="served.Gated", queue_pictures=4) as server:
        with concurrent.futures.ThreadPoolExecutor(4) as crowd:
            taken = [crowd.submit(server.post, files=WAITING_PICTURE) for _ in range(4)]
            eventually(lambda: server.gauge("resilver_room_pictures") == 4)
            seconds = []
            for _ in range(20):
                begun = time.monotonic()
                answer = server.post()
                seconds.append(time.monotonic() - begun)
                assert answer.status_code == answer.json()["status"] == 429
                assert 1 <= int(answer.headers["retry-after"]) <= 120
            print("median of refusals:", sorted(seconds)[10])
            assert httpx.get(server.url + "/healthz").json()["status"] == "ok"
            server.gate.touch()
            assert all(items(done.result())[0]["status"] == 0 for done in taken)
        eventually(lambda: server.gauge("resilver_room_pictures") == 0)
        assert items(server.post())[0]["status"] == 0


def test_a_request_larger_than_the_room_left(tmp_path):
    """The pictures of one request fit together or not at all."""
    with Served(tmp_path, queue_pictures=2) as server:
        files = [(name, ("", picture())) for name in "abc"]
        assert server.post({**META, "images": images(*"abc")}, files).status_code == 429
        assert len(items(server.post({**META, "images": images(*"ab")}, files[:2]))) == 2
        assert not server.leftovers()


def test_results_stream_out(tmp_path):
    """The first picture's result comes while the second is still being worked on."""
    with Served(tmp_path, engine="served.Gated") as server:
        parts = [("a", ("", picture())), *[("b", WAITING_PICTURE[0][1])]]
        parts.append(("meta", (None, json.dumps({**META, "images": images("a", "b")}))))
        with server.client.stream("POST", QUERY, files=parts) as answer:
            seen = b""
            chunks = answer.iter_raw()
            while b'"improved":"' not in seen or not seen.endswith(b'"}'):
                seen += next(chunks)
            assert b'"name":"b"' not in seen
            server.gate.touch()
            seen += b"".join(chunks)
        assert [item["status"] for item in json.loads(seen)["body"]["improve"]] == [0, 0]


def test_a_client_that_leaves_stops_its_jobs(tmp_path):
    """The work for a client that went away is stopped, and its files are deleted."""
    with Served(tmp_path, engine="served.Gated") as server:
        body = _body(picture(WAITING))
        with lines(server, 1) as (line,):
            line.sendall(head(len(body)) + body)
            assert line.recv(12) == b"HTTP/1.1 200"
            eventually(lambda: bool(server.leftovers()) and bool(server.workers()))
        eventually(lambda: not server.leftovers() and server.gauge("resilver_room_pictures") == 0)
        assert items(server.post())[0]["status"] == 0


def _body(data: bytes) -> bytes:
    meta, _, _ = BODY.partition(b"\x89PNG")
    return meta + data + b"\r\n--b--\r\n"


def test_silent_and_dripping_clients_are_dropped(tmp_path):
    """Connections that say nothing, half a head, or a piece of a body end at their deadlines; others are served."""
    with Served(tmp_path, header_s=3.0, patience_s=3.0, bytes_per_s=1 << 20) as server, lines(server, 300) as silent:
        dripping = silent[200:]
        for line in silent[100:200]:
            line.sendall(head(5)[:-6])
        for line in dripping:
            line.sendall(head(len(BODY)) + BODY[:40])
        assert items(server.post())[0]["status"] == 0
        for line in dripping:
            answer = b"".join(iter(lambda line=line: line.recv(65_536), b""))
            assert answer.startswith(b"HTTP/1.1 408")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 408
        for line in silent[:200]:
            with contextlib.suppress(ConnectionResetError):
                assert line.recv(10) == b""
        assert server.gauge("resilver_room_pictures") == 0
        assert not server.leftovers()


def test_the_clock_of_the_head_starts_anew_with_each_request(tmp_path):
    """A connection that is kept has the time for a head again after each answer, and no longer."""
    with Served(tmp_path, header_s=3.0) as server, lines(server, 1) as (line,):
        for _ in range(3):
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += line.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(1.2)
        line.sendall(b"GET /healthz HT")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(10) == b""


def test_a_client_that_does_not_read_is_dropped(tmp_path):
    """An answer that nobody takes is given up, with its files, while others are served."""
    with Served(tmp_path, patience_s=2.0, bytes_per_s=1 << 20) as server:
        names = [f"f{number}" for number in range(12)]
        noise = picture(1000, 1000, "jpeg", quality=95)
        request = server.client.build_request(
            "POST",
            QUERY,
            files=[(name, ("", noise)) for name in names]
            + [("meta", (None, json.dumps({**META, "images": images(*names)})))],
        )
        with lines(server, 1) as (line,):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            line.sendall(f"POST {QUERY} HTTP/1.1\r\n{headers}\r\n".encode() + request.read())
            eventually(lambda: server.gauge("resilver_room_pictures") == 12)
            assert httpx.get(server.url + "/healthz").status_code == 200
            eventually(lambda: server.gauge("resilver_room_pictures") == 0, 120)
            assert not server.leftovers()
        assert items(server.post())[0]["status"] == 0


def test_a_client_that_resets_its_connection(tmp_path):
    """Resets in the middle of bodies leave nothing behind."""
    with Served(tmp_path) as server:
        for cut in range(0, len(BODY), 97):
            with lines(server, 1) as (line,):
                line.sendall(head(len(BODY)) + BODY[:cut])
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert items(server.post())[0]["status"] == 0
        eventually(lambda: not server.leftovers() and server.gauge("resilver_room_pictures") == 0)
        assert "Traceback" not in server.log.read_text()
