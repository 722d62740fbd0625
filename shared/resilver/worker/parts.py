"""What the messages of :mod:`resilver.worker.protocol` are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resilver.picture_io.raw import RawFile
from resilver.result import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """A file of a batch; see :class:`resilver.improve.FileJob`."""

    input: Path
    directory: Path
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDone:
    """What became of a file; see :class:`resilver.improve.FileResult`."""

    outputs: dict[str, Path]
    absent: dict[str, str]
    bw: bool | None
    seconds: float
    notes: tuple[str, ...] = ()
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorData:
    """A :class:`ResilverError` on its way."""

    code: str
    title: str
    message: str
    temporary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOutput:
    """One result: pixels with the steps that led there, or why there are none; see :class:`resilver.result.Output`."""

    raw: RawFile | None = None
    steps: tuple[Step, ...] = ()
    absent: str | None = None
    error: ErrorData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the cloud engine would mean: who gets pictures (``service``, and a ``notice`` of two sentences).

    ``agreed``: by the user, to just that. ``price`` of a picture in ``currency``; 0: not known here. ``left``: how many
    more may go out this month; null: there is no limit.
    """

    service: str
    notice: str
    agreed: bool
    price: float = 0.0
    currency: str = ""
    left: int | None = None
