"""The way out of a sandbox: workers for a program on this computer that may not start them itself.

GIMP from Flatpak sees this user's folders and this computer's network, but not what an interpreter needs. So the daemon
listens on loopback; the port, and a word that lets in, lie in a file that only this user can read, in the sandbox's own
folder. Each connection is a worker's standard input and output, and ends with it. Linux only.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from resilver.settings import state_dir
from resilver.worker.client import worker_command

SANDBOXES = (Path(".var/app/org.gimp.GIMP"),)
"""In the home folder, at the same path within and without."""
GREETING_S = 5.0
_TOKEN_BYTES = 64  # in hexadecimal digits
_log = logging.getLogger(__name__)


def bridge_file(sandbox: Path) -> Path:
    """Where a program in that sandbox finds its bridge: ``{"port", "token"}``."""
    return sandbox / "config" / "resilver" / "bridge.json"


class Bridge:
    """Listens for one sandbox, whose folder is given, until it is closed; a context manager.

    Workers that were begun go on until the program leaves them.
    """

    def __init__(self, sandbox: Path) -> None:
        self._file = bridge_file(sandbox)
        # memory of the whole computer, such as /dev/shm, is another one within
        self._pixels = sandbox / "cache" / "resilver"
        self._token = secrets.token_hex(_TOKEN_BYTES // 2)
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        self._pixels.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"port": self._listener.getsockname()[1], "token": self._token}, file)
        new.replace(self._file)
        threading.Thread(target=self._accept, name="bridge", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):  # wakes the thread that accepts, where closing alone does not
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._file.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except ConnectionAbortedError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="bridge", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(GREETING_S)
                if not hmac.compare_digest(_word(connection), self._token.encode()):
                    _log.warning("bridge: somebody without the token was sent away")
                    return
                connection.settimeout(None)
                process = self._start(connection)
            except OSError as error:
                _log.warning("bridge: %s", error)
                return
        process.wait()  # with our end of the connection closed, that the program leaves ends the worker

    def _start(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        log = state_dir() / "log" / "gimp.log"
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("ab") as words:
            return subprocess.Popen(
                worker_command(),
                stdin=connection.fileno(),
                stdout=connection.fileno(),
                stderr=words,
                env={**os.environ, "TMPDIR": str(self._pixels)},
                start_new_session=True,
            )


def bridges(home: Path) -> contextlib.ExitStack:
    """One for each sandbox in that home folder into which the plug-in was brought; to be entered and left."""
    stack = contextlib.ExitStack()
    for sandbox in SANDBOXES if sys.platform == "linux" else ():
        if bridge_file(home / sandbox).with_name("gimp.json").is_file():
            try:
                stack.enter_context(Bridge(home / sandbox))
            except OSError as error:  # the folder needs none of this
                _log.warning("bridge: %s", error)
    return stack


def _word(connection: socket.socket) -> bytes:
    """The first line, and not a byte of what is the worker's."""
    word = b""
    while len(word) < _TOKEN_BYTES + 1 and (byte := connection.recv(1)) not in (b"", b"\n"):
        word += byte
    return word
