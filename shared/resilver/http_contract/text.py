"""Texts of the other side, made fit to be shown: without secrets, without control characters, short."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

_MAX_SHOWN = 300
# the service echoes the first 24 characters of a token; fewer than 8 of a word tell nothing
_TELLING = 8


def presentable(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` on one line of at most 300 characters that any terminal can show, :func:`redact`-ed."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    line = redact(line, secrets)
    return line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + "…"


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with ``[…]`` for every run of 8 or more characters that also stands in one of the secrets.

    Secrets are looked for as they are and percent-encoded. One of fewer than 8 characters is looked for whole.
    """
    hidden = bytearray(len(text))
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote(secret)} - {""}:
            _hide(text, form, hidden)
    shown = (("[…]" if not at or not hidden[at - 1] else "") if hidden[at] else text[at] for at in range(len(text)))
    return "".join(shown)


def _hide(text: str, secret: str, hidden: bytearray) -> None:
    """Mark the characters of ``text`` that are part of the secret."""
    width = min(_TELLING, len(secret))
    for at in range(len(text) - width + 1):
        if text[at : at + width] in secret:
            hidden[at : at + width] = b"\1" * width
