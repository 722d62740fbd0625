"""What the worker does for each request, with an engine that stays warm from job to job."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from resilver import __version__
from resilver.engine import FINAL, BatchEngine, DetailEngine, Engine, Limits, Report, Source
from resilver.errors import CloudError, ResilverError, UsageError
from resilver.improve import FileJob, FileResult, improve_file, improve_files, improve_picture
from resilver.picture import Box, Picture
from resilver.picture_io.mask import with_mask
from resilver.picture_io.raw import RawFile, read_raw, write_raw
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result
from resilver.settings import CloudSettings, Settings, WorkerSettings, config_file, load_settings
from resilver.worker.failures import error_data
from resilver.worker.parts import Account, FileDone, RawOutput
from resilver.worker.protocol import (
    Agree,
    Agreed,
    Answer,
    AskInfo,
    Assess,
    Assessed,
    Batch,
    Batched,
    BatchedFile,
    Improve,
    Improved,
    ImprovedRaw,
    ImproveRaw,
    Info,
)
from resilver.worker.scratch import Scratch

Job = Improve | Batch | ImproveRaw | Assess | AskInfo | Agree
MakeEngine = Callable[[Settings], Engine]
_Stamp = tuple[int, int, int]

_LIBRARIES = {  # name for people -> distribution with the same version
    "pillow": "pillow",
    "libvips": "pyvips-binary",
    "opencv": "opencv-python-headless",
    "ncnn": "ncnn",
    "numpy": "numpy",
}


class Jobs:
    """Does one job after the other; the engine is made anew only when the settings change."""

    def __init__(self, make: MakeEngine, scratch: Scratch) -> None:
        self._make = make
        self._scratch = scratch
        self._read: tuple[tuple[_Stamp | None, Mapping[str, Any]], Settings] | None = None
        self._warm: tuple[Settings, Engine] | None = None
        self._shown: tuple[tuple[RawFile, RawFile | None], Picture] | None = None
        self.directories: set[Path] = set()

    @property
    def idle_s(self) -> float | None:
        """After how many seconds without a job to :meth:`rest`; ``None``: there is nothing to unload."""
        return None if self._warm is None else self._warm[0].worker.idle_s

    def rest(self) -> None:
        """Unload the networks; the next job loads them again."""
        self._shown = None
        if self._warm is not None:
            self._warm[1].close()
            self._warm = None

    def do(self, job: Job, report: Report, started: Callable[[float], None], told: Callable[[Answer], None]) -> Answer:
        """Do the job and give its last answer; ``started`` hears the picture's megapixels, ``told`` other answers.

        Raises:
            ResilverError: it cannot be done.
        """
        settings = self._settings(job.settings)
        match job:
            case Improve():
                return self._improve(job, settings, report, started)
            case Batch():
                return self._batch(job, settings, report, started, told)
            case ImproveRaw():
                return self._improve_raw(job, settings, report, started)
            case Assess():
                return self._assess(job, settings, started)
            case AskInfo():
                return self._info(job, settings)
            case Agree():
                return self._agree(job, settings)

    def _agree(self, job: Agree, settings: Settings) -> Agreed:
        from resilver.cloud.ledger import Ledger, cloud_folder

        Ledger(cloud_folder()).agree(settings.cloud)
        return Agreed(id=job.id)

    def _settings(self, options: Mapping[str, Any]) -> Settings:
        """Of the file and of the request; read and applied only when one of the two is another than last time."""
        asked = _stamp(config_file()), options
        if self._read is None or self._read[0] != asked:
            settings = load_settings(options=options)
            _confine(settings.worker)
            self._read = asked, settings
        return self._read[1]

    def _engine(self, settings: Settings) -> Engine:
        if self._warm is None or self._warm[0] != settings:
            self.rest()
            self._warm = (settings, self._make(settings))
        return self._warm[1]

    def _improve(self, job: Improve, settings: Settings, report: Report, started: Callable[[float], None]) -> Improved:
        engine = _announced(self._engine(settings), started)
        self.directories = {job.directory, *([job.mask_out.parent] if job.mask_out else [])}
        done = improve_file(
            job.input,
            job.directory,
            job.recipe,
            engine,
            report,
            keep=job.keep,
            limits=_limits(settings),
            again=job.again,
            found=job.found,
            mask=job.mask,
            mask_out=job.mask_out,
        )
        return Improved(id=job.id, input=done.input, **_fields(done))

    def _batch(
        self,
        job: Batch,
        settings: Settings,
        report: Report,
        started: Callable[[float], None],
        told: Callable[[Answer], None],
    ) -> Batched:
        engine = _announced(self._engine(settings), started)
        files = [FileJob(file.input, file.directory, file.found) for file in job.files]
        self.directories = {file.directory for file in job.files}
        for number, done in improve_files(
            files, job.recipe, engine, report, keep=job.keep, limits=_limits(settings), again=job.again
        ):
            if isinstance(done, ResilverError):
                told(BatchedFile(id=job.id, number=number, error=error_data(done)))
            else:
                told(BatchedFile(id=job.id, number=number, improved=FileDone(**_fields(done))))
        return Batched(id=job.id)

    def _improve_raw(
        self, job: ImproveRaw, settings: Settings, report: Report, started: Callable[[float], None]
    ) -> ImprovedRaw:
        if job.detail is not None:
            return self._improve_detail(job, job.detail, settings, report)
        engine = _announced(self._engine(settings), started)
        picture = self._read_masked(job, settings)
        return _answer(job, improve_picture(picture, job.recipe, engine, report, job.wanted))

    def _improve_detail(self, job: ImproveRaw, detail: Box, settings: Settings, report: Report) -> ImprovedRaw:
        engine = self._engine(settings)
        if not isinstance(engine, DetailEngine):
            raise UsageError("Only the local engine shows a detail beforehand; choose that one.")
        if self._shown is None or self._shown[0] != (job.raw, job.mask):
            self._shown = (job.raw, job.mask), self._read_masked(job, settings)
        picture = self._shown[1]
        if len(detail) != 4 or not _lies_in(detail, picture):
            raise UsageError(f"There is no detail {list(detail)} in {picture.width} x {picture.height} pixels.")
        return _answer(job, engine.improve_detail(picture, detail, job.recipe, report))

    def _read_masked(self, job: ImproveRaw, settings: Settings) -> Picture:
        picture = self._read_raw(job.raw, settings)
        return picture if job.mask is None else with_mask(picture, self._read_raw(job.mask, settings))

    def _assess(self, job: Assess, settings: Settings, started: Callable[[float], None]) -> Assessed:
        from resilver.local.facts import facts
        from resilver.local.runtime import Runtime

        if (job.input is None) == (job.raw is None):
            raise UsageError("'assess' needs either 'input' or 'raw'.")
        if job.input is not None:
            picture = read_picture(job.input, _limits(settings))
        else:
            assert job.raw is not None
            picture = self._read_raw(job.raw, settings)
        started(picture.megapixels)
        return Assessed(id=job.id, assessment=facts(picture, Runtime(settings.local)))

    def _read_raw(self, raw: RawFile, settings: Settings) -> Picture:
        # only in folders of its own: the worker deletes what lies there
        if not all(self._scratch.holds(path) for path in (raw.path, raw.icc) if path is not None):
            raise UsageError("Raw pixels and their profile must lie in a folder that this worker gave; ask for one.")
        return read_raw(raw, _limits(settings))

    def _info(self, job: AskInfo, settings: Settings) -> Info:
        from resilver.local.models import ModelStore
        from resilver.local.networks import OWN
        from resilver.local.runtime import Runtime

        versions = {"resilver": __version__, "python": platform.python_version()}
        versions |= {name: _version(distribution) for name, distribution in _LIBRARIES.items()}
        return Info(
            id=job.id,
            engine=settings.engine,
            versions=versions,
            models=(OWN, *sorted(ModelStore(settings.local.models).installed())),
            device=Runtime(settings.local).device,
            features=self._engine(settings).limits.features,
            cloud=_account(settings.cloud),
        )


class _Announced:
    """An engine that tells how large the picture is before it begins."""

    def __init__(self, engine: Engine, started: Callable[[float], None]) -> None:
        self._engine = engine
        self._started = started

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def limits(self) -> Limits:
        return self._engine.limits

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        self._started(picture.megapixels)
        return self._engine.improve(picture, recipe, report, wanted)

    def close(self) -> None:
        self._engine.close()


class _AnnouncedBatch(_Announced):
    """The same for one that takes several; they are announced as they are read."""

    def __init__(self, engine: BatchEngine, started: Callable[[float], None]) -> None:
        super().__init__(engine, started)
        self._batch = engine

    def improve_batch(
        self, sources: Sequence[Source], recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Iterator[tuple[int, Result | ResilverError]]:
        return self._batch.improve_batch([self._announcing(source) for source in sources], recipe, report, wanted)

    def _announcing(self, source: Source) -> Source:
        def read() -> Picture:
            picture = source.read()
            self._started(picture.megapixels)
            return picture

        return replace(source, read=read)


def _announced(engine: Engine, started: Callable[[float], None]) -> Engine:
    return _AnnouncedBatch(engine, started) if isinstance(engine, BatchEngine) else _Announced(engine, started)


def _fields(done: FileResult) -> dict[str, Any]:
    return {
        "outputs": {str(name): path.absolute() for name, path in done.outputs.items()},
        "absent": {str(name): reason for name, reason in done.absent.items()},
        "bw": done.bw,
        "seconds": done.seconds,
        "notes": done.notes,
        "skipped": done.skipped,
    }


def _answer(job: ImproveRaw, result: Result) -> ImprovedRaw:
    outputs = _write_outputs(result.outputs, job.raw.path.with_name(f"result-{job.id}"))
    return ImprovedRaw(id=job.id, outputs=outputs, bw=result.bw, notes=result.notes)


def _lies_in(box: Box, picture: Picture) -> bool:
    x, y, width, height = box
    return 0 <= x < x + width <= picture.width and 0 <= y < y + height <= picture.height


def _account(settings: CloudSettings) -> Account | None:
    from resilver.cloud.ledger import Ledger, cloud_folder, origin, who_gets_them

    ledger = Ledger(cloud_folder())
    try:
        agreed, left = ledger.agreed(settings), ledger.left_this_month(settings)
    except CloudError:
        return None
    return Account(
        service=origin(settings),
        notice=who_gets_them(settings),
        agreed=agreed,
        price=settings.price,
        currency=settings.currency,
        left=left,
    )


def _write_outputs(outputs: Mapping[OutputName, Output], stem: Path) -> dict[str, RawOutput]:
    written: dict[int, RawFile] = {}
    told: dict[str, RawOutput] = {}
    for name, output in outputs.items():
        picture = output.picture
        if picture is not None and id(picture) not in written:
            written[id(picture)] = write_raw(picture, stem.with_name(f"{stem.name}-{name}"))
        told[name] = RawOutput(
            raw=None if picture is None else written[id(picture)],
            steps=output.steps,
            absent=output.absent,
            error=None if output.error is None else error_data(output.error),
        )
    return told


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # as a wheel; the system's may be used


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _limits(settings: Settings) -> ReadLimits:
    return ReadLimits(int(settings.limits.megapixels * 1e6), int(settings.limits.megabytes * 1e6))


def _confine(settings: WorkerSettings) -> None:
    """Take no more memory and no more of the machine than the settings allow."""
    if sys.platform != "win32":
        import resource

        # data, not address space: networks and large pictures are mapped files, which can be paged out
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = settings.memory_mb * 1_000_000 if settings.memory_mb > 0 else hard
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    if settings.low_priority:
        import psutil

        me = psutil.Process()
        if sys.platform == "win32":
            me.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        elif os.getpriority(os.PRIO_PROCESS, 0) < 10:
            me.nice(10)  # as batch(1) has it: a tenth of the share of what the user looks at
        if sys.platform == "linux":
            me.ionice(psutil.IOPRIO_CLASS_IDLE)
