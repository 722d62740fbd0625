"""``resilver integrate``: entries in the menus of file managers, out of them again, and which there are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resilver.cli.printing import complain, print_json, shown

if TYPE_CHECKING:
    from resilver_desktop.file_manager import FileManager
    from resilver_desktop.machine import Machine

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers gives
NAMES = ("nautilus", "nemo", "caja", "thunar", "dolphin", "pcmanfm", "windows", "macos", "open-with")


def add_parsers(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``integrate`` with its verbs."""
    summary = "bring Resilver into the menus of file managers, or take it away"
    parser = commands.add_parser("integrate", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add(verbs, "install", _install, "bring Resilver into the menus", "all that are found, open-with excepted")
    _add(verbs, "remove", _remove, "take Resilver out of the menus, and nothing else", "all")
    _add(verbs, "status", _status, "tell where Resilver is in the menus", "all")


def _add(
    verbs: Commands[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    default: str,
) -> None:
    parser = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    # not by `choices`, to which argparse would hold the empty list, too
    parser.add_argument(
        "managers", nargs="*", type=_name, metavar="WHERE", help=f"of {', '.join(NAMES)} (default: {default})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def _name(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(NAMES)}, not {text!r}")
    return text


def _install(args: argparse.Namespace) -> int:
    machine, managers = _chosen(args)
    if not args.managers:
        managers = [manager for manager in managers if manager.found(machine)]
    if not managers:
        complain(
            "no file manager was found whose menu is known; `resilver integrate install open-with` "
            'brings Resilver under "Open With", wherever there is such a menu.'
        )
    status = _tell(args, [_row(manager, machine, manager.install) for manager in managers])
    for manager in managers if not args.json else ():
        if manager.advice:
            print(manager.advice)
    return status if managers else 1


def _remove(args: argparse.Namespace) -> int:
    machine, managers = _chosen(args)
    there = [
        row
        for row in (_row(manager, machine) for manager in managers)
        if row["state"] in ("installed", "outdated", "damaged")
    ]
    names = [row["name"] for row in there]
    if not names and not args.json:
        print("Nothing was installed.")
    return _tell(args, [_row(manager, machine, manager.remove) for manager in managers if manager.name in names])


def _status(args: argparse.Namespace) -> int:
    machine, managers = _chosen(args)
    rows = [_row(manager, machine) for manager in managers]
    if not args.managers and not args.json:
        rows = [row for row in rows if row["found"] or row["state"] != "absent"]
    return _tell(args, rows)


def _chosen(args: argparse.Namespace) -> tuple[Machine, list[FileManager]]:
    from resilver_desktop.machine import this_machine
    from resilver_desktop.managers import MANAGERS

    return this_machine(), [manager for manager in MANAGERS if not args.managers or manager.name in args.managers]


def _row(manager: FileManager, machine: Machine, do: Callable[[Machine], None] = lambda _: None) -> dict[str, Any]:
    """Do it, and tell what is there afterwards; one file manager whose files are damaged does not keep the others."""
    from resilver.errors import ResilverError

    row: dict[str, Any] = {"name": manager.name, "found": manager.found(machine), "state": "damaged"}
    row |= {"places": manager.places(machine), "problem": None}
    try:
        do(machine)
        row["state"] = str(manager.state(machine))
    except ResilverError as error:
        row["problem"] = error.message
    return row


def _tell(args: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> int:
    if args.json:
        from resilver import __version__

        print_json({"version": __version__, "managers": [*rows]})
    for row in rows if not args.json else ():
        found = "" if row["found"] or row["name"] == "open-with" else " (not found on this computer)"
        print(f"{row['name']}: {row['state']}{found}")
        for place in row["places"] if row["state"] in ("installed", "outdated") else ():
            print(f"  {shown(place)}")
        if row["problem"]:
            complain(shown(row["problem"]))
    return 1 if any(row["problem"] for row in rows) else 0
