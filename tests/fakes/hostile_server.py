"""An HTTP server on loopback that reads requests well and answers each as its script says: well, badly or never.

A script is a function of an :class:`Exchange`. The scripts of a server are used in turn, the last one for ever.
The shapes that a bad server is known to answer with are in :mod:`fakes.hostile_answers`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Key and certificate for localhost and 127.0.0.1, signed by itself and trusted by nobody."""

Script = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """A request that was read, and the socket to answer on."""

    method: str
    target: str
    headers: Mapping[str, str]
    socket: socket.socket
    body: bytes = b""
    parts: dict[str, bytes] = field(default_factory=dict)
    filenames: dict[str, str | None] = field(default_factory=dict)
    closing: bool = False
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def token(self) -> str:
        return self.query.get("oauth_token", [""])[0]

    @property
    def meta(self) -> dict[str, Any]:
        return dict(json.loads(self.parts["meta"])) if "meta" in self.parts else {}

    @property
    def modes(self) -> list[str]:
        return list(self.meta.get("mode", []))

    @property
    def names(self) -> list[str]:
        return [image["name"] for image in self.meta.get("images", [])]

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """A well-formed HTTP answer around any body."""
        kind = [] if any(name.lower() == "content-type" for name, _ in headers) else [("Content-Type", "text/html")]
        lines = [f"{name}: {value}" for name, value in (*kind, *headers, ("Content-Length", str(len(body))))]
        self.send(
            "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode("utf-8", "surrogateescape") + body
        )

    def json(self, data: object, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.answer(status, json.dumps(data).encode(), headers)

    def envelope(self, status: int, body: object, headers: Iterable[tuple[str, str]] = (), http: int = 0) -> None:
        """The contract's envelope; the HTTP status is the same unless ``http`` is given."""
        self.json({"status": status, "body": body, "htmlencoded": False, "last_modified": 0}, http or status, headers)

    def close(self, reset: bool = False) -> None:
        """End the connection, by a reset if so wanted."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closing = True


class HostileServer:
    """Serves on a free port of loopback until it is closed; ``requests`` holds everything that came."""

    def __init__(self, *scripts: Script, tls: bool = False, reads: bool = True) -> None:
        """``reads`` false: the script runs when the header is there and the body is still under way."""
        self.requests: list[Exchange] = []
        self.errors: list[Exception] = []
        self.connections = 0
        self._scripts = list(scripts)
        self._reads = reads
        self._tls = _context() if tls else None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def then(self, *scripts: Script) -> None:
        """Answer the next requests so."""
        with self._lock:
            self._scripts = list(scripts)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            sockets = [self._listener, *self._open]
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            self._converse(connection)
        except (OSError, EOFError):
            pass  # the client left, or refused the certificate
        except Exception as error:  # noqa: BLE001 - a fault of the test itself; it looks here
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb", buffering=1 << 16) as stream:  # which would keep the socket open
            while not self._closed.is_set():
                exchange = _read_head(stream, connection, self._closed)
                if self._reads:
                    exchange.body = _read_body(stream, exchange)
                    _split(exchange)
                with self._lock:
                    self.requests.append(exchange)
                    script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                script(exchange)
                if exchange.closing or not self._reads:
                    return


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def _read_head(stream: Any, connection: socket.socket, closed: threading.Event) -> Exchange:
    first = stream.readline()
    if not first:
        raise EOFError
    method, target, _version = first.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _colon, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Exchange(method, target, headers, connection, gone=closed)


def _read_body(stream: Any, exchange: Exchange) -> bytes:
    if exchange.headers.get("transfer-encoding") == "chunked":
        pieces = []
        while length := int(stream.readline(), 16):
            pieces.append(stream.read(length))
            stream.readline()
        stream.readline()
        return b"".join(pieces)
    length = int(exchange.headers.get("content-length", 0))
    body: bytes = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body


def _split(exchange: Exchange) -> None:
    """Take a multipart body apart; the whole body is in memory, which is enough for tests."""
    kind, _semicolon, rest = exchange.headers.get("content-type", "").partition(";")
    if kind.strip() != "multipart/form-data":
        return
    boundary = rest.partition("boundary=")[2].strip().strip('"').encode()
    for part in exchange.body.split(b"--" + boundary)[1:-1]:
        head, _blank, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = filename = None
        for parameter in head.partition(b"\r\n")[0].decode("utf-8", "replace").split(";"):
            key, _equals, value = parameter.strip().partition("=")
            name = value.strip('"') if key == "name" else name
            filename = value.strip('"') if key == "filename" else filename
        if name is not None:
            exchange.parts[name] = content.removesuffix(b"\r\n")
            exchange.filenames[name] = filename
