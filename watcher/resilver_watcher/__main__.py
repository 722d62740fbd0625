"""``python -m resilver_watcher``: the command ``resilver watch``, for whoever starts it without a PATH."""

from __future__ import annotations

import sys

from resilver.cli import main

if __name__ == "__main__":
    sys.exit(main(["watch", *sys.argv[1:]]))
