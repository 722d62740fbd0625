"""The caller's side of the worker: starts it, gives it jobs, and sees its deaths as typed errors."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from resilver.engine import FINAL, Report
from resilver.errors import Cancelled, ResilverError, WorkerHung, WorkerKilled
from resilver.improve import FileJob, FileResult, Keep
from resilver.picture import Picture
from resilver.picture_io.raw import RawFile, read_raw, write_raw
from resilver.picture_io.read import ReadLimits
from resilver.picture_io.temporary import remove_temporaries
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result
from resilver.settings import Settings
from resilver.worker.failures import to_error
from resilver.worker.parts import BatchFile, FileDone
from resilver.worker.process import Process
from resilver.worker.protocol import (
    AskFolder,
    AskInfo,
    Assess,
    Assessed,
    Batch,
    Batched,
    BatchedFile,
    Cancel,
    Failed,
    Folder,
    Improve,
    Improved,
    ImprovedRaw,
    ImproveRaw,
    Info,
    Note,
    Progress,
    Request,
    Started,
)

_log = logging.getLogger(__name__)
_Last = TypeVar("_Last", Info, Folder, Improved, Batched, ImprovedRaw, Assessed)

POLL_S = 0.1  # how soon a wish to cancel is heard
_ASLEEP_S = 1.5  # where so much time passes at once, this process was stopped, and the worker with it
CANCEL_S = 15.0  # a large tile on an old machine takes some seconds; who does not stop by then is stopped


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(settings: Settings, workers: int) -> Settings:
    """The settings for each of so many workers, which share the cores unless a number of threads is set."""
    if workers == 1 or settings.local.threads:
        return settings
    threads = max(1, usable_cores() // workers)
    return dataclasses.replace(settings, local=dataclasses.replace(settings.local, threads=threads))


def worker_command() -> list[str]:
    """How this installation starts a worker: the one place to change for a program that brings no interpreter."""
    # -P: the folder that the user stands in may hold anything, and no code comes out of it
    return [sys.executable, "-P", "-m", "resilver.worker"]


class Worker:
    """One worker process, started with the first job and again after it ended or died.

    One job at a time; other threads wait their turn. Give the settings that the caller goes by: the
    worker uses these and not its own. Usable as a context manager.
    """

    def __init__(self, settings: Settings, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._overrides = dataclasses.asdict(settings)
        self._command = tuple(worker_command() if command is None else command)
        self._process: Process | None = None
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """Let the process go; it stops at once. A later job starts another."""
        process = self._process
        if process is not None:
            process.close()
            self._process = None

    def info(self) -> Info:
        """Versions, engine and networks of the worker.

        Raises:
            WorkerError: the process failed.
        """
        with self._turn:
            return self._ask(self._running(), AskInfo(id=self._new_id(), settings=self._overrides), Info)

    def assess(self, source: Path, report: Report | None = None) -> dict[str, Any]:
        """What ``resilver info`` tells about a file; see :func:`resilver.local.facts.facts`.

        Raises:
            PictureError: it cannot be read.
            WorkerError: the process failed.
        """
        request = Assess(id=self._new_id(), input=source.absolute(), settings=self._overrides)
        with self._turn:
            return self._ask(self._running(), request, Assessed, report).assessment

    def improve_file(
        self,
        source: Path,
        directory: Path,
        recipe: Recipe,
        report: Report | None = None,
        *,
        keep: Keep = "final",
        again: bool = False,
        found: bool = False,
        mask: Path | None = None,
        mask_out: Path | None = None,
    ) -> FileResult:
        """Restore one file into ``directory``; see :func:`resilver.improve.improve_file`.

        Raises:
            ResilverError: as there, with the same classes and sentences.
            WorkerError: the process failed; call again for another one.
        """
        request = Improve(
            id=self._new_id(),
            input=source.absolute(),
            directory=directory.absolute(),
            recipe=recipe,
            keep=keep,
            again=again,
            found=found,
            mask=mask and mask.absolute(),
            mask_out=mask_out and mask_out.absolute(),
            settings=self._overrides,
        )
        directories = [request.directory, *([request.mask_out.parent] if request.mask_out else [])]
        return _file_result(source, self._write(request, directories, Improved, report))

    def improve_files(
        self,
        jobs: Sequence[FileJob],
        recipe: Recipe,
        told: Callable[[int, FileResult | ResilverError], None],
        report: Report | None = None,
        *,
        keep: Keep = "final",
        again: bool = False,
    ) -> None:
        """Restore several files; ``told`` hears the number of each with what became of it.

        See :func:`resilver.improve.improve_files`.

        Raises:
            ResilverError: as there; those that were told are done.
            WorkerError: the process failed; likewise.
        """
        files = [
            BatchFile(input=job.source.absolute(), directory=job.directory.absolute(), found=job.found) for job in jobs
        ]
        request = Batch(
            id=self._new_id(), files=tuple(files), recipe=recipe, keep=keep, again=again, settings=self._overrides
        )

        def hear(done: BatchedFile) -> None:
            if done.error is not None:
                told(done.number, to_error(done.error))
            elif done.improved is not None:
                told(done.number, _file_result(jobs[done.number].source, done.improved))

        self._write(request, {file.directory for file in files}, Batched, report, hear)

    def improve_raw(
        self,
        picture: Picture,
        recipe: Recipe,
        report: Report | None = None,
        wanted: Collection[OutputName] = FINAL,
    ) -> Result:
        """Restore a picture in memory; see :meth:`resilver.engine.Engine.improve`.

        The pixels of the results are mapped from files without a name.

        Raises:
            ResilverError: as there; or the pixels cannot be handed over.
            WorkerError: the process failed; call again for another one.
        """
        size = (picture.width * picture.height) * (picture.depth // 8) * 4
        size += size * (recipe.resolution or 1) ** 2 * len(wanted)
        with self._turn:
            process = self._running()
            folder = self._ask(process, AskFolder(id=self._new_id(), bytes=size), Folder).path
            try:
                request = ImproveRaw(
                    id=self._new_id(),
                    raw=write_raw(picture, folder / "input"),
                    recipe=recipe,
                    wanted=tuple(wanted),
                    mask=_write_mask(picture, folder / "mask"),
                    settings=self._overrides,
                )
                done = self._ask(process, request, ImprovedRaw, report)
                return Result(_outputs(done, picture), done.bw, done.notes)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _write(
        self,
        request: Improve | Batch,
        directories: Collection[Path],
        last: type[_Last],
        report: Report | None,
        hear: Callable[[BatchedFile], None] | None = None,
    ) -> _Last:
        """Let the worker write files; what one leaves unfinished that dies is deleted."""
        with self._turn:
            process = self._running()
            try:
                return self._ask(process, request, last, report, hear)
            except BaseException:
                if process is not self._process:
                    for directory in directories:
                        remove_temporaries(directory, process.pid)
                raise

    def _new_id(self) -> str:
        return str(next(self._numbers))

    def _running(self) -> Process:
        if self._process is None or not self._process.alive:
            self.close()
            self._process = Process(self._command, self._settings.worker.start_s)
        return self._process

    def _ask(
        self,
        process: Process,
        request: Request,
        last: type[_Last],
        report: Report | None = None,
        hear: Callable[[BatchedFile], None] | None = None,
    ) -> _Last:
        """Hand over a request and wait for its last answer; a process that did not give one is gone afterwards."""
        try:
            answer = self._wait(process, request, last, report or Report(), hear)
        except BaseException as error:
            process.kill()
            self._process = None
            _log.warning("worker %d: %r", process.pid, error)
            raise
        if isinstance(answer, Failed):
            raise to_error(answer)
        return answer

    def _wait(
        self,
        process: Process,
        request: Request,
        last: type[_Last],
        report: Report,
        hear: Callable[[BatchedFile], None] | None,
    ) -> _Last | Failed:
        patience = _Patience(self._settings)
        process.send(request)
        while True:
            answer = process.receive(POLL_S)
            match answer:
                case Failed(code=Cancelled.code) if not patience.cancelled:
                    raise WorkerKilled("The worker was stopped by someone else; try again.")
                case Failed() | last() if answer.id in (request.id, None):
                    return answer
                case Started():
                    patience.started(answer.megapixels)
                case Progress():
                    patience.progressed(answer.fraction)
                    report.on_progress(answer.fraction, answer.step)
                case Note():
                    report.note(answer.message)
                case BatchedFile() if hear is not None:
                    hear(answer)
            if not patience.cancelled and report.cancelled():
                patience.cancel()
                process.send(Cancel(id=request.id))
            patience.check()


class _Patience:
    """How long to wait: by the picture's size, longer while it goes on, shortly once it shall stop."""

    def __init__(self, settings: Settings) -> None:
        self._deadline_s = settings.worker.deadline_s
        self._more_s = settings.worker.deadline_s_per_megapixel
        if settings.engine == "cloud":  # which says nothing while it waits for a service, and ends that by itself
            self._deadline_s += settings.cloud.deadline_s
        self._fraction = 0.0
        self._checked_s = time.monotonic()
        self._end_s = self._checked_s + self._deadline_s
        self.cancelled = False

    def started(self, megapixels: float) -> None:
        self._extend(self._deadline_s + megapixels * self._more_s)

    def progressed(self, fraction: float) -> None:
        if fraction > self._fraction:  # so that a worker that repeats itself for ever is seen to hang
            self._fraction = fraction
            self._extend(self._deadline_s)

    def cancel(self) -> None:
        self.cancelled = True
        self._end_s = time.monotonic() + CANCEL_S

    def _extend(self, seconds: float) -> None:
        if not self.cancelled:
            self._end_s = max(self._end_s, time.monotonic() + seconds)

    def check(self) -> None:
        now_s = time.monotonic()
        if now_s - self._checked_s > _ASLEEP_S:
            self._end_s += now_s - self._checked_s
        self._checked_s = now_s
        if now_s < self._end_s:
            return
        if self.cancelled:
            raise Cancelled("Stopped at your request; nothing was changed.")
        raise WorkerHung("The worker did not get on with this picture in time and was stopped; try again.")


def _file_result(source: Path, done: FileDone) -> FileResult:
    return FileResult(
        input=source,
        outputs=cast(Mapping[OutputName, Path], done.outputs),
        absent=cast(Mapping[OutputName, str], done.absent),
        bw=done.bw,
        seconds=done.seconds,
        notes=done.notes,
        skipped=done.skipped,
    )


def _write_mask(picture: Picture, path: Path) -> RawFile | None:
    return None if picture.mask is None else write_raw(Picture(pixels=picture.mask[..., None]), path)


def _outputs(done: ImprovedRaw, source: Picture) -> dict[OutputName, Output]:
    pictures = {output.raw: _map(output.raw, source) for output in done.outputs.values() if output.raw is not None}
    return {
        cast(OutputName, name): Output(
            picture=None if output.raw is None else pictures[output.raw],
            steps=output.steps,
            absent=output.absent,
            error=None if output.error is None else to_error(output.error),
        )
        for name, output in done.outputs.items()
    }


def _map(raw: RawFile, source: Picture) -> Picture:
    picture = read_raw(raw, ReadLimits(sys.maxsize, sys.maxsize))
    pixels, alpha = picture.pixels, picture.alpha
    if sys.platform == "win32":  # a file that is mapped cannot be deleted there
        pixels, alpha = pixels.copy(), None if alpha is None else alpha.copy()
    return source.replace(pixels=pixels, alpha=alpha, icc=picture.icc, mask=None)
