"""``python -m builders NAME...``: build into ``dist/``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from builders import deb, lock, release, third_party, wheels
from builders.project import DIST

TARGETS: dict[str, Callable[[], Path]] = {
    "wheel": lambda: wheels.own(DIST),
    "deb": lambda: deb.build(DIST),
    "release": release.build,
    "third-party": third_party.write,
    "lock": lock.write,
}


def main(names: list[str]) -> int:
    """Build each of them; 2 where one is unknown."""
    wanted = ["wheel", "deb"] if names == ["all"] else names
    if not wanted or not set(wanted) <= TARGETS.keys():
        print(f"name some of these: all, {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    for name in wanted:
        print(TARGETS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
