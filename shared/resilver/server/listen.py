"""Sockets: one uvicorn process that gives up on silent connections, and stops in good order."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from resilver.errors import SettingsError
from resilver.http_contract import encode_failure
from resilver.server.app import make_app
from resilver.server.service import Service

_TIDY_S = 30.0  # for workers to let go of what they do, after what was begun had its time


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one.

    Raises:
        SettingsError: it cannot.
    """
    if not 0 <= port < 1 << 16:
        raise SettingsError(f"There is no port {port}; choose one from 1 to 65535 for --port.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{host} port {port} cannot be listened on ({error}); choose another --port.") from error
    # connections inherit it; asyncio sets it for sockets of its own only, and without it each answer, which goes out
    # in two pieces, waits 40 ms for the other side's acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def check_certificate(certificate: Path, key: Path) -> None:
    """Check that the two files belong together and can be used.

    Raises:
        SettingsError: they cannot.
    """
    try:
        # with a password given, nothing asks for one on the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{certificate} and {key} cannot be used for TLS ({error}); they must be PEM files that belong together, "
            "the key without a password."
        ) from error


def listen(service: Service, listener: socket.socket, tls: tuple[Path, Path] | None = None) -> None:
    """Answer requests until the process is told to stop; then finish or refuse what there is, and close the service."""
    _allow_many_connections()
    protocol = type("Protocol", (_Protocol,), {"header_s": service.settings.header_s})
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        make_app(service),
        http=protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="info",  # whatever the root logger does, so that no trace of a query is logged
        access_log=False,  # it prints the query
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(service.settings.stop_s + _TIDY_S),
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    _Server(config, service).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells the service when the end begins and when it has come."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.stop_soon()
        await super().shutdown(sockets)
        await asyncio.to_thread(self._service.close)


class _Protocol(H11Protocol):
    """HTTP/1.1 with a deadline for the head of each request, and a way for the application to cut the line."""

    header_s: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": transport.abort}
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relax()

    def handle_events(self) -> None:
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # an answer is on its way already
            self.transport.abort()
            return
        envelope = encode_failure(400, msg)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(envelope)).encode()),
            (b"connection", b"close"),
        ]
        events: list[Any] = [
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=envelope),
            h11.EndOfMessage(),
        ]
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Let the clock run while, and only while, no complete head of a request is there."""
        if self.conn.their_state is not h11.IDLE:
            self._relax()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.header_s, self.transport.abort)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _allow_many_connections() -> None:
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
