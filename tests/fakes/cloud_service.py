"""A loopback service of the improve method whose work is arithmetic, so that tests know what must come back."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from resilver.settings import CloudSettings

TOKEN = "canary-Token-0123456789-never-shown"


def jpeg(pixels: np.ndarray, quality: int = 98) -> bytes:
    stream = io.BytesIO()
    image = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def brighter(pixels: np.ndarray, mode: str, factor: int) -> dict[str, Any]:
    """``improve`` adds 20 and colours by adding 40 to red; ``resolution`` repeats pixels."""
    if mode == "resolution":
        return {"resolved": jpeg(pixels.repeat(factor, 0).repeat(factor, 1))}
    bw = bool((np.ptp(pixels.astype(int), axis=2) <= 4).all())
    improved = np.clip(pixels.astype(int) + 20, 0, 255)
    made: dict[str, Any] = {"improved": jpeg(improved.astype(np.uint8)), "bw": bw}
    if bw:
        red = np.array([40, 0, 0])
        made["colorized"] = jpeg(np.clip(pixels.astype(int) + red, 0, 255).astype(np.uint8))
        made["colorized_improved"] = jpeg(np.clip(improved + red, 0, 255).astype(np.uint8))
    return made


def nothing_wrong(pixels: np.ndarray, mode: str, factor: int) -> dict[str, Any]:
    return brighter(pixels, mode, factor) if mode == "resolution" else {"improved": "", "bw": False}


@dataclass
class Seen:
    """One request as it came: its query, its meta, the pictures' bytes by name, their content types."""

    query: dict[str, list[str]]
    meta: dict[str, Any]
    pictures: dict[str, bytes]
    types: dict[str, str]


@dataclass
class CloudService:
    """``refuse``: envelopes (status, text) to answer with first, one for each request."""

    work: Callable[[np.ndarray, str, int], dict[str, Any]] = brighter
    token: str = TOKEN
    refuse: list[tuple[int, str]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    grants: list[dict[str, str]] = field(default_factory=list)
    grant: Callable[[dict[str, str]], tuple[int, dict[str, Any]]] = lambda body: (400, {})
    url: str = ""

    def settings(self, **changes: Any) -> CloudSettings:
        token_url = f"{self.url}/auth/oauth/v1/token"
        return CloudSettings(**{"base_url": self.url, "token_url": token_url, "attempts": 1, **changes})

    def answer(self, seen: Seen) -> tuple[int, Any]:
        self.seen.append(seen)
        if seen.query.get("oauth_token") != [self.token]:
            return 401, f"authorization failed, token: {seen.query['oauth_token'][0][:24]}(...), Access Token invalid"
        if self.refuse:
            return self.refuse.pop(0)
        meta = seen.meta
        body: dict[str, Any] = {"status": 0}
        for mode in meta["mode"]:
            body[mode] = [self._item(seen, image["name"], mode, meta.get("rfactor", 1)) for image in meta["images"]]
        return 200, body

    def _item(self, seen: Seen, name: str, mode: str, factor: int) -> dict[str, Any]:
        with Image.open(io.BytesIO(seen.pictures[name])) as image:
            made = self.work(np.asarray(image.convert("RGB")), mode, factor)
        plain = {key: base64.b64encode(v).decode() if isinstance(v, bytes) else v for key, v in made.items()}
        return {"status": 0, "name": name, **plain}

    @property
    def sent(self) -> int:
        """How many pictures came in all."""
        return sum(len(seen.pictures) for seen in self.seen)


@contextmanager
def serving(service: CloudService | None = None) -> Iterator[CloudService]:
    """The service on a loopback port."""
    service = service or CloudService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if urlsplit(self.path).path.endswith("/token"):
                service.grants.append(json.loads(body))
                status, answer = service.grant(json.loads(body))
                self._send(status, answer)
            else:
                status, answer = service.answer(_seen(self.path, self.headers["Content-Type"], body))
                self._send(status, {"status": status, "body": answer, "htmlencoded": False, "last_modified": 0})

        def _send(self, status: int, answer: Any) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _seen(path: str, content_type: str, body: bytes) -> Seen:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    pictures, types, meta = {}, {}, {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name == "meta":
            meta = json.loads(content)
        else:
            pictures[name], types[name] = content, part.get_content_type()
    return Seen(parse_qs(urlsplit(path).query), meta, pictures, types)
