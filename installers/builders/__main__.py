"""``python -m builders NAME...``: build into ``dist/``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from builders import lock, release, third_party
from builders.project import DIST, Unbuildable

TARGETS: dict[str, Callable[[], Path]] = {
    **{name: partial(make, DIST) for name, make in release.INSTALLERS.items()},
    "all": release.build_all,
    "release": release.build,
    "third-party": third_party.write,
    "lock": lock.write,
}


def main(names: list[str]) -> int:
    """Build each of them; 2 where one is unknown, or cannot be built here."""
    if not names or not set(names) <= TARGETS.keys():
        print(f"name some of these: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    try:
        for name in names:
            print(TARGETS[name]())
    except Unbuildable as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
