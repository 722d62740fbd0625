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

from resilver.engine import FINAL, BatchEngine, Engine, Feature, Report, Source
from resilver.errors import BlankResult, Cancelled, PictureChanged, ResilverError, UsageError
from resilver.picture import Picture
from resilver.picture_io.encode import check_size, output_format
from resilver.picture_io.identity import Identity, file_digest, identify
from resilver.picture_io.mask import with_mask
from resilver.picture_io.names import output_stem
from resilver.picture_io.provenance import Provenance, find_done, read_provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import check_free, publish, publish_as
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

    Raises:
        UsageError: a mask or hints for an engine that takes none, or a mask and no repair.
    """
    _check_features(engine, recipe, masked=picture.mask is not None or "mask" in wanted)
    result = engine.improve(picture, recipe, report or Report(), wanted)
    return result if _blank(picture) else _unless_blanks(result)


def _check_features(engine: Engine, recipe: Recipe, *, masked: bool) -> None:
    needed: dict[Feature, bool] = {"mask": masked, "hints": bool(recipe.hints)}
    words: dict[Feature, str] = {"mask": "a mask of the damage", "hints": "colours for single points"}
    for feature, asked in needed.items():
        if asked and feature not in engine.limits.features:
            raise UsageError(f"Only the local engine takes {words[feature]}; choose that one, or leave this out.")
    if masked and not recipe.improve:
        raise UsageError("A mask is for the repair, which is not asked for; leave the mask out, or add the repair.")


def _unless_blanks(result: Result) -> Result:
    # a mask of one colour says that there is no damage
    outputs = {name: output if name == "mask" else _unless_blank(output) for name, output in result.outputs.items()}
    return replace(result, outputs=outputs)


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
    """A file to restore into ``directory``; ``found`` in a folder and not named by anybody.

    ``mask``: a picture of the same size, the lighter the more is filled, for an engine that takes one. ``mask_out``:
    the file that the mask which was used is written to, as a gray PNG.
    """

    source: Path
    directory: Path
    found: bool = False
    mask: Path | None = None
    mask_out: Path | None = None

    @property
    def masked(self) -> bool:
        """Whether it has to do with a mask at all."""
        return self.mask is not None or self.mask_out is not None


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
    mask: Path | None = None,
    mask_out: Path | None = None,
) -> FileResult:
    """Restore one file into ``directory``, which is made if missing.

    A picture that was done before with the same recipe is skipped unless ``again`` is set. One that was
    ``found`` in a folder and not named by anybody is skipped if it is itself a result of Resilver.
    ``mask`` and ``mask_out``: see :class:`FileJob`; the latter is written even if all else was done before.

    Raises:
        PictureError: the file or its mask cannot be used, or changed meanwhile.
        OutputError: the results cannot be written.
        EngineError, CloudError: a step that was asked for failed; nothing was written.
        Cancelled: the report asked to stop; nothing was written.
    """
    report, job = report or Report(), FileJob(source, directory, found, mask, mask_out)
    _check_features(engine, recipe, masked=job.masked)
    if isinstance(engine, BatchEngine):
        ((_, outcome),) = improve_files([job], recipe, engine, report, keep=keep, limits=limits, again=again)
        if isinstance(outcome, ResilverError):
            raise outcome
        return outcome
    if mask_out is not None:
        check_free(mask_out)
    file = _File(job, recipe, keep, limits or ReadLimits())
    skipped = file.skipped(again)
    if skipped is not None and mask_out is None:
        return skipped
    wanted = () if skipped else wanted_outputs(recipe, keep)
    wanted += ("mask",) if mask_out else ()
    result = improve_picture(file.read(), recipe, engine, report.part(0.02, 0.95), wanted)
    report.progress(0.95, "writing")
    done = file.finish(result, engine)
    report.progress(1.0, "done")
    return replace(skipped, outputs={**skipped.outputs, **done.outputs}) if skipped else done


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
            options = partial(options, mask=job.mask, mask_out=job.mask_out)
            yield number, _outcome(partial(options, job.source, job.directory, recipe, engine, part))
        return
    _check_features(engine, recipe, masked=any(job.masked for job in jobs))
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
        self._digest = self._mask_digest = ""
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
        self._mask_digest = file_digest(self.job.mask) if self.job.mask else ""
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
        if self.job.mask is None:
            return picture
        mask = read_picture(self.job.mask, self._limits)
        self._mask_digest = mask.sha256 or self._mask_digest
        return with_mask(picture, mask, self.job.mask.name)

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
            done = find_done(job.directory, job.source.name, self._digest, self._run_digest(kept))
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
                    recipe_digest=self._run_digest(self._keep),
                    engine=engine,
                    output="final" if picture is final else name,
                    steps=output.steps,
                    bw=result.bw,
                )
                published[id(picture)] = self._write(stamp(picture, provenance), provenance, losses)
            outputs[name] = published[id(picture)]
        return outputs

    def _write(self, picture: Picture, provenance: Provenance, losses: list[str]) -> Path:
        if provenance.output == "mask" and self.job.mask_out is not None:
            return publish_as(picture, self.job.mask_out)
        stem = output_stem(provenance.source_name, provenance.steps)
        return publish(picture, self.job.directory, stem, self._recipe.format, losses.append)

    def _run_digest(self, kept: str) -> str:
        digest = self._recipe.digest() + (f"+mask-{self._mask_digest[:16]}" if self._mask_digest else "")
        # a run that kept all its results also did what a run for the final one does, but not the other way round
        return digest if kept == "final" else f"{digest}+all"


def _check_size(picture: Picture, recipe: Recipe) -> None:
    # before the engine has worked for an hour
    factor = recipe.resolution or 1
    check_size(output_format(picture, recipe.format), picture.width * factor, picture.height * factor)
