"""The one interface between the front ends and whatever does the work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from resilver.errors import Cancelled, ResilverError
from resilver.picture import Box, Picture
from resilver.recipe import Recipe
from resilver.result import OutputName, Result

Feature = Literal["mask", "hints"]
"""What not every engine takes: a mask of the damage (and gives its own), colours for single points."""
FINAL: tuple[OutputName, ...] = ("final",)


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Report:
    """How an engine tells of its progress and learns that it shall stop.

    ``on_progress(fraction, step)`` hears fractions from 0 to 1 that never fall; ``on_note(sentence)``
    hears what is worth telling while it happens; ``cancelled()`` is asked at least once per tile.
    """

    on_progress: Callable[[float, str], None] = field(default=lambda _fraction, _step: None)
    on_note: Callable[[str], None] = field(default=lambda _sentence: None)
    cancelled: Callable[[], bool] = field(default=_never)

    def progress(self, fraction: float, step: str) -> None:
        """Tell how far the work is and go on, or stop.

        Raises:
            Cancelled: the user stopped the work.
        """
        self.check()
        self.on_progress(min(1.0, max(0.0, fraction)), step)

    def check(self) -> None:
        """Stop here if the user wants so.

        Raises:
            Cancelled: the user stopped the work.
        """
        if self.cancelled():
            raise Cancelled("Stopped at your request; nothing was changed.")

    def note(self, sentence: str) -> None:
        """Tell one sentence."""
        self.on_note(sentence)

    def part(self, start: float, end: float) -> Report:
        """A report for one step whose 0..1 covers ``start``..``end`` of the whole."""

        def scaled(fraction: float, step: str) -> None:
            self.on_progress(start + (end - start) * fraction, step)

        return Report(scaled, self.on_note, self.cancelled)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine takes: pictures per call, bytes and pixels per picture; ``None``: no limit.

    ``features``: what it takes beside the picture and the recipe's usual fields.
    """

    pictures: int = 1
    bytes_each: int | None = None
    bytes_together: int | None = None
    long_side: int | None = None
    short_side: int | None = None
    features: tuple[Feature, ...] = ()


@runtime_checkable
class Engine(Protocol):
    """Does the steps of a recipe to a picture; local and cloud are used alike.

    Every engine passes the suite in ``tests/engine_contract``.
    """

    @property
    def name(self) -> str:
        """``local`` or ``cloud``."""

    @property
    def limits(self) -> Limits:
        """What one call takes."""

    def improve(
        self,
        picture: Picture,
        recipe: Recipe,
        report: Report,
        wanted: Collection[OutputName] = FINAL,
    ) -> Result:
        """Do the recipe's steps and give the wanted results.

        A step that fails, fails its outputs (:attr:`Output.error`) and no other; a step that the
        recipe does not ask for makes its outputs absent.

        Raises:
            Cancelled: the report asked to stop.
            EngineError: nothing at all could be done.
        """

    def close(self) -> None:
        """Give back memory, processes and connections; a later call opens them again."""


@runtime_checkable
class DetailEngine(Engine, Protocol):
    """An engine that can show beforehand what a part of a picture will become."""

    def improve_detail(self, picture: Picture, detail: Box, recipe: Recipe, report: Report) -> Result:
        """The output ``final`` of that part alone, as :meth:`improve` makes it of the whole but for small differences.

        What is measured is the whole picture; asking again for the same pixels measures no more. Damage is looked for
        in the part alone where the picture has no mask.

        Raises:
            Cancelled: the report asked to stop.
            EngineError: nothing at all could be done.
        """


@dataclass(frozen=True, slots=True)
class Source:
    """A picture of a batch that is read when it is needed: its file, the SHA-256 of that, and how to read it."""

    path: Path
    sha256: str
    read: Callable[[], Picture]


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that takes several pictures at once, for which a call each would be slow or dear."""

    def improve_batch(
        self,
        sources: Sequence[Source],
        recipe: Recipe,
        report: Report,
        wanted: Collection[OutputName] = FINAL,
    ) -> Iterator[tuple[int, Result | ResilverError]]:
        """Do the recipe's steps to all of them and give each one's number with its result or why there is none.

        They come in any order, each once, and their pixels are there only until the next is asked for.

        Raises:
            Cancelled: the report asked to stop.
            ResilverError: with ``halts``; those that did not come were not done.
        """
