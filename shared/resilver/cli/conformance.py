"""``resilver conformance``: whether a server keeps the contract of the improve method."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from resilver.cli.printing import complain, print_json, shown

if TYPE_CHECKING:
    from resilver.conformance import Verdict
    from resilver.settings import CloudSettings

REFUSED = 2


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "conformance",
        help="tell whether a server keeps the contract",
        description="Tell whether a server keeps the contract of the improve method. It asks first, then sends "
        "small invented pictures, as few as possible. Exit status 1 if the server breaks the contract; where "
        "that leaves something open, another decision is told and counts for nothing.",
    )
    parser.add_argument("--base-url", metavar="URL", help="of the server (default: the setting cloud.base_url)")
    parser.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    parser.add_argument("--json", action="store_true", help="one JSON object for each sentence of the contract")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, examine, print; 1 if a required sentence is broken, 2 if the user does not agree."""
    from resilver.cloud.tokens import SecretStore, Tokens
    from resilver.conformance import examine, service_caller
    from resilver.http_contract import presentable
    from resilver.settings import load_settings

    settings = load_settings(options={"cloud": {"base_url": args.base_url}} if args.base_url else None).cloud
    token = Tokens(settings, SecretStore(), os.environ).token()
    if not args.yes and not _agreed(settings):
        complain("Nothing was sent.")
        return REFUSED
    broken = 0
    for verdict in examine(service_caller(settings, token)):
        tame = replace(verdict, found=presentable(verdict.found, (token,)))  # a server may echo the token
        broken += bool(tame.found) and tame.check.required
        (_print_json if args.json else _print)(tame)
    if not args.json:
        print(f"{broken} broken" if broken else "The server keeps the contract.")
    return 1 if broken else 0


def _agreed(settings: CloudSettings) -> bool:
    from resilver.cloud.ledger import estimate, origin
    from resilver.conformance import AT_WORST, SPENT

    if not sys.stdin.isatty():
        complain("This may cost something, so it has to be confirmed; in scripts call it with --yes.")
        return False
    question = (
        f"{origin(settings)} will get small invented pictures. If it keeps the contract, it counts "
        f"{estimate(settings, SPENT)}; if it refuses nothing, {estimate(settings, AT_WORST)}. Go on? [y/N] "
    )
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print(verdict: Verdict) -> None:
    word = "ok" if not verdict.found else "BROKEN" if verdict.check.required else "differs"
    print(f"{word:8}{verdict.check.sentence}", flush=True)
    if verdict.found:
        print(f"        {shown(verdict.found)}", flush=True)


def _print_json(verdict: Verdict) -> None:
    check = verdict.check
    facts = {"name": check.name, "sentence": check.sentence, "required": check.required}
    print_json({**facts, "kept": not verdict.found, "found": verdict.found})
