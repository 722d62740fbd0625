"""Several photographs at a time: threads that take items off one queue, each with a worker process of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from resilver.cli.inputs import Item
from resilver.engine import Report
from resilver.errors import Cancelled, OutputError, ResilverError
from resilver.improve import FileResult
from resilver.worker.client import Worker

TICK_S = 0.2
"""How often a caller that waits for outcomes gets the chance to draw."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item: its result or an error."""

    item: Item
    result: FileResult | None = None
    error: ResilverError | None = None
    seconds: float = 0.0


class Crew:
    """Works through ``items`` with ``size`` workers.

    ``work(worker, item, report)`` does one item; ``start_worker`` makes a worker that has not started yet.
    A worker that died is replaced, and only its item fails. ``doing``: the fraction and the step of each
    item that is being worked on.
    """

    def __init__(
        self,
        items: Sequence[Item],
        size: int,
        start_worker: Callable[[], Worker],
        work: Callable[[Worker, Item, Report], FileResult],
    ) -> None:
        self._start_worker = start_worker
        self._work = work
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        for item in items:
            self._items.put(item)
        self._outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._expected = len(items)
        self._stopped = threading.Event()
        self.doing: dict[Item, tuple[float, str]] = {}
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(min(size, len(items)))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def outcomes(self) -> Iterator[Outcome | None]:
        """Start, and give each outcome as it comes, and ``None`` every now and then in between.

        Raises:
            ResilverError: no worker can be started at all.
        """
        for thread in self._threads:
            thread.start()
        while self._expected:
            try:
                outcome = self._outcomes.get(timeout=TICK_S)
            except queue.Empty:
                yield None
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            self._expected -= 1
            yield outcome

    def stop(self) -> None:
        """Cancel what is being done, leave the rest undone, and wait until all workers are gone."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self) -> None:
        worker = self._start_worker()
        try:
            while not self._stopped.is_set():
                try:
                    item = self._items.get_nowait()
                except queue.Empty:
                    return
                outcome = self._outcome(worker, item)
                self.doing.pop(item, None)
                if outcome is not None:
                    self._outcomes.put(outcome)
        except BaseException as error:  # noqa: BLE001 - carried over to the main thread, which raises it
            self._outcomes.put(error)
        finally:
            worker.close()

    def _outcome(self, worker: Worker, item: Item) -> Outcome | None:
        started = time.monotonic()
        report = Report(lambda share, step: self.doing.update({item: (share, step)}), cancelled=self._stopped.is_set)
        self.doing[item] = (0.0, "reading")
        try:
            return Outcome(item, self._twice(worker, item, report))
        except Cancelled:
            return None
        except ResilverError as error:
            return Outcome(item, error=error, seconds=time.monotonic() - started)

    def _twice(self, worker: Worker, item: Item, report: Report) -> FileResult:
        try:
            return self._work(worker, item, report)
        except ResilverError as error:
            # a full disk or a locked folder does not mend itself within the instant
            if not error.temporary or isinstance(error, OutputError):
                raise
        return self._work(worker, item, report)
