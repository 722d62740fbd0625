"""``python -m recipes NAME [INPUT...]``: what ``recipes/NAME/build`` calls."""

from __future__ import annotations

import subprocess
import sys

from builders.project import Unbuildable
from recipes import appdir, bundle, sandbox

RECIPES = {"appimage": appdir.build, "flatpak": sandbox.build, "macos": bundle.build}


def main(name: str, *inputs: str) -> int:
    """Follow one; 2 where something is missing for it."""
    try:
        print(RECIPES[name](*inputs))  # noqa: T201
    except Unbuildable as error:
        print(f"resilver: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except subprocess.CalledProcessError as error:  # whose program has said why
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
