"""Where the daemon listens: a socket in a folder that only its user can open.

Where the system has no sockets with a path (Windows), it is a port of this machine alone, and who wants to talk must
know a key that lies in that folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
import stat
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resilver.errors import SettingsError

_PATH_BYTES = 103  # sun_path holds 104 bytes on macOS and 108 on Linux, with a zero at the end
_WAITING = 128  # callers whose turn has not come yet; the usual limit of systems


class Endpoint:
    """The place of the daemon whose files lie in ``folder``; ``by_path`` where sockets can have one."""

    def __init__(self, folder: Path, *, by_path: bool = hasattr(socket, "AF_UNIX")) -> None:
        self._folder = folder
        self._by_path = by_path
        self._key = ""

    @property
    def folder(self) -> Path:
        """Where the socket or the key lies: below ``folder``, or in a short place if that name is too long."""
        own = self._folder / "control"
        if not self._by_path or len(os.fsencode(own / "socket")) <= _PATH_BYTES:
            return own
        # no variable of the environment has a part in it: a desktop, a cron job and a shell must find the same place
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:12]
        return Path(f"/tmp/resilver-{os.getuid()}-{digest}")  # noqa: S108 - checked below to be ours

    def listen(self) -> socket.socket:
        """A socket that listens; what a dead daemon left is replaced, so the caller must hold the lock.

        Raises:
            SettingsError: the folder is not ours alone, or the socket cannot be made.
        """
        path = self.folder / ("socket" if self._by_path else "address")
        try:
            _private(path.parent)
            path.unlink(missing_ok=True)
            return self._listen_by_path(path) if self._by_path else self._listen_by_port(path)
        except OSError as error:
            raise SettingsError(
                f"The control socket {path} cannot be made ({error.strerror}); see to that folder."
            ) from error

    def _listen_by_path(self, path: Path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(os.fspath(path))
            path.chmod(0o600)
            listener.listen(_WAITING)
        except OSError:
            listener.close()
            raise
        return listener

    def _listen_by_port(self, path: Path) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0), backlog=_WAITING)
        self._key = secrets.token_hex(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"port": listener.getsockname()[1], "key": self._key}, file)
        return listener

    def connect(self, timeout_s: float) -> socket.socket:
        """A connection to the daemon.

        Raises:
            OSError: there is none, or this user may not talk to it.
        """
        if self._by_path:
            return _connect_by_path(self.folder / "socket", timeout_s)
        try:
            address = json.loads((self.folder / "address").read_text(encoding="ascii"))
            self._key = str(address["key"])
            return socket.create_connection(("127.0.0.1", int(address["port"])), timeout_s)
        except (ValueError, KeyError, TypeError) as error:  # half-written
            raise ConnectionRefusedError from error

    def credentials(self) -> dict[str, str]:
        """What a request must carry."""
        return {} if self._by_path else {"key": self._key}

    def admits(self, request: Mapping[str, Any]) -> bool:
        """Whether a request carries it."""
        return self._by_path or hmac.compare_digest(
            str(request.get("key")).encode("utf-8", "replace"), self._key.encode()
        )

    def own_user(self, connection: socket.socket) -> bool:
        """Whether the other end belongs to this user, where the system tells; elsewhere the folder must do."""
        if not self._by_path or not hasattr(socket, "SO_PEERCRED"):
            return True
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, user, _group = struct.unpack("3i", credentials)
        return bool(user == os.getuid())

    def remove(self) -> None:
        """Take the socket's name away, and its folder, which may lie outside of all that is ours."""
        for name in ("socket", "address"):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _connect_by_path(path: Path, timeout_s: float) -> socket.socket:
    deadline = time.monotonic() + timeout_s
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        try:
            connection.connect(os.fspath(path))
            return connection
        except BlockingIOError:  # Linux does not let a socket with a timeout wait while too many others do
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        except OSError:
            connection.close()
            raise


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sys.platform == "win32":  # a user's own folders are closed to other users there
        return
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingsError(f"{folder} belongs to somebody else, so Resilver would not be alone there; remove it.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
