"""The body of a request as it comes, from clients that may be slow, silent or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from resilver.http_contract import Refusal

BLOCK_BYTES = 1 << 20  # so that parsing and writing are worth the way to another thread
DRAIN_S = 10.0
DRAIN_BYTES = 32 << 20  # a whole request of a client that keeps to 30 MB together


class Body:
    """Reads a request's body: at most ``limit`` bytes, within ``patience_s`` and what ``bytes_per_s`` allow.

    ``stopping()`` tells whether the server shall not go on with what is only half there.
    """

    def __init__(
        self, scope: Scope, receive: Receive, patience_s: float, bytes_per_s: int, stopping: Callable[[], bool]
    ) -> None:
        headers = dict(scope["headers"])
        self._receive = receive
        self._patience_s = patience_s
        self._bytes_per_s = bytes_per_s
        self._stopping = stopping
        # such a client sends nothing unless it is told to go on, which the first read does
        self._waits = headers.get(b"expect", b"").lower() == b"100-continue"
        length = headers.get(b"content-length", b"")
        self.length = int(length) if length.isdigit() else None
        self.received = 0
        self.complete = self.length == 0

    async def blocks(self, limit: int) -> AsyncIterator[bytes]:
        """The body in blocks of about a mebibyte.

        Raises:
            Refusal: 408 too slow, 413 too long, 503 the server is being stopped.
            ClientDisconnect: nobody is there any more.
        """
        if self.length is not None and self.length > limit:
            raise Refusal(413, f"the request is larger than {limit} bytes")
        begun_s = asyncio.get_running_loop().time()
        block = bytearray()
        while not self.complete:
            if self._stopping():
                raise Refusal(503, "the server is being stopped; try again", 10)
            end_s = begun_s + self._patience_s + self.received / self._bytes_per_s
            try:
                async with asyncio.timeout_at(end_s):
                    block += await self._next()
            except TimeoutError as error:
                raise Refusal(408, "the request came too slowly") from error
            if self.received > limit:
                raise Refusal(413, f"the request is larger than {limit} bytes")
            if len(block) >= BLOCK_BYTES or self.complete:
                yield bytes(block)
                block.clear()

    async def drain(self) -> None:
        """Take the rest and forget it, within bounds: many clients read an answer only after they have sent all."""
        if self._waits and self.received == 0:
            return
        end_bytes = self.received + DRAIN_BYTES
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(DRAIN_S):
                while not self.complete and self.received < end_bytes:
                    await self._next()

    async def gone(self) -> None:
        """Wait until the client has left."""
        with suppress(ClientDisconnect):
            while True:
                await self._next()

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        self.received += len(piece)
        self.complete = not message.get("more_body", False)
        return piece
