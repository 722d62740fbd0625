"""What the menus offer, in the languages of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TITLE = "Resilver"
"""The sub-menu, in every language."""

MIME_TYPES = (
    *("image/jpeg", "image/png", "image/webp", "image/tiff", "image/avif", "image/heic", "image/heif", "image/bmp"),
    *("image/gif", "image/x-portable-anymap", "image/x-portable-bitmap", "image/x-portable-graymap"),
    "image/x-portable-pixmap",
)
"""Of the formats that are read, as freedesktop.org's shared-mime-info names them."""
FOLDER = "inode/directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A line of the menu: its ``name`` in commands and files, the ``preset`` that is done, and its ``labels``.

    ``labels``: by language, as :func:`resilver.language.system_language` names it. ``asks``: for a folder.
    """

    name: str
    preset: str
    labels: Mapping[str, str]
    asks: bool = False

    def label(self, language: str) -> str:
        """In that language, or in English."""
        return self.labels.get(language, self.labels["en"])


ACTIONS = (
    Action(name="restore", preset="Restore", labels={"en": "Restore", "ru": "Восстановить"}),
    Action(name="colorize", preset="Colorize", labels={"en": "Colorize", "ru": "Раскрасить"}),
    Action(name="upscale-2x", preset="Upscale 2x", labels={"en": "Upscale 2x", "ru": "Увеличить вдвое"}),
    Action(name="upscale-4x", preset="Upscale 4x", labels={"en": "Upscale 4x", "ru": "Увеличить вчетверо"}),
    Action(
        name="restore-to",
        preset="Restore",
        labels={"en": "Restore to…", "ru": "Восстановить в папку…"},
        asks=True,
    ),
)
