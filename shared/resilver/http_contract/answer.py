"""The answer: an envelope with the pictures' results, or with the reason why there are none.

The pictures themselves never stand in these messages: an :class:`Item` holds a reference for each, a string
whose meaning only its end knows (a path, a marker, or the base64 text itself where it is small).
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from resilver.errors import Status
from resilver.http_contract.request import Meta, Mode

PictureField = Literal["improved", "colorized_improved", "colorized", "resolved"]
PICTURE_FIELDS: Mapping[Mode, tuple[PictureField, ...]] = {
    "improve": get_args(PictureField)[:3],
    "resolution": get_args(PictureField)[3:],
}
# per-picture texts that come with status 2, "temporary", although no repetition helps
_HOPELESS = ("decode", "empty image")


@dataclass(frozen=True, slots=True)
class Item:
    """What an answer says about one picture in one mode.

    ``pictures``: a reference for each picture that is there; ``improve`` with success and none means that there
    was nothing to repair. ``bw``: whether the input was judged black-and-white, ``None``: not told.
    ``missing``: the answer says nothing usable about this picture (status temporary; worth one try alone).
    """

    name: str
    status: Status = Status.SUCCESS
    error: str = ""
    pictures: Mapping[PictureField, str] = field(default_factory=dict)
    bw: bool | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed whole: the envelope's status, else that of HTTP, and the text of the other side.

    ``temporary``: the body itself said so; else the status decides.
    """

    status: int
    text: str = ""
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came back: an item for every mode and picture asked for, or a failure.

    ``unknown``: entries that belong to no picture of the request; they were ignored.
    """

    items: Mapping[Mode, Mapping[str, Item]] = field(default_factory=dict)
    failure: Failure | None = None
    unknown: int = 0


def read_answer(document: object, http_status: int, meta: Meta, full_text: Callable[[str], str] = str) -> Answer:
    """Understand the JSON ``document`` (``None``: the answer was no JSON) of the answer to ``meta``.

    A ``status`` in a JSON object decides over ``http_status``. ``full_text`` gives the text that a string stands for,
    if a reader put something else in its place. Nothing in a document can raise.
    """
    if not isinstance(document, dict) or (status := _number(document.get("status"))) is None:
        return Answer(failure=Failure(http_status))
    text = _Texts(full_text, document.get("htmlencoded") is True)
    body = document.get("body")
    if not isinstance(body, dict):
        return Answer(failure=Failure(status, text.read(body)))
    lists = {mode: body[mode] for mode in meta.modes if isinstance(body.get(mode), list)}
    inner = _number(body.get("status"))
    refused = status != 200 or inner not in (None, 0)
    if refused and not any(lists.values()):
        why = text.read(body.get("error")) or text.read(body.get("message"))
        return Answer(failure=Failure(status, why, temporary=inner == Status.TEMPORARY))
    items: dict[Mode, Mapping[str, Item]] = {}
    unknown = 0
    for mode in meta.modes:
        items[mode], strangers = _match(lists.get(mode, []), mode, meta.names, text)
        unknown += strangers
    return Answer(items, unknown=unknown)


def _match(entries: Sequence[object], mode: Mode, names: Sequence[str], text: _Texts) -> tuple[Mapping[str, Item], int]:
    """An item for each name, and how many entries belong to none. One without a name counts by its position."""
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
    strangers = 0
    for position, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if name in (None, "") and len(entries) == len(names):
            name = names[position]
        if isinstance(entry, dict) and isinstance(name, str) and name in found:
            found[name].append(entry)
        else:
            strangers += 1
    items = {}
    for name, claims in found.items():
        # two entries of one name: which is right cannot be told, and a wrong picture is worse than none
        items[name] = _item(claims[0], name, mode, text) if len(claims) == 1 else _missing(name)
    return items, strangers


def _missing(name: str) -> Item:
    return Item(name, Status.TEMPORARY, missing=True)


def _item(entry: Mapping[str, Any], name: str, mode: Mode, text: _Texts) -> Item:
    error = text.read(entry.get("error"))
    pictures = {key: entry[key] for key in PICTURE_FIELDS[mode] if isinstance(entry.get(key), str) and entry[key]}
    status = _item_status(entry.get("status"), error, bool(pictures))
    if status is not Status.SUCCESS:
        return Item(name, status, error)
    if mode == "resolution" and not pictures:  # there is always something to enlarge
        return _missing(name)
    return Item(name, status, error, pictures, _flag(entry.get("bw")))


def _item_status(value: object, error: str, has_pictures: bool) -> Status:
    if value is None:
        return Status.SUCCESS if has_pictures else Status.PERMANENT
    number = _number(value)
    if number == Status.SUCCESS:
        return Status.SUCCESS
    if number == Status.TEMPORARY and not any(word in error.lower() for word in _HOPELESS):
        return Status.TEMPORARY
    return Status.PERMANENT


def _number(value: object) -> int | None:
    """A status, which may also come as a text of digits; anything else is ``None``."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


@dataclass(frozen=True, slots=True)
class _Texts:
    """How this answer writes its texts for people."""

    full: Callable[[str], str]
    escaped: bool

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            return ""
        text = self.full(value)
        return html.unescape(text) if self.escaped else text


def encode_answer(items: Mapping[Mode, Iterable[Item]], base64_of: Callable[[str], Iterable[bytes]]) -> Iterator[bytes]:
    """The answer's bytes, piece by piece, in memory no larger than the largest piece of ``base64_of(reference)``."""
    yield b'{"status":200,"body":{"status":0'
    for mode, entries in items.items():
        yield f',"{mode}":['.encode()
        for position, item in enumerate(entries):
            yield b"," if position else b""
            yield from _encode_item(item, base64_of)
        yield b"]"
    yield b'},"htmlencoded":false,"last_modified":0}'


def _encode_item(item: Item, base64_of: Callable[[str], Iterable[bytes]]) -> Iterator[bytes]:
    plain: dict[str, Any] = {"status": int(item.status), "name": item.name}
    if item.error:
        plain["error"] = item.error
    if item.bw is not None:
        plain["bw"] = item.bw
    yield json.dumps(plain, separators=(",", ":"))[:-1].encode()
    for name, reference in item.pictures.items():
        yield f',"{name}":"'.encode()
        yield from base64_of(reference)
        yield b'"'
    yield b"}"


def encode_failure(status: int, text: str) -> bytes:
    """The envelope of a request that fails whole."""
    envelope = {"status": status, "body": text, "htmlencoded": False, "last_modified": 0}
    return json.dumps(envelope, separators=(",", ":")).encode()
