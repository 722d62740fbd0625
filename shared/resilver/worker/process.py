"""One life of a worker process: its pipes, its words in our log, and how it died."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from resilver.errors import UsageError, WorkerCrashed, WorkerError, WorkerHung, WorkerKilled, WorkerMismatch
from resilver.worker.codec import read_line
from resilver.worker.protocol import PROTOCOL, Answer, Hello, Request, read_answer, to_line

_log = logging.getLogger(__name__)

EXIT_S = 5.0  # what the worker promises for its way out


class Process:
    """A started process that has said hello.

    Raises:
        WorkerMismatch: it is no worker of this protocol.
        WorkerHung: it said nothing for ``start_s`` seconds.
        WorkerCrashed: it could not be started, or ended at once.
    """

    def __init__(self, command: Sequence[str], start_s: float) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Ctrl-C in a terminal is for the caller, who lets the job end in good order
                start_new_session=sys.platform != "win32",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise WorkerCrashed(f"The worker cannot be started ({error}); install Resilver anew.") from error
        assert self._process.stdin is not None
        self._requests = self._process.stdin
        self._answers: queue.SimpleQueue[Answer | WorkerMismatch | None] = queue.SimpleQueue()
        self._last_words = "no last words"
        self._threads = [
            threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._greet(start_s)
        except BaseException as error:
            self.kill()
            if isinstance(error, WorkerCrashed):
                raise WorkerCrashed(
                    f"The worker ended at its start ({self._last_words}); install Resilver anew."
                ) from error
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, request: Request) -> None:
        """Hand over a request; that the process is dead shows when the answer is read."""
        with contextlib.suppress(OSError, ValueError):
            self._requests.write(to_line(request))
            self._requests.flush()

    def receive(self, timeout_s: float) -> Answer | None:
        """The next answer, or ``None`` if there is none in time.

        Raises:
            WorkerError: the process died, or says what is no answer.
        """
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if answer is None:
            raise self._death()
        if isinstance(answer, WorkerMismatch):
            raise answer
        return answer

    def close(self) -> None:
        """End it through its standard input, as it would notice our death; by force if it does not go."""
        with contextlib.suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._bury()

    def kill(self) -> None:
        """End it by force."""
        self._process.kill()
        with contextlib.suppress(OSError):
            self._requests.close()
        self._bury()

    def _bury(self) -> None:
        self._process.wait()
        for thread in self._threads:
            thread.join(EXIT_S)  # a grandchild may hold the pipes; it does not hold us

    def _greet(self, start_s: float) -> None:
        hello = self.receive(start_s)
        if hello is None:
            raise WorkerHung(
                f"The worker did not start within {start_s:.0f} seconds; try again when there is less to do."
            )
        if not isinstance(hello, Hello):
            raise WorkerMismatch("What was started is no worker of Resilver; install Resilver anew.")
        if hello.protocol != PROTOCOL:
            raise WorkerMismatch(
                f"The worker {hello.version} speaks protocol {hello.protocol}, this program {PROTOCOL}; "
                "install the same version of both."
            )

    def _death(self) -> WorkerError:
        try:
            status = self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return WorkerCrashed("The worker closed its output and was stopped; try again.")
        if status == -getattr(signal, "SIGKILL", 9):
            return WorkerKilled(
                "The worker was killed, probably for want of memory; close other programs and try again."
            )
        if status == 0:
            return WorkerKilled("The worker was stopped by someone else; try again.")
        what = signal.strsignal(-status) if status < 0 else f"exit status {status}"
        return WorkerCrashed(f"The worker crashed at this picture ({what}); the log has its last words.")

    def _listen(self, answers: IO[bytes]) -> None:
        with answers:
            # a line without an end was cut off by death
            while (line := answers.readline()).endswith(b"\n"):
                try:
                    answer = read_answer(read_line(line))
                except UsageError:
                    self._answers.put(WorkerMismatch("What was started is no worker of Resilver; install it anew."))
                    return
                if answer is not None:
                    self._answers.put(answer)
            self._answers.put(None)

    def _drain(self, noise: IO[bytes]) -> None:
        with noise:
            for line in iter(lambda: noise.readline(1000), b""):
                self._last_words = line.decode("utf-8", "replace").rstrip()
                _log.info("worker %d: %s", self.pid, self._last_words)
