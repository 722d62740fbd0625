"""From what the user names to the pictures to work on: folders, junk, links, results of earlier runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resilver.errors import PictureUnreadable
from resilver.picture_io.junk import PICTURE_SUFFIXES, is_junk_file, is_junk_folder


@dataclass(frozen=True, slots=True)
class Item:
    """One picture: where it is, where its results go, its size in bytes, whether the user named it itself."""

    path: Path
    directory: Path
    size: int = 0
    named: bool = True


@dataclass(slots=True)
class Inputs:
    """What was found.

    ``items`` in the order in which they are done; ``unreadable``: folders that cannot be opened;
    ``odd``: links, pipes and devices with a picture's name in a folder, which are left alone;
    ``others``: the number of files that are no pictures; ``unopened``: of subfolders not looked into.
    """

    items: list[Item] = field(default_factory=list)
    unreadable: list[tuple[Path, PictureUnreadable]] = field(default_factory=list)
    odd: list[Path] = field(default_factory=list)
    others: int = 0
    unopened: int = 0


def collect(named: Sequence[Path], output: Path | None, recursive: bool) -> Inputs:
    """Find the pictures, each once.

    Results go into ``output``, where the subfolders of a named folder are mirrored; without it they
    go beside each picture. An ``output`` inside a named folder is not looked into.
    """
    found = Inputs()
    for path in named:
        if path.is_dir():
            _walk(path, output, recursive, found)
        else:
            found.items.append(Item(path, output or path.parent, _size(path)))
    found.items = _each_once(found.items)
    return found


def _walk(root: Path, output: Path | None, recursive: bool, found: Inputs) -> None:
    def refused(error: OSError) -> None:
        folder = Path(error.filename)
        why = PictureUnreadable(f"{folder} cannot be opened: {os.strerror(error.errno or 0)}.")
        found.unreadable.append((folder, why))

    skipped = _identity(output) if output else None
    for folder, subfolders, names in os.walk(root, onerror=refused):
        here = Path(folder)
        directory = here if output is None else output / here.relative_to(root)
        _take(here, sorted(names, key=_order), directory, found)
        subfolders[:] = [name for name in sorted(subfolders, key=_order) if not is_junk_folder(name)]
        if not recursive:
            found.unopened += len(subfolders)
            subfolders.clear()
        found.odd += [here / name for name in subfolders if (here / name).is_symlink()]  # os.walk follows none
        subfolders[:] = [name for name in subfolders if _identity(here / name) != skipped]


def _take(folder: Path, names: Sequence[str], directory: Path, found: Inputs) -> None:
    for name in names:
        path = folder / name
        if is_junk_file(name):
            continue
        if path.suffix.casefold() not in PICTURE_SUFFIXES:
            found.others += 1
        elif not _is_regular(path):
            found.odd.append(path)
        else:
            found.items.append(Item(path, directory, _size(path), named=False))


def _each_once(items: Sequence[Item]) -> list[Item]:
    once: dict[str, Item] = {}
    for item in items:
        once.setdefault(os.path.abspath(item.path), item)  # noqa: PTH100 - pathlib's would follow links
    return list(once.values())


def _order(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # gone since the folder was read
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the worker says what is wrong with it
        return 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
