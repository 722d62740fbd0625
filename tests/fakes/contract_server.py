"""A server of the contract as a function, honest but for the sentences that it is told to break."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from fakes.hostile_answers import encoded, text
from resilver.conformance import Reply, Request
from resilver.http_contract import META_PART, Meta, Query, Refusal, check_parts

TOKEN = "the-user's-own-token"
Body = dict[str, list[dict[str, Any]]]


@dataclass
class ContractServer:
    """``lax``: what it does not check; ``change``: what it does to a good answer's body."""

    lax: str = ""
    change: Callable[[Body], object] = lambda body: None
    pictures: int = 0
    offered: int = 0
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        self.offered += sum(part.name != META_PART for part in request.parts)
        try:
            return self._serve(request)
        except Refusal as refusal:
            return _envelope(refusal.envelope_status, str(refusal))

    def _serve(self, request: Request) -> Reply:
        if request.method == "GET":
            if self.lax == "get":
                return Reply(200, b"<html>")
            raise Refusal(405, "POST only")
        if request.path and self.lax == "slash":
            return Reply(307, b"")
        self._authorize(request)
        parts = {part.name: part.content for part in request.parts}
        meta = self._meta(request, parts.get(META_PART, b""))
        sizes = {name: len(content) for name, content in parts.items() if name != META_PART}
        if self.lax not in ("no-part", "empty-part"):
            check_parts(meta, sizes)
        body = {
            mode: [self._item(meta, mode, name, parts.get(name, b"")) for name in meta.names] for mode in meta.modes
        }
        self.pictures += len(meta.names)
        self.change(body)
        return _envelope(200, {"status": 0, **body})

    def _authorize(self, request: Request) -> None:
        token = TOKEN if request.token is None else request.token
        if self.lax not in ("no-token", "no-provider") or (token and request.provider != ""):
            Query.parse(
                {"oauth_token": token, "oauth_provider": "mcs" if request.provider is None else request.provider}
            )
        if token != TOKEN and self.lax != "wrong-token" and (token or self.lax != "no-token"):
            raise Refusal(401, "authorization failed")

    def _meta(self, request: Request, content: bytes) -> Meta:
        if self.lax == "liberal" and request.parts[0].name == META_PART:
            raise Refusal(400, "pictures first")
        try:
            return Meta.parse(content)
        except Refusal:
            if self.lax in ("no-meta", "broken-meta", "no-mode", "no-images", "bad-factor", "types", "double-name"):
                return Meta(("improve",), ("file_0",))  # as if nothing were wrong
            raise

    def _item(self, meta: Meta, mode: str, name: str, content: bytes) -> dict[str, Any]:
        try:
            picture = ImageOps.invert(Image.open(io.BytesIO(content)).convert("RGB"))
        except UnidentifiedImageError:
            return {"status": 2, "error": "unable decode input image", "name": name}
        if mode == "resolution":
            large = picture.resize((picture.width * meta.factor, picture.height * meta.factor))
            return {"status": 0, "name": name, "resolved": text(encoded(large))}
        return {"status": 0, "name": name, "improved": text(encoded(picture)), "bw": True}


def _envelope(status: int, body: object) -> Reply:
    return Reply(status, json.dumps({"status": status, "body": body}).encode())
