"""Several photographs at a time: threads that take groups off one queue, each with a worker process of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from resilver.cli.inputs import Item
from resilver.engine import Report
from resilver.errors import Cancelled, CloudError, OutputError, ResilverError
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


Tell = Callable[[Item, FileResult | ResilverError], None]


class Crew:
    """Works through ``groups`` of items with ``size`` workers.

    ``work(worker, items, report, tell)`` does a group and tells what became of each item as it comes;
    ``start_worker`` makes a worker that has not started yet. A worker that died is replaced, and only the items that
    it had not told of are tried again, one by one. No group begins after an error that ``halts``. ``doing``: the
    fraction and the step of each item under way.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Item]],
        size: int,
        start_worker: Callable[[], Worker],
        work: Callable[[Worker, Sequence[Item], Report, Tell], None],
    ) -> None:
        self._start_worker = start_worker
        self._work = work
        self._groups: queue.SimpleQueue[Sequence[Item]] = queue.SimpleQueue()
        for group in groups:
            self._groups.put(group)
        self._outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._expected = sum(map(len, groups))
        self._stopped = threading.Event()
        self.doing: dict[Item, tuple[float, str]] = {}
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(min(size, len(groups)))]

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
                    group = self._groups.get_nowait()
                except queue.Empty:
                    return
                for item in self._do(worker, group, once=False):
                    self._do(worker, [item], once=True)
        except BaseException as error:  # noqa: BLE001 - carried over to the main thread, which raises it
            self._outcomes.put(error)
        finally:
            worker.close()

    def _do(self, worker: Worker, items: Sequence[Item], *, once: bool) -> list[Item]:
        """Do a group; the items that are worth another try, unless this was the last."""
        started, left, again = time.monotonic(), list(items), list[Item]()
        self.doing.update(dict.fromkeys(left, (0.0, "reading")))

        def tell(item: Item, done: FileResult | ResilverError) -> None:
            left.remove(item)
            self.doing.pop(item, None)
            if isinstance(done, FileResult):
                self._outcomes.put(Outcome(item, done))
            elif not once and _passing(done):
                again.append(item)
            else:
                self._outcomes.put(Outcome(item, error=done, seconds=time.monotonic() - started))

        report = Report(
            lambda share, step: self.doing.update(dict.fromkeys(left, (share, step))), cancelled=self._stopped.is_set
        )
        try:
            self._work(worker, items, report, tell)
        except Cancelled:
            return []
        except ResilverError as error:
            if error.halts:  # before the next group is begun
                self._stopped.set()
            for item in list(left):
                tell(item, error)
        return [] if self._stopped.is_set() else again


def _passing(error: ResilverError) -> bool:
    # a full disk or a locked folder does not mend itself within the instant, and the client of the cloud tried already
    return error.temporary and not isinstance(error, (OutputError, CloudError))
