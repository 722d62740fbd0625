"""Both ends of each action of the control socket: the daemon's controls as requests, and requests to its controls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resilver.errors import UsageError
from resilver.recipe import Recipe
from resilver.settings import state_dir
from resilver_watcher.control import Answer, call
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.state import Controls, Entry, Status, entry_from_json


def watch_dir() -> Path:
    """Where this user's daemon keeps its lock and its socket."""
    return state_dir() / "watch"


class Remote(Controls):
    """The daemon of this user, seen from another process; every method may raise NotWatching besides its own errors."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        self._endpoint = endpoint or Endpoint(watch_dir())

    def status(self) -> Status:
        """See :meth:`Controls.status`."""
        return Status.from_json(self._call("status")["status"])

    def pause(self) -> None:
        """See :meth:`Controls.pause`."""
        self._call("pause")

    def resume(self) -> None:
        """See :meth:`Controls.resume`."""
        self._call("resume")

    def retry(self, paths: Sequence[Path] | None = None) -> int:
        """See :meth:`Controls.retry`."""
        return int(self._call("retry", paths=None if paths is None else [*map(str, paths)])["count"])

    def enqueue(
        self, files: Sequence[Path], recipe: Recipe | None = None, beside: bool = False, into: Path | None = None
    ) -> int:
        """See :meth:`Controls.enqueue`."""
        asked = None if recipe is None else recipe.to_json()
        where = {"beside": beside, "into": None if into is None else str(into)}
        return int(self._call("enqueue", files=[*map(str, files)], recipe=asked, **where)["count"])

    def set_engine(self, name: str) -> None:
        """See :meth:`Controls.set_engine`."""
        self._call("engine", name=name)

    def set_preset(self, name: str) -> None:
        """See :meth:`Controls.set_preset`."""
        self._call("preset", name=name)

    def history(self, n: int = 100) -> tuple[Entry, ...]:
        """See :meth:`Controls.history`."""
        return tuple(map(entry_from_json, self._call("history", n=n)["entries"]))

    def stop(self) -> None:
        """See :meth:`Controls.stop`; comes back at once, the daemon some seconds later."""
        self._call("stop")

    def show(self) -> None:
        """Let the daemon show itself, since somebody looks for it."""
        self._call("show")

    def _call(self, do: str, **fields: Any) -> dict[str, Any]:
        return call(self._endpoint, do, **fields)


def answering(controls: Controls, show: Callable[[], None]) -> Answer:
    """What a control server answers with these controls; ``show``: start the tray again if it is gone."""
    actions: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any] | None]] = {
        "status": lambda _: {"status": controls.status().to_json()},
        "pause": lambda _: controls.pause(),
        "resume": lambda _: controls.resume(),
        "retry": lambda request: {"count": controls.retry(_some(request))},
        "enqueue": lambda request: {"count": _enqueue(controls, request)},
        "engine": lambda request: controls.set_engine(_text(request, "name")),
        "preset": lambda request: controls.set_preset(_text(request, "name")),
        "history": lambda request: {"entries": [entry_to_json(entry) for entry in controls.history(_count(request))]},
        "stop": lambda _: controls.stop(),
        "show": lambda _: show(),
    }

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        do = request.get("do")
        if not isinstance(do, str) or do not in actions:
            raise UsageError(f"The daemon knows no action {do!r}; it knows {', '.join(actions)}.")
        return actions[do](request) or {}

    return answer


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """All fields as plain JSON values."""
    return dataclasses.asdict(entry)


def _enqueue(controls: Controls, request: Mapping[str, Any]) -> int:
    asked = request.get("recipe")
    recipe = None if asked is None else Recipe.from_json(asked)
    into = None if request.get("into") is None else _paths({"into": [request["into"]]}, "into")[0]
    return controls.enqueue(_paths(request, "files"), recipe, beside=request.get("beside") is True, into=into)


def _paths(request: Mapping[str, Any], name: str) -> list[Path]:
    names = request.get(name)
    if not isinstance(names, list) or not all(isinstance(one, str) and "\0" not in one for one in names):
        raise UsageError(f"'{name}' must be a list of names.")
    paths = [Path(one) for one in names]
    if not all(path.is_absolute() for path in paths):
        raise UsageError(f"'{name}' must be whole paths, since the daemon has another working folder.")
    return paths


def _some(request: Mapping[str, Any]) -> list[Path] | None:
    return None if request.get("paths") is None else _paths(request, "paths")


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        raise UsageError(f"'{name}' must be a text.")
    return value


def _count(request: Mapping[str, Any]) -> int:
    value = request.get("n", 100)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 10_000:
        raise UsageError("'n' must be a whole number from 1 to 10000.")
    return value
