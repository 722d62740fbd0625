"""The cloud engine: pictures that go to a service of the improve method and come back as named results."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from resilver.cloud.chain import NOT_ASKED, Chain
from resilver.cloud.client import CloudClient, TokenSource
from resilver.cloud.ledger import Ledger, cloud_folder, origin
from resilver.cloud.paid import PaidResults
from resilver.cloud.preparation import Piece, Prepared, prepare
from resilver.cloud.sending import Answers, Sender, Wish, Wording, fits
from resilver.cloud.tokens import SecretStore, Tokens
from resilver.engine import FINAL, Limits, Report, Source
from resilver.errors import Cancelled, PictureChanged, ResilverError
from resilver.http_contract import Mode
from resilver.picture import Picture
from resilver.picture_io.disk import translated
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result
from resilver.settings import CloudSettings

_WORK = "sending-"


@dataclass(frozen=True, slots=True)
class _Task:
    """What a recipe asks of the service: the modes for the original, and whether what was repaired goes up again."""

    recipe: Recipe
    wanted: Collection[OutputName]
    modes: tuple[Mode, ...]
    again: bool

    @property
    def wording(self) -> Wording:
        return Wording(self.recipe.resolution or 2, self.recipe.kind)


@dataclass(slots=True)
class _Job:
    """One picture on its way."""

    number: int
    source: Source
    directory: Path
    prepared: Prepared | None = None
    enlarged: Prepared | None = None


class CloudEngine:
    """Sends pictures to ``settings.base_url``; what was paid for is kept in ``folder`` and never paid again.

    ``tokens``: where the token comes from, the user's own by default.
    """

    name = "cloud"

    def __init__(self, settings: CloudSettings, folder: Path | None = None, tokens: TokenSource | None = None) -> None:
        self.limits = Limits(
            settings.pictures, settings.bytes_each, settings.bytes_together, settings.long_side, settings.short_side
        )
        self._settings = settings
        self._folder = folder or cloud_folder()
        self._tokens = tokens or Tokens(settings, SecretStore(), os.environ)
        self._ledger = Ledger(self._folder)
        self._paid = PaidResults(self._folder / "paid")
        self._client: CloudClient | None = None

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        """Do the recipe's steps to a picture in memory; see :meth:`resilver.engine.Engine.improve`.

        Raises:
            Cancelled: the report asked to stop.
            ResilverError: the picture cannot be sent, or with ``halts``.
        """
        source = Source(picture.source or Path("picture"), picture.sha256 or "", lambda: picture)
        for _number, outcome in self._run([source], recipe, report, wanted, files=False):
            if isinstance(outcome, ResilverError):
                raise outcome
            return outcome
        raise AssertionError("each picture has an outcome")

    def improve_batch(
        self, sources: Sequence[Source], recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Iterator[tuple[int, Result | ResilverError]]:
        """Do the recipe's steps to many files; see :meth:`resilver.engine.BatchEngine.improve_batch`."""
        return self._run(sources, recipe, report, wanted, files=True)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _run(
        self, sources: Sequence[Source], recipe: Recipe, report: Report, wanted: Collection[OutputName], *, files: bool
    ) -> Iterator[tuple[int, Result | ResilverError]]:
        """Gather as many pictures as go up together, serve them, and go on."""
        task, report, window = _task(recipe, wanted), _rising(report), list[_Job]()
        with self._workplace() as place:
            for number, source in enumerate(sources):
                report.progress(number / len(sources), "preparing")
                try:
                    job = self._job(number, source, task, place, report, files=files)
                except Cancelled:
                    raise
                except ResilverError as error:
                    yield number, error
                    continue
                if window and not self._together([*window, job]):
                    yield from self._serve(window, task, place, _part(report, window, len(sources)))
                    window = []
                window.append(job)
            if window:
                yield from self._serve(window, task, place, _part(report, window, len(sources)))

    def _job(self, number: int, source: Source, task: _Task, place: Path, report: Report, *, files: bool) -> _Job:
        directory = Path(tempfile.mkdtemp(dir=place))
        picture = source.read()
        if files and picture.sha256 != source.sha256:
            raise PictureChanged(f"{source.path.name} was changed while it was read; it will have to be done again.")
        if not task.modes:
            return _Job(number, source, directory)
        file, overview = source.path if files else None, "improve" in task.modes
        prepared = prepare(picture, self.limits, directory, report, file=file, overview=overview)
        return _Job(number, source, directory, prepared)

    def _together(self, jobs: Sequence[_Job]) -> bool:
        pieces = [piece for job in jobs if job.prepared for piece in _pieces(job.prepared)]
        return fits(self._settings, [piece.path.stat().st_size for piece in pieces])

    def _serve(
        self, window: Sequence[_Job], task: _Task, place: Path, report: Report
    ) -> Iterator[tuple[int, Result | ResilverError]]:
        answers: Answers = {}
        if task.modes:
            self._paid.prune(self._settings.keep_mb * 1e6)
            sender = Sender(self._settings, self._connected(), self._ledger, self._paid, place)
            wishes = [wish for job in window for wish in _wishes(job.prepared, task.modes)]
            answers = sender.fetch(wishes, task.wording, report.part(0.05, 0.5 if task.again else 0.95))
            if task.again:
                wishes = [wish for job in window for wish in self._wishes_again(job, task, answers, report)]
                answers |= sender.fetch(wishes, task.wording, report.part(0.5, 0.95))
        for job in window:
            report.progress(0.95, "reading the answer")
            try:
                yield job.number, self._result(job, task, answers)
            except Cancelled:
                raise
            except ResilverError as error:  # of reading the original again
                yield job.number, error
            shutil.rmtree(job.directory, ignore_errors=True)
        report.progress(1.0, "done")

    def _wishes_again(self, job: _Job, task: _Task, answers: Answers, report: Report) -> list[Wish]:
        """What is to be enlarged: the repaired picture, or the original where that was good."""
        report.check()
        try:
            repaired = self._chain(job, task, answers).repaired
            if repaired.picture is not None:
                directory = Path(tempfile.mkdtemp(dir=job.directory))
                job.enlarged = prepare(repaired.picture, self.limits, directory, report, file=None, overview=False)
        except Cancelled:
            raise
        except ResilverError:  # which is met again when the result is made
            return []
        return [] if repaired.error else _wishes(job.enlarged or job.prepared, ("resolution",))

    def _chain(self, job: _Job, task: _Task, answers: Answers) -> Chain:
        tool = f"cloud {origin(self._settings)}"
        return Chain(job.source.read(), task.recipe, answers, prepared=job.prepared, enlarged=job.enlarged, tool=tool)

    def _result(self, job: _Job, task: _Task, answers: Answers) -> Result:
        chain = self._chain(job, task, answers)
        outputs: dict[OutputName, Output] = {name: chain.output(name) for name in task.wanted}
        steps: tuple[OutputName, ...] = ("improved", "colorized")
        for name in steps:
            if name not in outputs and (why := chain.output(name).absent) not in (None, NOT_ASKED):
                outputs[name] = Output(absent=why)
        return Result(outputs, chain.bw, tuple(chain.notes))

    def _connected(self) -> CloudClient:
        if self._client is None:
            self._client = CloudClient(self._settings, self._tokens)
        return self._client

    @contextlib.contextmanager
    def _workplace(self) -> Iterator[Path]:
        """A folder for what goes up and comes back, deleted afterwards; those of killed processes go, too."""
        with translated(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in self._folder.glob(f"{_WORK}*"):
                if not psutil.pid_exists(int(left.name.split("-")[1])):
                    shutil.rmtree(left, ignore_errors=True)
            place = Path(tempfile.mkdtemp(prefix=f"{_WORK}{os.getpid()}-", dir=self._folder))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _task(recipe: Recipe, wanted: Collection[OutputName]) -> _Task:
    repairs = recipe.improve or recipe.colorize != "never"
    again = repairs and recipe.resolution is not None and "final" in wanted
    modes: list[Mode] = ["improve"] if repairs else []
    if recipe.resolution is not None and ("resolved" in wanted or not repairs):
        modes.append("resolution")
    return _Task(recipe, wanted, tuple(modes), again)


def _pieces(prepared: Prepared) -> tuple[Piece, ...]:
    return prepared.pieces if prepared.overview is None else (*prepared.pieces, prepared.overview)


def _wishes(prepared: Prepared | None, modes: tuple[Mode, ...]) -> list[Wish]:
    if prepared is None:
        return []
    wishes: list[Wish] = [(piece, modes) for piece in prepared.pieces]
    if prepared.overview is not None and "improve" in modes:
        wishes.append((prepared.overview, ("improve",)))
    return wishes


def _part(report: Report, window: Sequence[_Job], total: int) -> Report:
    return report.part(window[0].number / total, (window[-1].number + 1) / total)


def _rising(report: Report) -> Report:
    """The same report, whose fractions never fall."""
    reached = 0.0

    def tell(fraction: float, step: str) -> None:
        nonlocal reached
        reached = max(reached, fraction)
        report.on_progress(reached, step)

    return Report(tell, report.on_note, report.cancelled)
