"""Pictures under every odd name that a file manager may hand over, and a real daemon that takes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from resilver.picture_io.provenance import read_provenance
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.remote import Remote

ODD_NAMES = (
    *("a.png", "b two words.png", 'c it\'s "q".png', "d new\nline.png", os.fsdecode(b"e latin\xe9.png")),
    *("f été $HOME `x` %f \\ &<.png", "-g.png"),
)
QUICK = {"QUIET_S": "0.2", "LOOK_S": "0.3", "PATIENCE_S": "2", "NOTIFICATIONS": "no"}
_WATCH = [sys.executable, str(Path(__file__).with_name("watch.py")), "Negative", "watch", "--no-tray"]


def save_odd(folder: Path) -> list[Path]:
    """A picture of each name, and one in a folder; what is to be chosen in the file manager lies in ``folder``."""
    return [save_photo(folder / name) for name in (*ODD_NAMES, "sub dir/h.png")]


def originals(folder: Path) -> dict[str, str]:
    """Of the pictures in it that are no results: the folders below it in which they lie, by their digests."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): str(path.parent.relative_to(folder))
        for path in folder.rglob("*.png")
        if read_provenance(path) is None
    }


def results(folder: Path) -> dict[str, str]:
    """Of the results in it: the folders below it in which they lie, by their originals' digests."""
    made = {path: read_provenance(path) for path in folder.rglob("*.png")}
    return {one.source_sha256: str(path.parent.relative_to(folder)) for path, one in made.items() if one is not None}


@contextlib.contextmanager
def daemon_in(home: Path, environ: Mapping[str, str]) -> Iterator[Remote]:
    """A daemon of that user, with a fake engine, as others of him find it."""
    quick = {f"RESILVER_WATCH_{name}": value for name, value in QUICK.items()}
    folders = ["--input", str(home / "in"), "--output", str(home / "out")]
    remote = Remote(Endpoint(Path(environ["XDG_STATE_HOME"]) / "resilver" / "watch"))
    with subprocess.Popen([*_WATCH, *folders], env={**environ, **quick}, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: process.poll() is not None or _answers(remote))
            yield remote
        finally:
            process.terminate()


def _answers(remote: Remote) -> bool:
    with contextlib.suppress(Exception):
        return bool(remote.status())
    return False
