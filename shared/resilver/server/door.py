"""Around every request: refusals in the contract's envelope, and a line of log that holds no query."""

from __future__ import annotations

import errno
import logging
import time

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resilver.errors import ResilverError
from resilver.http_contract import TOKEN_PATH, Refusal, encode_failure
from resilver.server.body import Body
from resilver.server.service import Service

_log = logging.getLogger(__name__)
_TOO_SLOW = 408  # it has had its time
_FULL = {errno.ENOSPC, errno.EDQUOT}


def body_of(scope: Scope) -> Body:
    """The body of the request that has come through the door."""
    body: Body = scope["resilver.body"]
    return body


class Door:
    """Lets requests through to ``inner``; whatever is raised there becomes an envelope."""

    def __init__(self, inner: ASGIApp, service: Service) -> None:
        self._inner = inner
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        settings = self._service.settings
        body = Body(scope, receive, settings.patience_s, settings.bytes_per_s, lambda: self._service.stopping)
        reply = _Reply(send)
        begun_s = time.monotonic()
        status = 499  # as servers write it down when the client left
        try:
            await self._inner({**scope, "app": self, "resilver.body": body}, receive, reply)
            status = reply.status or status
        except ClientDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - the request fails, the server lives
            refusal, headers = _refusal(error)
            status = refusal.envelope_status
            if reply.status is not None:  # too late for another answer
                scope["state"]["abort"]()
            else:
                if status != _TOO_SLOW:
                    await body.drain()
                always_200 = settings.always_200 and scope["path"].rstrip("/") != TOKEN_PATH  # OAuth knows no envelope
                await _envelope(refusal, headers, body.complete, always_200)(scope, receive, send)
        finally:
            self._tell(scope, status, body, time.monotonic() - begun_s)

    def _tell(self, scope: Scope, status: int, body: Body, seconds: float) -> None:
        client = scope.get("client") or ("-", 0)
        # the path alone: a token stands in the query
        _log.info("%s %s %s %d %.3f s", client[0], scope["method"], ascii(scope["path"][:200]), status, seconds)
        self._service.metrics.requests.labels(status).inc()
        self._service.metrics.uploaded.inc(body.received)


class _Reply:
    """Passes an answer on, and remembers its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _envelope(refusal: Refusal, headers: dict[str, str], reusable: bool, always_200: bool) -> Response:
    if not reusable:
        headers["Connection"] = "close"
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    status = 200 if always_200 else refusal.envelope_status
    return Response(encode_failure(refusal.envelope_status, str(refusal)), status, headers, "application/json")


def _refusal(error: Exception) -> tuple[Refusal, dict[str, str]]:
    if isinstance(error, Refusal):
        return error, {}
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, error.detail), dict(error.headers or {})
    if isinstance(error, OSError) and error.errno in _FULL:
        return Refusal(503, "there is no room on the server's disk; try again later", 60), {}
    kind = type(error).__name__ if isinstance(error, ResilverError) else "unexpected"
    _log.error("a request failed: %s", kind, exc_info=error)
    return Refusal(500, "Internal Server Error"), {}
