"""The one door to the engines: for a picture in memory, for a file, and for several files together.

A file goes: look whether it is done, read, engine, stamp, check that the source is still the same,
publish. A crash at any instant leaves the original and complete outputs, nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from resilver.engine import FINAL, BatchEngine, Engine, Report, Source
from resilver.errors import BlankResult, Cancelled, PictureChanged, ResilverError
from resilver.picture import Picture
from resilver.picture_io.encode import check_size, output_format
from resilver.picture_io.identity import Identity, file_digest, identify
from resilver.picture_io.names import output_stem
from resilver.picture_io.provenance import Provenance, find_done, read_provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import publish
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result

Keep = Literal["final", "all"]
OWN_RESULT = "a result of Resilver"
"""Why there is no output for a picture that Resilver made itself."""


def improve_picture(
    picture: Picture,
    recipe: Recipe,
    engine: Engine,
    report: Report | None = None,
    wanted: Collection[OutputName] = FINAL,
) -> Result:
    """Do the recipe's steps to a picture; see :meth:`resilver.engine.Engine.improve`.

    A result of one single colour is an error, whatever engine it comes from, unless the picture is so, too.
    """
    result = engine.improve(picture, recipe, report or Report(), wanted)
    return result if _blank(picture) else _unless_blanks(result)


def _unless_blanks(result: Result) -> Result:
    return replace(result, outputs={name: _unless_blank(output) for name, output in result.outputs.items()})


def _unless_blank(output: Output) -> Output:
    if output.picture is None or not _blank(output.picture):
        return output
    return Output(error=BlankResult("The engine gave an empty picture, which was not saved; try the other quality."))


def _blank(picture: Picture) -> bool:
    first = picture.pixels[0, 0]
    # by strips, so that usual pictures are through at the first one
    return not any((picture.pixels[top : top + 64] != first).any() for top in range(0, picture.height, 64))


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file.

    ``outputs``: the files written (or found, if ``skipped``) by the names of their results; several
    names share a file where their pictures are the same. ``absent``: why a result is not there.
    ``seconds``: wall time.
    """

    input: Path
    outputs: Mapping[OutputName, Path] = field(default_factory=dict)
    absent: Mapping[OutputName, str] = field(default_factory=dict)
    bw: bool | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    skipped: bool = False


def wanted_outputs(recipe: Recipe, keep: Keep) -> tuple[OutputName, ...]:
    """The results that a recipe can give and that are to be kept."""
    if keep == "final":
        return FINAL
    names: list[OutputName] = []
    if recipe.improve:
        names.append("improved")
    if recipe.colorize != "never":
        names.append("colorized")
        if recipe.improve:
            names.append("colorized_improved")
    if recipe.resolution is not None:
        names.append("resolved")
    return (*names, *FINAL)


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file to restore into ``directory``; ``found`` in a folder and not named by anybody."""

    source: Path
    directory: Path
    found: bool = False


def improve_file(
    source: Path,
    directory: Path,
    recipe: Recipe,
    engine: Engine,
    report: Report | None = None,
    *,
    keep: Keep = "final",
    limits: ReadLimits | None = None,
    again: bool = False,
    found: bool = False,
) -> FileResult:
    """Restore one file into ``directory``, which is made if missing.

    A picture that was done before with the same recipe is skipped unless ``again`` is set. One that was
    ``found`` in a folder and not named by anybody is skipped if it is itself a result of Resilver.

    Raises:
        PictureError: the file cannot be used, or changed meanwhile.
        OutputError: the results cannot be written.
        EngineError, CloudError: a step that was asked for failed; nothing was written.
        Cancelled: the report asked to stop; nothing was written.
    """
    report, job = report or Report(), FileJob(source, directory, found)
    if isinstance(engine, BatchEngine):
        ((_, outcome),) = improve_files([job], recipe, engine, report, keep=keep, limits=limits, again=again)
        if isinstance(outcome, ResilverError):
            raise outcome
        return outcome
    file = _File(job, recipe, keep, limits or ReadLimits())
    if (skipped := file.skipped(again)) is not None:
        return skipped
    result = improve_picture(file.read(), recipe, engine, report.part(0.02, 0.95), wanted_outputs(recipe, keep))
    report.progress(0.95, "writing")
    done = file.finish(result, engine)
    report.progress(1.0, "done")
    return done


def improve_files(
    jobs: Sequence[FileJob],
    recipe: Recipe,
    engine: Engine,
    report: Report | None = None,
    *,
    keep: Keep = "final",
    limits: ReadLimits | None = None,
    again: bool = False,
) -> Iterator[tuple[int, FileResult | ResilverError]]:
    """Restore several files, together where the engine takes several at once; see :func:`improve_file`.

    Gives the number of each in ``jobs`` with what became of it, in any order.

    Raises:
        Cancelled: the report asked to stop; those that were given are done.
        ResilverError: with ``halts``; likewise.
    """
    report, files = report or Report(), [_File(job, recipe, keep, limits or ReadLimits()) for job in jobs]
    if not isinstance(engine, BatchEngine):
        for number, job in enumerate(jobs):
            part = report.part(number / len(jobs), (number + 1) / len(jobs))
            options = partial(improve_file, keep=keep, limits=limits, again=again, found=job.found)
            yield number, _outcome(partial(options, job.source, job.directory, recipe, engine, part))
        return
    left: list[int] = []
    for number, file in enumerate(files):
        report.check()
        skipped = _outcome(partial(file.skipped, again))
        if skipped is None:
            left.append(number)
        else:
            yield number, skipped
    sources = [files[number].as_source() for number in left]
    for place, outcome in engine.improve_batch(sources, recipe, report, wanted_outputs(recipe, keep)):
        if isinstance(outcome, ResilverError):
            yield left[place], outcome
        else:
            yield left[place], _outcome(partial(files[left[place]].finish, outcome, engine))


_Outcome = TypeVar("_Outcome")


def _outcome(work: Callable[[], _Outcome]) -> _Outcome | ResilverError:
    """What work gives, or why it gives nothing, unless everything has to stop."""
    try:
        return work()
    except ResilverError as error:
        if isinstance(error, Cancelled) or error.halts:
            raise
        return error


class _File:
    """One file on its way through; what has to be known of its picture once that is no longer in memory."""

    def __init__(self, job: FileJob, recipe: Recipe, keep: Keep, limits: ReadLimits) -> None:
        self.job = job
        self._recipe = recipe
        self._keep: Keep = keep
        self._limits = limits
        self._started = time.monotonic()
        self._digest = ""
        self._before: Identity | None = None
        self._blank = False
        self._warnings: tuple[str, ...] = ()

    def skipped(self, again: bool) -> FileResult | None:
        """The result where there is nothing to do, because it is a result itself or was done before."""
        source = self.job.source
        if self.job.found and read_provenance(source) is not None:
            return FileResult(source, absent={"final": OWN_RESULT}, seconds=self._seconds(), skipped=True)
        self._before = identify(source)
        self._digest = file_digest(source)
        if again or not (done := self._done_before()):
            return None
        known = read_provenance(done["final"])
        bw = None if known is None else known.bw
        return FileResult(source, done, bw=bw, seconds=self._seconds(), skipped=True)

    def as_source(self) -> Source:
        """For an engine that takes several at once."""
        return Source(self.job.source, self._digest, self.read)

    def read(self) -> Picture:
        """The picture; refused if no format could hold its result."""
        picture = read_picture(self.job.source, self._limits)
        _check_size(picture, self._recipe)
        self._digest = picture.sha256 or self._digest
        self._warnings = picture.warnings
        self._blank = _blank(picture)
        return picture

    def finish(self, result: Result, engine: Engine) -> FileResult:
        """Check and publish."""
        source = self.job.source
        result = result if self._blank else _unless_blanks(result)
        result.raise_for_error()
        if identify(source) != self._before:
            raise PictureChanged(f"{source.name} was changed while it was restored; it will have to be done again.")
        losses: list[str] = []
        outputs = self._publish(result, engine.name, losses)
        absent: dict[OutputName, str] = {
            name: output.absent for name, output in result.outputs.items() if output.absent and name != "final"
        }
        notes = tuple(dict.fromkeys((*self._warnings, *result.notes, *losses)))
        return FileResult(source, outputs, absent, result.bw, self._seconds(), notes)

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _done_before(self) -> Mapping[OutputName, Path] | None:
        job = self.job
        for kept in ("all",) if self._keep == "all" else ("final", "all"):
            done = find_done(job.directory, job.source.name, self._digest, _run_digest(self._recipe, kept))
            if "final" in done:
                return done
        return None

    def _publish(self, result: Result, engine: str, losses: list[str]) -> dict[OutputName, Path]:
        final = result.picture("final")
        published: dict[int, Path] = {}
        outputs: dict[OutputName, Path] = {}
        # the final result last: what find_done looks for is there only when all the others are
        for name, output in sorted(result.outputs.items(), key=lambda item: item[1].picture is final):
            picture = output.picture
            if picture is None:
                continue
            if id(picture) not in published:
                provenance = Provenance.now(
                    source_name=self.job.source.name,
                    source_sha256=self._digest,
                    recipe=self._recipe.to_json(),
                    recipe_digest=_run_digest(self._recipe, self._keep),
                    engine=engine,
                    output="final" if picture is final else name,
                    steps=output.steps,
                    bw=result.bw,
                )
                stem = output_stem(provenance.source_name, output.steps)
                stamped = stamp(picture, provenance)
                published[id(picture)] = publish(stamped, self.job.directory, stem, self._recipe.format, losses.append)
            outputs[name] = published[id(picture)]
        return outputs


def _check_size(picture: Picture, recipe: Recipe) -> None:
    # before the engine has worked for an hour
    factor = recipe.resolution or 1
    check_size(output_format(picture, recipe.format), picture.width * factor, picture.height * factor)


def _run_digest(recipe: Recipe, keep: str) -> str:
    # a run that kept all its results also did what a run for the final one does, but not the other way round
    return recipe.digest() if keep == "final" else f"{recipe.digest()}+all"
