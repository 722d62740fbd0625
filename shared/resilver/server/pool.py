"""The worker processes: jobs wait in one line, and one bad picture costs a worker, never the server."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from resilver.engine import Report
from resilver.errors import Cancelled, EngineError, ResilverError, WorkerCrashed, WorkerError, WorkerHung, WorkerKilled
from resilver.improve import FileResult, Keep
from resilver.recipe import Recipe
from resilver.worker.client import Worker

_log = logging.getLogger(__name__)
_FIRST_GUESS_S = 2.0
_MEMORY = 0.8  # of the mean of seconds per job that an older job keeps with each newer one


@dataclass(frozen=True, slots=True)
class Job:
    """One picture with one recipe; ``done`` has its result or its error."""

    source: Path
    directory: Path
    recipe: Recipe
    keep: Keep = "final"
    done: Future[FileResult] = field(default_factory=Future)
    stopped: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop it soon; :attr:`done` tells when it has ended."""
        self.stopped.set()
        self.done.cancel()


class Pool:
    """``size`` threads, each with a worker process of its own that is started when needed and after each death."""

    def __init__(self, size: int, start_worker: Callable[[], Worker]) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._workers = [start_worker() for _ in range(size)]
        self._closing = threading.Event()
        self._mean_s = _FIRST_GUESS_S
        self._threads = [threading.Thread(target=self._run, args=(worker,), daemon=True) for worker in self._workers]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        return self._jobs.qsize()

    @property
    def wait_s(self) -> float:
        """A guess at when a new job would begin."""
        return self._mean_s * (self.waiting + 1) / len(self._workers)

    def put(self, job: Job) -> None:
        """Let the job wait for its turn."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Fail what is not done as temporary, now and from now on."""
        self._closing.set()

    def close(self) -> None:
        """:meth:`stop`, and end the processes."""
        self.stop()
        for _ in self._threads:
            self._jobs.put(None)
        for worker in self._workers:
            worker.close()
        for thread in self._threads:
            thread.join()

    def _run(self, worker: Worker) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.done.set_running_or_notify_cancel():
                continue
            begun_s = time.monotonic()
            try:
                job.done.set_result(self._improve(worker, job))
            except ResilverError as error:
                job.done.set_exception(error)
            except Exception:  # noqa: BLE001 - the job fails, the loop lives
                _log.exception("a job failed in an unexpected way")
                job.done.set_exception(EngineError("Something unexpected happened to this picture."))
            self._mean_s = _MEMORY * self._mean_s + (1 - _MEMORY) * (time.monotonic() - begun_s)
        worker.close()

    def _improve(self, worker: Worker, job: Job) -> FileResult:
        try:
            return self._once(worker, job)
        except (WorkerCrashed, WorkerKilled):
            pass  # perhaps of something else than this picture
        except WorkerHung as error:  # a second wait would be as long
            raise EngineError("The engine did not get on with this picture in time.") from error
        try:
            return self._once(worker, job)
        except WorkerCrashed as error:
            raise EngineError("The engine crashes at this picture.") from error

    def _once(self, worker: Worker, job: Job) -> FileResult:
        if self._closing.is_set():
            raise WorkerKilled("The server is being stopped; try again.")
        try:
            return worker.improve_file(
                job.source,
                job.directory,
                job.recipe,
                Report(cancelled=lambda: job.stopped.is_set() or self._closing.is_set()),
                keep=job.keep,
                again=True,
            )
        except (WorkerError, Cancelled) as error:
            if self._closing.is_set():
                raise WorkerKilled("The server is being stopped; try again.") from error
            raise
