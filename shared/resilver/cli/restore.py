"""``resilver restore``: the main job."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resilver.cli.printing import Bar, complain, complain_of, print_json, shown, shown_some, span
from resilver.cli.recipe_options import add_engine_option, add_recipe_options, recipe_from
from resilver.errors import UsageError

if TYPE_CHECKING:
    from resilver.cli.crew import Crew, Outcome, Tell
    from resilver.cli.inputs import Inputs, Item
    from resilver.engine import Report
    from resilver.errors import ResilverError
    from resilver.improve import FileResult
    from resilver.recipe import Recipe
    from resilver.settings import Settings
    from resilver.worker.client import Worker

StartWorker = Callable[["Settings"], "Worker"]

_log = logging.getLogger(__name__)

_DESCRIPTION = """\
Restore photographs. Without options: mend damage, fading, casts, grain and JPEG blocks where they are found, and leave
good photographs alone. Originals are never changed; what was done before with the same options is skipped."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("restore", help="restore photographs, or folders of them", description=_DESCRIPTION)
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="a photograph, or a folder of them")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for the results (default: beside each)"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="look into the subfolders of folders, too")
    add_recipe_options(parser)
    how = parser.add_argument_group("how to do it")
    how.add_argument(
        "--keep", choices=("final", "all"), default="final", help="all: write the result of each step, too"
    )
    how.add_argument(
        "--mask", type=Path, metavar="OUT", help="write where damage was filled as a PNG, the lighter the more of it"
    )
    how.add_argument(
        "--with-mask", type=Path, metavar="FILE", help="fill what is light in this picture of the same size, only that"
    )
    add_engine_option(how)
    how.add_argument("--base-url", metavar="URL", help="of the cloud engine's service, if not the usual one")
    how.add_argument("--yes-send", action="store_true", help="agree that pictures are sent to it, now and later")
    how.add_argument("--jobs", type=_positive, default=1, metavar="N", help="so many photographs at a time (default 1)")
    how.add_argument("--json", action="store_true", help="one JSON object per photograph on stdout, nothing else")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, start_worker: StartWorker | None = None) -> int:
    """Restore everything that is named; 1 if something failed, 130 if the user stopped it.

    ``start_worker`` makes a worker for these settings, where another than the usual one is wanted.
    """
    recipe = recipe_from(args)
    if args.output is not None and args.output.exists() and not args.output.is_dir():
        raise UsageError(f"{shown(args.output)} is no folder; -o takes the folder for the results.")
    settings = _settings(args)

    from resilver.cli.inputs import collect
    from resilver.cli.log import start_log
    from resilver.worker.client import Worker

    start_log()
    inputs = collect(args.photos, args.output, args.recursive)
    _check_places(args, settings, inputs)
    if settings.engine == "cloud" and inputs.items:
        from resilver.cli.account import ready_to_send

        # what is repaired goes up again to be enlarged
        times = 2 if recipe.resolution and (recipe.improve or recipe.colorize != "never") else 1
        ready_to_send(settings.cloud, len(inputs.items) * times, agreed=args.yes_send)
    return _Run(args, recipe, inputs, settings, partial(start_worker or Worker, settings)).go()


class _Run:
    """One call of the command: its counts, and what it prints."""

    def __init__(
        self,
        args: argparse.Namespace,
        recipe: Recipe,
        inputs: Inputs,
        settings: Settings,
        start_worker: Callable[[], Worker],
    ) -> None:
        self._args = args
        self._recipe = recipe
        self._inputs = inputs
        self._settings = settings
        self._start_worker = start_worker
        self._bar = Bar(enabled=not args.json)
        self._counts = dict.fromkeys(("restored", "good", "skipped", "failed", "ours"), 0)
        self._passed_bytes = 0
        self._worked_bytes = 0
        self._noted: set[str] = set()

    def go(self) -> int:
        """Do it all and tell about it."""
        for folder, error in self._inputs.unreadable:
            self._failed(folder, error, 0.0)
        try:
            with self._crew() as crew:
                for outcome in crew.outcomes():
                    if outcome is not None:
                        self._tell(outcome)
                        if outcome.error is not None and outcome.error.halts:
                            break
                    self._draw(crew)
        except KeyboardInterrupt:
            self._bar.clear()
            complain("stopped; what was finished stays, and nothing half-made is left.")
            return 130
        finally:
            self._bar.clear()
        self._sum_up()
        return 1 if self._counts["failed"] else 0

    def _crew(self) -> Crew:
        from resilver.cli.crew import Crew

        return Crew(self._groups(), self._args.jobs, self._start_worker, self._work)

    def _groups(self) -> list[Sequence[Item]]:
        """What goes to a worker at once: one picture, or as many as the cloud takes together."""
        items = self._inputs.items
        size = 1
        if self._settings.engine == "cloud":
            size = max(1, min(self._settings.cloud.pictures, -(-len(items) // self._args.jobs)))
        return [items[start : start + size] for start in range(0, len(items), size)]

    def _work(self, worker: Worker, items: Sequence[Item], report: Report, tell: Tell) -> None:
        from resilver.improve import FileJob

        if len(items) > 1:
            jobs = [FileJob(item.path, item.directory, not item.named) for item in items]
            worker.improve_files(
                jobs, self._recipe, lambda number, done: tell(items[number], done), report, keep=self._args.keep
            )
            return
        (item,) = items
        options = {"keep": self._args.keep, "mask": self._args.with_mask, "mask_out": self._args.mask}
        done = worker.improve_file(item.path, item.directory, self._recipe, report, found=not item.named, **options)
        tell(item, done)

    def _draw(self, crew: Crew) -> None:
        doing = dict(crew.doing)
        total = sum(item.size for item in self._inputs.items) or 1
        under_way = sum(item.size * share for item, (share, _step) in doing.items())
        now = [f"{shown(item.path.name)}: {step}" for item, (_share, step) in doing.items()]
        self._bar.draw(
            (self._passed_bytes + under_way) / total,
            (self._worked_bytes + under_way) / total,
            f"{sum(self._counts.values())} of {len(self._inputs.items)}",
            ", ".join(now),
        )

    def _tell(self, outcome: Outcome) -> None:
        item, result = outcome.item, outcome.result
        self._passed_bytes += item.size
        self._bar.clear()
        if outcome.error is not None:
            self._failed(item.path, outcome.error, outcome.seconds)
        elif result is not None and result.skipped and not result.outputs:
            self._counts["ours"] += 1
        elif result is not None:
            self._counts["skipped" if result.skipped else "restored" if result.outputs else "good"] += 1
            self._worked_bytes += 0 if result.skipped else item.size
            if self._args.json:
                print_json(_as_json(item.path, result))
            else:
                self._print(item.path, result)

    def _print(self, path: Path, result: FileResult) -> None:
        if result.skipped:
            said = f"done before: {_files(result)}"
        elif result.outputs:
            said = f"{_files(result)} ({span(result.seconds)})"
        else:
            said = ", ".join(dict.fromkeys(result.absent.values()))
        print(f"{shown(path)}: {said}", flush=True)
        for note in result.notes:
            if note not in self._noted:  # the same for a thousand pictures is said once
                self._noted.add(note)
                print(f"  {shown(note)}", flush=True)

    def _failed(self, path: Path, error: ResilverError, seconds: float) -> None:
        self._counts["failed"] += 1
        _log.warning("%s: %s: %s", shown(path), error.code, shown(error.message))
        if self._args.json:
            print_json(
                {"input": str(path), "outputs": {}, "bw": None, "seconds": round(seconds, 3), "error": error.to_json()}
            )
        else:
            complain_of(path, error)

    def _sum_up(self) -> None:
        inputs, counts = self._inputs, self._counts
        if inputs.odd:
            complain(f"left alone, being links or no regular files: {shown_some(inputs.odd)}.")
        undone = len(inputs.items) + len(inputs.unreadable) - sum(counts.values())
        if undone:
            complain(f"stopped there; {undone} more {'was' if undone == 1 else 'were'} not tried.")
        if counts["ours"]:
            complain(f"results of earlier runs left alone: {counts['ours']}; name one to work on it.")
        if inputs.unopened and not self._args.recursive:
            complain(f"subfolders not looked into: {inputs.unopened}; add -r for them.")
        if not sum(counts.values()):
            complain("no pictures were found.")
        elif sum(counts.values()) > 1 and not self._args.json:
            words = {"restored": "restored", "good": "left alone", "skipped": "done before", "failed": "failed"}
            print(", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name]) + ".")


def _as_json(path: Path, result: FileResult) -> dict[str, Any]:
    data: dict[str, Any] = {
        "input": str(path),
        "outputs": {name: str(output) for name, output in result.outputs.items()},
        "bw": result.bw,
        "seconds": round(result.seconds, 3),
        "error": None,
    }
    if result.absent:
        data["absent"] = dict(result.absent)
    if result.skipped:
        data["skipped"] = True
    if result.notes:
        data["notes"] = list(result.notes)
    return data


def _files(result: FileResult) -> str:
    return ", ".join(shown(_near(path)) for path in dict.fromkeys(result.outputs.values()))


def _near(path: Path) -> Path:
    """The path as seen from here, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _settings(args: argparse.Namespace) -> Settings:
    from resilver.settings import load_settings
    from resilver.worker.client import share_cores

    options: dict[str, Any] = {"engine": args.engine} if args.engine else {}
    if args.base_url:
        options["cloud"] = {"base_url": args.base_url}
    settings = load_settings(options=options)
    if settings.engine != "cloud" and (args.base_url or args.yes_send):
        raise UsageError("--base-url and --yes-send belong to --engine cloud; add that, or leave them out.")
    return share_cores(settings, args.jobs)


def _check_places(args: argparse.Namespace, settings: Settings, inputs: Inputs) -> None:
    """Places in a picture are those of one picture, and for the local engine."""
    for option in ("mask", "with-mask", "hint"):
        if getattr(args, option.replace("-", "_")) is None:
            continue
        if settings.engine != "local":
            raise UsageError(f"Only the local engine takes --{option}; leave that out, or add --engine local.")
        if len(inputs.items) > 1:
            raise UsageError(f"--{option} is for a single photograph; name one at a time.")
    if args.mask is not None and args.mask.suffix.lower() != ".png":
        raise UsageError(f"--mask writes a PNG; call it {shown(args.mask.with_suffix('.png'))}.")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text!r}")
    return int(text)
