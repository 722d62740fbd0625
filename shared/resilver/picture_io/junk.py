"""Which names in a folder are tried, and which are never photographs to be restored: one list for every way in.

Used where a folder is searched or watched; a file that the user names is always tried.
"""

from __future__ import annotations

PICTURE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".bmp", ".dib",
    ".gif", ".pnm", ".pbm", ".pgm", ".ppm",
})  # fmt: skip
"""Of the formats that are read (lower case); what is inside is judged by its content alone."""

JUNK_FILES = frozenset({"desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db", "zbthumbnail.info"})
"""Written by Windows, macOS and picture viewers beside the photographs (lower case)."""

JUNK_FOLDERS = frozenset(
    {
        "#recycle",  # Synology
        "#snapshot",
        "@eadir",
        "@recently-snapshot",  # QNAP
        "@recycle",
        "@tmp",
        "$recycle.bin",  # Windows
        "__macosx",  # archives made by macOS
        "lost+found",
        "system volume information",
    }
)
"""Thumbnails, waste bins and snapshots (lower case)."""

UNFINISHED_SUFFIXES = (
    ".aria2",
    ".crdownload",  # Chromium
    ".download",  # Safari
    ".filepart",  # WinSCP
    ".opdownload",  # Opera
    ".part",  # Firefox, KDE, wget
    ".partial",
    ".temp",
    ".tmp",
    "~",  # backups of editors
)
"""Files that another program has not finished, or its backups (lower case)."""


def is_junk_file(name: str) -> bool:
    """Whether a file of this name is hidden, unfinished, or was left by a system and not by a person.

    A leading dot also covers ``.DS_Store``, ``._attic.jpg``, ``.nfs0001`` and our own unfinished outputs.
    """
    plain = name.casefold()
    return plain.startswith((".", "~$")) or plain in JUNK_FILES or plain.endswith(UNFINISHED_SUFFIXES)


def is_junk_folder(name: str) -> bool:
    """Whether a folder of this name is hidden or holds no originals."""
    return name.startswith(".") or name.casefold() in JUNK_FOLDERS
