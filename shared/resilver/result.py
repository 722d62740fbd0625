"""What an engine gives back for one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from resilver.errors import ResilverError, Status
from resilver.picture import Picture

OutputName = Literal["improved", "colorized", "colorized_improved", "resolved", "mask", "final"]
OUTPUT_NAMES: tuple[OutputName, ...] = get_args(OutputName)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to the pixels, for provenance and file names.

    ``action``: ``improved``, ``colorized`` or ``x2``/``x4``. ``tool``: what did it, with its version
    ("waifu2x upconv_7_photo noise1"). ``detail``: a phrase for people ("levels, red cast 6 %").
    ``generated``: whether content was guessed (colour, filled damage) and not only enhanced.
    """

    action: str
    tool: str
    detail: str = ""
    generated: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Output:
    """One named result: a picture with its steps, or why there is none.

    Exactly one of ``picture``, ``absent`` (a reason that is no failure, "already good") and
    ``error`` is set.
    """

    picture: Picture | None = None
    steps: tuple[Step, ...] = ()
    absent: str | None = None
    error: ResilverError | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.picture, self.absent, self.error)) != 1:
            raise ValueError("an output has a picture, a reason or an error")

    @property
    def status(self) -> Status:
        """Success also where there is nothing to do, as the contract has it."""
        return Status.SUCCESS if self.error is None else self.error.status


@dataclass(frozen=True, eq=False, slots=True)
class Result:
    """All that an engine says about one picture.

    ``outputs`` holds every name that was wanted, and those met on the way that are absent.
    ``final`` is all the steps asked for in a chain (repair, colour, enlarge) starting from the
    original; the other names each start from the original, too: ``improved``, ``colorized``,
    ``colorized_improved``, ``resolved`` (enlarged only). ``mask`` is no photograph: one gray channel of 8 bits,
    how far the repair replaced each pixel, 0 where not at all. ``bw``: whether the input was judged
    black-and-white. ``notes``: sentences worth telling.
    """

    outputs: Mapping[OutputName, Output]
    bw: bool
    notes: tuple[str, ...] = field(default=())

    def picture(self, name: OutputName) -> Picture | None:
        """The picture of that name, if there is one."""
        output = self.outputs.get(name)
        return None if output is None else output.picture

    def raise_for_error(self) -> None:
        """Raise the first error among the outputs, permanent ones first."""
        errors = [output.error for output in self.outputs.values() if output.error is not None]
        for error in sorted(errors, key=lambda error: error.temporary):
            raise error
