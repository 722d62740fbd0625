"""The command line: ``resilver COMMAND``, a file per command; options become a recipe and settings."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        from resilver import __version__

        print(f"resilver {__version__}")
        return 0
    _print_any_name()
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except SystemExit as leave:  # argparse has printed the help or what is wrong
        return leave.code if isinstance(leave.code, int) else 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our output left ("| head"); the interpreter must not complain when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(arguments: list[str]) -> int:
    from resilver.cli.parser import build_parser
    from resilver.errors import ResilverError

    args = build_parser().parse_args(arguments)
    if not hasattr(args, "run"):
        build_parser().print_help(sys.stderr)
        return 2
    try:
        status: int = args.run(args)
    except ResilverError as error:
        print(f"resilver: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence for the user, the rest for the log
        return _unexpected(error)
    return status


def _unexpected(error: Exception) -> int:
    from resilver.cli.log import log_file, start_log

    start_log()
    logging.getLogger(__name__).error("unexpected", exc_info=error)
    print(
        f"resilver: something unexpected happened and nothing more was done; the details are in {log_file()}, "
        "please report them.",
        file=sys.stderr,
    )
    return 1


def _print_any_name() -> None:
    """Let names outside the terminal's character set be printed with escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
