"""Two streams of bytes to a worker: a process of ours, or one outside the sandbox that the bridge starts."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, Protocol

from core import Core, Trouble
from language import _

# GIMP's bundles set LD_LIBRARY_PATH, PYTHONHOME and the like, which would break another interpreter
_KEPT = {"HOME", "LANG", "PATH", "TMPDIR", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "USERPROFILE"}
_KEPT_BEGINNINGS = ("LC_", "XDG_", "CUDA_", "HIP_", "VK_", "RESILVER_")
_EXIT_S = 5.0  # what the worker promises for its way out
_CONNECT_S = 5.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOG_BYTES = 1 << 20  # then a new one is begun beside the last


class Channel(Protocol):
    """``requests`` to a worker and ``answers`` from it; ``sandboxed``: it sees other folders in memory than we."""

    requests: BinaryIO
    answers: BinaryIO
    sandboxed: bool

    def end(self, *, at_once: bool) -> None:
        """Let the worker go, which it does within seconds, or ``at_once``."""


class Process:
    """A worker of ours.

    That its standard input ends with this process, however it dies, stops it and deletes its files.

    Raises:
        Trouble: it cannot be started.
    """

    sandboxed = False

    def __init__(self, core: Core) -> None:
        try:
            core.log.parent.mkdir(parents=True, exist_ok=True)
            _turn_over(core.log)
            with core.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [core.interpreter, "-I", "-m", "resilver.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=_environment(),
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            raise Trouble(
                _("Resilver cannot be started ({error}); run: resilver gimp install").format(error=error)
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.requests: BinaryIO = self._process.stdin
        self.answers: BinaryIO = self._process.stdout

    def end(self, *, at_once: bool) -> None:
        """Through its standard input; by force ``at_once``, or if it does not go."""
        with contextlib.suppress(OSError):
            self.requests.close()
        if at_once:
            self._process.kill()
        try:
            self._process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Bridged:
    """A worker behind a socket of this computer, opened by a word that only this user can read.

    Raises:
        Trouble: there is no bridge.
    """

    sandboxed = True

    def __init__(self, core: Core) -> None:
        assert core.bridge is not None
        try:
            told = json.loads(core.bridge.read_text("utf-8"))
            self._socket = socket.create_connection(("127.0.0.1", int(told["port"])), _CONNECT_S)
            self._socket.settimeout(None)
            self.requests: BinaryIO = self._socket.makefile("wb")
            self.answers: BinaryIO = self._socket.makefile("rb")
            self.requests.write(told["token"].encode("ascii") + b"\n")
            self.requests.flush()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Trouble(
                _(
                    "This GIMP lives in a sandbox that does not let it start Resilver; start it outside, and leave it "
                    "running while you work: resilver watch"
                )
            ) from error

    def end(self, *, at_once: bool) -> None:
        """Nobody listening any more is what stops it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.requests.close()
        self._socket.close()


def end_with_parent() -> None:
    """Let the system end this process when GIMP is gone, and the worker with it; only Linux has that.

    GIMP's own library tries to, too, when it finds GIMP gone, and was seen to wait for ever on its way out (3.2).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _KEPT or name.startswith(_KEPT_BEGINNINGS) or name.lower().endswith("_proxy")
    }


def _turn_over(log: Path) -> None:
    with contextlib.suppress(OSError):  # there is none yet, or another run was first
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old"))
