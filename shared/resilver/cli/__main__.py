"""``python -m resilver.cli``: the command ``resilver``, for whoever starts it without a PATH."""

from __future__ import annotations

import sys

from resilver.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
