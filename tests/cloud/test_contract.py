"""The typed messages against the golden files: one for each gap of the contract, with the decision on it."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.errors import Status
from resilver.http_contract import (
    MODES,
    Answer,
    Base64Decoder,
    Base64Error,
    Failure,
    Item,
    Meta,
    Query,
    Refusal,
    check_parts,
    decode_base64,
    encode_answer,
    encode_failure,
    presentable,
    read_answer,
    redact,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "http"


def golden(kind: str) -> list[Any]:
    paths = sorted((GOLDEN / kind).glob("*.json"))
    assert paths
    return [pytest.param(json.loads(path.read_text("utf-8")), id=path.stem) for path in paths]


def meta_of(data: dict[str, Any]) -> Meta:
    return Meta(tuple(data["modes"]), tuple(data["names"]), data["factor"], data["kind"])


def answer_of(data: dict[str, Any]) -> Answer:
    if "failure" in data:
        return Answer(failure=Failure(**data["failure"]))
    items = {
        mode: {name: Item(name, **{**item, "status": Status(item["status"])}) for name, item in entries.items()}
        for mode, entries in data["items"].items()
    }
    return Answer(items, unknown=data["unknown"])


@pytest.mark.parametrize("row", golden("meta"))
def test_the_server_reads_what_a_client_wants(row: dict[str, Any]) -> None:
    """Every meta of the golden files is read, or refused with 400 and the text, as its decision has it."""
    if "refused" in row:
        with pytest.raises(Refusal) as refusal:
            Meta.parse(row["text"])
        assert [refusal.value.envelope_status, str(refusal.value)] == row["refused"]
        return
    assert Meta.parse(row["text"].encode()) == meta_of(row["means"])


@pytest.mark.parametrize("row", [row for row in golden("meta") if "strict" in row.values[0]])
def test_a_strict_server_takes_no_defaults(row: dict[str, Any]) -> None:
    """What the tables call required is refused when it is missing."""
    with pytest.raises(Refusal) as refusal:
        Meta.parse(row["text"], strict=True)
    assert [refusal.value.envelope_status, str(refusal.value)] == row["strict"]


@pytest.mark.parametrize("row", [row for row in golden("meta") if "sent" in row.values[0]])
def test_the_client_writes_exactly_this(row: dict[str, Any]) -> None:
    """What the client sends is the golden text to the letter, and a strict server takes it."""
    assert meta_of(row["means"]).encode() == row["text"]
    assert Meta.parse(row["text"], strict=True) == meta_of(row["means"])


@pytest.mark.parametrize("row", golden("answer"))
def test_the_client_reads_whatever_a_service_answers(row: dict[str, Any]) -> None:
    """Every answer of the golden files means what its decision says."""
    asked = Meta(tuple(row["modes"]), tuple(row["names"]))
    assert read_answer(row["answer"], row["http"], asked) == answer_of(row["means"])


@pytest.mark.parametrize("row", golden("written"))
def test_the_server_writes_exactly_this(row: dict[str, Any]) -> None:
    """What the server answers is the golden text to the letter, and the client reads it back."""
    answer = answer_of(row["means"])
    if answer.failure is not None:
        assert encode_failure(answer.failure.status, answer.failure.text).decode() == row["text"]
        return
    entries = {mode: list(items.values()) for mode, items in answer.items.items()}
    written = b"".join(encode_answer(entries, lambda reference: [reference.encode()]))
    assert written.decode() == row["text"]
    names = tuple(next(iter(answer.items.values())))
    assert read_answer(json.loads(written), 200, Meta(tuple(answer.items), names)) == answer


def test_pictures_are_written_in_pieces() -> None:
    """The server's answer can be sent while its pictures are still read."""
    items = [Item("file_0", pictures={"improved": "x"})]
    pieces = encode_answer({"improve": items}, lambda _reference: (b"QUJD" for _ in range(1000)))
    assert max(map(len, pieces)) < 100


def test_missing_and_empty_parts_reject_the_whole_request() -> None:
    """A listed picture without a part, and one without a byte, are refused in the service's own words."""
    meta = Meta(("improve",), ("a", "b"))
    check_parts(meta, {"b": 1, "a": 1, "unlisted": 0})
    with pytest.raises(Refusal, match=r"^could not get image by name b: http: no such file$"):
        check_parts(meta, {"a": 1})
    with pytest.raises(Refusal, match=r"^empty image$"):
        check_parts(meta, {"a": 1, "b": 0})


def test_the_query_needs_token_and_provider() -> None:
    """Any provider will do; the token is in no repr."""
    query = Query.parse({"oauth_token": "secret-secret", "oauth_provider": "mr", "more": ""})
    assert (query.token, query.provider) == ("secret-secret", "mr")
    assert "secret" not in repr(query)
    for fields, status in (
        ({}, 401),
        ({"oauth_token": "", "oauth_provider": "mcs"}, 401),
        ({"oauth_token": "t"}, 400),
        ({"oauth_token": "t", "oauth_provider": ""}, 400),
    ):
        with pytest.raises(Refusal) as refusal:
            Query.parse(fields)
        assert refusal.value.envelope_status == status


names = st.lists(st.text(min_size=1, max_size=255), min_size=1, max_size=48, unique=True)


@given(
    modes=st.lists(st.sampled_from(MODES), min_size=1, max_size=2, unique=True),
    names=names.filter(lambda names: "meta" not in names),
    factor=st.sampled_from([2, 4]),
    kind=st.sampled_from(["photo", "art"]),
)
def test_requests_survive_the_way(modes: list[Any], names: list[str], factor: Any, kind: Any) -> None:
    """What a client writes, a strict server reads as it was meant."""
    wanted = tuple(mode for mode in MODES if mode in modes)
    sent = Meta(wanted, tuple(names), factor, kind) if "resolution" in modes else Meta(wanted, tuple(names))
    assert Meta.parse(sent.encode(), strict=True) == sent


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "body", "improve", "resolution", "name", "error", "improved", "resolved", "bw"])
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(document=json_values, http=st.integers(100, 999))
def test_no_answer_breaks_the_reader(document: Any, http: int) -> None:
    """Any JSON at all is either a failure or an item for each picture and mode."""
    meta = Meta(MODES, ("file_0", "file_1"))
    answer = read_answer(document, http, meta)
    if answer.failure is None:
        assert {mode: set(items) for mode, items in answer.items.items()} == {key: set(meta.names) for key in MODES}


@given(text=st.text(max_size=60))
def test_no_meta_breaks_the_server(text: str) -> None:
    """Any text is a meta or a refusal with 400."""
    try:
        Meta.parse(text)
    except Refusal as refusal:
        assert refusal.envelope_status == 400


@given(
    data=st.binary(max_size=400),
    padded=st.booleans(),
    url_safe=st.booleans(),
    every=st.integers(1, 80),
    prefix=st.sampled_from(["", "data:image/jpeg;base64,", " \r\n", "DATA:;base64,\n"]),
    cuts=st.lists(st.integers(0, 700), max_size=8),
)
def test_base64_is_read_however_it_is_written(
    data: bytes, padded: bool, url_safe: bool, every: int, prefix: str, cuts: list[int]
) -> None:
    """Line breaks, missing padding, a data prefix and the other alphabet change nothing, wherever the text is cut."""
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    text = prefix + "\r\n".join(text[at : at + every] for at in range(0, len(text), every))
    assert decode_base64(text) == data
    decoder, ends = Base64Decoder(), sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    pieces = [decoder.feed(text[a:b].encode()) for a, b in itertools.pairwise(ends)]
    assert b"".join(pieces) + decoder.finish() == data


@pytest.mark.parametrize(
    "text",
    ["A", "AAAAA", "AA=A", "AAAA====", "AA==AA==", "A===", "A!AA", "äAAA", "data:AAAA", "data:" + "x" * 400],
)
def test_what_is_no_base64_is_told(text: str) -> None:
    """A foreign character, a cut text and wrong padding are errors, not other bytes."""
    with pytest.raises(Base64Error):
        decode_base64(text)


TOKEN = "gAAAAABl/x+9zQ=_canary"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token: {TOKEN[:16]}(...), reason", "token: […](...), reason"),
        (f"{TOKEN}", "[…]"),
        (f"a {TOKEN} b {TOKEN[:8]} c {TOKEN[-9:]}", "a […] b […] c […]"),
        ("token=gAAAAABl%2Fx%2B9zQ%3D_canary!", "token=[…]!"),
        (f"first 7 only: {TOKEN[:7]}", f"first 7 only: {TOKEN[:7]}"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_the_token_is_taken_out_of_every_text(text: str, shown: str) -> None:
    """The token, and any eight characters of it or more, are replaced; shorter pieces tell nothing."""
    assert redact(text, (TOKEN, "")) == shown


@given(before=st.text(max_size=20), after=st.text(max_size=20), length=st.integers(8, len(TOKEN)))
def test_no_piece_of_the_token_survives(before: str, after: str, length: int) -> None:
    """Eight characters of the beginning never come through, whatever stands around them."""
    assert TOKEN[:8] not in presentable(before + TOKEN[:length] + after, (TOKEN,))


def test_a_short_token_is_taken_out_whole() -> None:
    """A token of fewer than eight characters is looked for as a whole."""
    assert redact("it is abc, not ab", ("abc",)) == "it is […], not ab"


def test_texts_of_others_become_one_short_line() -> None:
    """Control characters, escape sequences and length of foreign texts do no harm in a terminal."""
    assert presentable("a\x1b[31m\r\nb\t\0c\u202e d\ud800") == "a [31m b c d"
    assert len(presentable("x" * 5000)) == 300
