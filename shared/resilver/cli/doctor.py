"""``resilver doctor``: what is installed and where things lie, and for each problem the one thing to do."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resilver.cli.printing import print_json, shown
from resilver.errors import ResilverError

if TYPE_CHECKING:
    from resilver.settings import Settings


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and the one thing to do about it: two sentences."""

    what: str
    remedy: str


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="tell what is installed, what is missing, and what to do about it",
        description="Tell what is installed and where things lie, and for each problem the one thing to do. "
        "Exit status 1 if there is a problem.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine everything; 1 if there is a problem."""
    problems: list[Problem] = []
    found = _examine(problems)
    if args.json:
        print_json({**found, "problems": [{"what": problem.what, "remedy": problem.remedy} for problem in problems]})
    else:
        _print(found, problems)
    return 1 if problems else 0


def _examine(problems: list[Problem]) -> dict[str, Any]:
    from resilver.settings import Settings, config_file, load_settings

    try:
        settings = load_settings()
    except ResilverError as error:
        problems.append(Problem(error.message, f"Mend or remove {config_file()}, or the variable that is named."))
        settings = Settings()
    worker = _worker(settings, problems)
    found = {**worker, "models": _models(settings, problems), "gimp": _gimp(problems)}
    return {**found, "folders": _folders(settings, problems)}


def _worker(settings: Settings, problems: list[Problem]) -> dict[str, Any]:
    """Versions and device as the process sees them that does the work; that it starts is a finding, too."""
    import platform

    from resilver import __version__
    from resilver.worker.client import Worker

    try:
        with Worker(settings) as worker:
            info = worker.info()
    except ResilverError as error:
        problems.append(Problem(error.message, "Install Resilver anew; the rest of this list may tell why."))
        return {"versions": {"resilver": __version__, "python": platform.python_version()}, "device": None}
    return {"versions": dict(info.versions), "device": info.device}


def _models(settings: Settings, problems: list[Problem]) -> list[dict[str, str]]:
    from resilver.local.models import ModelStore, sources
    from resilver.local.networks import OWN
    from resilver.local.own import REMEDY

    store = ModelStore(settings.local.models)
    state = store.own.state()
    if state != "installed":
        problems.append(Problem(f"Resilver's own networks are {state}.", f"{REMEDY.capitalize()}."))
    found = [{"name": OWN, "state": state, "origin": "the package", "folder": str(store.own.folder)}]
    for name, source in sources().items():
        state = store.state(name)
        origin = f"{source.package} {source.version}, {source.origin}"
        found.append({"name": name, "state": state, "origin": origin, "folder": str(store.folder(name))})
        if state == "damaged":
            problems.append(Problem(f"The networks of {name} are damaged.", f"Call '{source.command}'."))
    return found


def _gimp(problems: list[Problem]) -> list[dict[str, Any]]:
    """Every GIMP 3 of this user. To have no plug-in is no problem: not everybody wants it."""
    # by name, since imports go down only and that door stands above
    found: list[dict[str, Any]] = importlib.import_module("resilver_gimp.commands").states()
    problems += [Problem(**problem) for place in found if place["installed"] for problem in place["problems"]]
    return found


def _folders(settings: Settings, problems: list[Problem]) -> list[dict[str, Any]]:
    from resilver.settings import config_file, data_dir, state_dir

    found = []
    for name, folder in (
        ("settings", config_file().parent),
        ("data", data_dir()),
        ("networks", settings.local.models),
        ("state and log", state_dir()),
    ):
        writable = _writable(folder)
        found.append({"name": name, "path": str(folder), "exists": folder.is_dir(), "writable": writable})
        if not writable:
            problems.append(
                Problem(f"The folder {shown(folder)} cannot be written to.", "Give yourself the right to write there.")
            )
    return found


def _writable(folder: Path) -> bool:
    """Whether files can be made there, or the folder itself where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _print(found: dict[str, Any], problems: list[Problem]) -> None:
    print("Versions")
    for name, version in found["versions"].items():
        print(f"  {name:<14} {version}")
    from resilver.local.networks import OWN

    print("Networks")
    for model in found["models"]:
        optional = model["state"] == "missing" and model["name"] != OWN
        state = "not installed (optional)" if optional else model["state"]
        print(f"  {model['name']:<14} {state}, from {model['origin']}")
    print(f"Networks run on\n  {found['device'] or 'unknown'}")
    _print_gimp(found["gimp"])
    print("Folders")
    for folder in found["folders"]:
        state = "" if folder["exists"] else " (made when needed)"
        print(f"  {folder['name']:<14} {shown(folder['path'])}{state}")
    if not problems:
        print("No problems found.")
    for number, problem in enumerate(problems, 1):
        print(f"Problem {number}: {shown(problem.what)}\n  {shown(problem.remedy)}")


def _print_gimp(places: Sequence[Mapping[str, Any]]) -> None:
    print("GIMP" if places else "GIMP\n  none that can have the plug-in (optional)")
    for place in places:
        plug_in = f"plug-in {place['installed']}, {shown(place['folder'])}"
        note = f"  {place['note']}" if place["note"] else ""
        print(f"  {place['gimp'] or '3':<14} {plug_in if place['installed'] else 'no plug-in (optional)'}{note}")
