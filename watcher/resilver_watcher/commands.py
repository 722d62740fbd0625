"""The commands of the hot folder; what they do is asked of the daemon over its socket."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resilver.cli.printing import complain, print_json, shown, span
from resilver.cli.recipe_options import add_engine_option, add_recipe_options, said_recipe
from resilver.recipe import PRESETS, preset

if TYPE_CHECKING:
    from resilver_watcher.remote import Remote
    from resilver_watcher.state import Entry, Status

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers gives
END_S = 15.0
"""So long ``stop`` waits; the daemon takes five seconds at most."""


def add_parsers(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add them all."""
    _add_watch(commands)
    _add_enqueue(commands)
    status = _add(commands, "status", _status, "tell what the watched folder is doing")
    status.add_argument("--json", action="store_true", help="one JSON object")
    _add(commands, "pause", _pause, "finish the picture that is worked on and take no other", "Lasts over a restart.")
    _add(commands, "resume", _resume, "go on after a pause")
    retry = _add(commands, "retry", _retry, "try pictures again that failed")
    retry.add_argument("pictures", nargs="*", type=Path, metavar="FILE", help="only these (default: all that failed)")
    history = _add(commands, "history", _history, "list what was done, newest first")
    history.add_argument("-n", type=_count, default=30, metavar="N", help="so many (default: 30)")
    history.add_argument("--json", action="store_true", help="one JSON object for each picture")
    history.add_argument(
        "--html", action="store_true", help="write a page that shows before and after, and print its name"
    )
    history.add_argument("--open", action="store_true", help="with --html: show the page")
    _add(commands, "stop", _stop, "end the watching; what is worked on is done again later")
    autostart = _add(commands, "autostart", _autostart, "watch whenever this computer is used, or do not")
    autostart.add_argument("switch", choices=("on", "off", "status"))


def _add(
    commands: Commands[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    more: str = "",
) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}. {more}".strip()
    parser = commands.add_parser(name, help=summary, description=description)
    parser.set_defaults(run=run)
    return parser


def _add_watch(commands: Commands[argparse.ArgumentParser]) -> None:
    more = "Without folders: those named in the settings, else two in your pictures folder, which are made."
    parser = _add(commands, "watch", _watch, "restore whatever is dropped into a folder", more)
    parser.add_argument("--input", type=Path, metavar="DIR", help="where photographs are dropped")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the results go")
    parser.add_argument("--once", action="store_true", help="do what lies there and leave, for cron and scripts")
    parser.add_argument("--no-tray", action="store_true", help="no icon, for machines without a desktop")
    parser.add_argument(
        "--make-preset-folders", action="store_true", help="make a subfolder for each preset; what lies there uses it"
    )
    add_engine_option(parser)
    add_recipe_options(parser)


def _add_enqueue(commands: Commands[argparse.ArgumentParser]) -> None:
    more = "The results go into the restored folder. If nothing is watching, it is started."
    parser = _add(commands, "enqueue", _enqueue, "hand photographs to the watching process", more)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--preset", metavar="NAME", help=f"one of {', '.join(PRESETS)} (default: the folder's)")
    parser.add_argument("--beside", action="store_true", help="write each result beside its photograph")


def _watch(args: argparse.Namespace) -> int:
    from resilver.cli.log import start_log
    from resilver.settings import load_settings
    from resilver_watcher import pairs, service

    recipe = said_recipe(args)
    folders = {name: value for name in ("input", "output") if (value := getattr(args, name)) is not None}
    if folders:
        folders["pairs"] = ()
    options = {"watch": folders, **({"engine": args.engine} if args.engine else {})}
    settings = load_settings(options=options)
    found = pairs.pairs_from(settings.watch, recipe)
    service.folder_of_pictures(found, pairs.default_folders()[0])
    if args.make_preset_folders:
        for pair in found:
            pairs.make_preset_folders(pair)
    start_log(lasting=True)
    asked = bool(folders or recipe or args.engine)
    return service.watch(settings, found, once=args.once, tray=not args.no_tray, asked=asked, engine=args.engine)


def _enqueue(args: argparse.Namespace) -> int:
    from resilver.errors import NotWatching
    from resilver_watcher.service import start_daemon

    recipe = None if args.preset is None else preset(args.preset)
    files = [file.absolute() for file in args.files if file.is_file()]
    missing = [file for file in args.files if not file.is_file()]
    for file in missing:
        complain(f"{shown(file)} is no file; name photographs, or drop folders into the watched one.")
    if files:
        remote = _remote()
        try:
            count = remote.enqueue(files, recipe, args.beside)
        except NotWatching:
            start_daemon()
            count = remote.enqueue(files, recipe, args.beside)
        print(f"{count} handed over.")
    return 1 if missing else 0


def _status(args: argparse.Namespace) -> int:
    status = _remote().status()
    if args.json:
        print_json(status.to_json())
    else:
        _print_status(status)
    return 0


def _print_status(status: Status) -> None:
    print(f"{status.state}{f': {shown(status.trouble)}' if status.trouble else ''}")
    if (now := status.current) is not None:
        left = "" if now.seconds_left is None else f", about {span(now.seconds_left)} left"
        print(f"  {shown(Path(now.source).name)}: {now.step or 'begun'}, {now.fraction:.0%}{left}")
    counts = {name: count for name, count in status.counts.items() if name not in ("working", "unchanged")}
    unchanged = f" ({status.counts['unchanged']} unchanged)" if status.counts.get("unchanged") else ""
    print("  " + ", ".join(f"{count} {name}{unchanged if name == 'done' else ''}" for name, count in counts.items()))
    for entry in status.failed:
        print(f"  {shown(entry.source)}: {shown(entry.reason)}")
    for pair in status.pairs:
        trouble = f" - {shown(pair.trouble)}" if pair.trouble else ""
        print(
            f"  {shown(pair.input)} -> {shown(pair.output)} ({pair.preset or status.preset}, {status.engine}){trouble}"
        )


def _pause(_args: argparse.Namespace) -> int:
    _remote().pause()
    return 0


def _resume(_args: argparse.Namespace) -> int:
    _remote().resume()
    return 0


def _retry(args: argparse.Namespace) -> int:
    count = _remote().retry([path.absolute() for path in args.pictures] or None)
    print(f"{count} to be tried again.")
    return 0


def _stop(_args: argparse.Namespace) -> int:
    from resilver_watcher.service import lock

    _remote().stop()
    until = time.monotonic() + END_S
    while time.monotonic() < until:
        with lock() as mine:
            if mine.take():
                return 0
        time.sleep(0.1)
    complain("it was told to stop, but still does something.")
    return 1


def _autostart(args: argparse.Namespace) -> int:
    from resilver_watcher import autostart

    if args.switch == "status":
        print("on" if autostart.is_on() else "off")
    elif args.switch == "off":
        autostart.turn_off()
    elif (path := autostart.turn_on()) is not None:
        print(f"Written: {shown(path)}")
    return 0


def _history(args: argparse.Namespace) -> int:
    entries = _entries(args.n)
    if args.html:
        return _page(entries, show=args.open)
    for entry in entries:
        if args.json:
            from resilver_watcher.remote import entry_to_json

            print_json(entry_to_json(entry))
        else:
            _print_entry(entry)
    return 0


def _print_entry(entry: Entry) -> None:
    from resilver_watcher.state import COPIED

    what = ", ".join(shown(output) for output in entry.outputs) or shown(entry.reason) or "already good"
    what += f" ({', '.join(map(shown, entry.notes))})" if COPIED in entry.notes else ""
    took = f" ({span(entry.seconds)})" if entry.seconds else ""
    print(f"{local_time(entry.when)}  {entry.state}  {shown(entry.source)}: {what}{took}")


def local_time(when: str) -> str:
    """A time of the journal, which is UTC, as people here read it, to the minute."""
    import datetime as dt

    return f"{dt.datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}" if when else ""


def _entries(number: int) -> tuple[Entry, ...]:
    """From the daemon, or out of the journal while no daemon has it."""
    from resilver.errors import NotWatching
    from resilver_watcher.service import lock

    try:
        return _remote().history(number)
    except NotWatching:
        with lock() as mine:
            if not mine.take():
                raise
            return _from_journal(number)


def _from_journal(number: int) -> tuple[Entry, ...]:
    from resilver_watcher.daemon import journal_file
    from resilver_watcher.job import State
    from resilver_watcher.journal import Journal
    from resilver_watcher.report import entry

    if not journal_file().exists():
        return ()
    with contextlib.closing(Journal(journal_file())) as journal:
        return tuple(map(entry, journal.newest((State.DONE, State.FAILED, State.ASIDE), number)))


def _page(entries: tuple[Entry, ...], *, show: bool) -> int:
    from resilver.errors import NotWatching
    from resilver.settings import load_settings
    from resilver_watcher.opening import open_path
    from resilver_watcher.page import write_page
    from resilver_watcher.pairs import pairs_from

    try:
        folder = Path(_remote().status().pairs[0].output)
    except NotWatching:
        folder = pairs_from(load_settings().watch)[0].output
    path = write_page(entries, folder)
    print(shown(path))
    if show:
        with contextlib.suppress(OSError):
            open_path(path)
    return 0


def _remote() -> Remote:
    from resilver_watcher.remote import Remote

    return Remote()


def _count(text: str) -> int:
    number = int(text)
    if not 0 < number <= 10_000:
        raise ValueError(text)
    return number
