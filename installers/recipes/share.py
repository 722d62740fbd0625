"""What these recipes have in common: desktop entry, icons and AppStream's page, under the names that each wants."""

from __future__ import annotations

import shutil
from pathlib import Path

from builders import metainfo
from builders.project import HERE
from builders.tree import fill_share, put

_ENTRY = HERE / "debian" / "resilver.desktop"


def fill(share: Path, name: str = "resilver") -> None:
    """Bring manual, completions, icons, desktop entry and AppStream's page; icons and entry under that name."""
    fill_share(share, "zsh/site-functions")
    entry = _ENTRY.read_text("utf-8").replace("Icon=resilver", f"Icon={name}")
    put(share / "applications" / f"{name}.desktop", entry.encode())
    metainfo.write(share, f"{name}.desktop")
    for icon in sorted(share.glob("icons/hicolor/*/apps/resilver.png")):
        if name != "resilver":
            shutil.move(icon, icon.with_name(f"{name}.png"))
