"""The worker's client: one process that lives as long as one run, spoken to in lines of JSON."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from core import PROTOCOL, Core, Trouble

# GIMP's bundles set LD_LIBRARY_PATH, PYTHONHOME and the like, which would break another interpreter
_KEPT = {"HOME", "LANG", "PATH", "TMPDIR", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "USERPROFILE"}
_KEPT_BEGINNINGS = ("LC_", "XDG_", "CUDA_", "HIP_", "VK_", "RESILVER_")
EXIT_S = 5.0  # what the worker promises for its way out


class Link:
    """A started worker that has said hello; a context manager.

    That its standard input ends with this process, however it dies, is what stops the worker and
    deletes its files.

    Raises:
        Trouble: it cannot be started, or is of another protocol.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._numbers = itertools.count(1)
        try:
            core.log.parent.mkdir(parents=True, exist_ok=True)
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
            raise Trouble(f"Resilver cannot be started ({error}); run: resilver gimp install") from error
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self, kind: str, on_progress: Callable[[float, str], None] = lambda _fraction, _step: None, **fields: Any
    ) -> dict[str, Any]:
        """The last answer to a request; ``on_progress`` hears the fraction done, 0..1, and the step.

        Raises:
            Trouble: the worker refuses, in its own sentence, or died.
        """
        request = {"type": kind, "id": str(next(self._numbers)), **fields}
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # that it died shows when the answer is read
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()
        while True:
            answer = self._receive()
            match answer.get("type"):
                case "error" if answer.get("id") in (request["id"], None):
                    raise Trouble(str(answer.get("message")))
                case "progress":
                    on_progress(float(answer["fraction"]), str(answer["step"]))
                case "started" | "note":
                    pass
                case _ if answer.get("id") == request["id"]:
                    return answer

    def close(self) -> None:
        """End the worker through its standard input; by force if it does not go."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _greet(self) -> None:
        hello = self._receive()
        if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
            raise Trouble(
                f"What {self._core.interpreter} starts does not fit this plug-in; "
                "update Resilver, then run: resilver gimp install"
            )

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Trouble(
                "Resilver's worker ended before it was done, and nothing was changed; "
                f"try again. Its last words are in {self._core.log}"
            )
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Trouble(f"Resilver's worker gave no sensible answer; install Resilver anew (log: {self._core.log}).")
        return answer


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _KEPT or name.startswith(_KEPT_BEGINNINGS) or name.lower().endswith("_proxy")
    }
