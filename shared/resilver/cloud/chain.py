"""The named results of one picture, each made when first asked for from what the service gave."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from resilver.cloud.paid import Paid
from resilver.cloud.preparation import Prepared
from resilver.cloud.results import applied, assemble
from resilver.cloud.sending import Answers
from resilver.errors import Cancelled, EngineMemory, ResilverError
from resilver.http_contract import Mode, PictureField
from resilver.picture import Picture, Pixels
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Step

NOT_ASKED = "not asked for"
ALREADY_GOOD = "already good"
NO_COLOURS = "the service gave no colours"
_NEUTRAL = 6  # of 255: JPEG's rounding of chroma on gray


class Chain:
    """One picture with what came back for it.

    ``tool``: the service, for provenance. ``enlarged``: the pieces of :attr:`repaired` that were sent to be
    enlarged, once they were.
    """

    def __init__(
        self,
        picture: Picture,
        recipe: Recipe,
        answers: Answers,
        *,
        prepared: Prepared | None,
        enlarged: Prepared | None,
        tool: str,
    ) -> None:
        self._picture = picture
        self._recipe = recipe
        self._prepared = prepared
        self._answers = answers
        self._tool = tool
        self._enlarged = enlarged

    @property
    def notes(self) -> list[str]:
        """Sentences worth telling."""
        notes, prepared = list[str](), self._prepared
        if prepared is None:
            return notes
        if len(prepared.pieces) > 1:
            count = len(prepared.pieces)
            notes.append(
                f"The picture is larger than the service takes; it goes there in {count} parts, each of which "
                "counts as a picture the first time."
            )
        if self._picture.depth == 16:
            notes.append("The service works with 8 bits; what it changed was applied to the 16 bits of the original.")
        if self._recipe.strength < 1 and self._recipe.colorize != "never":
            notes.append("The strength was applied to the repair alone, not to what the service coloured.")
        if self._recipe.vividness and self._recipe.colorize != "never":
            notes.append("The service chooses its colours by itself; the vividness was left out.")
        return notes

    def output(self, name: OutputName) -> Output:
        """The result of that name."""
        output: Output = getattr(self, name)
        return output

    @cached_property
    def bw(self) -> bool:
        """As the service judged; by the pixels themselves where it said nothing."""
        prepared = self._prepared
        if prepared is not None:
            found = self._answers.get(((prepared.overview or prepared.pieces[0]).content, "improve"))
            if isinstance(found, Paid) and found.bw is not None:
                return found.bw
        return is_neutral(self._picture)

    @cached_property
    def improved(self) -> Output:
        """The original, repaired."""
        if not self._recipe.improve:
            return Output(absent=NOT_ASKED)
        return self._made("improved", ALREADY_GOOD, gray=self._picture.gray, strength=self._recipe.strength)

    @cached_property
    def colorized(self) -> Output:
        """The original in colour."""
        if self._recipe.colorize == "never":
            return Output(absent=NOT_ASKED)
        if self._recipe.colorize == "auto" and not self.bw:
            return Output(absent="already in colour")
        return self._made("colorized", NO_COLOURS, gray=False)

    @cached_property
    def colorized_improved(self) -> Output:
        """The original repaired and in colour."""
        if not self._recipe.improve:
            return Output(absent=NOT_ASKED)
        if self.colorized.absent not in (None, NO_COLOURS):
            return self.colorized
        made = self._made("colorized_improved", NO_COLOURS, gray=False)
        return self.colorized if made.absent and self.improved.absent == ALREADY_GOOD else made

    @cached_property
    def resolved(self) -> Output:
        """The original, enlarged."""
        return self._resolved(self._picture, self._prepared, ())

    @property
    def mask(self) -> Output:
        """The service does not say what it filled."""
        return Output(absent="the service gives no mask")

    @cached_property
    def repaired(self) -> Output:
        """What is enlarged in the end: repaired and in colour, as far as asked for."""
        made = [output for output in (self.improved, self.colorized, self.colorized_improved) if output.error]
        if made:
            return made[0]
        for output in (self.colorized_improved, self.colorized, self.improved):
            if output.picture is not None:
                return output
        reasons = [output.absent for output in (self.improved, self.colorized) if output.absent != NOT_ASKED]
        return Output(absent=", ".join(reason for reason in reasons if reason) or NOT_ASKED)

    @cached_property
    def final(self) -> Output:
        """All the steps asked for, one after the other."""
        if self._recipe.resolution is None or self.repaired.error is not None:
            return self.repaired
        if self.repaired.picture is None:
            return self.resolved
        return self._resolved(self.repaired.picture, self._enlarged, self.repaired.steps)

    def _resolved(self, picture: Picture, prepared: Prepared | None, steps: tuple[Step, ...]) -> Output:
        factor = self._recipe.resolution
        if factor is None or prepared is None:
            return Output(absent=NOT_ASKED)

        def enlarge() -> Output:
            pixels = self._pixels(prepared, "resolution", "resolved", factor)
            assert pixels is not None  # the client takes its absence for an error
            large = applied(picture, pixels, factor, gray=picture.gray)
            return Output(large, (*steps, self._step(f"x{factor}", prepared)))

        return _attempt(enlarge)

    def _made(self, field: PictureField, otherwise: str, *, gray: bool, strength: float = 1.0) -> Output:
        prepared = self._prepared
        if prepared is None:
            return Output(absent=NOT_ASKED)

        def make() -> Output:
            pixels = self._pixels(prepared, "improve", field, 1)
            if pixels is None:
                return Output(absent=otherwise)
            steps = [self._step(action, prepared) for action in _ACTIONS[field]]
            return Output(applied(self._picture, pixels, 1, gray=gray, strength=strength), tuple(steps))

        return _attempt(make)

    def _pixels(self, prepared: Prepared, mode: Mode, field: PictureField, factor: int) -> Pixels | None:
        found = [self._came(piece.content, mode, field) for piece in prepared.pieces]
        overview = None
        if prepared.overview is not None and mode == "improve":
            overview = self._came(prepared.overview.content, mode, field)
            if overview is None:  # the picture as a whole needs nothing
                return None
        return assemble(prepared, found, overview, factor)

    def _came(self, content: str, mode: Mode, field: PictureField) -> Path | None:
        found = self._answers[content, mode]
        if isinstance(found, ResilverError):
            raise found
        if field not in found.pictures and found.error is not None:
            raise found.error
        return found.pictures.get(field)

    def _step(self, action: str, prepared: Prepared) -> Step:
        count = len(prepared.pieces)
        # what the service mends, it may have invented; it does not say
        return Step(action, self._tool, f"in {count} tiles" if count > 1 else "", generated=not action.startswith("x"))


_ACTIONS: dict[PictureField, tuple[str, ...]] = {
    "improved": ("improved",), "colorized": ("colorized",), "colorized_improved": ("improved", "colorized"),
}  # fmt: skip


def is_neutral(picture: Picture) -> bool:
    """Whether the pixels have no colour worth the name."""
    if picture.gray:
        return True
    step = max(1, picture.height * picture.width // 1_000_000)
    some = picture.pixels[::step].astype(np.int32)
    return bool((np.ptp(some, axis=2) <= _NEUTRAL * (picture.peak // 255)).all())


def _attempt(make: Callable[[], Output]) -> Output:
    try:
        return make()
    except Cancelled:
        raise
    except ResilverError as error:
        return Output(error=error)
    except MemoryError:
        return Output(error=EngineMemory("There was not enough memory for this picture; close other programs."))
