"""Hypothesis strategies for answers: near enough to the contract to get far, and wrong in every place."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass

from hypothesis import strategies as st
from PIL import Image

from fakes.hostile_answers import bomb_picture, encoded, jpeg, text
from fakes.hostile_server import Exchange

TOKEN = "cnry+7f3a9c/e5b2d4680=Qx~"  # of characters that a query must escape
_NOISE = random.Random(7)
_JPEG = jpeg()
_LONG = jpeg(160, 120)  # over 4 KiB of base64: the parser writes it to a file as it comes

PICTURES = [
    text(_JPEG),
    text(_LONG),
    text(_LONG).rstrip("="),
    "\r\n".join(text(_LONG)[at : at + 76] for at in range(0, len(text(_LONG)), 76)),
    "data:image/jpeg;base64," + text(_LONG),
    "data:" * 900,
    text(encoded(Image.effect_noise((9, 5), 80), "PNG")),
    text(encoded(Image.effect_noise((9, 5), 80), "GIF")),
    text(encoded(Image.new("RGB", (40, 30)))),
    text(_LONG[: len(_LONG) // 2]),
    text(_LONG)[:-3] + "*=*",
    text(_LONG)[:5001],
    text(bomb_picture()),
    text(b"\xff\xd8" + _NOISE.randbytes(5000)),
    text(b"<html>no picture</html>" * 300),
    "=" * 5000,
    "not base64 at all! " * 300,
    "A",
    "é" * 3000,
    "\ud800" * 3000,
    "",
]
NAMES = [
    "../../evil.jpg",
    "/tmp/evil.jpg",
    "C:\\evil.jpg",
    "evil\0.jpg",
    "evil\n.jpg",
    "w\udcff.jpg",
    "é" * 255,
    "x" * 5000,
    "meta",
    "file_00",
    "FILE_0",
    "",
    TOKEN,
]
TEXTS = [
    "unable decode input image",
    "empty image",
    "Internal Server Error",
    "&lt;b&gt;no&lt;/b&gt; &amp;amp;",
    f"authorization failed, token: {TOKEN[:24]}(...)",
    TOKEN,
    f"\x1b[31m{TOKEN[2:14]}\x07 \u202e\r\nSet-Cookie: a",
    TOKEN * 400,
    "x" * 100_000,
    "",
]
_PLAIN = [None, True, False, 0, 1, 2, 3, -1, 200, 500, 10**30, 0.0, 2.0, 1e308, float("nan"), float("inf"), *TEXTS]
_PLAIN += ["0", "2", " 1 ", "٢", "200", "9" * 30]
_JUNK = [*_PLAIN, [], {}, [[]], [None], [0, "a"], {"": {}}, {"name": ["file_0"]}, {"status": {"status": 0}}, [{}, {}]]
junk = (
    st.sampled_from(_JUNK)
    | st.text(max_size=8)
    | st.dictionaries(st.text(max_size=4), st.sampled_from(_JUNK), max_size=2)
)
_statuses = st.sampled_from([0, 0, 0, 0, 1, 2, "0", "2", 7]) | junk


# sampled, since integers come at their bounds more often than elsewhere
_seldom = st.sampled_from([False, False, False, False, True])
_rarely = st.sampled_from([False] * 15 + [True])


def _mostly(usual: st.SearchStrategy[object], other: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(usual, usual, usual, usual, other)


_pictures = _mostly(st.sampled_from(PICTURES), junk)


@st.composite
def items(draw: st.DrawFn, name: str) -> object:
    """What could stand for a picture in one of the lists."""
    if draw(_rarely):
        return draw(junk)
    item: dict[str, object] = {}
    if not draw(_rarely):
        item["status"] = draw(_statuses)
    if not draw(_rarely):
        item["name"] = draw(_mostly(st.just(name), st.sampled_from(NAMES) | junk))
    for field in draw(st.sets(st.sampled_from(["improved", "colorized_improved", "colorized", "resolved"]))):
        item[field] = draw(_pictures)
    if draw(st.booleans()):
        item["bw"] = draw(_mostly(st.booleans(), junk))
    if draw(_seldom):
        item["error"] = draw(_mostly(st.sampled_from(TEXTS), junk))
    if draw(_rarely):
        item[draw(st.text(max_size=5))] = draw(junk)
    return item


@st.composite
def envelopes(draw: st.DrawFn, names: tuple[str, ...]) -> object:
    """What could stand at the top of an answer about pictures of these names."""
    if draw(_rarely):
        return draw(junk)
    body: object
    if draw(_seldom):
        body = draw(_mostly(st.sampled_from(TEXTS), junk))
    else:
        body = {}
        for mode in draw(st.permutations(["improve", "resolution"])):
            if not draw(_rarely):
                listed = [draw(items(name)) for name in names if not draw(_rarely)]
                body[mode] = draw(_mostly(st.just(listed), junk | st.just(listed * 2) | st.just(listed[::-1])))
        if draw(st.booleans()):
            body["status"] = draw(_statuses)
    usual = st.sampled_from([200, 200, 200, 200, "200", 400, 401, 403, 429, 500, 503])
    envelope = {"status": draw(_mostly(usual, junk)), "body": body}
    envelope["htmlencoded"] = draw(_mostly(st.booleans(), junk))
    return envelope


def _cut(data: bytes, at: int, _piece: bytes) -> bytes:
    return data[:at]


def _put(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at:]


def _replace(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


def _drop(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + data[at + len(piece) :]


_PIECES = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\u",
    b"\\ud800",
    b"\n",
]
_PIECES += [
    b'"name":"file_0",',
    b"[" * 3000,
    b'{"a":' * 3000,
    b"1" * 5000,
    b"1e999",
    b'"' + b"A" * 70_000 + b'"',
    b"NaN",
]


@st.composite
def documents(draw: st.DrawFn, names: tuple[str, ...]) -> bytes:
    """The bytes of an answer's body: JSON of an envelope, sometimes damaged."""
    envelope = draw(envelopes(names))
    plain = draw(st.booleans())
    indent = draw(st.sampled_from([None, None, 1]))
    data = json.dumps(envelope, ensure_ascii=plain, indent=indent).encode("utf-8", "surrogatepass")
    if draw(_seldom):
        for _ in range(draw(st.integers(1, 3))):
            change = draw(st.sampled_from([_cut, _put, _replace, _drop]))
            data = change(data, draw(st.integers(0, len(data))), draw(st.sampled_from(_PIECES)))
    if draw(_rarely):
        data = draw(
            st.sampled_from([b"", b"\xef\xbb\xbf" + data, data + data, data.decode("latin-1").encode("utf-16")])
        )
    return data


@dataclass(frozen=True)
class Reply:
    """One whole HTTP answer, as bytes; what follows it is the end of the connection unless ``kept``."""

    data: bytes
    kept: bool

    def __call__(self, exchange: Exchange) -> None:
        exchange.send(self.data)
        if not self.kept:
            exchange.close()


_RETRY = ["0", "-1", "1e9", "soon", "nan", "9" * 400, "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"]
_HEADERS = [
    ("Content-Type", "text/html"),
    ("Content-Encoding", "identity"),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "br, zstd, deflate"),
    ("Location", "http://127.0.0.1:9/" + TOKEN),
    ("Set-Cookie", f"token={TOKEN}"),
    ("X-" + "long" * 4000, "x"),
    ("X-Echo", TOKEN),
    ("Content-Disposition", 'attachment; filename="../../evil.jpg"'),
]


@st.composite
def replies(draw: st.DrawFn, names: tuple[str, ...]) -> Reply:
    """Status line, header and body; most of them as HTTP wants it."""
    body = draw(documents(names))
    status = draw(_mostly(st.sampled_from([200, 200, 200, 400, 401, 403, 429, 500, 502]), st.integers(100, 999)))
    headers = draw(st.lists(st.sampled_from(_HEADERS), max_size=2)) if draw(st.booleans()) else []
    if draw(st.booleans()):
        headers.append(("Retry-After", draw(st.sampled_from(_RETRY))))
    if ("Content-Encoding", "gzip") in headers and draw(st.booleans()):
        body = gzip.compress(body, 1)
    head = f"HTTP/1.1 {status} {draw(st.sampled_from(['OK', '', TOKEN]))}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    framing = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]))
    if framing == 1:  # chunks
        size = draw(st.integers(1, 70_000))
        pieces = [body[at : at + size] for at in range(0, len(body), size)][:200]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        end = draw(
            st.sampled_from([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"zz\r\n", b"-5\r\n", b"f" * 40 + b"\r\n"])
        )
        return Reply(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + end, kept=False)
    if framing == 2:  # no length: the end of the connection
        return Reply(head.encode() + b"\r\n" + body, kept=False)
    if framing == 3:  # a wrong length
        length = draw(st.sampled_from([str(len(body) + 7), str(max(0, len(body) - 7)), "-1", "abc", "1e3", "9" * 400]))
        return Reply(f"{head}Content-Length: {length}\r\n\r\n".encode() + body, kept=False)
    if framing == 4:  # no HTTP
        return Reply(
            draw(st.sampled_from([body, b"\r\n" * 9, b"HTTP/9.9 what\r\n\r\n", b"\x16\x03\x01" * 99])), kept=False
        )
    return Reply(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, kept=status >= 200 and status != 204)
