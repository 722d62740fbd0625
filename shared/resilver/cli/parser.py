"""The one parser; help, manual pages and completions are made from it."""

from __future__ import annotations

import argparse
import importlib

from resilver.cli import account, conformance, doctor, info, models, restore, serve

_DESCRIPTION = """\
Brings old photographs back: repairs and enlarges them on this computer. Originals are never changed."""

_EXAMPLES = """\
examples:
  resilver restore attic.jpg                     writes attic-improved.jpg beside it
  resilver restore attic.jpg -o restored         writes into the folder "restored"
  resilver restore -r scans -o restored          a folder with its subfolders
  resilver restore --upscale 2 attic.jpg         repairs and doubles both sides
  resilver info attic.jpg                        what Resilver sees, and would do
  resilver watch                                 restores whatever is dropped into a folder
  resilver gimp install                          brings the plug-in into GIMP
  resilver integrate install                     brings Resilver into the menus of file managers
  resilver doctor                                what is installed, and what is missing

"resilver COMMAND --help" tells all options of a command.
exit status: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``resilver`` with every command; each sets ``run``, a function from arguments to status."""
    parser = argparse.ArgumentParser(
        prog="resilver",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=_version(), help="print the version and leave")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (restore, info, account, serve, conformance, doctor, models):
        command.add_parser(commands)
    # by name, since imports go down only and these doors stand above
    for door in ("resilver_watcher", "resilver_gimp", "resilver_desktop"):
        importlib.import_module(f"{door}.commands").add_parsers(commands)
    return parser


def _version() -> str:
    from resilver import __version__

    return f"resilver {__version__}"
