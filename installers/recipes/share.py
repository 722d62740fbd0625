"""What these recipes have in common: desktop entry, icons and AppStream's page, under the names that each wants."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from builders.project import HERE, epoch, version
from builders.tree import fill_share, put

ID = "org.resilver.Resilver"
_ENTRY = HERE / "debian" / "resilver.desktop"
_METAINFO = HERE / "recipes" / "metainfo.xml"


def metainfo(entry: str) -> bytes:
    """AppStream's page of this version; ``entry``: the name of the desktop entry that starts it."""
    filled = {"entry": entry, "version": version(), "date": str(dt.datetime.fromtimestamp(epoch(), dt.UTC).date())}
    text = _METAINFO.read_text("utf-8")
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text.encode()


def fill(share: Path, name: str = "resilver") -> None:
    """Bring manual, completions, icons, desktop entry and AppStream's page; icons and entry under that name."""
    fill_share(share, "zsh/site-functions")
    entry = _ENTRY.read_text("utf-8").replace("Icon=resilver", f"Icon={name}")
    put(share / "applications" / f"{name}.desktop", entry.encode())
    put(share / "metainfo" / f"{ID}.metainfo.xml", metainfo(f"{name}.desktop"))
    for icon in sorted(share.glob("icons/hicolor/*/apps/resilver.png")):
        if name != "resilver":
            shutil.move(icon, icon.with_name(f"{name}.png"))
