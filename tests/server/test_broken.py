"""2,000 broken multipart bodies: refused or done, never a 500, no growth, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from collections import Counter
from collections.abc import Iterator

from fakes.servers import META, PATH, TOKEN, Served, eventually, images, items, picture

COUNT = 2000
TARGET = f"{PATH}?oauth_provider=mcs&oauth_token={TOKEN}"
NAMES = ["file_0", "file_1"]
GROWTH_BYTES = 8 << 20
# what parsers trip over: ends of lines, boundaries, headers, numbers, encodings
JUNK = [
    b"\r\n", b"\n", b"\r", b"\0", b"--b", b"--b--", b"\r\n--b", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"--", b'"', b"\\",
    b";", b":", b"\xff\xfe", b"\xc3", b"Content-Length: 9999999999\r\n", b"Content-Length: -1\r\n",
    b"Content-Disposition: form-data\r\n", b'Content-Disposition: form-data; name="meta"\r\n', b"Content-Type: x\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b'filename*=utf-8\'\'%00%ff; name="file_0"', b" \t", b"A" * 5000,
    b"X: y\r\n" * 20, b'{"mode":', b"[" * 2000, b"1e999", b'"\\ud800"', b"\xef\xbb\xbf",
]  # fmt: skip


def whole(chance: random.Random) -> bytes:
    meta = {**META, "mode": chance.choice([["improve"], ["resolution"], ["improve", "resolution"]])}
    meta["images"] = images(*NAMES)
    parts = [
        b'Content-Disposition: form-data; name="%b"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%b'
        % (name.encode(), picture(8, 8))
        for name in NAMES
    ]
    parts.append(b'Content-Disposition: form-data; name="meta"\r\n\r\n' + json.dumps(meta).encode())
    chance.shuffle(parts)
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def broken(chance: random.Random) -> bytes:
    """A body after one to four of: junk put in or over something, a cut, a piece lost, doubled, moved, flipped bits."""
    body = bytearray(whole(chance))
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice([1, 2, 10, 100, 1000]))
        piece = bytes(body[start:end])
        match chance.randrange(7):
            case 0:
                body[start:start] = chance.choice(JUNK)
            case 1:
                body[start:end] = chance.choice(JUNK)
            case 2:
                del body[start:]
            case 3:
                del body[start:end]
            case 4:
                body[start:start] = piece
            case 5:
                place = chance.randrange(len(body) + 1)
                body[place:place] = piece
            case 6:
                body[start:end] = bytes(byte ^ (1 << chance.randrange(8)) for byte in piece)
    return bytes(body)


def requests(seed: int) -> Iterator[tuple[bytes, bool]]:
    """Requests, and whether the client leaves instead of waiting for the answer."""
    chance = random.Random(seed)
    while True:
        body = broken(chance)
        boundary = chance.choice(["b"] * 40 + ["", '"b"', "c", "b; boundary=c", "\xe9", "b" * 300])
        kind = chance.choice(["multipart/form-data"] * 60 + ["text/plain", "multipart/mixed", ""])
        length, leaves = len(body), False
        match chance.randrange(12):
            case 0:
                length, leaves = length + chance.randint(1, 1000), True  # more is told than comes
            case 1:
                body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in pieces(body, chance)) + b"0\r\n\r\n"
                length = -1
        told = f"Content-Length: {length}" if length >= 0 else "Transfer-Encoding: chunked"
        head = f"POST {TARGET} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}; boundary={boundary}\r\n{told}\r\n\r\n"
        yield head.encode("latin-1") + body, leaves


def pieces(body: bytes, chance: random.Random) -> list[bytes]:
    size = chance.choice([7, 64, 5000])
    return [body[start : start + size] for start in range(0, len(body), size)]


def ask(server: Served, request: bytes, leaves: bool) -> int | None:
    """The status of the answer, which must be a whole envelope; ``None``: did not wait for one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(request.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1))
        if leaves:
            return None
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"chunked" in head.lower():
        return status if answer.endswith(b"\r\n0\r\n\r\n") else 0
    assert json.loads(body)["status"] == status
    return status


def test_broken_bodies(tmp_path):
    """Whatever comes, the answer is a refusal or a whole result; memory and disk are as before."""
    with Served(tmp_path, engine="picky.Content") as server:
        stream = requests(seed=10)
        counts: Counter[int | None] = Counter()
        for number in range(COUNT):
            if number == COUNT // 4:  # by now every path has been gone
                before = server.rss()
            counts[ask(server, *next(stream))] += 1
        assert set(counts) <= {None, 200, 400, 413, 415}, counts
        assert counts[400] > COUNT / 4
        assert counts[200] > COUNT / 50, counts  # some survive being broken
        assert items(server.post())[0]["status"] == 0
        eventually(lambda: not server.leftovers() and server.gauge("resilver_room_pictures") == 0)
        assert server.gauge("resilver_room_bytes") == 0
        assert server.rss() - before < GROWTH_BYTES
        assert "Traceback" not in server.log.read_text()
        print(counts, f"grown by {(server.rss() - before) / 1e6:.1f} MB")
