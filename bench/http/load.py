"""A server under more requests than it can serve: how many it answers, refuses and loses."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

REFUSED = 429


@dataclass
class Tally:
    """What became of the requests; seconds each answer took, by HTTP status (0: none came)."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    broken: int = 0

    def count(self, *statuses: int) -> int:
        """How many answers came with these statuses."""
        return sum(len(self.seconds.get(status, [])) for status in statuses)

    @property
    def total(self) -> int:
        """All requests."""
        return sum(map(len, self.seconds.values()))

    @property
    def lost(self) -> int:
        """Requests without an answer, with another one than done or refused, or done without a result."""
        return self.total - self.count(200, REFUSED) + self.broken

    def median_ms(self, status: int) -> float:
        """Of the answers with this status, from the connection to their end."""
        return 1000 * statistics.median(self.seconds.get(status) or [float("nan")])


def request(url: str, token: str, picture: bytes) -> bytes:
    """The bytes of a request to improve one picture."""
    boundary = b"resilver-bench"
    meta = b'{"mode":["improve"],"images":[{"name":"file_0"}]}'
    body = (
        b'--%(b)s\r\nContent-Disposition: form-data; name="file_0"; filename="file_0.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%(p)s\r\n"
        b'--%(b)s\r\nContent-Disposition: form-data; name="meta"\r\n\r\n%(m)s\r\n--%(b)s--\r\n'
    ) % {b"b": boundary, b"p": picture, b"m": meta}
    parts = urlsplit(url)
    head = (
        f"POST {parts.path}?oauth_provider=mcs&oauth_token={token} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary.decode()}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


async def ask(url: str, message: bytes, tally: Tally) -> None:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    started = time.perf_counter()
    status, answer = 0, b""
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(message)
        answer = await reader.read(-1)
        writer.close()
        status = int(answer.split(b" ", 2)[1])
    except (OSError, IndexError, ValueError):
        pass
    tally.seconds.setdefault(status, []).append(time.perf_counter() - started)
    if status == 200:
        tally.broken += not _complete(answer)


def _complete(answer: bytes) -> bool:
    """Whether the answer holds the one picture's success, whole."""
    head, _blank, body = answer.partition(b"\r\n\r\n")
    try:
        if b"transfer-encoding: chunked" in head.lower():
            body = b"".join(_chunks(body))
        (item,) = json.loads(body)["body"]["improve"]
        return bool(item["status"] == 0)
    except (ValueError, KeyError, TypeError):
        return False


def _chunks(body: bytes) -> Iterator[bytes]:
    while True:
        length, _newline, body = body.partition(b"\r\n")
        size = int(length, 16)
        if not size:
            return
        yield body[:size]
        body = body[size + 2 :]


async def capacity(url: str, message: bytes, clients: int, seconds: float) -> float:
    """Pictures per second with so many clients that always wait for their answer."""
    tally = Tally()
    end = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < end:
            await ask(url, message, tally)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return tally.count(200) / (time.perf_counter() - started)


async def flood(url: str, message: bytes, rate: float, seconds: float) -> Tally:
    """Requests at a steady rate, whatever the answers take."""
    tally = Tally()
    tasks: set[asyncio.Task[None]] = set()
    started = time.perf_counter()
    for number in itertools.count():
        due = started + number / rate
        if due > started + seconds:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(ask(url, message, tally))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.wait(tasks, timeout=120)
    tally.seconds.setdefault(0, []).extend([120.0] * len([task for task in tasks if not task.done()]))
    return tally
