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
    for secret in secrets:
        for form in sorted({secret, quote(secret, safe=""), quote(secret)} - {""}, key=len, reverse=True):
            text = _without(text, form)
    return text


def _without(text: str, secret: str) -> str:
    width = min(_TELLING, len(secret))
    shown, at = [], 0
    while at < len(text):
        if text[at : at + width] not in secret or at + width > len(text):
            shown.append(text[at])
            at += 1
            continue
        end = at + width
        while end < len(text) and text[end - width + 1 : end + 1] in secret:
            end += 1
        shown.append("[…]")
        at = end
    return "".join(shown)
