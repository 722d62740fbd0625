"""``resilver info``: what the core sees in a picture, and what Restore would do to it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from resilver.cli.printing import complain_of, print_json, shown
from resilver.errors import ResilverError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "info",
        help="tell what a picture is, and what Restore would do to it",
        description="Tell what a picture is, and what Restore would do to it. Nothing is written.",
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at every picture; 1 if one of them cannot be read."""
    from resilver.cli.log import start_log
    from resilver.settings import load_settings
    from resilver.worker.client import Worker

    start_log()
    status = 0
    with Worker(load_settings()) as worker:
        for path in args.photos:
            try:
                facts = worker.assess(path)
            except ResilverError as error:
                status = 1
                _print_error(path, error, args.json)
            else:
                _print(path, facts, args.json)
    return status


def _print_error(path: Path, error: ResilverError, as_json: bool) -> None:
    if as_json:
        print_json({"input": str(path), "error": error.to_json()})
    else:
        complain_of(path, error)


def _print(path: Path, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"input": str(path), **facts, "error": None})
        return
    quality = facts["jpeg_quality"]
    lines = {
        "size": f"{facts['width']} x {facts['height']} pixels, {facts['depth']} bits per channel",
        "colour profile": shown(facts["icc"] or "none"),
        "black and white": "yes" if facts["bw"] else "no",
        "noise": f"{facts['noise']:.1f} of 255",
        "JPEG quality": "no JPEG" if quality is None else f"about {quality} of 100",
        "Restore would": ", ".join(facts["restore"]) or "leave it alone: already good",
    }
    print(shown(path))
    for name, value in lines.items():
        print(f"  {name:<16} {value}")
