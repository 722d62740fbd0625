"""The worker process: requests in, answers out, one job at a time, gone as soon as nobody listens."""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from resilver import __version__
from resilver.engine import Report
from resilver.engines import make_engine
from resilver.errors import EngineError, EngineMemory, ResilverError, UsageError
from resilver.picture_io.temporary import remove_temporaries
from resilver.worker.codec import read_line
from resilver.worker.failures import failed
from resilver.worker.jobs import Job, Jobs, MakeEngine
from resilver.worker.protocol import (
    LINE_LIMIT_BYTES,
    PROTOCOL,
    Answer,
    AskFolder,
    Cancel,
    Folder,
    Hello,
    Note,
    Ping,
    Pong,
    Progress,
    Started,
    read_request,
    to_line,
)
from resilver.worker.scratch import Scratch, sweep

PROGRESS_EVERY_S = 0.1
STOP_AT_ONCE_S = 0.1  # enough for Python code to leave by itself and tidy up; native code is not waited for
STOP_CLEANLY_S = 4.0  # a session manager kills five seconds after SIGTERM


def serve(make: MakeEngine = make_engine) -> NoReturn:
    """Answer requests until standard input ends; then leave the process, tidily and without delay."""
    requests, answers = _take_pipes()
    faulthandler.enable()  # the last words of a crash in native code
    stops: queue.SimpleQueue[float] = queue.SimpleQueue()  # its put() may interrupt itself, as signal handlers do
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stops.put(STOP_CLEANLY_S))
    sweep()
    loop = _Loop(requests, answers, make, stops)
    loop.start()
    loop.stop(patience_s=stops.get())
    sys.stderr.flush()
    os._exit(0)  # threads may be in native code, which nothing else would end


def _take_pipes() -> tuple[BinaryIO, int]:
    """Keep the two pipes for the protocol: what libraries print goes to standard error, what they read is empty."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return os.fdopen(requests, "rb"), answers


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A job in the queue, or the one that runs."""

    job: Job
    cancelled: threading.Event = field(default_factory=threading.Event)


class _Loop:
    """A thread that reads and one that works; answers of both share the pipe."""

    def __init__(self, requests: BinaryIO, answers: int, make: MakeEngine, stops: queue.SimpleQueue[float]) -> None:
        self._requests = requests
        self._answers = answers
        self._stops = stops
        self._scratch = Scratch()
        self._jobs = Jobs(make, self._scratch)
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()
        self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Say hello and begin."""
        self._send(Hello(protocol=PROTOCOL, version=__version__, pid=os.getpid()))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        self._worker.start()

    def stop(self, patience_s: float) -> None:
        """Cancel everything, wait so long for the job to leave by itself, and delete what is temporary."""
        for waiting in list(self._waiting.values()):
            waiting.cancelled.set()
        deadline = time.monotonic() + patience_s
        while self._waiting and time.monotonic() < deadline:
            self._worker.join(0.01)
        self._scratch.clear()
        for directory in self._jobs.directories:
            remove_temporaries(directory, os.getpid())

    def _listen(self) -> None:
        for line in _lines(self._requests):
            identifier = None
            try:
                data = read_line(line)
                identifier = data["id"] if isinstance(data.get("id"), str) else None
                self._take(data)
            except Exception as error:  # noqa: BLE001 - whatever a line holds, the next one is read
                self._fail(identifier, error)
        self._stops.put(STOP_AT_ONCE_S)

    def _take(self, data: dict[str, object]) -> None:
        request = read_request(data)
        match request:
            case Ping():
                self._send(Pong(id=request.id))
            case AskFolder():
                self._send(Folder(id=request.id, path=self._scratch.make(request.bytes)))
            case Cancel():
                if waiting := self._waiting.get(request.id):
                    waiting.cancelled.set()
            case _ if request.id in self._waiting:
                raise UsageError("There is a job of that id already; choose a new id for each request.")
            case _:
                self._waiting[request.id] = waiting = _Waiting(request)
                self._queue.put(waiting)

    def _work(self) -> None:
        while True:
            self._do(self._next())

    def _do(self, waiting: _Waiting) -> None:
        job, telling = waiting.job, _Telling(waiting, self._send)
        try:
            telling.report.check()
            self._send(self._jobs.do(job, telling.report, telling.started, self._send))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a picture's failure is a message, the loop lives
            self._fail(job.id, error)
        finally:
            del self._waiting[job.id]

    def _next(self) -> _Waiting:
        try:
            return self._queue.get(timeout=self._jobs.idle_s)
        except queue.Empty:
            self._jobs.rest()
            return self._queue.get()

    def _fail(self, identifier: str | None, error: BaseException) -> None:
        if isinstance(error, MemoryError):
            error = EngineMemory("There was not enough memory for this picture; close other programs and try again.")
        elif not isinstance(error, ResilverError):
            traceback.print_exception(error)
            error = EngineError(
                f"Something unexpected happened to this picture ({type(error).__name__}); the log has the details."
            )
        self._send(failed(identifier, error))

    def _send(self, answer: Answer) -> None:
        rest = memoryview(to_line(answer))
        try:
            with self._lock:
                while rest:
                    rest = rest[os.write(self._answers, rest) :]
        except OSError:  # nobody listens any more
            self._stops.put(STOP_AT_ONCE_S)


class _Telling:
    """Tells of one job, so often that a person sees it move and no oftener."""

    def __init__(self, waiting: _Waiting, send: Callable[[Answer], None]) -> None:
        self._id = waiting.job.id
        self._send = send
        self._told = -1.0
        self._step = ""
        self._next_s = 0.0
        self.report = Report(self._progress, self._note, waiting.cancelled.is_set)

    def started(self, megapixels: float) -> None:
        self._send(Started(id=self._id, megapixels=megapixels))

    def _progress(self, fraction: float, step: str) -> None:
        now = time.monotonic()
        due = now >= self._next_s or step != self._step or fraction >= 1.0 > self._told
        if fraction >= self._told and due:
            self._told, self._step, self._next_s = fraction, step, now + PROGRESS_EVERY_S
            self._send(Progress(id=self._id, fraction=fraction, step=step))

    def _note(self, sentence: str) -> None:
        self._send(Note(id=self._id, message=sentence))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Each line; one that is too long comes as its beginning, which is no JSON."""
    while line := stream.readline(LINE_LIMIT_BYTES):
        yield line
        while len(line) == LINE_LIMIT_BYTES and not line.endswith(b"\n"):
            line = stream.readline(LINE_LIMIT_BYTES)
