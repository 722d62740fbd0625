"""The one door to the engines: for a picture in memory, and for a file.

``improve_file`` goes: look whether it is done, read, engine, stamp, check that the source is still
the same, publish. A crash at any instant leaves the original and complete outputs, nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from resilver.engine import FINAL, Engine, Report
from resilver.errors import BlankResult, PictureChanged
from resilver.picture import Picture
from resilver.picture_io.encode import check_size, output_format
from resilver.picture_io.identity import file_digest, identify
from resilver.picture_io.names import output_stem
from resilver.picture_io.provenance import Provenance, find_done, read_provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import publish
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result

Keep = Literal["final", "all"]
OWN_RESULT = "a result of Resilver"
"""Why there is no output for a picture that Resilver made itself."""


def improve(
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
    if _blank(picture):
        return result
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
        EngineError: a step that was asked for failed; nothing was written.
        Cancelled: the report asked to stop; nothing was written.
    """
    report = report or Report()
    started = time.monotonic()
    if found and read_provenance(source) is not None:
        return FileResult(source, absent={"final": OWN_RESULT}, seconds=time.monotonic() - started, skipped=True)
    if not again and (done := _done_before(source, directory, recipe, keep)):
        known = read_provenance(done["final"])
        bw = None if known is None else known.bw
        return FileResult(source, done, bw=bw, seconds=time.monotonic() - started, skipped=True)
    before = identify(source)
    picture = read_picture(source, limits or ReadLimits())
    _check_size(picture, recipe)
    result = improve(picture, recipe, engine, report.part(0.02, 0.95), wanted_outputs(recipe, keep))
    result.raise_for_error()
    report.progress(0.95, "writing")
    if identify(source) != before:
        raise PictureChanged(f"{source.name} was changed while it was being restored; it will have to be done again.")
    losses: list[str] = []
    outputs = _publish_all(picture, result, directory, losses, recipe=recipe, keep=keep, engine=engine)
    report.progress(1.0, "done")
    absent: dict[OutputName, str] = {
        name: output.absent for name, output in result.outputs.items() if output.absent and name != "final"
    }
    notes = tuple(dict.fromkeys((*picture.warnings, *result.notes, *losses)))
    return FileResult(source, outputs, absent, result.bw, time.monotonic() - started, notes)


def _check_size(picture: Picture, recipe: Recipe) -> None:
    # before the engine has worked for an hour
    factor = recipe.resolution or 1
    check_size(output_format(picture, recipe.format), picture.width * factor, picture.height * factor)


def _done_before(source: Path, directory: Path, recipe: Recipe, keep: Keep) -> Mapping[OutputName, Path] | None:
    digest = file_digest(source)
    for kept in ("all",) if keep == "all" else ("final", "all"):
        done = find_done(directory, source.name, digest, _run_digest(recipe, kept))
        if "final" in done:
            return done
    return None


def _run_digest(recipe: Recipe, keep: str) -> str:
    # a run that kept all its results also did what a run for the final one does, but not the other way round
    return recipe.digest() if keep == "final" else f"{recipe.digest()}+all"


def _publish_all(
    source: Picture, result: Result, directory: Path, losses: list[str], *, recipe: Recipe, keep: Keep, engine: Engine
) -> dict[OutputName, Path]:
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
                source_name=source.source.name if source.source else "",
                source_sha256=source.sha256 or "",
                recipe=recipe.to_json(),
                recipe_digest=_run_digest(recipe, keep),
                engine=engine.name,
                output="final" if picture is final else name,
                steps=output.steps,
                bw=result.bw,
            )
            stem = output_stem(provenance.source_name, output.steps)
            stamped = stamp(picture, provenance)
            published[id(picture)] = publish(stamped, directory, stem, recipe.format, losses.append)
        outputs[name] = published[id(picture)]
    return outputs
