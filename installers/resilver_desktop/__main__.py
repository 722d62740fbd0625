"""What the entries call: ``python -m resilver_desktop ACTION -- FILE…``, or ``--uris`` with a list of URIs.

There is no terminal, so what goes wrong is told by a notification as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from resilver.cli.log import start_log
from resilver.cli.printing import complain, shown
from resilver.errors import ResilverError
from resilver.language import system_language
from resilver.recipe import preset
from resilver.settings import load_settings
from resilver_desktop.actions import ACTIONS
from resilver_desktop.choose import choose_folder
from resilver_desktop.hand_over import from_uris, hand_over
from resilver_watcher.language import translation
from resilver_watcher.notify import Notifier
from resilver_watcher.opening import open_path
from resilver_watcher.state import News


def main(argv: Sequence[str] | None = None) -> int:
    """Do one action; 0 also where the user changed his mind about it."""
    actions = {action.name: action for action in ACTIONS}
    parser = argparse.ArgumentParser(prog="resilver_desktop", description="Called by entries in file managers.")
    parser.add_argument("action", choices=actions)
    parser.add_argument("--uris", default="", help="what was chosen, a URI a line")
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args(argv)
    start_log()
    try:
        return _do(actions[args.action].preset, actions[args.action].asks, [*from_uris(args.uris), *args.files])
    except ResilverError as error:
        complain(shown(error.message))
        notifier = Notifier(translation(os.environ), open_path)
        notifier.tell(News(trouble=error.message))
        notifier.close()
        return error.exit_code


def _do(name: str, asks: bool, files: Sequence[Path]) -> int:
    chosen = [file.absolute() for file in files]
    # a daemon that is started now stays: it takes no code out of the folder of the pictures, and keeps no drive busy
    os.environ["PYTHONSAFEPATH"] = "1"
    os.chdir(Path.home())
    settings = load_settings()
    output = None
    if asks and chosen:
        output = choose_folder(chosen[0].parent, system_language(os.environ))
        if output is None:
            return 0
    count = hand_over(chosen, preset(name), output, beside=settings.watch.handed == "beside")
    print(f"{count} handed over.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
