"""The folder that an installer is packed from."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

from builders import command_texts
from builders.project import BUILD, epoch
from resilver_watcher.icons import draw

_ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


def put(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Write a file, and make the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if executable else 0o644)


def gzipped(data: bytes) -> bytes:
    """The same bytes each time."""
    return gzip.compress(data, 9, mtime=0)


def fill_share(share: Path, zsh: str) -> None:
    """Bring the manual, the completions and the icons, as they lie in ``/usr/share`` or a user's own such folder.

    ``zsh``: where in there zsh looks for completions.
    """
    texts = {path.name: path.read_bytes() for path in command_texts.write(BUILD / "texts")}
    put(share / "man/man1/resilver.1.gz", gzipped(texts["resilver.1"]))
    put(share / "bash-completion/completions/resilver", texts["resilver.bash"])
    put(share / zsh / "_resilver", texts["_resilver"])
    put(share / "fish/vendor_completions.d/resilver.fish", texts["resilver.fish"])
    for size in _ICON_SIZES:
        file = io.BytesIO()
        draw("idle", size=size).save(file, "PNG")
        put(share / f"icons/hicolor/{size}x{size}/apps/resilver.png", file.getvalue())


def settle(tree: Path) -> None:
    """Give everything the same time, and folders the same rights."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)
