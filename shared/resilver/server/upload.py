"""A multipart body, taken apart as it comes: each part into a file, nothing whole in memory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from resilver.http_contract import META_PART, Refusal

META_LIMIT_BYTES = 256 << 10  # 48 names of 255 characters, each escaped as JSON's longest form, are 150 KB
_BOUNDARY_LIMIT = 200  # RFC 2046 ends at 70


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How many parts besides ``meta`` there may be, and the bytes of each."""

    pictures: int
    bytes_each: int


class Upload:
    """Takes a body of this content type apart into files of ``directory``, whose names the client has no say in.

    ``files``: the complete parts by their form names. Parts that ``meta`` does not list count all the same, since
    it may come last.

    Raises:
        Refusal: 415, it is no multipart form.
    """

    def __init__(self, content_type: str, directory: Path, limits: UploadLimits) -> None:
        self._parser = PushMultipartParser(
            _boundary(content_type), max_segment_size=limits.bytes_each, max_segment_count=limits.pictures + 1
        )
        self._directory = directory
        self._limits = limits
        self._part: BinaryIO | None = None
        self._name = ""
        self._meta: bytearray | None = None
        self.files: dict[str, Path] = {}

    def feed(self, block: bytes) -> None:
        """Take the next bytes.

        Raises:
            Refusal: 400 or 413 with the reason.
            OSError: they cannot be written.
        """
        try:
            for event in self._parser.parse(block):
                self._take(event)
        except ParserLimitReached as error:
            most = f"at most {self._limits.pictures} pictures of {self._limits.bytes_each} bytes each"
            raise Refusal(413, f"the request is too large: {most}") from error
        except MultipartError as error:
            raise Refusal(400, f"the multipart body is broken: {error}") from error

    def finish(self) -> bytes:
        """Check that all has come, and give ``meta``.

        Raises:
            Refusal: 400 with the reason.
        """
        self.feed(b"")
        if self._meta is None:
            raise Refusal(400, f"{META_PART} is required")
        return bytes(self._meta)

    def close(self) -> None:
        """Close the file that was being written."""
        if self._part is not None:
            with suppress(OSError):  # what its buffer still holds is not wanted any more
                self._part.close()

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event.name or "")
        elif event is not None:
            self._add(event)
        elif self._part is not None:
            self._part.close()
            self._part = None

    def _begin(self, name: str) -> None:
        self._name = name
        if name in self.files or (name == META_PART and self._meta is not None):
            raise Refusal(400, f"there are two parts called {name}")
        if name == META_PART:
            self._meta = bytearray()
        else:
            self.files[name] = self._directory / f"picture-{len(self.files)}"
            self._part = self.files[name].open("xb")

    def _add(self, payload: bytes | bytearray) -> None:
        if self._part is not None:
            self._part.write(payload)
            return
        assert self._meta is not None
        self._meta += payload
        if len(self._meta) > META_LIMIT_BYTES:
            raise Refusal(413, f"{META_PART} is larger than {META_LIMIT_BYTES} bytes")


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise Refusal(415, "the body must be multipart/form-data")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= _BOUNDARY_LIMIT or not boundary.isprintable():
        raise Refusal(400, "the multipart boundary is missing or makes no sense")
    return boundary.encode("latin-1")  # as header fields are decoded
