"""Scripts for :mod:`fakes.hostile_server`: one good answer, and every bad one that the reliability rows name."""

from __future__ import annotations

import base64
import gzip
import io
import time
import zlib
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from fakes.hostile_server import Exchange, Script

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"


def jpeg(width: int = 40, height: int = 30, shade: int = 96) -> bytes:
    """A picture of some contrast, so that it is not taken for an empty result."""
    return encoded(Image.effect_noise((width, height), shade))


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def good_items(exchange: Exchange) -> dict[str, list[dict[str, Any]]]:
    """What an honest service would answer: each picture's negative, and the negative enlarged."""
    return {mode: [_item(exchange, mode, name) for name in exchange.names] for mode in exchange.modes}


def _item(exchange: Exchange, mode: str, name: str) -> dict[str, Any]:
    try:
        picture = ImageOps.invert(Image.open(io.BytesIO(exchange.parts[name])).convert("RGB"))
    except UnidentifiedImageError:
        return {"status": 2, "error": "unable decode input image", "name": name}
    if mode == "resolution":
        factor = int(exchange.meta.get("rfactor", 2))
        large = picture.resize((picture.width * factor, picture.height * factor))
        return {"status": 0, "name": name, "resolved": text(encoded(large))}
    done = text(encoded(picture))
    return {
        "status": 0,
        "name": name,
        "improved": done,
        "colorized_improved": done,
        "colorized": done,
        "bw": True,
    }


def good(exchange: Exchange) -> None:
    exchange.envelope(200, {"status": 0, **good_items(exchange)})


def with_items(change: Any) -> Script:
    """A good answer but for what ``change(items, exchange)`` does to the list of every mode."""

    def script(exchange: Exchange) -> None:
        body = good_items(exchange)
        for items in body.values():
            change(items, exchange)
        exchange.envelope(200, {"status": 0, **body})

    return script


def each(**fields: Any) -> Script:
    """Every item gets these fields; ``None`` takes one away."""

    def change(items: list[dict[str, Any]], _exchange: Exchange) -> None:
        for item in items:
            item.update(fields)
            for name in [name for name, value in fields.items() if value is None]:
                del item[name]

    return with_items(change)


def failing(status: int, error: str) -> Script:
    """Every picture fails with this status and text."""

    def script(exchange: Exchange) -> None:
        items = [{"status": status, "error": error, "name": name} for name in exchange.names]
        exchange.envelope(200, dict.fromkeys(exchange.modes, items))

    return script


def refused(status: int, body: object = "No.", http: int = 0, **headers: str) -> Script:
    """An envelope with that status; ``headers`` with underscores for hyphens."""
    sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda exchange: exchange.envelope(status, body, sent, http)


def page(status: int, body: bytes = HTML, **headers: str) -> Script:
    """Not an envelope at all."""
    sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda exchange: exchange.answer(status, body, sent)


def echoing_token(status: int = 401, characters: int = 24) -> Script:
    """As the service itself does: part of the token in the error text."""

    def script(exchange: Exchange) -> None:
        shown = exchange.token[:characters]
        reason = f"authorization failed, provider: mcs, token: {shown}(...), reason: Access Token invalid"
        exchange.envelope(status, reason, [("X-Token", exchange.token)])

    return script


def redirecting(url: str, status: int = 307) -> Script:
    return lambda exchange: exchange.answer(status, HTML, [("Location", url + exchange.target)])


def with_names(*names: object) -> Script:
    """Good items, named like this instead."""

    def change(items: list[dict[str, Any]], _exchange: Exchange) -> None:
        items[:] = [{**items[index % len(items)], "name": name} for index, name in enumerate(names)]

    return with_items(change)


def doubled(exchange: Exchange) -> None:
    """Every item twice."""
    exchange.envelope(200, {mode: items * 2 for mode, items in good_items(exchange).items()})


def with_strangers(exchange: Exchange) -> None:
    """The right items among ones that nobody asked for."""
    body = good_items(exchange)
    for items in body.values():
        items[:0] = [{**items[0], "name": name} for name in ("file_999", "../../etc/passwd", "meta", "")]
        items += [{**items[0], "name": name} for name in ("C:\\windows\\x", "/tmp/evil.jpg", "a\0b")]
    exchange.envelope(200, body)


def lists_missing(exchange: Exchange) -> None:
    exchange.envelope(200, {"status": 0})


def items_missing(exchange: Exchange) -> None:
    """Each list lacks its last picture."""
    exchange.envelope(200, {mode: items[:-1] for mode, items in good_items(exchange).items()})


def truncated(share: float = 0.5, chunked: bool = False) -> Script:
    """The answer breaks off in the middle; its length had been promised."""

    def script(exchange: Exchange) -> None:
        body = _good_body(exchange)
        cut = body[: int(len(body) * share)]
        if chunked:
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(cut), cut))
        else:
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + cut)
        exchange.close()

    return script


def unframed(exchange: Exchange) -> None:
    """A good answer whose end is the end of the connection."""
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n" + _good_body(exchange))
    exchange.close()


def dripping(pause_s: float = 0.02, size: int = 1) -> Script:
    """A good answer, a byte at a time, for as long as the client waits."""

    def script(exchange: Exchange) -> None:
        body = _good_body(exchange)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), size):
            exchange.send(body[start : start + size])
            if exchange.gone.wait(pause_s):
                return

    return script


def dripping_header(pause_s: float = 0.02) -> Script:
    """A header that never ends."""

    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        while not exchange.gone.wait(pause_s):
            exchange.send(b"X: y\r\n")

    return script


def silent(exchange: Exchange) -> None:
    """Never answers, and keeps the connection."""
    exchange.gone.wait(60)
    exchange.close()


def leaving(exchange: Exchange) -> None:
    """Closes without a word."""
    exchange.close()


def resetting(exchange: Exchange) -> None:
    exchange.close(reset=True)


def gzip_bomb(megabytes: int = 300) -> Script:
    """A small body that says it is compressed, and unpacks to spaces before an envelope."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(b" " * 1_000_000) for _ in range(megabytes)]
    bomb = b"".join([*pieces, packer.compress(b'{"status":200,"body":{}}'), packer.flush()])
    return page(200, bomb, Content_Encoding="gzip", Content_Type="application/json")


def zipped(exchange: Exchange) -> None:
    """A good answer, compressed though nobody asked for it."""
    exchange.answer(200, gzip.compress(_good_body(exchange)), [("Content-Encoding", "gzip")])


def endless(piece: bytes = b" " * 65536, start: bytes = b'{"status":200,"body":"') -> Script:
    """A body in chunks that goes on until the client leaves."""

    def script(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(start), start))
        while not exchange.gone.is_set():
            exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))

    return script


def refusing_early(status: int = 413, drained: bool = False) -> Script:
    """For a server that does not read bodies: the answer comes while the client still sends."""

    def script(exchange: Exchange) -> None:
        exchange.envelope(status, "the request is too large", [("Connection", "close")])
        if drained:
            while exchange.socket.recv(1 << 16):
                pass
        else:
            time.sleep(0.2)

    return script


def stalling(exchange: Exchange) -> None:
    """For a server that does not read bodies: it never reads, and never answers."""
    exchange.gone.wait(60)


def raw(data: bytes) -> Script:
    """Exactly these bytes, then the end of the connection."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.close()

    return script


def bomb_picture(width: int = 30_000, height: int = 30_000) -> bytes:
    """A small PNG of 900 megapixels, of its header and one empty row."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x01\x00\x00\x00\x00"
    data = zlib.compress(b"\0" * ((width // 8 + 1) * 64))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _good_body(exchange: Exchange) -> bytes:
    import json

    return json.dumps({"status": 200, "body": {"status": 0, **good_items(exchange)}}).encode()
