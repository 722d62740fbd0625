"""The worker's client: one worker that lives as long as one run, spoken to in lines of JSON."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from channel import Bridged, Channel, Process
from core import PROTOCOL, Cancelled, Core, Trouble
from language import _, said

_POLL_S = 0.05  # how often a window is drawn and Cancel heard
_ASLEEP_S = 1.5  # where so much time passes at once, this process was stopped, and the worker with it
_NO_MEMORY = 1 << 62  # more bytes than any memory has room for: the folder then lies where TMPDIR says
_ENDED = _(
    "Resilver's worker ended before it was done, and nothing was changed; try again. Its last words are in {log}"
)
_HUNG = _(
    "Resilver's worker did not get on with this picture and was stopped, and nothing was changed; try again. "
    "Its last words are in {log}"
)
_STRAY = _("Resilver's worker gave no sensible answer; install Resilver anew (log: {log}).")
_OTHER = _(
    "What {program} starts does not fit this plug-in; update Resilver, then run: resilver gimp install (log: {log})"
)


class Ask(Protocol):
    """Who waits for the work: hears how far it is, and says whether to go on."""

    def progress(self, fraction: float, step: str) -> None:
        """``fraction`` 0..1 is done; now at ``step``, a phrase."""

    def cancelled(self) -> bool:
        """Whether to stop; asked some twenty times a second, also while nothing happens."""


class _Nobody:
    def progress(self, fraction: float, step: str) -> None:
        pass

    def cancelled(self) -> bool:
        return False


_NOBODY = _Nobody()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait, in seconds, as the package does: for hello, for any sign of work, and for it to stop."""

    start_s: float = 60.0
    silent_s: float = 120.0
    silent_s_per_megapixel: float = 300.0
    cloud_s: float = 1800.0  # which says nothing while it waits for a service, and ends that by itself
    cancel_s: float = 15.0


_LIMITS = Limits()


class Link:
    """A worker that has said hello, and its folders; a context manager, with whose end both are gone.

    Raises:
        Cancelled: ``ask`` wanted so.
        Trouble: it cannot be started, or is of another protocol.
    """

    def __init__(self, core: Core, limits: Limits = _LIMITS, ask: Ask = _NOBODY) -> None:
        self._core = core
        self._limits = limits
        self._numbers = itertools.count(1)
        self._folders: list[Path] = []
        try:
            self._open(Process, ask)
        except Trouble:
            if core.bridge is None:
                raise
            self._open(Bridged, ask)  # a sandbox, from within which the interpreter cannot run

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def folder(self, size: int) -> Path:
        """A new private folder, in memory where there is room for ``size`` bytes.

        Raises:
            Trouble: there is no room.
        """
        path = Path(self.ask("folder", bytes=_NO_MEMORY if self._channel.sandboxed else size)["path"])
        self._folders.append(path)
        return path

    def ask(self, kind: str, ask: Ask = _NOBODY, **fields: Any) -> dict[str, Any]:
        """The last answer to a request of that kind with those fields.

        Raises:
            Cancelled: ``ask`` wanted so.
            Trouble: the worker refuses, in its own sentence, or died, or does not get on and was ended.
        """
        request = {"type": kind, "id": str(next(self._numbers)), **fields}
        patience = _Patience(self._limits, fields.get("settings", {}).get("engine"))
        self._send(request)
        while True:
            try:
                answer = self._receive(_POLL_S)
            except Trouble as trouble:
                if patience.cancelled:
                    raise Cancelled from trouble  # it ended instead of saying so
                raise
            if answer is not None and answer.get("id") in (request["id"], None) and _is_last(answer, ask, patience):
                return answer
            if not patience.cancelled and ask.cancelled():
                patience.cancel()
                self._send({"type": "cancel", "id": request["id"]})
            if patience.over():
                self.close(at_once=True)
                raise Cancelled if patience.cancelled else self._trouble(_HUNG)

    def close(self, *, at_once: bool = False) -> None:
        """End the worker, by force if it does not go, and delete its folders."""
        self._channel.end(at_once=at_once)
        self._thread.join(_POLL_S)  # it ends with the channel
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _open(self, make: Callable[[Core], Channel], ask: Ask) -> None:
        self._channel = make(self._core)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=_listen, args=(self._channel.answers, self._lines.put), daemon=True)
        self._thread.start()
        try:
            patience = _Patience(replace(self._limits, silent_s=self._limits.start_s))
            while (hello := self._receive(_POLL_S)) is None:
                if ask.cancelled():
                    raise Cancelled
                if patience.over():
                    raise self._trouble(_HUNG)
            if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
                raise self._trouble(_OTHER)
        except BaseException:
            self.close(at_once=True)
            raise

    def _trouble(self, sentence: str) -> Trouble:
        return Trouble(sentence.format(program=self._core.interpreter, log=self._core.log))

    def _send(self, request: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # that it died shows when the answer is read
            self._channel.requests.write(json.dumps(request).encode("ascii") + b"\n")
            self._channel.requests.flush()

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        """The next answer; ``None`` if none came in that time."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if not line:
            raise self._trouble(_ENDED)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._trouble(_STRAY)
        return answer


class _Patience:
    """How long to wait: by the picture's size, longer while it goes on, shortly once it shall stop."""

    def __init__(self, limits: Limits, engine: str | None = None) -> None:
        self._limits = limits
        self._silent_s = limits.silent_s + (limits.cloud_s if engine == "cloud" else 0.0)
        self._fraction = 0.0
        self._looked_s = time.monotonic()
        self._end_s = self._looked_s + self._silent_s
        self.cancelled = False

    def started(self, megapixels: float) -> None:
        self._extend(self._silent_s + megapixels * self._limits.silent_s_per_megapixel)

    def progressed(self, fraction: float) -> None:
        if fraction > self._fraction:  # so that a worker that repeats itself for ever is seen to hang
            self._fraction = fraction
            self._extend(self._silent_s)

    def cancel(self) -> None:
        self.cancelled = True
        self._end_s = time.monotonic() + self._limits.cancel_s

    def over(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._looked_s > _ASLEEP_S:
            self._end_s += now_s - self._looked_s
        self._looked_s = now_s
        return now_s >= self._end_s

    def _extend(self, seconds: float) -> None:
        if not self.cancelled:
            self._end_s = max(self._end_s, time.monotonic() + seconds)


def _is_last(answer: dict[str, Any], ask: Ask, patience: _Patience) -> bool:
    match answer.get("type"):
        case "error":
            raise Cancelled if answer.get("code") == "cancelled" else Trouble(said(str(answer.get("message"))))
        case "started":
            patience.started(float(answer["megapixels"]))
        case "progress":
            patience.progressed(float(answer["fraction"]))
            ask.progress(float(answer["fraction"]), str(answer["step"]))
        case "note":
            pass
        case _:
            return True
    return False


def _listen(answers: BinaryIO, put: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError, ValueError), answers:
        for line in answers:
            put(line)
    put(b"")
