"""Base64 as services write it: with line breaks, without padding, behind ``data:``; decoded as it comes."""

from __future__ import annotations

import binascii

_BLANKS = b" \t\r\n"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# "data:image/jpeg;base64," and any parameters that a service could add
_MAX_PREFIX = 256


class Base64Error(ValueError):
    """The text is no base64."""


class Base64Decoder:
    """Decodes pieces of one base64 text; what it holds back is never more than a few bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._padding = 0
        self._prefix: bytes | None = b""

    def feed(self, piece: bytes) -> bytes:
        """The bytes that the text means as far as it is known.

        Raises:
            Base64Error: the text is no base64.
        """
        if self._prefix is not None:
            piece = self._strip_prefix(piece)
        text = self._rest + piece.translate(_URL_SAFE, _BLANKS)
        body = text.rstrip(b"=")
        if b"=" in body or (self._padding and len(body) > len(self._rest)):
            raise Base64Error("something follows the padding")
        self._padding += len(text) - len(body)
        if self._padding > 2:
            raise Base64Error("too much padding")
        cut = len(body) // 4 * 4
        self._rest = body[cut:]
        return self._decode(body[:cut])

    def finish(self) -> bytes:
        """The last bytes, with the padding that may be missing.

        Raises:
            Base64Error: the text is no base64, or was cut in the middle of a byte.
        """
        head = b""
        if self._prefix:
            head, self._prefix = self._prefix, None
            head = self.feed(head)
        if len(self._rest) == 1:
            raise Base64Error("the text was cut")
        return head + self._decode(self._rest + b"=" * (-len(self._rest) % 4))

    def _strip_prefix(self, piece: bytes) -> bytes:
        """Take ``data:...,`` away once enough has come to tell whether it is there."""
        assert self._prefix is not None
        start = (self._prefix + piece).lstrip(_BLANKS)
        if b"data:".startswith(start[:5].lower()) or start[:5].lower() == b"data:":
            comma = start.find(b",")
            if comma < 0:
                if len(start) > _MAX_PREFIX:
                    raise Base64Error("a data prefix without end")
                self._prefix = start
                return b""
            start = start[comma + 1 :]
        self._prefix = None
        return start

    def _decode(self, text: bytes) -> bytes:
        # strict_mode alone lets no foreign character pass unseen
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error as error:
            raise Base64Error("not base64") from error


def decode_base64(text: str) -> bytes:
    """The bytes that a whole text means.

    Raises:
        Base64Error: the text is no base64.
    """
    try:
        piece = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise Base64Error("not base64") from error
    decoder = Base64Decoder()
    return decoder.feed(piece) + decoder.finish()
