"""Results that were paid for, kept so that no crash and no second run pays for them again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resilver.errors import ResilverError
from resilver.http_contract import PICTURE_FIELDS, Mode, PictureField
from resilver.picture_io.disk import translated

_FACTS = "answer.json"
_DRAFT_S = 3600.0  # older ones belong to a process that was killed


@dataclass(frozen=True, slots=True)
class Paid:
    """What the service gave for one picture in one mode: files by field; ``bw``: as it judged.

    ``error``: why other fields are missing that it meant to give; only what is whole is kept for later.
    """

    pictures: Mapping[PictureField, Path]
    bw: bool | None = None
    error: ResilverError | None = None


def paid_key(origin: str, mode: Mode, content: str, *details: object) -> str:
    """A name for all that decides what the service answers: its address, the mode with its values, the content."""
    return hashlib.sha256(json.dumps([1, origin, mode, content, *details]).encode()).hexdigest()


class PaidResults:
    """A folder for each picture and mode, complete as soon as it has its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str, mode: Mode) -> Paid | None:
        """What was paid for before, if it is still there."""
        home = self._folder / key
        try:
            facts = json.loads((home / _FACTS).read_text(encoding="ascii"))
            pictures = {field: home / field for field in PICTURE_FIELDS[mode] if field in facts["pictures"]}
            if not all(path.is_file() for path in pictures.values()):
                return None
            os.utime(home)  # used now, so not the next to go
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Paid(pictures, facts.get("bw"))

    def keep(self, key: str, paid: Paid) -> None:
        """Take the files over, which lie on the same file system.

        Raises:
            OutputError: they cannot be kept.
        """
        home = self._folder / key
        with translated(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._folder))
            try:
                for field, path in paid.pictures.items():
                    _sync(path)
                    path.rename(draft / field)
                facts = draft / _FACTS
                facts.write_text(json.dumps({"pictures": list(paid.pictures), "bw": paid.bw}), encoding="ascii")
                _sync(facts)
                shutil.rmtree(home, ignore_errors=True)  # damaged, or another process was quicker
                draft.rename(home)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _sync(self._folder)

    def prune(self, limit_bytes: float) -> None:
        """Delete what was not used for longest until the rest fits."""
        if not self._folder.is_dir():
            return
        total = 0
        for home in sorted(self._folder.iterdir(), key=_used, reverse=True):
            draft = home.name.startswith(".")
            total += 0 if draft else _size(home)
            if total > limit_bytes or (draft and _used(home) < time.time() - _DRAFT_S):
                shutil.rmtree(home, ignore_errors=True)


def _used(home: Path) -> float:
    try:
        return home.stat().st_mtime
    except OSError:  # another process deleted it
        return 0.0


def _size(home: Path) -> int:
    try:
        return sum(path.stat().st_size for path in home.iterdir())
    except OSError:
        return 0


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
