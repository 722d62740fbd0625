"""``resilver gimp``: the plug-in into every GIMP 3, out of it, and whether it would work."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    from resilver_gimp.checks import problems
    from resilver_gimp.places import find_packaged, find_places, never_started, start_once

    packaged = find_packaged(os.environ, sys.platform)
    kept = packaged if packaged and not problems(packaged) else None
    places = find_places(os.environ, sys.platform)
    if not kept and (new := never_started(places, os.environ, sys.platform)):
        print(f"GIMP {new[1].version} was never started; letting it make its folder (some seconds).", flush=True)
        start_once(new[0], os.environ)
        places = find_places(os.environ, sys.platform)
    if kept:
        print(f"Installed: {shown(kept.folder)} ({kept.note} None of your own is needed beside it.)")
    for place in places:
        _bring(place, kept)
    after = states()
    if not any(place["usable"] for place in after):
        complain(NO_GIMP)
        return 1
    found = [problem for place in after for problem in place["problems"]]
    _print_problems(found)
    print("Start GIMP again: Filters > Enhance > Resilver.")
    return 1 if found else 0


def _bring(place: Place, kept: Place | None) -> None:
    """Install into it, or take away an older copy that would hide the one of the package."""
    from resilver_gimp.install import install, uninstall

    if not place.usable:
        print(f"Not installed: {place.note}")
    elif kept is None or place.kind != "native":
        install(place)
        print(f"Installed: {shown(place.folder)}{f' ({place.note})' if place.note else ''}")
    elif uninstall(place):
        print(f"Removed: {shown(place.folder)} (It would hide the one of the package.)")


def _uninstall(_args: argparse.Namespace) -> int:
    from resilver_gimp.install import uninstall
    from resilver_gimp.places import find_packaged, find_places

    removed = [place for place in find_places(os.environ, sys.platform) if uninstall(place)]
    for place in removed:
        print(f"Removed: {shown(place.folder)}")
    if not removed:
        print("Nothing was installed.")
    if packaged := find_packaged(os.environ, sys.platform):
        print(f"The one that a package brought stays until the package goes: {shown(packaged.folder)}")
    return 0


def _status(args: argparse.Namespace) -> int:
    from resilver import __version__

    places = states()
    if args.json:
        print_json({"version": __version__, "places": places})
    else:
        for place in places:
            _print(place)
    if not any(place["usable"] for place in places):
        complain(NO_GIMP)
        return 1
    return 1 if any(place["problems"] for place in places) else 0


def states() -> list[dict[str, Any]]:
    """Each GIMP 3 of this user, as ``status --json`` tells it."""
    from resilver_gimp.install import version_of

    return [
        {
            "kind": place.kind,
            "gimp": place.version or None,
            "folder": str(place.folder),
            "usable": place.usable,
            "installed": version_of(place),
            "note": place.note or None,
            "problems": [{"what": problem.what, "remedy": problem.remedy} for problem in problems],
        }
        for place, problems in _examined(_places())
    ]


def _print(place: Mapping[str, Any]) -> None:
    state = f"plug-in {place['installed']}" if place["installed"] else "no plug-in"
    print(f"GIMP {place['gimp'] or '3'} ({place['kind']}): {state}, {shown(place['folder'])}")
    if place["note"]:
        print(f"  {place['note']}")
    _print_problems(place["problems"])


def _print_problems(problems: Sequence[Mapping[str, str]]) -> None:
    for problem in problems:
        print(f"  {shown(problem['what'])}\n    {shown(problem['remedy'])}")


def _places() -> list[Place]:
    """As GIMP sees them."""
    from resilver_gimp.install import with_packaged
    from resilver_gimp.places import find_packaged, find_places

    places, packaged = find_places(os.environ, sys.platform), find_packaged(os.environ, sys.platform)
    return places if packaged is None else with_packaged(places, packaged)


def _examined(places: list[Place]) -> list[tuple[Place, list[Problem]]]:
    from resilver_gimp.checks import problems, python_problem
    from resilver_gimp.places import find_program

    # what is wrong with the system's Python shows only where GIMP is the system's, too
    python = python_problem(os.environ) if find_program(os.environ) else None
    return [
        (place, [*problems(place), *([python] if python is not None and place.kind == "native" else [])])
        for place in places
    ]
