"""``resilver serve``: the improve method over HTTP."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import socket
from pathlib import Path

from resilver.cli.printing import complain, shown
from resilver.cli.recipe_options import add_engine_option
from resilver.errors import EngineMissing, UsageError

DEFAULT_PORT = 8470


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="answer other programs over HTTP",
        description="Answer the improve method of the HTTP contract, for other programs and machines. "
        "A token is made and shown at the first start; every request needs it. Ends with Ctrl-C or SIGTERM, after "
        "what was begun.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this computer only)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"(default: {DEFAULT_PORT})")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="where the tokens are (default: with the logs)")
    parser.add_argument("--workers", type=int, metavar="N", help="pictures at a time (default: one for two cores)")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain for HTTPS, a PEM file")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, a PEM file")
    add_engine_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    if not all(importlib.util.find_spec(name) for name in ("multipart", "prometheus_client", "starlette", "uvicorn")):
        raise EngineMissing("The server's libraries are not installed; call: pip install 'resilver[server]'")

    from resilver.cli.log import start_log
    from resilver.server.listen import check_certificate, listen, open_socket
    from resilver.server.service import Service
    from resilver.server.tokens import Tokens, load_tokens, readable_by_others
    from resilver.settings import load_settings, state_dir

    if (args.tls_cert is None) != (args.tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together; give both.")
    tls = None if args.tls_cert is None else (args.tls_cert, args.tls_key)
    if tls is not None:
        check_certificate(*tls)
    if args.workers is not None and args.workers < 1:
        raise UsageError("--workers must be 1 or more.")
    said = {"engine": args.engine, "server": {"workers": args.workers} if args.workers else None}
    settings = load_settings(options={name: value for name, value in said.items() if value})
    token_file = args.token_file or state_dir() / "server-tokens"
    with open_socket(args.host, args.port) as listener:
        digests, fresh = load_tokens(token_file)
        if readable_by_others(token_file):
            complain(f"other users of this computer can read {shown(token_file)}; take that right from them.")
        start_log(lasting=True)
        service = Service(settings, Tokens(digests))
        _tell(listener, tls is not None, fresh)
        listen(service, listener, tls)
    return 0


def _tell(listener: socket.socket, tls: bool, fresh: str | None) -> None:
    host, port = listener.getsockname()[:2]
    if not tls and not ipaddress.ip_address(host).is_loopback:
        complain(
            "listening beyond this computer without TLS: whoever is on the way can read the pictures and the token; "
            "give --tls-cert and --tls-key, or put a proxy with TLS in front."
        )
    if fresh is not None:
        print(f"Token, shown only this once: {fresh}")
    shown_host = f"[{host}]" if ":" in host else host
    print(f"Listening on {'https' if tls else 'http'}://{shown_host}:{port}", flush=True)
