"""How other processes of this user talk to the daemon: one JSON object a line, over a socket of their own.

A request is ``{"do": "status"}``, with what the action needs beside it; the answer is ``{"ok": true, …}``, or
``{"ok": false, "error": {"code", "title", "message"}}``. A connection may carry several, one after another. Names of
files are JSON strings in ASCII; a byte that is no UTF-8 is a lone surrogate, as ``os.fsencode`` has it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from resilver.errors import NotWatching, ResilverError, UsageError
from resilver.worker.failures import to_error
from resilver.worker.parts import ErrorData
from resilver_watcher.endpoint import Endpoint

LINE_BYTES = 16 << 20
"""The longest line: a command line holds 2 MB of names, and each of their bytes may become six."""
PATIENCE_S = 30.0
"""So long a connection may be silent."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_log = logging.getLogger(__name__)


class ControlServer:
    """Answers requests in threads of its own, from :meth:`start` to :meth:`close`; only the lock's holder makes one.

    ``answer`` gives what goes beside ``"ok"``, or raises a ResilverError; it must be safe to call from any thread.
    """

    def __init__(self, endpoint: Endpoint, answer: Answer) -> None:
        self._endpoint = endpoint
        self._answer = answer
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Listen from now on.

        Raises:
            SettingsError: the socket cannot be made.
        """
        self._listener = self._endpoint.listen()
        threading.Thread(target=self._accept, args=(self._listener,), name="control", daemon=True).start()

    def close(self) -> None:
        """Listen no more; what is being answered still is."""
        if self._listener is not None:
            with contextlib.suppress(OSError):  # wakes the thread that accepts, where closing alone does not
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._endpoint.remove()
            self._listener = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except ConnectionAbortedError:
                continue
            except OSError:  # closed, or no file descriptors are left: the latter ends with the connections' patience
                if listener.fileno() < 0 or self._listener is not listener:
                    return
                threading.Event().wait(0.5)
                continue
            threading.Thread(target=self._serve, args=(connection,), name="control", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(PATIENCE_S)
            if not self._endpoint.own_user(connection):
                return
            with connection.makefile("rb") as lines:
                while line := lines.readline(LINE_BYTES):
                    if not line.endswith(b"\n"):
                        return
                    connection.sendall(_line(self._respond(line)))

    def _respond(self, line: bytes) -> dict[str, Any]:
        try:
            request = _parsed(line)
            if not self._endpoint.admits(request):
                raise UsageError("This request does not come from the one who started the daemon.")
            return {"ok": True, **self._answer(request)}
        except ResilverError as error:
            return {"ok": False, "error": error.to_json()}
        except Exception:  # noqa: BLE001 - one request fails, the daemon lives
            _log.exception("control: a request failed")
            unexpected = ResilverError("Something unexpected happened; the details are in the log.")
            return {"ok": False, "error": unexpected.to_json()}


def call(endpoint: Endpoint, do: str, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
    """Ask the daemon, and give its answer without ``"ok"``.

    Raises:
        NotWatching: there is no daemon, or it does not answer.
        ResilverError: of the class that the daemon raised.
    """
    try:
        with endpoint.connect(timeout_s) as connection, connection.makefile("rb") as lines:
            connection.sendall(_line({"do": do, **endpoint.credentials(), **fields}))
            line = lines.readline(LINE_BYTES)
    except TimeoutError as error:
        raise NotWatching("Resilver does not answer; try again, or end its process and start it anew.") from error
    except OSError as error:
        raise NotWatching("Resilver is not watching any folder; start it with: resilver watch") from error
    answer = _parsed(line) if line.endswith(b"\n") else {}
    if answer.pop("ok", False) is True:
        return answer
    if isinstance(error_data := answer.get("error"), dict):
        raise to_error(ErrorData(**{"temporary": False, **error_data}))
    raise NotWatching("Resilver stopped before it answered; start it again with: resilver watch")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError("The control socket takes one JSON object a line.") from error
    if not isinstance(data, dict):
        raise UsageError("The control socket takes one JSON object a line.")
    return data


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=True).encode("ascii") + b"\n"
