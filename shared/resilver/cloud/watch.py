"""Ends a request from outside: at the user's wish or at its deadline, wherever it is stuck."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from resilver.errors import Cancelled, CloudUnreachable, ResilverError

_LOOK_S = 0.05


class Watch:
    """While it is entered, a thread asks whether to go on; if not, the connection is shut down.

    Timeouts do not do that: they count for each read, and a byte now and then satisfies them for ever. Nor does
    closing the client from another thread, which was measured to wait for the timeout; a shutdown of the socket
    ends any read or write at once. ``deadline``: in seconds of :func:`time.monotonic`.
    """

    def __init__(self, cancelled: Callable[[], bool], deadline: float) -> None:
        self._cancelled, self._deadline = cancelled, deadline
        self._reason: ResilverError | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="cloud-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raise the reason why the request was ended, if it was."""
        if self._reason is not None:
            raise self._reason

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of the connection; httpcore calls it for the extension ``trace`` of a request."""
        # TLS moves the descriptor into another socket
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._reason is not None:
                    self._shut()

    def _look(self) -> None:
        while not self._done.wait(_LOOK_S):
            reason = self._stop_reason()
            if reason is not None:
                with self._lock:
                    self._reason = reason
                    self._shut()
                return

    def _stop_reason(self) -> ResilverError | None:
        if self._cancelled():
            return Cancelled("Stopped at your request; nothing was changed.")
        if time.monotonic() >= self._deadline:
            return CloudUnreachable("The service took longer than the setting 'cloud.deadline_s' allows; try later.")
        return None

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may be closed by now
                # not the method of an SSL socket, which would take the encryption away under a writing thread
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
