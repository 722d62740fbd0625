"""Multipart bodies, however they are cut into blocks."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.http_contract import Refusal
from resilver.server.upload import META_LIMIT_BYTES, Upload, UploadLimits

TYPE = 'multipart/form-data; boundary="b=ü"'
BOUNDARY = "--b=ü".encode("latin-1")
LIMITS = UploadLimits(pictures=3, bytes_each=META_LIMIT_BYTES + 1000)
DATA = st.binary(max_size=300).filter(lambda data: BOUNDARY not in data) | st.sampled_from(
    [b"\r\n", b"--", b"\r", b"\r\n--", b"\r\n--b", b"\0" * 2000]
)


def part(name: str, data: bytes) -> bytes:
    return BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + data + b"\r\n"


def feed(upload: Upload, body: bytes, cuts: list[int]) -> bytes:
    places = [0, *sorted(cut % len(body) for cut in cuts), len(body)]
    try:
        for start, end in itertools.pairwise(places):
            if start < end:
                upload.feed(body[start:end])
        return upload.finish()
    finally:
        upload.close()


@given(
    parts=st.dictionaries(st.sampled_from(["a", "ü" * 255, "../../x"]), DATA, max_size=3),
    meta=DATA,
    place=st.integers(0, 3),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_parts_come_out_as_they_went_in(parts, meta, place, cuts):
    """Every part lies in a file of its own in the folder, byte by byte, wherever blocks end and meta stands."""
    pieces = [part(name, data) for name, data in parts.items()]
    pieces.insert(place, part("meta", meta))
    with tempfile.TemporaryDirectory() as folder:
        upload = Upload(TYPE, Path(folder), LIMITS)
        assert feed(upload, b"".join(pieces) + BOUNDARY + b"--\r\n", cuts) == meta
        assert {name: path.read_bytes() for name, path in upload.files.items()} == parts
        assert sorted(Path(folder).iterdir()) == sorted(upload.files.values())


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_are_refused(junk, cuts):
    """Nothing but a refusal comes of bytes that are no form."""
    body = part("a", b"x") + junk
    with tempfile.TemporaryDirectory() as folder, pytest.raises(Refusal) as refusal:
        feed(Upload(TYPE, Path(folder), LIMITS), body, cuts)
    assert refusal.value.envelope_status in (400, 413)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("application/json", 415),
        ("multipart/mixed; boundary=b", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ('multipart/form-data; boundary="a\tb"', 400),
        ("multipart/form-data; boundary=" + "b" * 201, 400),
    ],
)
def test_types_that_are_no_form(tmp_path, content_type, status):
    """What is no form, or has no usable boundary, is refused before anything is read."""
    with pytest.raises(Refusal) as refusal:
        Upload(content_type, tmp_path, LIMITS)
    assert refusal.value.envelope_status == status


def test_limits_hold_while_reading(tmp_path):
    """A part, meta, or one part more than allowed is refused as soon as it is too much, not at the end."""
    for start, block in (
        (part("a", b"")[:-2], b"x" * (LIMITS.bytes_each + 1)),
        (part("meta", b"")[:-2], b"x" * (META_LIMIT_BYTES + 1)),
        (b"".join(part(name, b"") for name in "abcd"), part("e", b"")),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        upload = Upload(TYPE, folder, LIMITS)
        upload.feed(start)
        with pytest.raises(Refusal) as refusal:
            upload.feed(block)
        assert refusal.value.envelope_status == 413
        upload.close()
