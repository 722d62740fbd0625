"""From what was chosen in a file manager to pictures that the hot folder's daemon works on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from resilver.cli.inputs import Item, collect
from resilver.errors import NotWatching, UsageError
from resilver.picture_io.provenance import read_provenance
from resilver.recipe import Recipe
from resilver_watcher.remote import Remote
from resilver_watcher.service import start_daemon

_AT_ONCE = 1000
"""Names in one message, which holds 16 MB: each may have 4096 bytes, and a byte may become six."""


def hand_over(named: Sequence[Path], recipe: Recipe, output: Path | None, *, beside: bool = False) -> int:
    """Give these pictures, and all in these folders, to the daemon, which is started if there is none; how many.

    The results go into ``output``, where subfolders of a folder are mirrored; else ``beside`` each picture, or into the
    daemon's own folder. Results of Resilver in a folder are left alone; one that is named by itself is worked on.

    Raises:
        UsageError: there are no pictures in it.
        NotWatching: the daemon does not start.
    """
    items = [item for item in collect(named, output, recursive=True).items if item.named or not _is_result(item)]
    if not items:
        raise UsageError("No pictures were found in what was chosen.")
    remote = Remote()
    try:
        remote.status()
    except NotWatching:
        start_daemon()
    if output is None:
        for part in _parts(items):
            remote.enqueue([item.path for item in part], recipe, beside)
    else:
        for directory, group in groupby(items, lambda item: item.directory):
            for part in _parts([*group]):
                remote.enqueue([item.path for item in part], recipe, into=directory)
    return len(items)


def from_uris(text: str) -> list[Path]:
    """The files of a list of URIs, a line each; whatever their names hold.

    Raises:
        UsageError: one is of another machine, or in an archive.
    """
    paths = []
    for uri in text.split("\n"):
        if not uri:
            continue
        if urlsplit(uri).scheme != "file":
            raise UsageError("Only pictures on this computer can be restored; copy them to a folder first.")
        paths.append(Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))))
    return paths


def _is_result(item: Item) -> bool:
    return read_provenance(item.path) is not None


def _parts(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
