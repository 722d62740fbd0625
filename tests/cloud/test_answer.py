"""The scanner of answers: the same document as ``json``, with the long strings in files."""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilver.cloud.answer import LONG_STRING, AnswerLimits, AnswerScanner
from resilver.errors import CloudGarbage, OutputError
from resilver.http_contract import Base64Error, decode_base64


def scan(scanner: AnswerScanner, text: bytes, cuts: list[int] = []) -> Any:  # noqa: B006 - never changed
    ends = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    for start, end in itertools.pairwise(ends):
        scanner.feed(text[start:end])
    return scanner.finish()


def resolved(value: Any, scanner: AnswerScanner) -> Any:
    """The document with the files' bytes in the place of markers."""
    if isinstance(value, dict):
        return {resolved(key, scanner): resolved(one, scanner) for key, one in value.items()}
    if isinstance(value, list):
        return [resolved(one, scanner) for one in value]
    if not isinstance(value, str) or value not in scanner.blobs:
        return value
    blob = scanner.blobs[value]
    return ("no base64", blob.text) if blob.path is None else blob.path.read_bytes()


def expected(value: Any, written: Callable[[Any], str]) -> Any:
    """What :func:`resolved` gives for a document; ``written`` tells how long a string is in the answer."""
    if isinstance(value, dict):
        return {expected(key, written): expected(one, written) for key, one in value.items()}
    if isinstance(value, list):
        return [expected(one, written) for one in value]
    if not isinstance(value, str) or len(written(value).encode()) - 2 <= LONG_STRING:
        return value
    try:
        return decode_base64(value)
    except Base64Error:
        return ("no base64", value[:1024])


def wrapped(seed: int, size: int, every: int) -> str:
    text = base64.b64encode(random.Random(seed).randbytes(size)).decode()
    return "\n".join(text[at : at + every] for at in range(0, len(text), every))


long_texts = st.builds(
    lambda text, times, rest: text * times + rest,
    st.text(st.characters(codec="ascii"), min_size=1, max_size=6),
    st.integers(LONG_STRING // 6, LONG_STRING * 2),
    st.text(st.characters(codec="ascii"), max_size=4),
)
long_pictures = st.builds(
    wrapped, st.integers(), st.integers(LONG_STRING, LONG_STRING * 4), st.sampled_from([76, 10**6])
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | long_texts | long_pictures,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["improve", "body"]) | st.text(), inner)
    ),
    max_leaves=12,
)


@given(
    document=documents,
    escaped=st.booleans(),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    cuts=st.lists(st.integers(0, 60_000), max_size=30),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
def test_the_scanner_equals_json(
    tmp_path_factory: pytest.TempPathFactory,
    document: Any,
    escaped: bool,
    ascii_only: bool,
    indent: int | None,
    cuts: list[int],
) -> None:
    """Any document, split anywhere, is what ``json`` makes of it, and its long strings are their base64's bytes."""

    def written(value: Any) -> str:
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        # as many services write base64
        return text.replace("/", "\\/").replace("=", "\\u003d") if escaped else text

    with AnswerScanner(tmp_path_factory.mktemp("answer"), AnswerLimits()) as scanner:
        found = resolved(scan(scanner, written(document).encode(), cuts), scanner)
    assert _plain(found) == _plain(expected(json.loads(written(document)), written))


def _plain(value: Any) -> Any:
    """Texts of broken base64 are compared by their beginning; where a surrogate stood, anything may."""
    if isinstance(value, tuple):
        return (value[0], value[1][:100].encode("ascii", "replace"))
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("escape", [rb"\x41", rb"\u12G4", b"\\", rb"\u00"])
def test_a_wrong_escape_is_refused(tmp_path: Path, escape: bytes) -> None:
    """What ``json`` refuses within a short string is refused within a long one, too."""
    for text in (b"", LONG):
        with AnswerScanner(tmp_path, AnswerLimits()) as scanner, pytest.raises(CloudGarbage):
            scan(scanner, b'["' + text + escape + b'"]', [len(text) + 4])


@given(text=st.binary(max_size=300) | st.text(st.sampled_from('{}[]":,\\u/0a\n'), max_size=60).map(str.encode))
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_json_refuses_is_refused(tmp_path: Path, text: bytes) -> None:
    """Bytes that are no JSON end in CloudGarbage, never in another error, and never in a document."""
    try:
        wanted = json.loads(text.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        with AnswerScanner(tmp_path, AnswerLimits()) as scanner, pytest.raises(CloudGarbage):
            scan(scanner, text)
    else:
        with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
            assert repr(scan(scanner, text)) == repr(wanted)


PICTURE = b"\xff\xd8" + os.urandom(9000)
LONG = base64.b64encode(PICTURE)


def test_files_not_taken_are_gone(tmp_path: Path) -> None:
    """After the context only what was taken is left in the folder."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        first, _second = scan(scanner, b'["%s", "%s"]' % (LONG, LONG))
        kept = scanner.take(first)
    assert kept is not None
    assert list(tmp_path.iterdir()) == [kept]
    assert kept.read_bytes() == PICTURE


@pytest.mark.parametrize("end", [b'"', b"!", b""])
def test_a_broken_string_leaves_no_file(tmp_path: Path, end: bytes) -> None:
    """A string that turns out to be no base64, or that is cut, is nowhere on the disk."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        scanner.feed(b'["' + LONG + end)
    assert list(tmp_path.iterdir()) == []


def test_no_answer_can_name_a_file(tmp_path: Path) -> None:
    """A string that looks like a marker of another answer stands for nothing."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        (marker,) = scan(scanner, b'["%s"]' % LONG)
        with AnswerScanner(tmp_path, AnswerLimits()) as other:
            assert scan(other, json.dumps([marker]).encode()) == [marker]
            assert other.blobs == {}


def test_long_errors_can_be_read(tmp_path: Path) -> None:
    """A long text that is no base64 is known by its beginning."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        found = scan(scanner, json.dumps({"status": 500, "body": "<html> é " * 2000}).encode())
        assert scanner.text(found["body"]).startswith("<html> é <html>")
        assert scanner.text("short") == "short"


def test_short_pictures_are_stored_alike(tmp_path: Path) -> None:
    """A picture too small for its own file gets one when it is asked for."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        path = scanner.store("data:image/jpeg;base64,/9j/\n4AAQ")
        assert path is not None
        assert path.read_bytes() == base64.b64decode("/9j/4AAQ")
        assert scanner.store("no base64!") is None


def test_control_characters_and_a_mark_do_not_matter(tmp_path: Path) -> None:
    """Raw line breaks within strings, short or long, and a byte order mark are forgiven."""
    text = b'\xef\xbb\xbf{"a": "x\ny", "b": "' + b"\r\n".join(LONG[i : i + 76] for i in range(0, len(LONG), 76)) + b'"}'
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner:
        found = scan(scanner, text)
        assert found["a"] == "x\ny"
        assert resolved(found["b"], scanner) == PICTURE


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (AnswerLimits(total=1000), b" " * 1001),
        (AnswerLimits(each=8000), b'["' + LONG + b'"]'),
        (AnswerLimits(skeleton=5000), b"[" + b'"abc",' * 3000),
        (AnswerLimits(skeleton=5000), b" " * 10_000),
        (AnswerLimits(strings=2), b'["%s","%s","%s"]' % (LONG, LONG, LONG)),
    ],
    ids=["total", "each", "skeleton-strings", "skeleton-blanks", "strings"],
)
def test_every_limit_holds(tmp_path: Path, limits: AnswerLimits, text: bytes) -> None:
    """An answer over a limit is given up, and leaves nothing."""
    with AnswerScanner(tmp_path, limits) as scanner, pytest.raises(CloudGarbage):
        scan(scanner, text, [5000, 9000])
    assert list(tmp_path.iterdir()) == []


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    """A million brackets are garbage."""
    with AnswerScanner(tmp_path, AnswerLimits()) as scanner, pytest.raises(CloudGarbage):
        scan(scanner, b"[" * 1_000_000)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """A missing folder is an error of the output, not of the service."""
    with AnswerScanner(tmp_path / "gone", AnswerLimits()) as scanner, pytest.raises(OutputError):
        scan(scanner, b'["' + LONG + b'"]')


_MEMORY = """
import sys
from pathlib import Path
from resilver.cloud.answer import AnswerLimits, AnswerScanner
piece = b"QUJD" * 16384
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
with AnswerScanner(Path(sys.argv[1]), AnswerLimits()) as scanner:
    before = peak()
    scanner.feed(b"[")
    for number in range(12):
        scanner.feed(b'"' if not number else b',"')
        for _ in range(100):
            scanner.feed(piece)
        scanner.feed(b'"')
    scanner.feed(b"]")
    assert len(scanner.finish()) == 12
    print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the kernel's figure for memory")
def test_memory_stays_small(tmp_path: Path) -> None:
    """An answer of 79 MB takes less than 8 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) < 8 * 1024
