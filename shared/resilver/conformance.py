"""Whether a server keeps the contract of the improve method: one suite for ours and for any other.

Most checks are requests that a server must refuse whole, before it has handled a picture; the others share two
requests, so that a server which obeys handles :data:`SPENT` pictures in all.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx
from PIL import Image, UnidentifiedImageError

from resilver.cloud.transport import Field, Service, improve_url, plain_client
from resilver.cloud.watch import Watch
from resilver.errors import CloudError, CloudGarbage, CloudUnreachable, Status
from resilver.http_contract import META_PART, Base64Error, Item, Meta, Mode, decode_base64, read_answer
from resilver.settings import CloudSettings

AT_WORST = 15
"""Pictures that are offered in all; a server that refuses nothing may count them."""
SPENT = 3
"""Pictures that an obeying server handles; one of them is no picture."""
WIDTH, HEIGHT = 64, 48
LARGEST = 4 << 20
"""Bytes of an answer; the pictures in it are small."""
UPLOAD = "picture.jpg"


class Breach(Exception):
    """What a server did instead of what it must do."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the request's body; ``filename`` empty: without one."""

    name: str
    content: bytes
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, right or wrong. ``token`` ``None``: the user's own; ``path``: behind the base URL."""

    parts: Sequence[Part] = ()
    method: str = "POST"
    token: str | None = None
    provider: str | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes = field(repr=False)


class Caller(Protocol):
    """Sends one request, once, and follows no redirect.

    Raises:
        CloudError: no answer came.
    """

    def __call__(self, request: Request) -> Reply:
        """Send it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence of the contract; ``required`` false: a gap in it, where a server may decide otherwise."""

    name: str
    sentence: str
    run: Callable[[Conversation], None]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of a check; ``found`` empty: the server keeps it."""

    check: Check
    found: str = ""


def examine(caller: Caller) -> Iterator[Verdict]:
    """Run every check and tell of each at once; ``found`` may hold the server's own words as they came.

    Raises:
        CloudError: the server cannot be reached.
    """
    conversation = Conversation(caller)
    for check in CHECKS:
        try:
            check.run(conversation)
        except Breach as breach:
            yield Verdict(check, str(breach))
        except (CloudGarbage, CloudUnreachable) as error:
            if not conversation.answered:
                raise
            yield Verdict(check, str(error))
        else:
            yield Verdict(check)


class Conversation:
    """The requests of the suite and their answers, those that cost something once each."""

    def __init__(self, caller: Caller) -> None:
        self.answered = False
        self._caller = caller
        self._answers: dict[tuple[str, ...], Mapping[Mode, Mapping[str, Item]] | Breach | CloudError] = {}

    def ask(self, request: Request) -> Reply:
        """Send it, and remember that there is a server at all."""
        reply = self._caller(request)
        self.answered = True
        return reply

    @property
    def curl(self) -> Mapping[Mode, Mapping[str, Item]]:
        """The contract's own curl line: both modes, of a photograph and of a file that is none."""
        meta = Meta(("improve", "resolution"), ("file_0", "file_1"), factor=2)
        parts = [Part("file_0", photograph(), UPLOAD), Part("file_1", b"no picture", UPLOAD), _meta(meta.encode())]
        return self._items(parts, meta)

    @property
    def variant(self) -> Mapping[Mode, Mapping[str, Item]]:
        """As liberal servers take it: the part meta first, the type as ``ftype`` alone, no file name, four times."""
        meta = Meta(("resolution",), ("Großvater 1",), factor=4, kind="art")
        text = {key: value for key, value in json.loads(meta.encode()).items() if key != "rtype"}
        return self._items([_meta(json.dumps(text)), Part("Großvater 1", photograph())], meta)

    def _items(self, parts: Sequence[Part], meta: Meta) -> Mapping[Mode, Mapping[str, Item]]:
        if meta.names not in self._answers:
            try:
                self._answers[meta.names] = _read(self.ask(Request(parts)), meta)
            except (Breach, CloudError) as error:  # it cost as much as a success
                self._answers[meta.names] = error
        known = self._answers[meta.names]
        if isinstance(known, Exception):
            raise known
        return known


def _read(reply: Reply, meta: Meta) -> Mapping[Mode, Mapping[str, Item]]:
    envelope = _envelope(reply)
    answer = read_answer(envelope, reply.status, meta)
    if answer.failure is not None:
        raise Breach(f"it answered {_shown(envelope)}")
    return answer.items


def service_caller(settings: CloudSettings, token: str) -> Caller:
    """What asks the service of the settings, with this token unless a request has its own."""
    url = str(improve_url(settings.base_url))

    def call(request: Request) -> Reply:
        provider = settings.provider if request.provider is None else request.provider
        changed = replace(settings, base_url=url + request.path, provider=provider)
        if request.method != "POST":
            return _plain(changed, request.method)
        fields: list[Field] = [
            (part.name, (part.filename or None, part.content, "image/jpeg" if part.filename else None))
            for part in request.parts
        ]
        mine = token if request.token is None else request.token
        watch = Watch(lambda: False, time.monotonic() + settings.deadline_s)
        with contextlib.closing(Service(changed)) as service, service.post(mine, fields, watch) as reply:
            return Reply(reply.status, _whole_body(reply.pieces))

    return call


def _plain(settings: CloudSettings, method: str) -> Reply:
    try:
        with plain_client(settings) as client, client.stream(method, settings.base_url) as response:
            return Reply(response.status_code, b"")
    except httpx.HTTPError as error:
        raise CloudUnreachable(f"{method} got no answer ({type(error).__name__}).") from error


def _whole_body(pieces: Iterator[bytes]) -> bytes:
    body = b""
    for piece in pieces:
        body += piece
        if len(body) > LARGEST:
            raise CloudGarbage("The answer about small pictures is larger than it may be.")
    return body


def photograph() -> bytes:
    """A small, gray, faded picture that belongs to nobody, as JPEG."""
    slope = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    scene = Image.blend(slope, Image.radial_gradient("L").resize((WIDTH, HEIGHT)), 0.5)
    stream = io.BytesIO()
    scene.point(lambda level: 90 + level // 3).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _meta(text: str) -> Part:
    return Part(META_PART, text.encode())


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


def _envelope(reply: Reply) -> Mapping[str, Any]:
    try:
        envelope = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise Breach(f"HTTP {reply.status} without an envelope") from error
    if not isinstance(envelope, dict) or type(envelope.get("status")) is not int:
        raise Breach(f"HTTP {reply.status} without an envelope")
    return envelope


def _refused(conversation: Conversation, request: Request, *statuses: int) -> None:
    """The whole request is refused, in an envelope with a text."""
    envelope = _envelope(conversation.ask(request))
    if envelope["status"] not in statuses or not isinstance(envelope.get("body"), str):
        wanted = " or ".join(map(str, statuses))
        raise Breach(f"instead of an envelope with {wanted} and a text came {_shown(envelope)}")


def _without_token(conversation: Conversation) -> None:
    _refused(conversation, Request(_whole(), token=""), 400, 401, 403)


def _wrong_token(conversation: Conversation) -> None:
    _refused(conversation, Request(_whole(), token="resilver-conformance-wrong"), 400, 401, 403)  # noqa: S106


def _without_provider(conversation: Conversation) -> None:
    _refused(conversation, Request(_whole(), provider=""), 400, 401, 403)


def _whole(content: bytes | None = None, **changes: object) -> list[Part]:
    """A right request for one picture, but for these fields of meta; ``None`` takes one away."""
    data: dict[str, object] = {"mode": ["improve"], "images": [{"name": "file_0"}], **changes}
    text = json.dumps({key: value for key, value in data.items() if value is not None})
    return [Part("file_0", photograph() if content is None else content, UPLOAD), _meta(text)]


def _refuses(parts: Callable[[], Sequence[Part]], path: str = "") -> Callable[[Conversation], None]:
    return lambda conversation: _refused(conversation, Request(parts(), path=path), 400)


def _bad_factor() -> Sequence[Part]:
    return _whole(mode=["resolution"], rfactor=3, rtype="photo", ftype="photo")


def _get(conversation: Conversation) -> None:
    status = conversation.ask(Request(method="GET")).status
    if not 400 <= status < 500:
        raise Breach(f"HTTP {status}")


def _lists(conversation: Conversation) -> None:
    for mode, items in conversation.curl.items():
        for name, item in items.items():
            if item.missing:
                raise Breach(f"the list '{mode}' does not tell about {name}, or tells twice")


def _repaired(conversation: Conversation) -> None:
    item = _done(conversation.curl["improve"]["file_0"])
    for name, text in item.pictures.items():
        _open_jpeg(name, text)


def _judged(conversation: Conversation) -> None:
    if conversation.curl["improve"]["file_0"].bw is not True:
        raise Breach(f"'bw' of a gray picture is {conversation.curl['improve']['file_0'].bw}")


def _broken_alone(conversation: Conversation) -> None:
    for mode, items in conversation.curl.items():
        if items["file_1"].status is Status.SUCCESS:
            raise Breach(f"'{mode}' calls it done")
        if not items["file_1"].error:
            raise Breach(f"'{mode}' does not say why")


def _doubled(conversation: Conversation) -> None:
    _enlarged(conversation.curl["resolution"]["file_0"], 2)


def _variant(conversation: Conversation) -> None:
    _enlarged(conversation.variant["resolution"]["Großvater 1"], 4)


def _enlarged(item: Item, factor: int) -> None:
    picture = _open_jpeg("resolved", _done(item).pictures["resolved"])
    if picture.size != (WIDTH * factor, HEIGHT * factor):
        raise Breach(f"{WIDTH}x{HEIGHT} became {picture.width}x{picture.height}")


def _done(item: Item) -> Item:
    if item.status is not Status.SUCCESS or item.missing:
        raise Breach(f"it failed: {item.error or 'nothing was told'}")
    return item


def _open_jpeg(name: str, text: str) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(decode_base64(text)), formats=["JPEG"])
        picture.load()
    except (Base64Error, UnidentifiedImageError, OSError) as error:
        raise Breach(f"'{name}' is no JPEG in base64") from error
    return picture


CHECKS: tuple[Check, ...] = (
    Check("no-token", "A request without a token is refused.", _without_token),
    Check("wrong-token", "A request with a wrong token is refused.", _wrong_token),
    Check("no-provider", "A request without a provider is refused.", _without_provider),
    Check("no-meta", "A request without the part meta is refused.", _refuses(lambda: _whole()[:1])),
    Check("broken-meta", "A part meta that is no JSON is refused.", _refuses(lambda: [_whole()[0], _meta("{")])),
    Check("no-mode", "An empty list of modes is refused.", _refuses(lambda: _whole(mode=[]))),
    Check("no-images", "An empty list of images is refused.", _refuses(lambda: _whole(images=[]))),
    Check("bad-factor", "A factor other than 2 and 4 is refused.", _refuses(_bad_factor)),
    Check("no-part", "A picture that is listed but not sent is refused.", _refuses(lambda: _whole()[1:])),
    Check("empty-part", "An empty picture is refused.", _refuses(lambda: _whole(b""))),
    Check("lists", "Each mode's list tells about every picture once, by its name.", _lists),
    Check("improve", "The pictures of the mode improve are JPEG in base64; none means already good.", _repaired),
    Check("bw", "A gray picture is called black-and-white.", _judged),
    Check("resolution", "The picture of the mode resolution is JPEG, exactly as large as asked.", _doubled),
    Check("bad-picture", "A file that is no picture fails alone, with a reason.", _broken_alone),
    Check("liberal", "Meta first, 'ftype' alone, no file name and a name in Unicode are taken.", _variant, False),
    Check("slash", "The path with a slash at its end is the same.", _refuses(_bad_factor, "/"), False),
    Check(
        "types",
        "Different 'rtype' and 'ftype' are refused.",
        _refuses(lambda: _whole(mode=["resolution"], rfactor=2, rtype="photo", ftype="art")),
        required=False,
    ),
    Check(
        "double-name",
        "Two images of one name are refused.",
        _refuses(lambda: _whole(images=[{"name": "file_0"}] * 2)),
        required=False,
    ),
    Check("get", "GET is refused.", _get, required=False),
)
