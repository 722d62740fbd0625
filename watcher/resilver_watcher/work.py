"""The thread that works: one picture after the other through the worker, each outcome into the journal."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from resilver.engine import Report
from resilver.errors import Cancelled, EngineError, ResilverError, WorkerError
from resilver.improve import FileJob, FileResult
from resilver.picture_io.identity import file_digest, identify
from resilver.recipe import Recipe
from resilver.settings import Settings
from resilver.worker.client import Worker
from resilver_watcher.aftermath import copy_unchanged, put_away, remove_note, write_note
from resilver_watcher.job import Job, State
from resilver_watcher.journal import Journal, JournalBroken, JournalError
from resilver_watcher.pairs import Pair
from resilver_watcher.scan import look_at
from resilver_watcher.scheduler import Scheduler
from resilver_watcher.state import COPIED, Current, Ending
from resilver_watcher.verdict import RESUME_S, judge

_log = logging.getLogger(__name__)

_digest = functools.lru_cache(100)(Recipe.digest)
_OLD_WORKER_S = 10.0  # a worker whose caller was killed ends at once; one that does not is ended


class Work:
    """Takes pictures from the scheduler until :meth:`stop`.

    ``changed`` hears of a picture that has to be looked at again, ``ended`` of each that is done (with its
    result) or failed, and how; ``rests`` when there is nothing to do for now.
    ``command`` starts another worker than the usual one.
    """

    def __init__(
        self,
        journal: Journal,
        scheduler: Scheduler,
        settings: Settings,
        pairs: Sequence[Pair],
        recipe: Recipe,
        *,
        changed: Callable[[Job], None],
        ended: Callable[[Ending, Path | None], None],
        rests: Callable[[], None] = lambda: None,
        command: Sequence[str] | None = None,
    ) -> None:
        self._journal, self._scheduler = journal, scheduler
        self._pairs = {pair.input: pair for pair in pairs}
        self._changed, self._ended, self._rests, self._command = changed, ended, rests, command
        self._settings = dataclasses.replace(settings, worker=dataclasses.replace(settings.worker, low_priority=True))
        self.recipe = recipe
        self._used = self._settings
        self._worker = Worker(self._used, command)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._paused = threading.Event()
        self._expecting = threading.Event()
        self._alone: set[int] = set()
        self._stumbled = False
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self.current: Current | None = None
        self.broken: JournalBroken | None = None
        self._began_s = 0.0

    @property
    def engine(self) -> str:
        """Whose settings the next picture goes by."""
        return self._settings.engine

    @property
    def pid(self) -> int | None:
        """Of the worker, if one runs."""
        return self._worker.pid

    def start(self) -> None:
        """Begin, once the worker of a process that was killed is gone."""
        self._end_old_worker()
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def expect(self) -> None:
        """Pictures are on their way: have the worker ready for them."""
        if self._worker.pid is None:
            self._expecting.set()
            self.wake()

    def pause(self, on: bool) -> None:
        """Take no further picture, or go on."""
        (self._paused.set if on else self._paused.clear)()
        self.wake()

    def use(self, settings: Settings) -> None:
        """Go by these settings from the next picture on."""
        self._settings = _gently(settings)

    def stop(self, wait_s: float = 4.5) -> None:
        """Drop the picture that is worked on, which goes back to those that wait, and end."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._thread.is_alive():  # it is in the middle of a large tile
            with contextlib.suppress(psutil.Error):
                if self._worker.pid is not None:
                    psutil.Process(self._worker.pid).kill()
            self._thread.join(wait_s)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                if self._used is not self._settings:
                    self._worker.close()
                    self._used = self._settings
                    self._worker = Worker(self._used, self._command)
                try:
                    if not self._step():
                        self._rest()
                except JournalBroken as error:
                    self.broken = error
                    self._stopping.wait()
                except JournalError as error:
                    self._stumbled = True
                    self._scheduler.hold(None, RESUME_S, error.message)
                    self._stopping.wait(RESUME_S)
                except Exception:  # noqa: BLE001 - one picture's defect ends nothing
                    self._stumbled = True
                    _log.exception("the work stumbled")
                    self._stopping.wait(RESUME_S)
        finally:
            self._worker.close()

    def _rest(self) -> None:
        """Wait until something is due; the worker's process goes when its networks would, too."""
        self._journal.keep()
        self._rests()
        due = self._scheduler.next_s()
        idle_s = None if self._worker.pid is None else self._settings.worker.idle_s
        waits = [
            wait for wait in (idle_s, None if due is None else max(0.05, due - time.monotonic())) if wait is not None
        ]
        if not self._wake.wait(min(waits, default=None)) and idle_s is not None and min(waits) == idle_s:
            self._worker.close()

    def _step(self) -> bool:
        """Work on what is next; whether there was anything."""
        if self._stumbled or self._journal.undone:
            self._journal.recover()
            self._stumbled = False
        if self._paused.is_set():
            return False
        expecting = self._expecting.is_set()
        self._expecting.clear()
        job = self._scheduler.next(self._key)
        if job is None:
            return expecting and self._worker_runs()
        if not self._worker_runs():
            return True
        jobs = self._group(job) if self._settings.engine == "cloud" and job.id not in self._alone else [job]
        taken = [found for work in jobs if (found := self._take(work)) is not None]
        if taken:
            self._improve([work for work, _ in taken], taken[0][1])
        return True

    def _key(self, job: Job) -> Path:
        pair = None if job.root is None else self._pairs.get(job.root)
        return job.directory if pair is None else pair.output

    def _group(self, first: Job) -> list[Job]:
        """What the cloud takes together: neighbours in the queue with the same recipe."""
        wanted = self._recipe_or_none(first)
        jobs = [first]
        for job in self._journal.waiting(4 * self._settings.cloud.pictures):
            if len(jobs) == self._settings.cloud.pictures:
                break
            fresh = job.id != first.id and job.attempts == 0 and job.id not in self._alone
            if fresh and job.root == first.root and self._recipe_or_none(job) == wanted:
                jobs.append(job)
        return jobs

    def _recipe_or_none(self, job: Job) -> Recipe | None:
        try:
            return self.recipe_of(job)
        except ResilverError:
            return None

    def recipe_of(self, job: Job) -> Recipe:
        """What is to be done to a picture.

        Raises:
            RecipeError, SettingsError: its folder's ``resilver.toml`` cannot be meant.
        """
        pair = None if job.root is None else self._pairs.get(job.root)
        return job.recipe or (self.recipe if pair is None else pair.recipe_for(job.path, self.recipe))

    def _worker_runs(self) -> bool:
        """Start the worker apart from any picture, so that none is blamed if it cannot."""
        if self._worker.pid is not None:
            return True
        try:
            self._worker.info()
        except WorkerError as error:
            self._scheduler.hold(None, RESUME_S, error.message)
            return False
        self._remember_worker()
        return True

    def _take(self, job: Job) -> tuple[Job, Recipe] | None:
        """Move it to ``working``; it and its recipe, or ``None`` if that was all."""
        try:
            identity, digest = identify(job.path), file_digest(job.path)
            recipe = self.recipe_of(job)
        except ResilverError as error:
            self._journal.move(job, State.WORKING)
            self._fail(job, error)
            return None
        known = {"identity": identity, "sha256": digest, "recipe_digest": _digest(recipe)}
        self._journal.move(job, State.WORKING, **known, code="", reason="")
        return dataclasses.replace(job, state=State.WORKING, identity=identity, sha256=digest), recipe

    def _improve(self, jobs: Sequence[Job], recipe: Recipe) -> None:
        left = dict(enumerate(jobs))
        self._began_s = time.monotonic()
        self.current = Current(str(jobs[0].path))

        def told(number: int, outcome: FileResult | ResilverError) -> None:
            job = left.pop(number)
            self._settle(job, outcome)
            if left:
                self.current = Current(str(next(iter(left.values())).path))

        report = Report(self._progress, cancelled=self._stopped)
        try:
            told_or_raised = self._hand_over(jobs, recipe, report, told)
            if told_or_raised is not None:
                told(0, told_or_raised)
            for number in list(left):
                told(number, EngineError("The engine said nothing of this picture; try it again."))
        except JournalError:
            raise
        except ResilverError as error:
            self._failed_together(list(left.values()), error, len(jobs))
        finally:
            self.current = None

    def _hand_over(
        self,
        jobs: Sequence[Job],
        recipe: Recipe,
        report: Report,
        told: Callable[[int, FileResult | ResilverError], None],
    ) -> FileResult | None:
        keep = self._settings.watch.keep
        if len(jobs) == 1:
            (job,) = jobs
            found = job.root is not None
            return self._worker.improve_file(job.path, job.directory, recipe, report, keep=keep, found=found)
        files = [FileJob(job.path, job.directory, job.root is not None) for job in jobs]
        self._worker.improve_files(files, recipe, told, report, keep=keep)
        return None

    def _failed_together(self, jobs: Sequence[Job], error: ResilverError, asked: int) -> None:
        if asked > 1 and isinstance(error, WorkerError):  # whose fault it was shows when each goes alone
            self._alone.update(job.id for job in jobs)
            for job in jobs:
                self._journal.move(job, State.WAITING)
            return
        for job in jobs:
            self._fail(job, error)

    def _settle(self, job: Job, outcome: FileResult | ResilverError) -> None:
        if isinstance(outcome, ResilverError):
            self._fail(job, outcome)
            return
        outputs, notes = tuple(dict.fromkeys(outcome.outputs.values())), outcome.notes
        if not outputs:
            try:
                outputs = copy_unchanged(job)
            except ResilverError as error:
                self._fail(job, error)
                return
            notes = (*notes, *dict.fromkeys(outcome.absent.values()), *([COPIED] if outputs else []))
        self._alone.discard(job.id)
        remove_note(job.path, job.directory)
        self._journal.move(
            job, State.DONE, outputs=outputs, notes=notes, seconds=outcome.seconds, attempts=job.attempts + 1,
            code="", reason="",
        )  # fmt: skip
        self._scheduler.release(self._key(job))
        self._scheduler.release(None)
        look = look_at(str(job.path))
        if look is not None and look.identity != job.identity:
            self._changed(job)
        elif job.root is not None and self._settings.watch.originals == "move" and outputs:
            self._journal.keep()
            put_away(job.path, job.root, job.identity)
        self._ended("done" if outcome.outputs else "unchanged", outputs[-1] if outputs else None)

    def _fail(self, job: Job, error: ResilverError) -> None:
        verdict = judge(error, job, self._settings.watch.look_s)
        _log.warning("%r: %s: %s -> %s", str(job.path), error.code, ascii(error.message), verdict.state)
        if verdict.gone:
            remove_note(job.path, job.directory)
            self._journal.forget([job])
            return
        if verdict.hold:
            key = self._key(job) if verdict.hold == "output" else None
            self._scheduler.hold(key, None if verdict.hold == "halt" else verdict.later_s, error.message)
        elif verdict.later_s:
            self._scheduler.put_off(job, verdict.later_s)
        if verdict.state in (State.FAILED, State.ASIDE):
            write_note(job.path, job.directory, error.code, error.message)
        tried = 0 if isinstance(error, Cancelled) else 1
        self._journal.move(
            job, verdict.state, attempts=job.attempts + tried, deaths=job.deaths + verdict.death,
            code=error.code, reason="" if isinstance(error, Cancelled) else error.message,
        )  # fmt: skip
        if verdict.state is State.SEEN:
            self._changed(job)
        elif verdict.state in (State.FAILED, State.ASIDE):
            self._ended("failed", None)

    def _stopped(self) -> bool:
        """Asked every tenth of a second: a picture that takes long keeps the moves before it from nobody."""
        self._journal.keep()
        return self._stopping.is_set()

    def _progress(self, fraction: float, step: str) -> None:
        current = self.current
        if current is None:
            return
        passed_s = time.monotonic() - self._began_s
        left_s = passed_s * (1 - fraction) / fraction if fraction > 0.05 else None
        self.current = Current(current.source, fraction, step, left_s)

    def _remember_worker(self) -> None:
        pid = self._worker.pid
        with contextlib.suppress(psutil.Error):
            if pid is not None:
                self._journal.set_fact("worker", f"{pid} {psutil.Process(pid).create_time()}")

    def _end_old_worker(self) -> None:
        """A worker may outlive its caller for a moment and still publish; two would do the same picture twice."""
        pid, _, born = (self._journal.fact("worker") or "0 ").partition(" ")
        with contextlib.suppress(psutil.Error, ValueError):
            process = psutil.Process(int(pid)) if int(pid) not in (0, os.getpid()) else None
            if process is not None and process.create_time() == float(born):
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(_OLD_WORKER_S)
                    return
                process.kill()
                process.wait(_OLD_WORKER_S)


def _gently(settings: Settings) -> Settings:
    return dataclasses.replace(settings, worker=dataclasses.replace(settings.worker, low_priority=True))
