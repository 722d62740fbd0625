"""``resilver gimp``: the plug-in into every GIMP 3, out of it, and whether it would work."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from resilver.cli.printing import complain, print_json, shown

if TYPE_CHECKING:
    from resilver.cli.doctor import Problem
    from resilver_gimp.places import Place

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers gives
NO_GIMP = "no GIMP 3 was found that can have the plug-in; install GIMP 3, or start it once, and try again."


def add_parsers(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``gimp`` with its verbs."""
    summary = "bring the plug-in into GIMP 3, or take it away"
    parser = commands.add_parser("gimp", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add(verbs, "install", _install, "bring the plug-in into every GIMP 3 of this user, or renew it")
    _add(verbs, "uninstall", _uninstall, "take the plug-in away from every GIMP 3, and nothing else")
    status = _add(
        verbs, "status", _status, "tell whether each GIMP 3 would load it; exit status 1 if there is a problem"
    )
    status.add_argument("--json", action="store_true", help="one JSON object")


def _add(
    verbs: Commands[argparse.ArgumentParser], name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(run=run)
    return parser


def _install(_args: argparse.Namespace) -> int:
    from resilver_gimp.install import install
    from resilver_gimp.places import never_started, start_once

    places = _places()
    if new := never_started(places, os.environ, sys.platform):
        print(f"GIMP {new[1].version} was never started; letting it make its folder (some seconds).", flush=True)
        start_once(new[0], os.environ)
        places = _places()
    for place in places:
        if place.usable:
            install(place)
            print(f"Installed: {shown(place.folder)}{f' ({place.note})' if place.note else ''}")
        else:
            print(f"Not installed: {place.note}")
    if not any(place.usable for place in places):
        complain(NO_GIMP)
        return 1
    problems = [problem for _, found in _examined(places) for problem in found]
    _print_problems(problems)
    print("Start GIMP again: Filters > Enhance > Resilver.")
    return 1 if problems else 0


def _uninstall(_args: argparse.Namespace) -> int:
    from resilver_gimp.install import uninstall

    removed = [place for place in _places() if uninstall(place)]
    for place in removed:
        print(f"Removed: {shown(place.folder)}")
    if not removed:
        print("Nothing was installed.")
    return 0


def _status(args: argparse.Namespace) -> int:
    from resilver import __version__
    from resilver_gimp.install import mark_of

    examined = _examined(_places())
    if args.json:
        places = [
            {
                "kind": place.kind,
                "gimp": place.version or None,
                "folder": str(place.folder),
                "usable": place.usable,
                "installed": mark_of(place.folder).get("version"),
                "note": place.note or None,
                "problems": [{"what": problem.what, "remedy": problem.remedy} for problem in problems],
            }
            for place, problems in examined
        ]
        print_json({"version": __version__, "places": places})
    else:
        for place, problems in examined:
            _print(place, problems, mark_of(place.folder).get("version"))
    if not any(place.usable for place, _ in examined):
        complain(NO_GIMP)
        return 1
    return 1 if any(problems for _, problems in examined) else 0


def _print(place: Place, problems: list[Problem], installed: str | None) -> None:
    state = f"plug-in {installed}" if installed else "no plug-in"
    print(f"GIMP {place.version or '3'} ({place.kind}): {state}, {shown(place.folder)}")
    if place.note:
        print(f"  {place.note}")
    _print_problems(problems)


def _print_problems(problems: list[Problem]) -> None:
    for problem in problems:
        print(f"  {shown(problem.what)}\n    {shown(problem.remedy)}")


def _places() -> list[Place]:
    from resilver_gimp.places import find_places

    return find_places(os.environ, sys.platform)


def _examined(places: list[Place]) -> list[tuple[Place, list[Problem]]]:
    from resilver_gimp.checks import problems, python_problem
    from resilver_gimp.places import find_program

    # what is wrong with the system's Python shows only where GIMP is the system's, too
    python = python_problem(os.environ) if find_program(os.environ) else None
    return [
        (place, [*problems(place), *([python] if python is not None and place.kind == "native" else [])])
        for place in places
    ]
