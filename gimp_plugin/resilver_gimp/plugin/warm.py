"""A worker that is kept warm beside the dialog, in a thread of its own, so that the window never waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import GLib

from core import Cancelled, Core, Trouble
from link import Link

EXIT_S = 5.0  # a worker that takes longer to go is left to end with this process
Shown = Callable[[dict[str, Any] | None, str, bool], None]


class Warm:
    """Starts the worker, tells of it, and computes details of one layer of ``size`` bytes; only the newest wish counts.

    Everything is told in GIMP's main loop: ``ready`` what the worker says of itself and its folder, ``failed`` why
    there is none, in one sentence.
    """

    def __init__(
        self, core: Core, size: int, ready: Callable[[dict[str, Any], Path], None], failed: Callable[[str], None]
    ) -> None:
        self._core = core
        self._size = size
        self._ready = ready
        self._failed = failed
        self._news = threading.Condition()
        self._wish: tuple[dict[str, Any], Shown] | None = None
        self._mask: dict[str, Any] | None = None  # of the damage in the whole layer, once that was looked for
        self._agreed = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
        self._thread.start()

    def ask(self, request: dict[str, Any], shown: Shown) -> None:
        """Compute that detail of the layer instead of whatever is computed now; ``shown`` gets pixels or why not.

        ``request``: ``raw``, ``recipe``, ``detail``, and ``mask`` if the user has one.
        """
        with self._news:
            # whatever the user has chosen for the run: for a preview nothing leaves this computer
            self._wish = {**request, "wanted": ["final"], "settings": {"engine": "local"}}, shown
            self._news.notify()

    def agree(self) -> None:
        """Let the core remember that layers may be sent; done before :meth:`close` returns."""
        with self._news:
            self._agreed = True
            self._news.notify()

    def close(self) -> None:
        """End the worker, which deletes its folder."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(EXIT_S)

    def cancelled(self) -> bool:
        """Whether the detail that is computed is still wanted."""
        with self._news:
            return self._closed or self._wish is not None

    def progress(self, _fraction: float, _step: str) -> None:
        """A detail takes about a second, of which nothing need be told."""

    def _run(self) -> None:
        try:
            with Link(self._core) as link:
                info = link.ask("info", self)
                self._tell(self._ready, info, link.folder(self._size))
                self._serve(link)
        except Cancelled:
            pass
        except Trouble as trouble:
            self._tell(self._failed, str(trouble))

    def _serve(self, link: Link) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wish or self._agreed or self._closed)
                wish, self._wish = self._wish, None
                agreed, self._agreed = self._agreed, False
            if agreed:
                link.ask("agree")
            if self._closed:
                return
            if wish:
                with contextlib.suppress(Cancelled):
                    self._compute(link, *wish)

    def _compute(self, link: Link, request: dict[str, Any], shown: Shown) -> None:
        """The detail at once, with the damage that is seen in it alone; then as the whole layer has it."""
        looking = self._mask is None and request["mask"] is None and request["recipe"].get("improve", True)
        self._show(link, request, shown, looking)
        if looking:
            self._mask = self._output(link, {**request, "detail": None, "wanted": ["mask"]}).get("raw")
            self._show(link, request, shown, looking=False)

    def _show(self, link: Link, request: dict[str, Any], shown: Shown, looking: bool) -> None:
        mask = (request["mask"] or self._mask) if request["recipe"].get("improve", True) else None
        output = self._output(link, {**request, "mask": mask})
        self._tell(shown, output.get("raw"), str(output.get("absent") or ""), looking)

    def _output(self, link: Link, request: dict[str, Any]) -> dict[str, Any]:
        """The one that is wanted; a failure is a reason why there is none."""
        try:
            output = link.ask("improve_raw", self, **request)["outputs"][request["wanted"][0]]
        except Trouble as trouble:
            return {"absent": str(trouble)}
        return {"absent": output["error"]["message"]} if output.get("error") else output

    def _tell(self, listener: Callable[..., None], *what: Any) -> None:
        if not self._closed:
            GLib.idle_add(lambda: listener(*what))  # which returns nothing, and so is called once
