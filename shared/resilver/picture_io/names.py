"""Names of output files: valid on every system, short enough in bytes, telling what was done."""

from __future__ import annotations

import hashlib
import ntpath
import re
import unicodedata
from collections.abc import Sequence

from resilver.result import Step

# a name may have 255 bytes (ext4, APFS) or UTF-16 units (NTFS); steps, number and suffix need less than 55
_MOST_BYTES = 200
# what Windows forbids, all control characters, and halves of characters (bytes that were no UTF-8)
_FORBIDDEN = re.compile('[<>:"/\\\\|?*\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789¹²³")}


def output_stem(source_name: str, steps: Sequence[Step]) -> str:
    """The name without suffix of a result: ``attic.jpg`` gives ``attic-improved-colorized-x2``.

    Whatever ``source_name`` is, the stem is one part of a path with at most 240 bytes of UTF-8. The
    stem with fewer steps is always a prefix of the one with more.
    """
    return "-".join((_base(source_name), *(step.action for step in steps)))


def folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _base(source_name: str) -> str:
    # elsewhere than after a drive a backslash is a character like any other, and part of a photograph's name
    last = re.split(r"[/\\]" if ntpath.splitdrive(source_name)[0] else "/", source_name)[-1]
    stem, dot, _ = last.rpartition(".")
    clean = _FORBIDDEN.sub("_", stem if dot and stem else last).strip(" ").rstrip(". ")
    clean = re.sub(r"^\.+", "_", clean) or "picture"
    if clean.split(".")[0].strip(" ").upper() in _RESERVED:
        clean = "_" + clean
    if len(clean.encode()) <= _MOST_BYTES:
        return clean
    mark = hashlib.sha256(last.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    kept = clean.encode()[: _MOST_BYTES - len(mark) - 1].decode("utf-8", "ignore")
    return f"{kept.rstrip('. ')}-{mark}"
