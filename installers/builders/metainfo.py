"""What shops for programs show of Resilver, in AppStream's format."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from builders.project import HERE, epoch, version
from builders.tree import put

ID = "org.resilver.Resilver"
_TEMPLATE = HERE / "debian" / "resilver.metainfo.xml"


def write(share: Path, entry: str) -> None:
    """Put the page of this version into that ``share``; ``entry``: the name of the desktop entry that starts it."""
    filled = {"entry": entry, "version": version(), "date": str(dt.datetime.fromtimestamp(epoch(), dt.UTC).date())}
    text = _TEMPLATE.read_text("utf-8")
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    put(share / "metainfo" / f"{ID}.metainfo.xml", text.encode())
