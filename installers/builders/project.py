"""Where things lie in this project, and which version and time a build bears."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
BUILD = ROOT / "build"
"""What may be deleted at any time: downloaded wheels, and trees that packages are made from."""
HERE = Path(__file__).parents[1]


class Unbuildable(Exception):
    """This installer cannot be made here; the sentence says what is missing, and how it comes."""


def version() -> str:
    """The project's version, read and not imported, so that it is that of this tree."""
    text = (ROOT / "shared" / "resilver" / "__init__.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def epoch() -> int:
    """The time that every file of a build bears: ``SOURCE_DATE_EPOCH``, else that of the last commit."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def reproducible() -> dict[str, str]:
    """The environment in which a tool writes the same bytes each time."""
    return {**os.environ, "SOURCE_DATE_EPOCH": str(epoch()), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
