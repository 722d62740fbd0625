"""``resilver login``, ``logout`` and ``account``: the token for the cloud engine, and what may be sent.

Secrets are asked for, or read from standard input; they have no place among the arguments, which others can see.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING

from resilver.cli.printing import complain, print_json, shown
from resilver.errors import CloudConsent, UsageError

if TYPE_CHECKING:
    from resilver.settings import CloudSettings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands."""
    login = _add(commands, "login", "keep a token for the cloud engine", _login)
    login.add_argument("--oauth", action="store_true", help="ask for an OAuth client's id and secret, not for a token")
    _add(commands, "logout", "forget the token", _logout)
    account = _add(commands, "account", "tell who gets pictures, what was sent this month, and what it may cost", _show)
    account.add_argument("--json", action="store_true", help="one JSON object")
    actions = account.add_subparsers(title="commands", metavar="COMMAND")
    consent = _add(actions, "consent", "agree that pictures leave this computer, or withdraw it", _consent)
    consent.add_argument("--withdraw", action="store_true", help="send nothing more")
    allow = _add(actions, "allow", "let more pictures than the limit go out in this month", _allow)
    allow.add_argument("pictures", type=_positive, metavar="N")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, run: object
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=f"{what.capitalize()}.")
    parser.add_argument("--base-url", metavar="URL", default=argparse.SUPPRESS, help="of another service")
    parser.set_defaults(run=run)
    return parser


def ready_to_send(settings: CloudSettings, pictures: int, *, agreed: bool) -> None:
    """Before the first picture goes out: consent, what it may cost, and the limit; asks where somebody can answer.

    ``agreed``: an option of this call said so.

    Raises:
        CloudConsent: nobody agreed; nothing is sent.
        SettingsError: the base URL is no address.
    """
    from resilver.cloud.ledger import Ledger, cloud_folder, estimate, origin, who_gets_them
    from resilver.cloud.transport import improve_url

    improve_url(settings.base_url)  # refuses what is no address
    ledger = Ledger(cloud_folder())
    if not ledger.agreed(settings):
        complain(who_gets_them(settings))
        if not agreed and not _asked("Do you agree?"):
            raise CloudConsent(
                "Nothing was sent; agree with 'resilver account consent', or add --yes-send to this command."
            )
        ledger.agree(settings)
    complain(f"to {origin(settings)}: at most {estimate(settings, pictures)}, unless some are sent in parts.")
    left = ledger.left_this_month(settings)
    if left is not None and left < pictures:
        complain(f"{left} of {settings.monthly_limit} pictures are left this month; then it stops.")
        if _asked(f"Allow {pictures - left} more?"):
            ledger.allow(pictures - left)


def _asked(question: str) -> bool:
    """What the user answers; no, where nobody can."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _settings(args: argparse.Namespace) -> CloudSettings:
    from resilver.cloud.transport import improve_url
    from resilver.settings import load_settings

    base_url = getattr(args, "base_url", None)
    settings = load_settings(options={"cloud": {"base_url": base_url}} if base_url else {}).cloud
    improve_url(settings.base_url)  # refuses what is no address
    return settings


def _login(args: argparse.Namespace) -> int:
    from resilver.cloud.ledger import origin
    from resilver.cloud.tokens import VARIABLE, Secret, SecretStore, request_token

    settings = _settings(args)
    if args.oauth:
        client = Secret(client_id=_secret("Client id"), client_secret=_secret("Client secret"))
        secret = request_token(settings, client)
    else:
        secret = Secret(_secret(f"Token for {origin(settings)}"))
    place = SecretStore().save(settings, secret)
    print(f"The token for {origin(settings)} is kept in {shown(place)}.")
    if os.environ.get(VARIABLE):
        complain(f"{VARIABLE} is set and goes first; unset it to use this one.")
    return 0


def _secret(what: str) -> str:
    text = getpass.getpass(f"{what} (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if not text.strip():
        raise UsageError(f"{what}: nothing was given; type it, or write it to the standard input.")
    return text.strip()


def _logout(args: argparse.Namespace) -> int:
    from resilver.cloud.ledger import origin
    from resilver.cloud.tokens import VARIABLE, SecretStore

    settings = _settings(args)
    found = SecretStore().delete(settings)
    print(f"The token for {origin(settings)} is {'forgotten' if found else 'not kept here'}.")
    if os.environ.get(VARIABLE):
        complain(f"{VARIABLE} is still set.")
    return 0


def _show(args: argparse.Namespace) -> int:
    from resilver.cloud.ledger import Ledger, cloud_folder, estimate, origin
    from resilver.cloud.tokens import VARIABLE, SecretStore

    settings = _settings(args)
    ledger = Ledger(cloud_folder())
    sent = ledger.sent_this_month()
    token = f"the variable {VARIABLE}" if os.environ.get(VARIABLE) else SecretStore().place(settings)
    left = ledger.left_this_month(settings)
    facts = {"service": origin(settings), "token": token, "consent": ledger.agreed(settings),
             "sent_this_month": sent, "left_this_month": left, "price": settings.price or None,
             "currency": settings.currency or None}  # fmt: skip
    if args.json:
        print_json(facts)
        return 0
    print(f"service     {shown(origin(settings))}")
    print(f"token       {shown(token)}")
    print(f"consent     {'given' if facts['consent'] else 'not given: nothing is sent'}")
    print(f"this month  {estimate(settings, sent)} sent, {'no limit' if left is None else f'{left} left'}")
    return 0


def _consent(args: argparse.Namespace) -> int:
    from resilver.cloud.ledger import Ledger, cloud_folder, origin, who_gets_them

    settings, ledger = _settings(args), Ledger(cloud_folder())
    if args.withdraw:
        ledger.withdraw(settings)
        print(f"Nothing more is sent to {origin(settings)}.")
    else:
        ledger.agree(settings)
        print(f"{who_gets_them(settings)} You agreed; 'resilver account consent --withdraw' takes it back.")
    return 0


def _allow(args: argparse.Namespace) -> int:
    from resilver.cloud.ledger import Ledger, cloud_folder

    settings, ledger = _settings(args), Ledger(cloud_folder())
    ledger.allow(args.pictures)
    left = ledger.left_this_month(settings)
    print("There is no limit." if left is None else f"{left} pictures are left this month.")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
